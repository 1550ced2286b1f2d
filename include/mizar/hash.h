/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Hashes that the data plane and whoever fills its tables must agree on, and the mixer they are
 * made of. Not for keys that an enemy may choose to collide: only for spreading.
 */
#ifndef MIZAR_HASH_H
#define MIZAR_HASH_H

#include "mizar/tables.h"

/* The finalizer of MurmurHash3: every bit of the value reaches the low bits, which slots are. */
static inline __u32 mz_hash_mix(__u32 hash, __u32 value)
{
	hash = (hash ^ value) * 0x85ebca6b;
	hash = (hash ^ hash >> 13) * 0xc2b2ae35;
	return hash ^ hash >> 16;
}

static inline __u32 mz_hash_addr(__u32 hash, const struct mz_addr *addr)
{
	hash = mz_hash_mix(hash, addr->words_be[0]);
	hash = mz_hash_mix(hash, addr->words_be[1]);
	hash = mz_hash_mix(hash, addr->words_be[2]);
	return mz_hash_mix(hash, addr->words_be[3]);
}

/* The slot of a network's row that serves a destination: mz_network_key.slot. */
static inline __u32 mz_slot(__u32 vni, const struct mz_addr *dst, __u32 slot_bits)
{
	return mz_hash_addr(mz_hash_mix(0, vni), dst) & ((1ULL << (slot_bits & 31)) - 1);
}

#endif
