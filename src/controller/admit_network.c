// SPDX-License-Identifier: Apache-2.0
/*
 * Droplets, VPCs and networks as they are admitted: tunnel addresses and VNIs are unique; a VPC's
 * networks lie within it and apart from each other.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "controller/admit.h"

#define VNI_MAX	  16777215
#define CIDRS_MAX 16

/* ---- droplets -------------------------------------------------------------------------------- */

static int refuse_family(struct ctl_admission *a, const char *text, const char *other)
{
	return mz_problem_add(&a->problems, "spec.address",
			      "%s is not of the family of droplet %s: the underlay has IPv4 or "
			      "IPv6 addresses, not both",
			      text, other);
}

/* Against the first droplet of the batch, whose family must be that of those there are. */
static int check_family(struct ctl_admission *a, const char *text, const struct mz_addr *addr)
{
	const struct ctl_droplet *known = ctl_model_other_family(&a->c->model, addr);
	struct mz_addr first_addr;
	size_t i;

	if (known)
		return refuse_family(a, text, known->name);
	for (i = 0; i < a->n_items; i++) {
		const struct mz_object *first = a->items[i] ? a->items[i]->object : NULL;

		if (!first || first->kind != MZ_KIND_DROPLET ||
		    mz_addr_parse(first->droplet->spec->address, &first_addr) < 0)
			continue;
		if (mz_addr_is_ipv4(&first_addr) != mz_addr_is_ipv4(addr))
			return refuse_family(a, text, mz_object_name(first));
		break;
	}
	return 0;
}

static int admit_droplet(struct ctl_admission *a, struct ctl_admitted *item)
{
	const char *text = item->object->droplet->spec->address;
	uint64_t uid = mz_object_metadata(item->object)->uid;
	struct mz_addr addr;
	int r;

	if (mz_addr_parse(text, &addr) < 0)
		return mz_problem_add(&a->problems, "spec.address", "'%s' is no address", text);
	r = check_family(a, text, &addr);
	if (r)
		return r;
	r = mz_txn_take_address(ctl_write_txn(a->write), CTL_VNI_DROPLETS, &addr, uid);
	if (r == -EADDRINUSE)
		return mz_problem_add(&a->problems, "spec.address",
				      "%s is the address of another droplet", text);
	return r;
}

/* ---- VPCs ------------------------------------------------------------------------------------ */

/* A VNI is held by its VPC like an address: that of all zeros. */
static int take_vni(struct ctl_admission *a, struct ctl_admitted *item, uint32_t vni)
{
	const struct mz_addr any = {};

	return mz_txn_take_address(ctl_write_txn(a->write), vni, &any,
				   mz_object_metadata(item->object)->uid);
}

static int admit_vpc(struct ctl_admission *a, struct ctl_admitted *item)
{
	const Mizar__V1__VPCSpec *spec = item->object->vpc->spec;
	int r;

	if (item->old)
		return ctl_admit_vpc_update(a, item);
	if (!spec->has_vni)
		return 0; /* chosen later */
	r = take_vni(a, item, spec->vni);
	if (r == -EADDRINUSE)
		return mz_problem_add(
			&a->problems, "spec.vni",
			"%u is the VNI of another VPC; without spec.vni Mizar chooses a "
			"free one",
			spec->vni);
	return r;
}

static int choose_vni(struct ctl_admission *a, struct ctl_admitted *item)
{
	Mizar__V1__VPCSpec *spec = item->object->vpc->spec;
	uint32_t i, vni;
	int r;

	if (spec->has_vni)
		return 0;
	for (i = 0; i < VNI_MAX; i++) {
		vni = a->c->next_vni % VNI_MAX + 1;
		a->c->next_vni = vni;
		r = take_vni(a, item, vni);
		if (r == -EADDRINUSE)
			continue;
		if (r < 0)
			return r;
		spec->has_vni = true;
		spec->vni = vni;
		return 0;
	}
	return mz_problem_add(&a->problems, "spec.vni", "all VNIs are in use");
}

struct cidrs {
	struct ctl_prefix prefixes[CIDRS_MAX];
	size_t n;
};

static int read_cidrs(const Mizar__V1__VPCSpec *spec, struct cidrs *ret_cidrs)
{
	size_t i;

	*ret_cidrs = (struct cidrs){};
	if (spec->n_cidrs > CIDRS_MAX)
		return -EINVAL;
	for (i = 0; i < spec->n_cidrs; i++, ret_cidrs->n++)
		if (mz_prefix_parse(spec->cidrs[i], &ret_cidrs->prefixes[i].addr,
				    &ret_cidrs->prefixes[i].len) < 0)
			return -EINVAL;
	return 0;
}

static bool lies_within(const struct cidrs *cidrs, const struct ctl_prefix *prefix)
{
	size_t i;

	for (i = 0; i < cidrs->n; i++)
		if (ctl_prefix_contains(&cidrs->prefixes[i], prefix))
			return true;
	return !cidrs->n; /* no limit */
}

/* What is in the VPC already must fit into its new cidrs. */
struct fitting {
	struct ctl_admission *a;
	const struct cidrs *cidrs;
	bool is_refused;
};

static int fit_prefix(struct fitting *fitting, const struct ctl_prefix *prefix, const char *kind,
		      const char *name)
{
	char text[MZ_PREFIX_STRLEN];

	if (lies_within(fitting->cidrs, prefix))
		return 0;
	fitting->is_refused = true;
	mz_problem_add(&fitting->a->problems, "spec.cidrs", "%s of %s %s would lie outside of them",
		       mz_prefix_format(&prefix->addr, prefix->len, text), kind, name);
	return 1;
}

static int fit_endpoint(const struct mz_object *object, void *user)
{
	struct mz_addr addrs[CTL_ENDPOINT_ADDRESSES_MAX];
	int i, n = ctl_endpoint_addresses(object->endpoint, addrs);

	for (i = 0; i < n; i++) {
		struct ctl_prefix prefix = { .addr = addrs[i], .len = 128 };

		if (fit_prefix(user, &prefix, "endpoint", mz_object_name(object)))
			return 1;
	}
	return 0;
}

static int fit_network(const struct mz_object *object, void *user)
{
	struct fitting *fitting = user;
	struct ctl_network_facts facts;
	unsigned int i;

	if (ctl_network_facts_read(object->network, 0, &facts) < 0)
		return 0;
	for (i = 0; i < facts.n_prefixes; i++)
		if (fit_prefix(fitting, &facts.prefixes[i], "network", mz_object_name(object)))
			return 1;
	if (!facts.group)
		return 0;
	return mz_store_list(fitting->a->c->store, MZ_KIND_ENDPOINT, NULL, facts.uid, 0,
			     fit_endpoint, fitting);
}

int ctl_admit_vpc_update(struct ctl_admission *a, struct ctl_admitted *item)
{
	struct cidrs cidrs;
	struct fitting fitting = { .a = a, .cidrs = &cidrs };
	int r;

	if (read_cidrs(item->object->vpc->spec, &cidrs) < 0 || !cidrs.n)
		return 0; /* no limit */
	r = mz_store_list(a->c->store, MZ_KIND_NETWORK, NULL, mz_object_metadata(item->object)->uid,
			  0, fit_network, &fitting);
	return r < 0 ? r : fitting.is_refused ? -EINVAL : 0;
}

/* ---- networks -------------------------------------------------------------------------------- */

static void add_prefixes(struct ctl_admitted *vpc, const struct ctl_network_facts *facts,
			 const char *name)
{
	unsigned int i;

	for (i = 0; i < facts->n_prefixes; i++) {
		struct ctl_admitted_prefix *prefixes;

		prefixes = reallocarray(vpc->prefixes, vpc->n_prefixes + 1, sizeof(*prefixes));
		if (!prefixes)
			abort(); /* see ctl_calloc() */
		vpc->prefixes = prefixes;
		prefixes[vpc->n_prefixes].prefix = facts->prefixes[i];
		prefixes[vpc->n_prefixes].network = ctl_strdup(name);
		vpc->n_prefixes++;
	}
}

static int add_stored(const struct mz_object *object, void *user)
{
	struct ctl_network_facts facts;

	if (ctl_network_facts_read(object->network, 0, &facts) >= 0)
		add_prefixes(user, &facts, mz_object_name(object));
	return 0;
}

static int load_prefixes(struct ctl_admission *a, struct ctl_admitted *vpc)
{
	if (vpc->has_prefixes)
		return 0;
	vpc->has_prefixes = true;
	if (vpc->in_batch && !vpc->old)
		return 0; /* new: it has none */
	return mz_store_list(a->c->store, MZ_KIND_NETWORK, NULL,
			     mz_object_metadata(vpc->object)->uid, 0, add_stored, vpc);
}

static int check_prefix(struct ctl_admission *a, const struct ctl_admitted *vpc,
			const struct cidrs *cidrs, const struct ctl_prefix *prefix,
			unsigned int index)
{
	char path[32], mine[MZ_PREFIX_STRLEN], theirs[MZ_PREFIX_STRLEN];
	size_t i;

	snprintf(path, sizeof(path), "spec.cidrs[%u]", index);
	mz_prefix_format(&prefix->addr, prefix->len, mine);
	if (!lies_within(cidrs, prefix))
		return mz_problem_add(&a->problems, path, "%s lies outside of the cidrs of VPC %s",
				      mine, mz_object_name(vpc->object));
	for (i = 0; i < vpc->n_prefixes; i++) {
		const struct ctl_prefix *other = &vpc->prefixes[i].prefix;

		if (mz_prefix_overlaps(&prefix->addr, prefix->len, &other->addr, other->len))
			return mz_problem_add(&a->problems, path,
					      "%s overlaps %s of network %s of the same VPC", mine,
					      mz_prefix_format(&other->addr, other->len, theirs),
					      vpc->prefixes[i].network);
	}
	return 0;
}

/* The default is written into the object, for people to see. */
static int set_gateways(struct mz_object *object, const struct ctl_network_facts *facts)
{
	Mizar__V1__NetworkSpec *spec = object->network->spec;
	char text[MZ_ADDR_STRLEN];
	size_t i;

	for (i = 0; i < spec->n_gateways; i++)
		free(spec->gateways[i]);
	free(spec->gateways);
	spec->n_gateways = 0;
	spec->gateways = ctl_calloc(facts->n_prefixes + 1, sizeof(*spec->gateways));
	for (i = 0; i < facts->n_prefixes; i++)
		spec->gateways[spec->n_gateways++] =
			ctl_strdup(mz_addr_format(&facts->gateways[i], text));
	return 0;
}

int ctl_admit_network(struct ctl_admission *a, struct ctl_admitted *item)
{
	const Mizar__V1__NetworkSpec *spec = item->object->network->spec;
	const struct ctl_network_facts *facts;
	struct ctl_admitted *vpc;
	struct cidrs cidrs;
	unsigned int i;
	int r;

	vpc = ctl_admit_refer(a, item, MZ_KIND_VPC, spec->vpc, "spec.vpc");
	if (!vpc)
		return -EINVAL;
	item->owner = mz_object_metadata(vpc->object)->uid;
	facts = ctl_admit_facts(a, item);
	if (!facts || read_cidrs(vpc->object->vpc->spec, &cidrs) < 0)
		return mz_problem_add(&a->problems, "spec", "cannot be read");
	set_gateways(item->object, facts);
	if (item->old)
		return 0; /* its prefixes were checked when it came, and cannot change */
	r = load_prefixes(a, vpc);
	if (r < 0)
		return r;
	for (i = 0; i < facts->n_prefixes; i++) {
		r = check_prefix(a, vpc, &cidrs, &facts->prefixes[i], i);
		if (r < 0)
			return r;
	}
	add_prefixes(vpc, facts, mz_object_name(item->object));
	return 0;
}

const struct ctl_network_facts *ctl_admit_facts(struct ctl_admission *a, struct ctl_admitted *item)
{
	const struct mz_object *object = item->object;
	struct ctl_admitted *vpc;

	if (item->has_facts)
		return &item->facts;
	vpc = ctl_admit_find(a, MZ_KIND_VPC, mz_object_namespace(object),
			     object->network->spec->vpc);
	if (!vpc ||
	    ctl_network_facts_read(object->network, vpc->object->vpc->spec->vni, &item->facts) < 0)
		return NULL;
	item->has_facts = true;
	return &item->facts;
}

/* ---- all kinds ------------------------------------------------------------------------------- */

int ctl_admit_explicit(struct ctl_admission *a, struct ctl_admitted *item)
{
	switch (item->object->kind) {
	case MZ_KIND_DROPLET:
		return admit_droplet(a, item);
	case MZ_KIND_VPC:
		return admit_vpc(a, item);
	case MZ_KIND_NETWORK:
		return ctl_admit_network(a, item);
	case MZ_KIND_ENDPOINT:
		return ctl_admit_endpoint(a, item);
	case MZ_KIND_BOUNCER:
	case MZ_KIND_DIVIDER:
		break;
	}
	return 0;
}

int ctl_admit_choose(struct ctl_admission *a, struct ctl_admitted *item)
{
	switch (item->object->kind) {
	case MZ_KIND_VPC:
		return choose_vni(a, item);
	case MZ_KIND_ENDPOINT:
		return ctl_admit_endpoint_choose(a, item);
	case MZ_KIND_DROPLET:
	case MZ_KIND_NETWORK:
	case MZ_KIND_BOUNCER:
	case MZ_KIND_DIVIDER:
		break;
	}
	return 0;
}
