/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The one exit: counts what happened to the packet and says it in the hook's words.
 */
#pragma once

#include "packet.h"

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

static __always_inline int mz_finish(struct mz_pkt *p, int verdict)
{
	struct mz_counters *counters;
	__u32 code, slot = 0;

	if (!CTX_IS_LAST && (verdict == MZ_PASS || p->is_out_of_reach))
		return CTX_PASS;
	if (verdict == MZ_PASS)
		POINT(p, pass);
	counters = bpf_map_lookup_elem(&counter, &slot);
#pragma unroll
	for (__u32 i = 0; i < MZ_N_COUNTERS; i++) {
		if (CTX_POINTS & 1U << i && counters && p->points & 1U << i)
			count(&counters->counts[i], p->len);
	}
	if (verdict < 0) {
		code = -verdict;
		count(bpf_map_lookup_elem(&drop, &code), p->len);
		report(p, code);
		return CTX_DROP;
	}
	if (verdict == MZ_SENT)
		return p->action;
	return verdict == MZ_PASS ? CTX_PASS : CTX_DROP;
}
