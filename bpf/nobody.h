/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Destinations that no location is known of: when they were asked for, and whether somebody who
 * should know said that nobody has them.
 */
#pragma once

#include "learn.h"

#define NOBODY_NS    1000000000ULL
#define UNKNOWN_ROWS 8192 /* nothing is lost with a row but that a question is asked again */

struct unknown {
	__u64 asked;
	__u64 nobody_until; /* nobody has it, somebody said who should know */
	__u32 n_asked;
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, UNKNOWN_ROWS);
	__type(key, struct mz_vni_addr);
	__type(value, struct unknown);
} unknown SEC(".maps");

/* It is true for a while. */
static __always_inline void note_nobody(const struct mz_vni_addr *key)
{
	__u64 now = clock();
	struct unknown row = { .asked = now, .nobody_until = now + NOBODY_NS };

	(void)bpf_map_update_elem(&unknown, key, &row, BPF_ANY); /* or asked again */
}

/* Nor is it any more. */
static __always_inline void note_somebody(const struct mz_vni_addr *key)
{
	struct unknown *row = bpf_map_lookup_elem(&unknown, key);

	if (row)
		row->nobody_until = 0;
}

/* Has nobody the destination? */
static __always_inline bool is_nobodys(struct mz_pkt *p, __u64 now)
{
	struct mz_vni_addr key = { .vni = p->f->vni, .addr = p->f->dst };
	struct unknown *row = bpf_map_lookup_elem(&unknown, &key);

	return row && row->nobody_until > now;
}
