// SPDX-License-Identifier: Apache-2.0
/*
 * Endpoints as they are admitted: addresses are free, and such as their network may give; what is
 * not asked for is chosen. Nothing here looks at other endpoints but through the address index.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "controller/admit.h"
#include "controller/hold.h"
#include "controller/migrate.h"

static int check_in_subnet(struct ctl_admission *a, const struct ctl_network_facts *facts,
			   const struct mz_addr *addr, const char *text, const char *path,
			   const char *network)
{
	int prefix = ctl_network_facts_prefix_of(facts, addr);
	char first[MZ_PREFIX_STRLEN];
	const char *refusal;

	if (prefix < 0)
		return mz_problem_add(
			&a->problems, path, "%s is not in network %s (%s%s)", text, network,
			mz_prefix_format(&facts->prefixes[0].addr, facts->prefixes[0].len, first),
			facts->n_prefixes > 1 ? ", …" : "");
	refusal = ctl_ipam_refuses(facts, (unsigned int)prefix, addr);
	if (refusal)
		return mz_problem_add(&a->problems, path, "%s %s", text, refusal);
	return 0;
}

struct group_check {
	const struct mz_addr *addr;
	char subnet[128];
};

static int is_in_subnet(const struct mz_object *object, void *user)
{
	struct group_check *check = user;
	struct ctl_network_facts facts;

	if (ctl_network_facts_read(object->network, 0, &facts) < 0 ||
	    ctl_network_facts_prefix_of(&facts, check->addr) < 0)
		return 0;
	snprintf(check->subnet, sizeof(check->subnet), "%s", mz_object_name(object));
	return 1;
}

/* Members of a group have any addresses of the VPC that no subnet has. */
static int check_in_group(struct ctl_admission *a, const struct ctl_admitted *vpc,
			  const struct mz_addr *addr, const char *text, const char *path)
{
	const Mizar__V1__VPCSpec *spec = vpc->object->vpc->spec;
	struct group_check check = { .addr = addr };
	bool within = !spec->n_cidrs;
	size_t i;
	int r;

	for (i = 0; i < spec->n_cidrs && !within; i++) {
		struct ctl_prefix prefix;

		within = mz_prefix_parse(spec->cidrs[i], &prefix.addr, &prefix.len) >= 0 &&
			 mz_prefix_contains(&prefix.addr, prefix.len, addr);
	}
	if (!within)
		return mz_problem_add(&a->problems, path, "%s lies outside of the cidrs of VPC %s",
				      text, mz_object_name(vpc->object));
	for (i = 0; i < vpc->n_prefixes; i++) /* of networks of the batch, if any are new */
		if (mz_prefix_contains(&vpc->prefixes[i].prefix.addr, vpc->prefixes[i].prefix.len,
				       addr))
			return mz_problem_add(&a->problems, path, "%s is in the subnet network %s",
					      text, vpc->prefixes[i].network);
	if (vpc->has_prefixes)
		return 0;
	r = mz_store_list(a->c->store, MZ_KIND_NETWORK, NULL, mz_object_metadata(vpc->object)->uid,
			  0, is_in_subnet, &check);
	if (r > 0)
		return mz_problem_add(&a->problems, path, "%s is in the subnet network %s", text,
				      check.subnet);
	return r;
}

static int take_explicit(struct ctl_admission *a, struct ctl_admitted *item,
			 struct ctl_admitted *network, struct ctl_admitted *vpc)
{
	const struct ctl_network_facts *facts = ctl_admit_facts(a, network);
	const Mizar__V1__EndpointSpec *spec = item->object->endpoint->spec;
	struct mz_addr addrs[CTL_ENDPOINT_ADDRESSES_MAX];
	int i, r, n = ctl_endpoint_addresses(item->object->endpoint, addrs);
	char path[32];

	if (!facts || n < 0)
		return mz_problem_add(&a->problems, "spec", "cannot be read");
	if (!n && facts->group)
		return mz_problem_add(
			&a->problems, "spec.addresses",
			"is required: network %s is a group, which has no addresses to "
			"choose from",
			spec->network);
	for (i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "spec.addresses[%d]", i);
		r = facts->group ? check_in_group(a, vpc, &addrs[i], spec->addresses[i], path)
				 : check_in_subnet(a, facts, &addrs[i], spec->addresses[i], path,
						   spec->network);
		if (r < 0)
			return r;
		r = ctl_hold_take(a->c, ctl_write_txn(a->write), facts->vni, &addrs[i],
				  mz_object_metadata(item->object)->uid);
		if (r == -EBUSY)
			return mz_problem_add(&a->problems, path,
					      "%s was that of an endpoint that is deleted, and "
					      "whose host has not acknowledged that yet: try "
					      "again, or take another one",
					      spec->addresses[i]);
		if (r == -EADDRINUSE)
			return mz_problem_add(&a->problems, path,
					      "%s is in use by another endpoint of VPC %s",
					      spec->addresses[i], mz_object_name(vpc->object));
		if (r < 0)
			return r;
	}
	return 0;
}

int ctl_admit_endpoint(struct ctl_admission *a, struct ctl_admitted *item)
{
	const Mizar__V1__EndpointSpec *spec = item->object->endpoint->spec;
	struct ctl_admitted *network, *vpc, *droplet;

	network = ctl_admit_refer(a, item, MZ_KIND_NETWORK, spec->network, "spec.network");
	if (spec->droplet && *spec->droplet) {
		droplet = ctl_admit_refer(a, item, MZ_KIND_DROPLET, spec->droplet, "spec.droplet");
		if (!droplet)
			return -EINVAL;
		/* It goes as soon as nothing durable is on it: nothing may be on its way there. */
		if (mz_object_metadata(droplet->object)->deletion_timestamp &&
		    !ctl_endpoint_is_on(item->object->endpoint, spec->droplet, NULL))
			return mz_problem_add(&a->problems, "spec.droplet",
					      "Droplet %s is being deleted: wait until it is gone",
					      spec->droplet);
	}
	if (!network)
		return -EINVAL;
	item->owner = mz_object_metadata(network->object)->uid;
	if (item->old)
		return 0; /* it has its addresses */
	vpc = ctl_admit_find(a, MZ_KIND_VPC, mz_object_namespace(item->object),
			     network->object->network->spec->vpc);
	if (!vpc)
		return mz_problem_add(&a->problems, "spec.network", "its VPC is not there");
	if (!vpc->object->vpc->spec->has_vni)
		return -EINVAL; /* it is refused itself */
	return take_explicit(a, item, network, vpc);
}

/* ---- choosing -------------------------------------------------------------------------------- */

struct taking {
	struct ctl_controller *c;
	struct mz_txn *txn;
	uint32_t vni;
	uint64_t uid;
	bool reclaims; /* looks who has the addresses in use */
};

static int take(const struct mz_addr *addr, void *user)
{
	const struct taking *taking = user;
	int r;

	if (!taking->reclaims)
		return mz_txn_take_address(taking->txn, taking->vni, addr, taking->uid);
	r = ctl_hold_take(taking->c, taking->txn, taking->vni, addr, taking->uid);
	return r == -EBUSY ? -EADDRINUSE : r;
}

/* Fewer endpoints than addresses (but for three): deleted ones have the others. */
static bool has_held(const struct ctl_controller *c, const struct ctl_network_facts *facts,
		     unsigned int prefix)
{
	const struct ctl_network *network = ctl_model_network_by_uid(&c->model, facts->uid);
	unsigned int bits = 128 - facts->prefixes[prefix].len;

	return network && (bits >= 63 || network->n_endpoints + 3 < 1ULL << bits);
}

static int allocate(struct taking *taking, const struct ctl_network_facts *facts,
		    unsigned int prefix, struct mz_addr *ret_addr)
{
	int r;

	taking->reclaims = false;
	r = ctl_ipam_allocate(taking->c->ipam, facts, prefix, take, taking, ret_addr);
	if (r != -ENOSPC || !has_held(taking->c, facts, prefix))
		return r;
	taking->reclaims = true;
	return ctl_ipam_allocate(taking->c->ipam, facts, prefix, take, taking, ret_addr);
}

static int choose_addresses(struct ctl_admission *a, struct ctl_admitted *item,
			    const struct ctl_network_facts *facts)
{
	Mizar__V1__EndpointSpec *spec = item->object->endpoint->spec;
	struct taking taking = {
		.c = a->c,
		.txn = ctl_write_txn(a->write),
		.vni = facts->vni,
		.uid = mz_object_metadata(item->object)->uid,
	};
	char text[MZ_ADDR_STRLEN], prefix[MZ_PREFIX_STRLEN];
	struct mz_addr addr;
	unsigned int i;
	int r;

	if (spec->n_addresses)
		return 0;
	spec->addresses = ctl_calloc(facts->n_prefixes + 1, sizeof(*spec->addresses));
	for (i = 0; i < facts->n_prefixes; i++) {
		r = allocate(&taking, facts, i, &addr);
		if (r == -ENOSPC)
			return mz_problem_add(&a->problems, "spec.addresses",
					      "all addresses of %s of network %s are in use",
					      mz_prefix_format(&facts->prefixes[i].addr,
							       facts->prefixes[i].len, prefix),
					      spec->network);
		if (r < 0)
			return r;
		spec->addresses[spec->n_addresses++] = ctl_strdup(mz_addr_format(&addr, text));
	}
	return 0;
}

/* Unique by the uid, and never the virtual MAC, which begins with another byte. */
static void choose_mac(struct mz_object *object)
{
	uint64_t uid = mz_object_metadata(object)->uid;
	uint8_t mac[6] = { 0x0a,
			   (uint8_t)(uid >> 32),
			   (uint8_t)(uid >> 24),
			   (uint8_t)(uid >> 16),
			   (uint8_t)(uid >> 8),
			   (uint8_t)uid };
	char text[MZ_MAC_STRLEN];

	if (!object->endpoint->spec->mac)
		object->endpoint->spec->mac = ctl_strdup(mz_mac_format(mac, text));
}

int ctl_admit_endpoint_choose(struct ctl_admission *a, struct ctl_admitted *item)
{
	Mizar__V1__Endpoint *endpoint = item->object->endpoint;
	const struct ctl_network_facts *facts;
	struct ctl_admitted *network;
	int r;

	network = ctl_admit_find(a, MZ_KIND_NETWORK, mz_object_namespace(item->object),
				 endpoint->spec->network);
	facts = network ? ctl_admit_facts(a, network) : NULL;
	if (!facts)
		return -EINVAL; /* it is refused already */
	r = choose_addresses(a, item, facts);
	if (r < 0)
		return r;
	choose_mac(item->object);
	r = ctl_migrate_step(a->c, ctl_write_txn(a->write), facts->vni, endpoint);
	if (r > 0 && item->old)
		r = ctl_migrate_note_left(a->c, item->old->endpoint, endpoint);
	return r < 0 ? r : 0;
}
