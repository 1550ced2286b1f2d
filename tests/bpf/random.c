// SPDX-License-Identifier: Apache-2.0
#include "random.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static uint64_t state, started_ms;

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

static uint64_t now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000ULL + t.tv_nsec / 1000000;
}

bool random_run_start(int argc, char **argv, struct random_run *run)
{
	static const struct option options[] = { { "seed", required_argument, NULL, 's' },
						 { "seconds", required_argument, NULL, 't' },
						 { "count", required_argument, NULL, 'c' },
						 { "ipv6", no_argument, NULL, '6' },
						 {} };
	const char *asked = getenv("MIZAR_FUZZ");
	int option;

	if (asked) {
		run->seed = (uint64_t)time(NULL) << 32;
		run->seconds = strtoull(asked, NULL, 0);
	}
	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option == '?')
			return false;
		if (option == '6')
			run->is_ipv6 = true;
		else
			*(option == 's' ? &run->seed :
			  option == 't' ? &run->seconds :
					  &run->count) = strtoull(optarg, NULL, 0);
	}
	printf("from seed %" PRIu64 " on\n", run->seed);
	started_ms = now_ms();
	return true;
}

bool random_run_goes_on(const struct random_run *run, uint64_t n)
{
	return run->seconds ? random_run_ms() < run->seconds * 1000 : n < run->count;
}

uint64_t random_run_ms(void)
{
	return now_ms() - started_ms;
}
