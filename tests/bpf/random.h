/* SPDX-License-Identifier: Apache-2.0 */
/* Deterministic numbers: everything random of a run comes from its seed. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

void random_seed(uint64_t seed);
uint32_t random_below(uint32_t n);
bool random_chance(unsigned int percent);
