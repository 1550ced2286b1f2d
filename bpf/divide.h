/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Divide: the table of a VPC's networks says which one has the destination, an exact member before
 * the longest prefix; the network's bouncers know the rest.
 */
#pragma once

#include "bounce.h"
#include "learn.h"

static __always_inline const struct mz_route *find_route_of(const struct mz_vni_addr *key)
{
	struct mz_prefix_key prefix_key = { .prefixlen = 32 + 128,
					    .vni_be = bpf_htonl(key->vni),
					    .prefix = key->addr };
	const struct mz_route *route = table_lookup(member, key);

	return route ?: table_lookup(prefix, &prefix_key);
}

static __always_inline const struct mz_route *find_route(__u32 vni, const struct mz_addr *addr)
{
	struct mz_vni_addr key = { .vni = vni, .addr = *addr };

	return find_route_of(&key);
}

/* Reads vni, dst; sets next, host. */
static __always_inline int divide_now(struct mz_pkt *p)
{
	const struct mz_location *location;
	enum bouncer bouncer;
	const struct mz_route *route;
	struct mz_learned *row;

	route = find_route(p->f->vni, &p->f->dst);
	if (!route)
		return DROP(no_route);
	POINT(p, divide);
	mark(p, MZ_DIVIDED);
	p->f->judged = route->network;
	if (p->local && p->local->network == route->network) {
		p->f->next = MZ_TO_DELIVER;
		return 0;
	}
	row = vpc_is_direct_by_divider(p) ? find_straight(p) : NULL;
	if (row && learned_use(p, row, clock())) {
		mark(p, MZ_DIRECT);
		return to_tunnel(p);
	}
	if (!(p->vpc->flags & MZ_VPC_DIVIDE) && !is(p, MZ_RETURNED) && p->f->is_tunneled &&
	    is_from_bouncer(p, route->network))
		return DROP(no_endpoint); /* who sent it would have it */
	bouncer = bouncer_pick(p, route->network);
	if (bouncer == BOUNCER_NONE)
		return DROP(no_network);
	if (bouncer == BOUNCER_OTHER)
		return to_tunnel(p);
	location = find_location(p, &p->f->dst);
	return location ? to_location(p, location) : DROP(no_endpoint);
}

static __always_inline int divide(struct mz_pkt *p)
{
	int r = p->f->next == MZ_TO_DIVIDE ? divide_now(p) : 0;

	forget(); /* what comes now does not ask why */
	return r;
}
