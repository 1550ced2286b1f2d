/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Rate limits: one thing per interval (ns), and a few at once. A bucket holds the time when all
 * that was taken from it would have been paid for; so a zero is a full one (GCRA, ITU-T I.371).
 */
#pragma once

#include "bpf.h"

static __always_inline bool bucket_take(__u64 *bucket, __u64 now, __u64 interval, __u32 burst)
{
	__u64 due = *bucket > now ? *bucket : now;

	if (due - now >= burst * interval)
		return false;
	*bucket = due + interval;
	return true;
}
