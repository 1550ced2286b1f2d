/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Learned locations: where endpoints of other hosts are, as their hosts said. How a row comes
 * about, lives and ends is in docs/wire-format.md, with a state diagram; the packets that make
 * it are in ask.h (sent RTS), introduction.h (received) and control.h (HERE, STALE).
 */
#pragma once

#include "route.h"

/* The clock of rows: cheap, exact to a tick. */
static __always_inline __u64 clock(void)
{
	return bpf_ktime_get_coarse_ns();
}

static __always_inline struct mz_learned *find_learned(struct mz_pkt *p, const struct mz_addr *addr)
{
	struct mz_vni_addr key = { .vni = p->f->vni, .addr = *addr };

	return table_lookup(learned, &key);
}

/* Is its network that which the endpoint was proven to be in? */
static __always_inline bool is_proven(const struct mz_learned *row)
{
	return row->network && !(row->flags & MZ_LEARNED_BY);
}

/* Of a stamp that another CPU may have written since this one looked at the clock. */
static __always_inline __u64 age_of(__u64 stamp, __u64 now)
{
	return now > stamp ? now - stamp : 0;
}

/* Not stale, and confirmed within its lease. */
static __always_inline bool learned_holds(const struct mz_learned *row, __u64 now)
{
	return !(row->flags & MZ_LEARNED_STALE) && age_of(row->confirmed, now) < mz_config.lease;
}

/* Time stamps are written in place, and seldom: many CPUs read the row. */
static __always_inline bool is_due(__u64 stamp, __u64 now)
{
	return age_of(stamp, now) > mz_config.lease / 8;
}

/* Serial numbers (RFC 1982); zero is no generation. */
static __always_inline bool is_older(__u32 generation, __u32 than)
{
	return generation && than && (__s32)(generation - than) < 0;
}

/* Counts a packet for the row, and sets host. False: it does not hold. */
static __always_inline bool learned_use(struct mz_pkt *p, struct mz_learned *row, __u64 now)
{
	if (!learned_holds(row, now))
		return false;
	p->f->host = row->host;
	if (host_is_dead(p->f->epoch, &p->f->host))
		return false;
	row->hits++;
	if (is_due(row->used, now))
		row->used = now;
	POINT(p, direct);
	return true;
}

/* The destination's, for a divider: what leads by another one was learned before it was one. */
static __always_inline struct mz_learned *find_straight(struct mz_pkt *p)
{
	struct mz_learned *row = find_learned(p, &p->f->dst);

	return row && !(row->flags & MZ_LEARNED_BY) ? row : NULL;
}

/*
 * A packet of the host that is known starts the lease anew. The network that the source was proven
 * to be in, if the lease was not over; else zero.
 */
static __always_inline __u64 learned_confirm(struct mz_pkt *p)
{
	struct mz_learned *row = find_learned(p, &p->f->src);
	__u64 now, network;

	if (!row || row->flags & MZ_LEARNED_STALE || !host_equal(&row->host, &p->f->outer_src))
		return 0;
	now = clock();
	network = learned_holds(row, now) && !(row->flags & MZ_LEARNED_BY) ? row->network : 0;
	if (is_due(row->confirmed, now))
		row->confirmed = now;
	return network;
}

/* Sets sender_network. */
static __always_inline int confirm(struct mz_pkt *p)
{
	if (vpc_is_direct(p) && (p->local || (vpc_is_direct_by_divider(p) &&
					      replicas_have_self(&p->vpc->dividers))))
		p->f->sender_network = learned_confirm(p);
	return 0;
}
