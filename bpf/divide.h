/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Divide: the table of a VPC's networks says which one has the destination, an exact member before
 * the longest prefix; the network's bouncers know the rest.
 */
#pragma once

#include "bounce.h"
#include "learn.h"

static __always_inline const struct mz_route *find_route(__u32 vni, const struct mz_addr *addr)
{
	struct mz_vni_addr key = { .vni = vni, .addr = *addr };
	struct mz_prefix_key prefix_key = { .prefixlen = 32 + 128,
					    .vni_be = bpf_htonl(vni),
					    .prefix = *addr };
	const struct mz_route *route = table_lookup(member, &key);

	return route ?: table_lookup(prefix, &prefix_key);
}

/* Reads vni, dst; sets next, host. */
static __always_inline int divide_now(struct mz_pkt *p)
{
	const struct mz_location *location;
	const struct mz_network *row;
	const struct mz_route *route;

	route = find_route(p->vni, &p->dst);
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
	if (vpc_is_direct_by_divider(p) && use_learned(p))
		return to_tunnel(p);
	if (!(p->vpc->flags & MZ_VPC_DIVIDE) && !is(p, MZ_RETURNED) && p->is_tunneled &&
	    replicas_have(&row->bouncers, &p->outer_src))
		return DROP(no_endpoint); /* who sent it would have it */
	if (!replicas_have_self(&row->bouncers))
		return replicas_pick(p, &row->bouncers) ? to_tunnel(p) : DROP(no_network);
	location = find_location(p, &p->dst);
	return location ? to_location(p, location) : DROP(no_endpoint);
}

static __always_inline int divide(struct mz_pkt *p)
{
	int r = p->next == MZ_TO_DIVIDE ? divide_now(p) : 0;

	p->next = opaque(p, p->next); /* what comes now does not ask why */
	return r;
}
