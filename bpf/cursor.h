/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The one way to a packet's bytes. Headers are named by their offset; a pointer is good until the
 * next call, since reaching further may move the packet. No other file compares with the packet's
 * end.
 */
#pragma once

#include "packet.h"

/*
 * No header starts behind this: Ethernet, 60 of IPv4, UDP, 260 of Geneve, Ethernet, IPv6,
 * extensions.
 */
#define MZ_OFFSET_MAX 1023

/*
 * `size` bytes at `off`, or NULL: the packet, or a length field that was read before, ends earlier.
 *
 */
static __always_inline void *mz_at(struct mz_pkt *p, __u32 off, __u32 size)
{
	void *start;

	barrier_var(off);
	if (off > MZ_OFFSET_MAX || off + size > p->f->end)
		return NULL;
	start = ctx_data(p->ctx) + off;
	if (start + size <= ctx_data_end(p->ctx))
		return start;
	if (ctx_pull(p->ctx, off + size)) {
		p->f->is_out_of_reach = true;
		return NULL;
	}
	start = ctx_data(p->ctx) + off;
	return start + size <= ctx_data_end(p->ctx) ? start : NULL;
}
