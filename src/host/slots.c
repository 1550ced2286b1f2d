// SPDX-License-Identifier: Apache-2.0
#include "host/slots.h"

/* Of n things in a row, who has the i-th if they are shared out by weight. The total is not 0. */
static unsigned int share(const struct mz_slot_way *ways, unsigned int n_ways, bool only_alive,
			  unsigned int i, unsigned int n)
{
	uint64_t total = 0, sum = 0;
	unsigned int w, last = 0;

	for (w = 0; w < n_ways; w++)
		total += only_alive && !ways[w].is_alive ? 0 : ways[w].weight;
	for (w = 0; w < n_ways; w++) {
		if (only_alive && !ways[w].is_alive)
			continue;
		last = w;
		sum += ways[w].weight;
		if ((2 * i + 1) * total < 2 * n * sum)
			break;
	}
	return last;
}

uint64_t mz_slots_fill(const struct mz_slot_way *ways, unsigned int n)
{
	unsigned int owners[MZ_WAY_SLOTS], numbers[MZ_WAYS_MAX], n_alive = 0, n_dead = 0;
	unsigned int slot, way, dead = 0;
	uint64_t slots = 0;

	for (way = 0; way < n; way++) {
		numbers[way] = n_alive;
		n_alive += ways[way].is_alive;
	}
	if (!n_alive)
		return 0;
	for (slot = 0; slot < MZ_WAY_SLOTS; slot++) {
		owners[slot] = share(ways, n, false, slot, MZ_WAY_SLOTS);
		n_dead += !ways[owners[slot]].is_alive;
	}
	for (slot = 0; slot < MZ_WAY_SLOTS; slot++) {
		way = owners[slot];
		if (!ways[way].is_alive)
			way = share(ways, n, true, dead++, n_dead);
		slots |= (uint64_t)numbers[way] << slot * MZ_WAY_BITS;
	}
	return slots;
}
