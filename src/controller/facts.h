/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of an object never changes and is needed again and again, read once from its text form.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "mizar/v1/objects.pb-c.h"

/* What a VPC's row says besides its dividers. */
struct ctl_vpc_flags {
	bool divide;
	bool direct;
};

struct ctl_prefix {
	struct mz_addr addr;
	unsigned int len;
};
bool ctl_prefix_contains(const struct ctl_prefix *outer, const struct ctl_prefix *inner);

#define CTL_NETWORK_PREFIXES_MAX 2

struct ctl_network_facts {
	uint64_t uid;
	uint32_t vni;
	bool group;
	unsigned int n_prefixes; /* 0 for a group */
	struct ctl_prefix prefixes[CTL_NETWORK_PREFIXES_MAX];
	struct mz_addr gateways[CTL_NETWORK_PREFIXES_MAX]; /* zero: none */
};

/* Of a checked object. A prefix without a gateway gets its first address. -EINVAL: unreadable. */
int ctl_network_facts_read(const Mizar__V1__Network *network, uint32_t vni,
			   struct ctl_network_facts *ret_facts);
/* The prefix that holds the address, as an index. -ENOENT. */
int ctl_network_facts_prefix_of(const struct ctl_network_facts *facts, const struct mz_addr *addr);

/* Addresses of a checked endpoint. Returns how many; -EINVAL: unreadable. */
#define CTL_ENDPOINT_ADDRESSES_MAX 2
int ctl_endpoint_addresses(const Mizar__V1__Endpoint *endpoint,
			   struct mz_addr ret_addrs[static CTL_ENDPOINT_ADDRESSES_MAX]);
/* Where it is: the name of a droplet, or NULL. */
const char *ctl_endpoint_droplet(const Mizar__V1__Endpoint *endpoint);

/* A droplet that has a row for an endpoint, and the endpoint's location generation there. */
struct ctl_place {
	const char *droplet;
	uint32_t generation;
};

/*
 * All of them: first where it is, then where it migrates to or from. Returns how many; none: it is
 * nowhere. Names are borrowed.
 */
#define CTL_PLACES_MAX 2
unsigned int ctl_endpoint_places(const Mizar__V1__Endpoint *endpoint,
				 struct ctl_place ret_places[static CTL_PLACES_MAX]);
/* The generation may be NULL. */
bool ctl_endpoint_is_on(const Mizar__V1__Endpoint *endpoint, const char *droplet,
			uint32_t *ret_generation);
