/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which slots of a row of `nexthop` have which way: by weight, and so that the death of a way moves
 * its own flows only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "mizar/tables.h"

struct mz_slot_way {
	unsigned int weight;
	bool is_alive;
};

/*
 * Of n ways, at most MZ_WAYS_MAX, the living ones get all slots; in them they are numbered as if
 * the dead ones were not there. Ways of the same weight differ by one slot at most. Returns 0 when
 * none lives.
 */
uint64_t mz_slots_fill(const struct mz_slot_way *ways, unsigned int n);
