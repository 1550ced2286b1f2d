// SPDX-License-Identifier: Apache-2.0
/* See place.h. */
#include "controller/place.h"

#include <errno.h>
#include <string.h>

/* RFC 1982, 32 bit. */
static bool is_before(uint32_t a, uint32_t b)
{
	return (int32_t)(a - b) < 0;
}

/* Each address counts for itself; those that lag catch up with the furthest. */
static int next_generation(struct mz_txn *txn, uint32_t vni, const struct mz_addr *addrs, int n,
			   uint32_t *ret_generation)
{
	uint32_t generations[CTL_ENDPOINT_ADDRESSES_MAX], last = 0;
	int i, r;

	for (i = 0; i < n; i++) {
		r = mz_txn_next_generation(txn, vni, &addrs[i], &generations[i]);
		if (r < 0)
			return r;
		if (!i || is_before(last, generations[i]))
			last = generations[i];
	}
	for (i = 0; i < n; i++)
		while (is_before(generations[i], last)) {
			r = mz_txn_next_generation(txn, vni, &addrs[i], &generations[i]);
			if (r < 0)
				return r;
		}
	*ret_generation = last;
	return 0;
}

int ctl_place_next_generation(struct mz_txn *txn, uint32_t vni, const Mizar__V1__Endpoint *endpoint,
			      uint32_t *ret_generation)
{
	struct mz_addr addrs[CTL_ENDPOINT_ADDRESSES_MAX];
	int n = ctl_endpoint_addresses(endpoint, addrs);

	if (n <= 0)
		return n < 0 ? n : -EINVAL;
	return next_generation(txn, vni, addrs, n, ret_generation);
}

bool ctl_place_forget_other(Mizar__V1__EndpointStatus *status)
{
	bool was_on_way = status->migrating_to || status->migrating_from;

	free(TAKE(status->migrating_to));
	free(TAKE(status->migrating_from));
	status->has_migrating_generation = false;
	status->migrating_generation = 0;
	return was_on_way;
}

int ctl_place_endpoint_in(struct mz_txn *txn, uint32_t vni, Mizar__V1__Endpoint *endpoint,
			  const char *droplet)
{
	Mizar__V1__EndpointStatus *status = endpoint->status;
	uint32_t generation;
	int r;

	if (!*droplet) {
		ctl_place_forget_other(status);
		free(TAKE(status->droplet));
		return 0;
	}
	r = ctl_place_next_generation(txn, vni, endpoint, &generation);
	if (r < 0)
		return r;
	ctl_place_forget_other(status);
	status->has_location_generation = true;
	status->location_generation = generation;
	return mz_string_set(&status->droplet, droplet);
}

int ctl_endpoint_vni(struct ctl_controller *c, const Mizar__V1__Endpoint *endpoint,
		     uint32_t *ret_vni)
{
	_cleanup_(mz_object_freep) struct mz_object *network = NULL, *vpc = NULL;
	const char *ns = endpoint->metadata->namespace_;
	uint64_t uid;
	int r;

	r = mz_store_find(c->store, MZ_KIND_NETWORK, ns, endpoint->spec->network, &uid);
	r = r ?: mz_store_get(c->store, MZ_KIND_NETWORK, uid, &network);
	r = r ?: mz_store_find(c->store, MZ_KIND_VPC, ns, network->network->spec->vpc, &uid);
	r = r ?: mz_store_get(c->store, MZ_KIND_VPC, uid, &vpc);
	if (r < 0)
		return r;
	*ret_vni = vpc->vpc->spec->vni;
	return 0;
}

int ctl_place_endpoint(struct ctl_controller *c, struct mz_txn *txn, Mizar__V1__Endpoint *endpoint,
		       const char *droplet)
{
	uint32_t vni;
	int r;

	r = ctl_endpoint_vni(c, endpoint, &vni);
	return r < 0 ? r : ctl_place_endpoint_in(txn, vni, endpoint, droplet);
}
