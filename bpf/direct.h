/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Straight to a learned location. Now and then, before its lease is over, a packet takes an RTS
 * along, to have it renewed.
 */
#pragma once

#include "learn.h"

/*
 * So often the bouncers are asked, even if the row's host confirms it, by packets or by a HERE: one
 * that had the endpoint, and will not part with it, is left after this time.
 */
#define ASK_BOUNCERS 56 /* of 1 << MZ_LEARNED_SHIFT ns: a minute */

/* From half to three quarters of the lease, another for each host and address. */
static __always_inline __u64 renew_after(struct mz_pkt *p)
{
	__u32 draw = mz_hash_addr(mz_config.secret[0], &p->f->dst) & 0xff;

	return mz_config.lease / 2 + mz_config.lease / 1024 * draw;
}

/* Super-packets carry no RTS while others may come: each of their segments would have it. */
static __always_inline bool is_ask_due(struct mz_pkt *p, __u64 asked, __u64 interval, __u64 now)
{
	__u64 age = age_of(asked, now);

	return !is(p, MZ_RETURNED) && age >= (ctx_is_gso(p->ctx) ? 8 * interval : interval);
}

/* In the units of its stamp; one from the near future is no age either. */
static __always_inline bool is_minute_over(struct mz_pkt *p, const struct mz_learned *row,
					   __u64 now)
{
	__s32 age = (__u32)(now >> MZ_LEARNED_SHIFT) - row->asked_bouncers;

	return !is(p, MZ_RETURNED) &&
	       age >= (ctx_is_gso(p->ctx) ? 8 * ASK_BOUNCERS : ASK_BOUNCERS);
}

/* An RTS goes along; the caller sees to it that it goes by bouncers, where it says so. */
static __always_inline void ask(struct mz_pkt *p, struct mz_learned *row, __u64 now, bool bouncers)
{
	row->asked = now;
	if (bouncers)
		row->asked_bouncers = now >> MZ_LEARNED_SHIFT;
	mark(p, MZ_INTRODUCES);
}

/*
 * Is the row the sender's to use? Where the VPC divides, a row leads past the dividers only between
 * endpoints of one network; and a bouncer's own table is never older than what it learned.
 */
static __always_inline bool may_use_learned(struct mz_pkt *p, const struct mz_learned *row)
{
	const struct mz_location *location = find_location(p, &p->f->dst);

	if (vpc_is_direct_by_divider(p) &&
	    (row->network != p->port->network || row->flags & MZ_LEARNED_BY))
		return replicas_use(&p->vpc->dividers, &row->host);
	return !location || host_equal(&location->host, &row->host);
}

/*
 * Was the row learned by a divider for an endpoint of another network here? This one may be in the
 * network of the destination, and have a shorter way. It asks more often than the row is renewed.
 */
static __always_inline bool is_for_others(struct mz_pkt *p, const struct mz_learned *row)
{
	return row->flags & MZ_LEARNED_BY && row->network != p->port->network;
}

/* With an RTS, if it is time; and by the bouncers, if the host did not answer the last one. */
static __always_inline bool renew(struct mz_pkt *p, struct mz_learned *row, __u64 now)
{
	__u64 age = age_of(row->confirmed, now);

	if (is_minute_over(p, row, now) ||
	    (is_for_others(p, row) && is_ask_due(p, row->asked, mz_config.lease / 2, now))) {
		ask(p, row, now, true);
		return true;
	}
	if (age <= mz_config.lease / 2 || age <= renew_after(p) ||
	    !is_ask_due(p, row->asked, mz_config.lease / 16, now))
		return false;
	ask(p, row, now, age > mz_config.lease / 8 * 7);
	return age > mz_config.lease / 8 * 7;
}

/* Sets learned, and, if it holds: next, host, traits. Reads local. */
static __always_inline int find_direct(struct mz_pkt *p)
{
	struct mz_learned *row;
	__u64 now;

	if (!vpc_is_direct(p) || (p->local && !is_behind_divider(p, p->local->network)))
		return 0;
	/* A divider divides first what its own endpoints send. */
	if (vpc_is_direct_by_divider(p) && replicas_have_self(&p->vpc->dividers))
		return 0;
	row = find_learned(p, &p->f->dst);
	if (!row)
		return 0;
	now = clock();
	/* Of another network: this sender's way is by a divider, and any will do. */
	if (is_proven(row) && row->network != p->port->network && vpc_is_direct_by_divider(p) &&
	    learned_holds(row, now)) {
		mark(p, MZ_DIRECT);
		if (is_ask_due(p, row->asked, mz_config.lease / 4, now))
			ask(p, row, now, false); /* so that the divider learns where it is */
		return replicas_pick(p, &p->vpc->dividers) ? to_tunnel(p) : DROP(no_divider);
	}
	p->learned = row;
	if (!may_use_learned(p, row) || !learned_holds(row, now) || renew(p, row, now) ||
	    !learned_use(p, row, now))
		return 0;
	mark(p, MZ_DIRECT);
	if (is_proven(row)) /* from a bouncer it need not be proven once more */
		p->f->judged = p->port->network;
	return to_tunnel(p);
}
