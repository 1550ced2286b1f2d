/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The maps, from the rows of include/mizar/tables.h. A table is an outer array with one slot; user
 * space puts the hash there, and replaces it by a larger one when it is full.
 */
#pragma once

#include "bpf.h"

/* clang-format off */
#define X(name, kind, key_type, value_type, rows, doc)                                            \
	struct {                                                                                  \
		__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);                                         \
		__uint(max_entries, 1);                                                           \
		__type(key, __u32);                                                               \
		__array(values, struct {                                                          \
			__uint(type, BPF_MAP_TYPE_##kind);                                        \
			__uint(map_flags, BPF_F_NO_PREALLOC);                                     \
			__uint(max_entries, rows);                                                \
			__uint(key_size, sizeof(key_type));                                       \
			__uint(value_size, sizeof(value_type));                                   \
		});                                                                               \
	} name SEC(".maps");
MZ_BPF_TABLES(X)
#undef X
/* clang-format on */

/* One row for all counters: a packet passes several, and finds them at once. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct mz_counters);
} counter SEC(".maps");

/* Raised by user space after every change of the tables that cache.h keeps rows of. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} epoch SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MZ_DROP_CODES);
	__type(key, __u32);
	__type(value, struct mz_count);
} drop SEC(".maps");

const volatile struct mz_config mz_config = {};

/* Had the table ever a row? */
#define table_is_used(table)                                                  \
	({                                                                    \
		__u32 slot_ = 0;                                              \
		bpf_map_lookup_elem(&(table), &slot_) != NULL;                \
	})

/* The row of a table, or NULL. */
#define table_lookup(table, key)                                              \
	({                                                                    \
		__u32 slot_ = 0;                                              \
		void *inner_ = bpf_map_lookup_elem(&(table), &slot_);         \
		inner_ ? bpf_map_lookup_elem(inner_, (key)) : NULL;           \
	})

/* Never 0, which is that of rows of a cache that nobody used yet. */
static __always_inline __u32 epoch_now(void)
{
	__u32 slot = 0;
	__u32 *now = bpf_map_lookup_elem(&epoch, &slot);

	return now ? *now : 0;
}
