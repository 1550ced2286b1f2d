// SPDX-License-Identifier: Apache-2.0
#include "random.h"

static uint64_t state;

void random_seed(uint64_t seed)
{
	state = seed;
}

/* SplitMix64: any seed is a good one. */
uint32_t random_below(uint32_t n)
{
	uint64_t z = (state += 0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (z ^ z >> 31) % n;
}

bool random_chance(unsigned int percent)
{
	return random_below(100) < percent;
}
