// SPDX-License-Identifier: Apache-2.0
/* Open addressing; the members are hashes already, so their low bits are the place. */
#include "host/keyset.h"

#include <errno.h>
#include <stdlib.h>

#define SLOTS_MIN 64

static size_t find(const uint64_t *slots, size_t n_slots, uint64_t hash)
{
	size_t i = hash & (n_slots - 1);

	while (slots[i] && slots[i] != hash)
		i = (i + 1) & (n_slots - 1);
	return i;
}

static int grow(struct mz_keyset *set)
{
	size_t i, n_slots = set->n_slots ? set->n_slots * 2 : SLOTS_MIN;
	uint64_t *slots;

	slots = calloc(n_slots, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	for (i = 0; i < set->n_slots; i++) {
		if (set->slots[i])
			slots[find(slots, n_slots, set->slots[i])] = set->slots[i];
	}
	free(set->slots);
	set->slots = slots;
	set->n_slots = n_slots;
	return 0;
}

int mz_keyset_add(struct mz_keyset *set, uint64_t hash)
{
	size_t i;
	int r;

	if (!hash) {
		set->has_zero = true;
		return 0;
	}
	if (set->n + 1 > set->n_slots / 4 * 3) {
		r = grow(set);
		if (r < 0)
			return r;
	}
	i = find(set->slots, set->n_slots, hash);
	if (!set->slots[i]) {
		set->slots[i] = hash;
		set->n++;
	}
	return 0;
}

/* Members that had to make way for it move up, so that every search still finds them. */
void mz_keyset_remove(struct mz_keyset *set, uint64_t hash)
{
	size_t gap, i, mask = set->n_slots - 1;

	if (!hash)
		set->has_zero = false;
	if (!hash || !mz_keyset_has(set, hash))
		return;
	gap = find(set->slots, set->n_slots, hash);
	for (i = (gap + 1) & mask; set->slots[i]; i = (i + 1) & mask) {
		if (((i - set->slots[i]) & mask) < ((i - gap) & mask))
			continue; /* its place lies behind the gap */
		set->slots[gap] = set->slots[i];
		gap = i;
	}
	set->slots[gap] = 0;
	set->n--;
}

bool mz_keyset_has(const struct mz_keyset *set, uint64_t hash)
{
	if (!hash)
		return set->has_zero;
	return set->n_slots && set->slots[find(set->slots, set->n_slots, hash)] == hash;
}

void mz_keyset_fini(struct mz_keyset *set)
{
	free(set->slots);
	*set = (struct mz_keyset){};
}
