/* SPDX-License-Identifier: Apache-2.0 */
/* Deterministic numbers: everything random of a run comes from its seed. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

void random_seed(uint64_t seed);
uint32_t random_below(uint32_t n);
bool random_chance(unsigned int percent);

/* What a program does by random numbers: seeds one after the other, so many times or so long. */
struct random_run {
	uint64_t seed, count, seconds; /* seconds 0: count */
	bool is_ipv6;
};

/*
 * Options --seed, --count, --seconds, --ipv6 over the defaults; MIZAR_FUZZ=SECONDS in the
 * environment (./check --fuzz) is for so long, from a seed of the time. Says what it begins with.
 * False: misuse.
 */
bool random_run_start(int argc, char **argv, struct random_run *run);
/* Not yet done? n: how many are. */
bool random_run_goes_on(const struct random_run *run, uint64_t n);
uint64_t random_run_ms(void); /* since the start */
