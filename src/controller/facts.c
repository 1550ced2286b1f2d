// SPDX-License-Identifier: Apache-2.0
/* See facts.h. */
#include "controller/facts.h"

#include <errno.h>
#include <string.h>

bool ctl_prefix_contains(const struct ctl_prefix *outer, const struct ctl_prefix *inner)
{
	return outer->len <= inner->len &&
	       mz_addr_is_ipv4(&outer->addr) == mz_addr_is_ipv4(&inner->addr) &&
	       mz_prefix_contains(&outer->addr, outer->len, &inner->addr);
}

int ctl_network_facts_prefix_of(const struct ctl_network_facts *facts, const struct mz_addr *addr)
{
	unsigned int i;

	for (i = 0; i < facts->n_prefixes; i++)
		if (mz_prefix_contains(&facts->prefixes[i].addr, facts->prefixes[i].len, addr))
			return (int)i;
	return -ENOENT;
}

int ctl_network_facts_read(const Mizar__V1__Network *network, uint32_t vni,
			   struct ctl_network_facts *ret_facts)
{
	const Mizar__V1__NetworkSpec *spec = network->spec;
	struct ctl_network_facts facts = {
		.uid = network->metadata->uid,
		.vni = vni,
		.group = spec->kind == MIZAR__V1__NETWORK_KIND__NETWORK_KIND_GROUP,
	};
	struct mz_addr addr;
	size_t i;
	int r;

	if (spec->n_cidrs > CTL_NETWORK_PREFIXES_MAX)
		return -EINVAL;
	for (i = 0; i < spec->n_cidrs; i++) {
		struct ctl_prefix *prefix = &facts.prefixes[i];

		r = mz_prefix_parse(spec->cidrs[i], &prefix->addr, &prefix->len);
		if (r < 0)
			return -EINVAL;
		facts.gateways[i] = mz_addr_add(&prefix->addr, 1);
		facts.n_prefixes++;
	}
	for (i = 0; i < spec->n_gateways; i++) {
		r = mz_addr_parse(spec->gateways[i], &addr);
		if (r < 0)
			return r;
		r = ctl_network_facts_prefix_of(&facts, &addr);
		if (r < 0)
			return -EINVAL;
		facts.gateways[r] = addr;
	}
	*ret_facts = facts;
	return 0;
}

int ctl_endpoint_addresses(const Mizar__V1__Endpoint *endpoint,
			   struct mz_addr ret_addrs[static CTL_ENDPOINT_ADDRESSES_MAX])
{
	const Mizar__V1__EndpointSpec *spec = endpoint->spec;
	size_t i;
	int r;

	if (spec->n_addresses > CTL_ENDPOINT_ADDRESSES_MAX)
		return -EINVAL;
	for (i = 0; i < spec->n_addresses; i++) {
		r = mz_addr_parse(spec->addresses[i], &ret_addrs[i]);
		if (r < 0)
			return r;
	}
	return (int)spec->n_addresses;
}

const char *ctl_endpoint_droplet(const Mizar__V1__Endpoint *endpoint)
{
	const char *droplet = endpoint->status ? endpoint->status->droplet : NULL;

	return droplet && *droplet ? droplet : NULL;
}

unsigned int ctl_endpoint_places(const Mizar__V1__Endpoint *endpoint,
				 struct ctl_place ret_places[static CTL_PLACES_MAX])
{
	const Mizar__V1__EndpointStatus *status = endpoint->status;
	const char *droplet = ctl_endpoint_droplet(endpoint), *other;

	if (!droplet)
		return 0;
	ret_places[0] = (struct ctl_place){ droplet, status->location_generation };
	other = status->migrating_to ?: status->migrating_from;
	if (!other)
		return 1;
	ret_places[1] = (struct ctl_place){ other, status->migrating_generation };
	return 2;
}

bool ctl_endpoint_is_on(const Mizar__V1__Endpoint *endpoint, const char *droplet,
			uint32_t *ret_generation)
{
	struct ctl_place places[CTL_PLACES_MAX];
	unsigned int i, n = ctl_endpoint_places(endpoint, places);

	for (i = 0; i < n; i++) {
		if (strcmp(places[i].droplet, droplet))
			continue;
		if (ret_generation)
			*ret_generation = places[i].generation;
		return true;
	}
	return false;
}
