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

/* Does the sender get to know of it? */
static __always_inline void report(struct mz_pkt *p, __u32 reason)
{
	const struct ctx_failure failure = {
		.reason = reason,
		.inner_eth = p->inner_eth,
		.vni = p->vni,
		.mtu = p->mtu,
		.is_tunneled = p->is_tunneled,
	};

	if (!p->is_error && (reason == MZ_DROP_too_big || reason == MZ_DROP_inner_ttl))
		ctx_report(p->ctx, &failure);
}

/* A bouncer's or divider's word that nobody has the destination. */
static __always_inline bool is_nobody(int verdict)
{
	return verdict == DROP(no_endpoint) || verdict == DROP(no_route);
}

static __always_inline int mz_finish(struct mz_pkt *p, int verdict)
{
	struct mz_counters *counters;
	__u32 code, slot = 0;

	verdict = opaque(p, verdict);
	if (!CTX_IS_LAST &&
	    (verdict == MZ_PASS || p->is_out_of_reach || (p->rts && is_nobody(verdict))))
		return CTX_PASS;
	if (CTX_IS_LAST && p->is_tunneled && is_nobody(verdict))
		prepare_here(p, 0, MZ_HERE_NOBODY);
	if (verdict == MZ_PASS)
		POINT(p, pass);
	counters = bpf_map_lookup_elem(&counter, &slot);
	p->points = opaque(p, p->points);
#pragma unroll
	for (__u32 i = 0; i < MZ_N_COUNTERS; i++) {
		if (CTX_POINTS & 1ULL << i && counters && p->points & 1ULL << i)
			count(&counters->counts[i], p->len);
	}
	if (verdict < 0) {
		code = -verdict;
		count(bpf_map_lookup_elem(&drop, &code), p->len);
		report(p, code);
	}
	if (is(p, MZ_ANSWERS) && (verdict < 0 || verdict == MZ_COPIED))
		ctx_go_on(p->ctx, CTX_TAIL_CONTROL_SEND);
	if (verdict == MZ_CONTROL)
		ctx_go_on(p->ctx, CTX_TAIL_CONTROL);
	if (verdict == MZ_CAME_BACK)
		ctx_go_on(p->ctx, CTX_TAIL_RETURNED);
	if (verdict == MZ_ASKS)
		ctx_go_on(p->ctx, CTX_TAIL_INTRODUCED);
	if (verdict == MZ_GOES_ON) {
		ctx_go_on(p->ctx, CTX_TAIL_TRANSIT);
		take_over(p);
	}
	if (verdict == MZ_SENT)
		return p->action;
	return verdict == MZ_PASS ? CTX_PASS : CTX_DROP;
}
