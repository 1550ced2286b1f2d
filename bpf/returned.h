/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Packets that other hosts gave back to this one, since they have not got the destination: they are
 * sent on by another way.
 */
#pragma once

#include "direct.h"
#include "divide.h"
#include "pending.h"

/* Does this host, as a bouncer, send everybody to who gave the packet back? */
static __always_inline bool is_own_word(struct mz_pkt *p)
{
	struct mz_vni_addr dst = { .vni = p->f->vni, .addr = p->f->dst };

	return p->location && host_equal(&p->location->host, &p->f->outer_src) &&
	       bounces_for(p->location->network, &dst);
}

/*
 * A divider takes it for an answer: nobody has the destination. Not of one that is on its way out,
 * and not if the endpoint has come here meanwhile: then it is divided again.
 */
static __always_inline int heed_bouncer(struct mz_pkt *p, __u64 network)
{
	if (!is_from_used_bouncer(p, network) || (p->local && p->local->network == network))
		return 0;
	heed_no_one(p);
	return DROP(no_endpoint);
}

/*
 * Only from a host where packets for the destination were sent, now or until a moment ago; a
 * bouncer whose own table was wrong has a better row by now, or nobody has one. Sets next.
 */
static __always_inline int check_returned(struct mz_pkt *p)
{
	struct mz_learned *row = find_learned(p, &p->f->dst);
	const struct mz_route *route;
	bool is_known = row && host_equal(&row->host, &p->f->outer_src);

	if (is_known)
		row->flags |= MZ_LEARNED_STALE;
	if (replicas_have_self(&p->vpc->dividers)) {
		route = find_route(p->f->vni, &p->f->dst);
		if (!route)
			return DROP(no_route);
		if (is_from_bouncer(p, route->network))
			return heed_bouncer(p, route->network);
	}
	p->location = find_location(p, &p->f->dst);
	if (!is_known && !p->location && !(row && addr_equal(&row->before, &p->f->outer_src)))
		return DROP(stale_sender);
	return is_own_word(p) ? DROP(not_here) : 0;
}

/* The sender's port, if the packet is one of an endpoint of this host. Sets port. */
static __always_inline void find_sender(struct mz_pkt *p)
{
	struct mz_vni_addr key = { .vni = p->f->vni, .addr = p->f->src };
	const struct mz_local *row = table_lookup(local, &key);
	__u32 ifindex = row ? row->ifindex : 0;

	p->port = ifindex ? table_lookup(port, &ifindex) : NULL;
}

/* Of an endpoint that left this host, or sent on as a divider, which it may be no more? */
static __always_inline bool was_sent_here(struct mz_pkt *p)
{
	struct mz_vni_addr key = { .vni = p->f->vni, .addr = p->f->src };
	struct mz_addr self = self_addr();

	return replicas_have(&p->vpc->dividers, &self) || table_lookup(moved, &key);
}

/*
 * Sets next, host: as the endpoint of this host sends that it is from; or as what was sent on here.
 * Who left has no network here to ask bouncers of, but any divider finds the way.
 */
static __always_inline int send_again(struct mz_pkt *p)
{
	int r;

	mark(p, MZ_STRIPS); /* whoever gave it back could have written its RTS */
	if (is(p, MZ_NO_VPC))
		return DROP(no_vpc);
	r = check_returned(p);
	if (r)
		return r;
	POINT(p, send_again);
	p->f->not_to = p->f->outer_src;
	find_sender(p);
	if (p->port) {
		r = find_direct(p);
		return r ?: route_agent(p);
	}
	if (p->location) /* next is MZ_TO_BOUNCE, which may yet send it to a divider */
		return 0;
	return was_sent_here(p) ? to_divider(p) : DROP(stale_sender);
}

/*
 * Who gave it back would do so again: nobody knows better. But a divider that does not divide what
 * was judged before divides what was not.
 */
static __always_inline int check_again(struct mz_pkt *p)
{
	return p->f->next == MZ_TO_TUNNEL && host_equal(&p->f->host, &p->f->not_to) &&
			       p->f->judged_before == network_in_mac(p->f->judged) ?
		       DROP(not_here) :
		       0;
}
