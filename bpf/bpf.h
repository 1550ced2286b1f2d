/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What every file of the data plane stands on: kernel headers, libbpf's helpers, and the layouts
 * shared with user space.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <linux/bpf.h>
#include <linux/types.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "mizar/counters.h"
#include "mizar/tables.h"
#include "mizar/wire.h"

/*
 * A function that the verifier looks at once, with any arguments of these types, and not again at
 * every call: pointers may be NULL there, and what they point to holds no pointers. Linux 6.1 takes
 * none of them as a key of a table: those are copied first.
 */
#define GLOBAL __attribute__((noinline))

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/*
 * A size that is known to be from 1 to max, a power of two, said so that the verifier of Linux 6.1
 * sees it: it forgets comparisons with a copy.
 */
static __always_inline __u32 size_seen(__u64 size, __u32 max)
{
	size--;
	barrier_var(size);
	size &= max - 1;
	return size + 1;
}
