/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The one exit: counts what happened to the packet and says it in the hook's words.
 */
#pragma once

#include "control_room.h"

static __always_inline void count(struct mz_count *c, __u32 bytes)
{
	if (!c)
		return;
	c->packets++;
	c->bytes += bytes;
}

/* Few points of many: by groups of eight. */
static __always_inline void count_points(struct mz_pkt *p)
{
	__u32 slot = 0;
	struct mz_counters *counters = bpf_map_lookup_elem(&counter, &slot);
	__u64 points = p->f->points & CTX_POINTS;

	if (!counters)
		return;
#pragma unroll
	for (__u32 i = 0; i < MZ_N_COUNTERS; i += 8) {
		if (!(points >> i & 0xff))
			continue;
#pragma unroll
		for (__u32 j = i; j < i + 8 && j < MZ_N_COUNTERS; j++) {
			if (points >> j & 1)
				count(&counters->counts[j], p->f->len);
		}
	}
}

/* Does the sender get to know of it? */
static __always_inline bool is_reported(struct mz_pkt *p, __u32 reason)
{
	return !p->f->is_error && (reason == MZ_DROP_too_big || reason == MZ_DROP_inner_ttl);
}

/* A bouncer's or divider's word that nobody has the destination. */
static __always_inline bool is_nobody(int verdict)
{
	return verdict == DROP(no_endpoint) || verdict == DROP(no_route);
}

static __always_inline int mz_finish(struct mz_pkt *p, int verdict)
{
	__u32 code;

	p->f->verdict = verdict;
	forget();
	verdict = p->f->verdict;
	if (!CTX_IS_LAST &&
	    (verdict == MZ_PASS || p->f->is_out_of_reach))
		return CTX_PASS;
	if (CTX_IS_LAST && p->f->is_tunneled && is_nobody(verdict))
		prepare_here(p, 0, MZ_HERE_NOBODY);
	if (verdict == MZ_CONTROL)
		ctx_go_on(p->ctx, CTX_TAIL_CONTROL);
	if (verdict == MZ_CAME_BACK)
		ctx_go_on(p->ctx, CTX_TAIL_RETURNED);
	if (verdict == MZ_ASKS)
		ctx_go_on(p->ctx, CTX_TAIL_INTRODUCED);
	if (verdict == MZ_PASS)
		POINT(p, pass);
	count_points(p);
	if (verdict < 0) {
		code = -verdict;
		count(bpf_map_lookup_elem(&drop, &code), p->f->len);
		if (is_reported(p, code))
			ctx_go_on(p->ctx, CTX_TAIL_ERROR);
	}
	if (is(p, MZ_ANSWERS) &&
	    (verdict < 0 || verdict == MZ_COPIED || verdict == MZ_ABSORBED))
		ctx_go_on(p->ctx, CTX_TAIL_CONTROL_SEND);
	if (verdict == MZ_SENT)
		return p->f->action;
	return verdict == MZ_PASS ? CTX_PASS : CTX_DROP;
}
