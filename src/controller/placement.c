// SPDX-License-Identifier: Apache-2.0
/* See placement.h. n is at most a few: selection, not sorting. */
#include "controller/placement.h"

static uint64_t mix(uint64_t a, uint64_t b)
{
	uint64_t h = a * 0x9e3779b97f4a7c15ULL ^ b;

	h ^= h >> 33;
	h *= 0xff51afd7ed558ccdULL;
	h ^= h >> 33;
	h *= 0xc4ceb9fe1a85ec53ULL;
	return h ^ h >> 33;
}

static bool better(uint64_t set, const struct ctl_candidate *a, const struct ctl_candidate *b)
{
	if (a->avoid != b->avoid)
		return b->avoid;
	if (a->load != b->load)
		return a->load < b->load;
	return mix(set, a->droplet) < mix(set, b->droplet);
}

size_t ctl_placement_choose(uint64_t set, struct ctl_candidate *candidates, size_t n_candidates,
			    size_t n)
{
	size_t i, j;

	if (n > n_candidates)
		n = n_candidates;
	for (i = 0; i < n; i++) {
		struct ctl_candidate best;
		size_t at = i;

		for (j = i + 1; j < n_candidates; j++)
			if (better(set, &candidates[j], &candidates[at]))
				at = j;
		best = candidates[at];
		candidates[at] = candidates[i];
		candidates[i] = best;
	}
	return n;
}
