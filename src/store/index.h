/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the store keeps of every object in memory: hash -> value (a uid, say), open addressing,
 * nothing else.
 *
 *	n_words 1	16 bytes an entry: the key must be exact (a bijection of what it stands for)
 *	n_words 2	24 bytes an entry: a keyed 128-bit hash; two of ten million names agree by
 *			chance with probability 10^-25, so entries are not compared with the object
 *
 * Entries lie in 1024 partitions, and each grows alone by a quarter when it is 7/8 full: an insert
 * moves at most a thousandth of the population, and 70 to 87 % of the slots are used. A partition
 * never shrinks, so putting back an entry that was just removed cannot fail.
 */
#pragma once

#include <stdint.h>

#define MZ_INDEX_PARTITION_BITS 10
#define MZ_INDEX_N_PARTITIONS (1U << MZ_INDEX_PARTITION_BITS)

struct mz_index {
	unsigned int n_words; /* of a key: 1 or 2 */
	struct mz_index_partition {
		uint64_t *slots; /* n_words of key, then the value; 0: empty */
		uint32_t n_slots, n_used;
	} partitions[MZ_INDEX_N_PARTITIONS];
};

void mz_index_init(struct mz_index *index, unsigned int n_words);
void mz_index_fini(struct mz_index *index);

/* 0: absent. The key must look random in all its bits. */
uint64_t mz_index_get(const struct mz_index *index, const uint64_t *key);
/* Adds or replaces; value is not 0. -ENOMEM (never when it replaces). */
int mz_index_set(struct mz_index *index, const uint64_t *key, uint64_t value);
/* Absent is success. */
void mz_index_remove(struct mz_index *index, const uint64_t *key);
