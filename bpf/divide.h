/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Divide: the table of a VPC's networks says which one has the destination, an exact member before
 * the longest prefix; the network's bouncers know the rest.
 */
#pragma once

#include "bounce.h"

static __always_inline const struct mz_route *find_route(struct mz_pkt *p)
{
	struct mz_vni_addr key = { .vni = p->vni, .addr = p->dst };
	struct mz_prefix_key prefix_key = { .prefixlen = 32 + 128,
					    .vni_be = bpf_htonl(p->vni),
					    .prefix = p->dst };
	const struct mz_route *route = table_lookup(member, &key);

	return route ?: table_lookup(prefix, &prefix_key);
}

/* Reads vni, dst; sets next, host. */
static __always_inline int divide(struct mz_pkt *p)
{
	const struct mz_location *location;
	const struct mz_network *row;
	const struct mz_route *route;

	if (p->next != MZ_TO_DIVIDE)
		return 0;
	route = find_route(p);
	if (!route)
		return DROP(no_route);
	POINT(p, divide);
	if (p->local && p->local->network == route->network) {
		p->next = MZ_TO_DELIVER;
		return 0;
	}
	row = find_network(p, route->network);
	if (!row)
		return DROP(no_network);
	if (!replicas_have_self(&row->bouncers))
		return replicas_pick(p, &row->bouncers) ? to_tunnel(p) : DROP(no_network);
	location = find_location(p, &p->dst);
	return location ? to_location(p, location) : DROP(no_endpoint);
}
