/* SPDX-License-Identifier: Apache-2.0 */
/* A set of 64-bit hashes: the rows that a FULL update has named. Starts as {}; 8 to 16 bytes each.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mz_keyset {
	uint64_t *slots; /* 0: free */
	size_t n_slots, n;
	bool has_zero; /* 0 itself is a member */
};

/* Present is success. -ENOMEM. */
int mz_keyset_add(struct mz_keyset *set, uint64_t hash);
/* Absent is success. */
void mz_keyset_remove(struct mz_keyset *set, uint64_t hash);
bool mz_keyset_has(const struct mz_keyset *set, uint64_t hash);
void mz_keyset_fini(struct mz_keyset *set);
