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

/* Is the host among the first n? */
GLOBAL int replicas_find(const struct mz_replicas *set, const struct mz_addr *host, __u32 n)
{
	__u32 is_found = 0;

	if (!set || !host)
		return 0;
#pragma unroll
	for (__u32 i = 0; i < MZ_REPLICAS_MAX; i++) {
		__u32 differs = addr_differs(&set->addrs[i], host);

		barrier_var(differs);
		is_found |= ~(differs | -differs) & mask_if_less(i, n);
	}
	return is_found >> 31;
}

/* Is it believed in the role? */
static __always_inline bool replicas_have(const struct mz_replicas *set, const struct mz_addr *host)
{
	return replicas_find(set, host, set->n + set->n_ready + set->n_known);
}

/* Do packets go there? Then it acts for certain: whoever is used was ready before. */
static __always_inline bool replicas_use(const struct mz_replicas *set, const struct mz_addr *host)
{
	return replicas_find(set, host, set->n);
}

/* Does this host act in the role? */
static __always_inline bool replicas_have_self(const struct mz_replicas *set)
{
	struct mz_addr self = self_addr();

	return replicas_find(set, &self, set->n + set->n_ready);
}

/* Rendezvous hashing: each replica that is not in `skip` draws a number; the highest takes it. */
GLOBAL __u32 replicas_best(const struct mz_replicas *set, __u32 seed, __u32 skip)
{
	__u32 best = 0, chosen = 0;

	if (!set)
		return 0;
#pragma unroll
	for (__u32 i = 0; i < MZ_REPLICAS_MAX; i++) {
		__u32 draw = mz_hash_addr(seed, &set->addrs[i]) >> 1 | 1;
		__u32 is_better;

		draw &= mask_if_less(i, set->n) & ~(0U - (skip >> i & 1));
		is_better = mask_if_less(best, draw);
		best ^= (best ^ draw) & is_better;
		chosen ^= (chosen ^ i) & is_better;
	}
	barrier_var(chosen); /* the mask stays: verifiers before 6.8 do not see the bound */
	return chosen & (MZ_REPLICAS_MAX - 1);
}

/*
 * The flow's replica: an index. A change of the set moves only the flows of the one that came or
 * went. `not_to` and dead ones are passed over, unless that leaves none: if all seem dead, it is
 * more likely this host that nobody hears.
 */
GLOBAL int replicas_choose(const struct mz_replicas *set, __u32 seed, __u32 epoch,
			   const struct mz_addr *not_to)
{
	__u32 first, chosen, skip = 0;
	const struct mz_addr *host;

	if (!set || !not_to)
		return 0;
	first = chosen = replicas_best(set, seed, 0);
	for (__u32 i = 0; i < MZ_REPLICAS_MAX && i < set->n; i++) {
		host = &set->addrs[chosen & (MZ_REPLICAS_MAX - 1)];
		if (!host_is_dead(epoch, host) && !host_equal(host, not_to))
			return chosen;
		skip |= 1U << chosen;
		chosen = replicas_best(set, seed, skip);
	}
	return first;
}

GLOBAL __u32 flow_seed(const struct mz_facts *f)
{
	return f ? mz_hash_addr(mz_hash_addr(mz_hash_mix(f->vni, f->flow_hash), &f->src), &f->dst) :
		   0;
}

/* Sets host. */
static __always_inline bool replicas_pick(struct mz_pkt *p, const struct mz_replicas *set)
{
	__u32 chosen = replicas_choose(set, flow_seed(p->f), p->f->epoch, &p->f->not_to);

	p->f->host = set->addrs[chosen & (MZ_REPLICAS_MAX - 1)];
	return set->n;
}

static __always_inline int to_tunnel(struct mz_pkt *p)
{
	p->f->next = MZ_TO_TUNNEL;
	return 0;
}

/* The row of a network that serves the destination; NULL: no bouncers are known. */
static __always_inline const struct mz_network *find_network(__u64 id,
							     const struct mz_vni_addr *dst)
{
	struct mz_network_key key = { .network = id };
	const struct mz_network *row = table_lookup(network, &key);

	if (!row || !row->slot_bits)
		return row;
	key.slot = mz_slot(dst->vni, &dst->addr, row->slot_bits);
	return table_lookup(network, &key);
}

GLOBAL int bouncers_have(__u64 id, const struct mz_vni_addr *dst, const struct mz_addr *host)
{
	const struct mz_network *row = dst ? find_network(id, dst) : NULL;

	return row && host && replicas_have(&row->bouncers, host);
}

/* Does this host act as a bouncer of the network? */
static __always_inline bool bounces_for(__u64 id, const struct mz_vni_addr *dst)
{
	const struct mz_network *row = find_network(id, dst);

	return row && replicas_have_self(&row->bouncers);
}

enum bouncer {
	BOUNCER_NONE,
	BOUNCER_SELF,
	BOUNCER_OTHER,
};

/* Which of a network's bouncers takes the flow? ret: as it came, not to; then BOUNCER_OTHER. */
GLOBAL int bouncer_choose(__u64 id, const struct mz_vni_addr *dst, __u32 seed, __u32 epoch,
			  struct mz_addr *ret)
{
	const struct mz_network *row = dst ? find_network(id, dst) : NULL;

	if (!row || !ret || !row->bouncers.n)
		return BOUNCER_NONE;
	if (replicas_have_self(&row->bouncers))
		return BOUNCER_SELF;
	*ret = row->bouncers.addrs[replicas_choose(&row->bouncers, seed, epoch, ret) &
				   (MZ_REPLICAS_MAX - 1)];
	return BOUNCER_OTHER;
}

/* Sets host. */
static __always_inline enum bouncer bouncer_pick(struct mz_pkt *p, __u64 network)
{
	struct mz_vni_addr dst = { .vni = p->f->vni, .addr = p->f->dst };

	p->f->host = p->f->not_to;
	return bouncer_choose(network, &dst, flow_seed(p->f), p->f->epoch, &p->f->host);
}

static __always_inline const struct mz_location *find_location(struct mz_pkt *p,
							       const struct mz_addr *addr)
{
	struct mz_vni_addr key;

	if (!table_is_used(location))
		return NULL; /* most hosts bounce for nobody */
	key = (struct mz_vni_addr){ .vni = p->f->vni, .addr = *addr };
	return table_lookup(location, &key);
}

/* Sets vpc. */
static __always_inline int find_vpc(struct mz_pkt *p)
{
	const struct cached_vpc *row = find_cached_vpc(p);

	if (!row || !row->is_known)
		return DROP(no_vpc);
	p->vpc = &row->vpc;
	return 0;
}

/* Sets vpc, marks MZ_NO_VPC: what comes for a VPC that is not here any more can be given back. */
static __always_inline int find_role(struct mz_pkt *p)
{
	const struct cached_vpc *row = find_cached_vpc(p);

	if (!row)
		return DROP(no_vpc);
	p->vpc = &row->vpc;
	if (!row->is_known)
		mark(p, MZ_NO_VPC);
	return 0;
}

static __always_inline bool vpc_is_direct(struct mz_pkt *p)
{
	return p->vpc->flags & MZ_VPC_DIRECT;
}

/* Dividers stand between the networks, and are what hosts learn instead of each other. */
static __always_inline bool vpc_is_direct_by_divider(struct mz_pkt *p)
{
	return (p->vpc->flags & (MZ_VPC_DIRECT | MZ_VPC_DIVIDE)) == (MZ_VPC_DIRECT | MZ_VPC_DIVIDE);
}

/* What came back is as it was before it left. */
static __always_inline bool is_from_divider(struct mz_pkt *p)
{
	return p->f->is_tunneled && !is(p, MZ_RETURNED) &&
	       replicas_have(&p->vpc->dividers, &p->f->outer_src);
}

/* Else it may have sent it to be divided, as any other host does. */
static __always_inline bool was_divided(struct mz_pkt *p)
{
	return p->f->judged_before && is_from_divider(p);
}

static __always_inline const struct mz_local *lookup_local(struct mz_pkt *p)
{
	struct mz_vni_addr key = { .vni = p->f->vni, .addr = p->f->dst };

	return table_lookup(local, &key);
}

/* Sets local: the destination's row, if it is on this host and has its device. */
static __always_inline int find_local(struct mz_pkt *p)
{
	const struct mz_local *row = find_cached_local(p);

	p->local = row && row->ifindex ? row : NULL;
	return 0;
}

/* Do packets for the destination go there? */
static __always_inline bool is_from_used_bouncer(struct mz_pkt *p, __u64 network)
{
	struct mz_vni_addr dst = { .vni = p->f->vni, .addr = p->f->dst };
	const struct mz_network *row = find_network(network, &dst);

	return row && replicas_use(&row->bouncers, &p->f->outer_src);
}

/* Was the outer source chosen as a bouncer of this network? */
static __always_inline bool is_from_bouncer(struct mz_pkt *p, __u64 network)
{
	struct mz_vni_addr dst = { .vni = p->f->vni, .addr = p->f->dst };

	return bouncers_have(network, &dst, &p->f->outer_src);
}

/*
 * A host that bounces for the source's network sends on what it does not know itself; but not what
 * another bouncer of that network sent here to be delivered, unless the source is there.
 */
static __always_inline bool is_bouncer_of_source(struct mz_pkt *p)
{
	const struct mz_location *src = find_location(p, &p->f->src);

	return src && (host_equal(&src->host, &p->f->outer_src) ||
		       !is_from_bouncer(p, src->network));
}

/* Has its sender judged it? What it gave back, it has not. */
static __always_inline bool was_judged(struct mz_pkt *p, __u64 network)
{
	return !is(p, MZ_RETURNED) && p->f->judged_before == network_in_mac(network);
}

/*
 * May the packet enter this network? Where the VPC asks for dividers, what comes from another
 * network must have passed one: here, or on a host that saw to it, and says so. Who is a bouncer
 * or divider sends other packets, too.
 */
static __always_inline bool may_enter(struct mz_pkt *p, __u64 network)
{
	const struct mz_location *src;

	if (!(p->vpc->flags & MZ_VPC_DIVIDE))
		return true;
	if (p->port)
		return p->port->network == network;
	/* A bouncer's row of the source counts for more than what was learned. */
	src = find_location(p, &p->f->src);
	if ((src ? src->network : p->f->sender_network) == network)
		return true;
	return was_judged(p, network) && (is_from_divider(p) || is_from_bouncer(p, network));
}

/* The table of networks decides: here, or on a divider. Who divides does it first, and once. */
static __always_inline int to_divider(struct mz_pkt *p)
{
	if (was_divided(p))
		return DROP(no_endpoint);
	if (replicas_have_self(&p->vpc->dividers)) {
		p->f->next = MZ_TO_DIVIDE;
		return 0;
	}
	return replicas_pick(p, &p->vpc->dividers) ? to_tunnel(p) : DROP(no_divider);
}

/* Must what the port sends to this network pass a divider, which is learned? */
static __always_inline bool is_behind_divider(struct mz_pkt *p, __u64 network)
{
	return vpc_is_direct_by_divider(p) && network != p->port->network;
}

/*
 * Reads next: MZ_TO_TUNNEL where a learned location decided already. Of another network a bouncer
 * is asked, even where this host has the endpoint or bounces for it, so that the divider hears from
 * one where the sender is.
 */
static __always_inline int route_agent(struct mz_pkt *p)
{
	enum bouncer bouncer;

	if (p->f->next == MZ_TO_TUNNEL)
		return 0;
	if (p->local && may_enter(p, p->local->network)) {
		p->f->next = MZ_TO_DELIVER;
		return 0;
	}
	if (replicas_have_self(&p->vpc->dividers)) {
		p->f->next = MZ_TO_DIVIDE;
		return 0;
	}
	if (p->local && !is_behind_divider(p, p->local->network))
		return to_divider(p);
	p->location = find_location(p, &p->f->dst);
	if (!p->location || is_behind_divider(p, p->location->network)) {
		bouncer = bouncer_pick(p, p->port->network);
		if (bouncer == BOUNCER_NONE)
			return DROP(no_network);
		if (bouncer == BOUNCER_OTHER)
			return to_tunnel(p);
	}
	p->f->next = MZ_TO_BOUNCE;
	return 0;
}

/*
 * Was the endpoint on this host, and moved? Then the packet goes after it; but past no divider. Its
 * sender is told, whoever sends it on.
 */
static __always_inline bool follow_moved(struct mz_pkt *p, const struct mz_moved *row)
{
	if (!row || p->vpc->flags & MZ_VPC_DIVIDE || host_is_self(&row->host))
		return false;
	p->f->host = row->host;
	p->f->judged = p->f->judged_before;
	POINT(p, moved);
	return true;
}

static __always_inline const struct mz_moved *find_moved(struct mz_pkt *p)
{
	struct mz_vni_addr key = { .vni = p->f->vni, .addr = p->f->dst };
	const struct mz_moved *row = p->f->is_tunneled && !p->local && !is(p, MZ_RETURNED) ?
					     table_lookup(moved, &key) :
					     NULL;

	if (row) {
		mark(p, MZ_MOVED);
		p->f->moved_generation = row->generation;
	}
	return row;
}

static __always_inline int back_to_sender(struct mz_pkt *p)
{
	POINT(p, give_back);
	mark(p, MZ_GIVES_BACK);
	p->f->host = p->f->outer_src;
	return to_tunnel(p);
}

/*
 * To the host that sent it, which knows somebody who knows better; once. reason: the drop, where
 * that cannot be.
 */
static __always_inline int give_back(struct mz_pkt *p, int reason)
{
	if (!p->f->is_tunneled || is(p, MZ_RETURNED) || !(is(p, MZ_NO_VPC) || vpc_is_direct(p)))
		return reason;
	return back_to_sender(p);
}

/* What is not delivered here. */
static __always_inline int route_on(struct mz_pkt *p)
{
	const struct mz_moved *row;

	if (is(p, MZ_NO_VPC)) /* who knows whether it divides? */
		return give_back(p, DROP(no_vpc));
	row = find_moved(p);
	p->location = find_location(p, &p->f->dst);
	if (p->location) {
		p->f->next = MZ_TO_BOUNCE;
		return 0;
	}
	if (!was_divided(p) &&
	    (replicas_have_self(&p->vpc->dividers) || is_bouncer_of_source(p)))
		return to_divider(p);
	if (follow_moved(p, row))
		return to_tunnel(p);
	if (is_from_divider(p))
		return give_back(p, DROP(no_endpoint));
	return give_back(p, p->local ? DROP(not_divided) : DROP(not_here));
}

static __always_inline int route_transit(struct mz_pkt *p)
{
	if (p->local && !is(p, MZ_NO_VPC) && may_enter(p, p->local->network)) {
		p->f->next = MZ_TO_DELIVER;
		return 0;
	}
	return route_on(p);
}
