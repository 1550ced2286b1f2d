/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where does the packet go from here? The tables say which roles this host plays for it: it has the
 * destination, bounces for a network, divides the VPC, or none of it.
 */
#pragma once

#include "mizar/hash.h"
#include "addr.h"
#include "cache.h"
#include "cursor.h"
#include "maps.h"

/*
 * Sets of hosts are searched with sign bits instead of branches: the verifier would follow each
 * branch through all stages that come after.
 */
static __always_inline __u32 mask_if_less(__u32 a, __u32 b)
{
	__u32 difference = a - b; /* of numbers below 2^31 */

	barrier_var(difference);
	return (__s32)difference >> 31;
}

static __always_inline bool replicas_have(const struct mz_replicas *set, const struct mz_addr *host)
{
	__u32 is_found = 0;

#pragma unroll
	for (__u32 i = 0; i < MZ_REPLICAS_MAX; i++) {
		__u32 differs = addr_differs(&set->addrs[i], host);

		barrier_var(differs);
		is_found |= ~(differs | -differs) & mask_if_less(i, set->n);
	}
	return is_found >> 31;
}

static __always_inline bool replicas_have_self(const struct mz_replicas *set)
{
	struct mz_addr self = self_addr();

	return replicas_have(set, &self);
}

/*
 * Rendezvous hashing: each replica draws a number for the flow, the highest takes it, and a change
 * of the set moves only the flows of the replica that came or went. Sets host.
 */
static __always_inline bool replicas_pick(struct mz_pkt *p, const struct mz_replicas *set)
{
	__u32 seed =
		mz_hash_addr(mz_hash_addr(mz_hash_mix(p->vni, p->flow_hash), &p->src), &p->dst);
	__u32 best = 0, chosen = 0;

#pragma unroll
	for (__u32 i = 0; i < MZ_REPLICAS_MAX; i++) {
		__u32 draw = mz_hash_addr(seed, &set->addrs[i]) >> 1 & mask_if_less(i, set->n);
		__u32 is_better = mask_if_less(best, draw);

		best ^= (best ^ draw) & is_better;
		chosen ^= (chosen ^ i) & is_better;
	}
	barrier_var(chosen); /* the mask stays: verifiers before 6.8 do not see the bound */
	p->host = set->addrs[chosen & (MZ_REPLICAS_MAX - 1)];
	return set->n;
}

static __always_inline int to_tunnel(struct mz_pkt *p)
{
	p->next = MZ_TO_TUNNEL;
	return 0;
}

/* The row of a network that serves the destination; NULL: no bouncers are known. */
static __always_inline const struct mz_network *find_network(struct mz_pkt *p, __u64 id)
{
	struct mz_network_key key = { .network = id };
	const struct mz_network *row = table_lookup(network, &key);

	if (!row || !row->slot_bits)
		return row;
	key.slot = mz_slot(p->vni, &p->dst, row->slot_bits);
	return table_lookup(network, &key);
}

static __always_inline const struct mz_location *find_location(struct mz_pkt *p,
							       const struct mz_addr *addr)
{
	struct mz_vni_addr key = { .vni = p->vni, .addr = *addr };

	return table_lookup(location, &key);
}

/* Sets vpc. */
static __always_inline int find_vpc(struct mz_pkt *p)
{
	p->vpc = find_cached_vpc(p);
	return p->vpc ? 0 : DROP(no_vpc);
}

static __always_inline bool is_from_divider(struct mz_pkt *p)
{
	return p->is_tunneled && replicas_have(&p->vpc->dividers, &p->outer_src);
}

static __always_inline const struct mz_local *lookup_local(struct mz_pkt *p)
{
	struct mz_vni_addr key = { .vni = p->vni, .addr = p->dst };

	return table_lookup(local, &key);
}

/* Sets local: the destination's row, if it is on this host and has its device. */
static __always_inline int find_local(struct mz_pkt *p)
{
	const struct mz_local *row = lookup_local(p);

	p->local = row && row->ifindex ? row : NULL;
	return 0;
}

/* Was the outer source chosen as a bouncer of this network? */
static __always_inline bool is_from_bouncer(struct mz_pkt *p, __u64 network)
{
	const struct mz_network *row = find_network(p, network);

	return row && replicas_have(&row->bouncers, &p->outer_src);
}

/*
 * May the packet enter this network? Where the VPC asks for dividers, what comes from another
 * network must have passed one: here, or on a host that saw to it.
 */
static __always_inline bool may_enter(struct mz_pkt *p, __u64 network)
{
	const struct mz_location *src;

	if (!(p->vpc->flags & MZ_VPC_DIVIDE) || is_from_divider(p))
		return true;
	if (p->port)
		return p->port->network == network;
	if (is_from_bouncer(p, network))
		return true;
	src = find_location(p, &p->src);
	return src && src->network == network;
}

/* The table of networks decides: here, or on a divider. Who divides does it first, and once. */
static __always_inline int to_divider(struct mz_pkt *p)
{
	if (is_from_divider(p))
		return DROP(no_endpoint);
	if (replicas_have_self(&p->vpc->dividers)) {
		p->next = MZ_TO_DIVIDE;
		return 0;
	}
	return replicas_pick(p, &p->vpc->dividers) ? to_tunnel(p) : DROP(no_divider);
}

static __always_inline int route_agent(struct mz_pkt *p)
{
	const struct mz_network *row;

	if (p->local && may_enter(p, p->local->network)) {
		p->next = MZ_TO_DELIVER;
		return 0;
	}
	if (replicas_have_self(&p->vpc->dividers)) {
		p->next = MZ_TO_DIVIDE;
		return 0;
	}
	row = find_network(p, p->port->network);
	if (row && replicas_have_self(&row->bouncers)) {
		p->location = find_location(p, &p->dst);
		p->next = MZ_TO_BOUNCE;
		return 0;
	}
	return row && replicas_pick(p, &row->bouncers) ? to_tunnel(p) : DROP(no_network);
}

/*
 * A host that bounces for the source's network sends on what it does not know itself; but not what
 * another bouncer of that network sent here, which came to be delivered.
 */
static __always_inline bool is_bouncer_of_source(struct mz_pkt *p)
{
	const struct mz_location *src = find_location(p, &p->src);

	return src && !is_from_bouncer(p, src->network);
}

static __always_inline int route_transit(struct mz_pkt *p)
{
	if (p->local && may_enter(p, p->local->network)) {
		p->next = MZ_TO_DELIVER;
		return 0;
	}
	p->location = find_location(p, &p->dst);
	if (p->location) {
		p->next = MZ_TO_BOUNCE;
		return 0;
	}
	if (is_from_divider(p) || replicas_have_self(&p->vpc->dividers) || is_bouncer_of_source(p))
		return to_divider(p);
	return p->local ? DROP(not_divided) : DROP(not_here);
}
