/* SPDX-License-Identifier: Apache-2.0 */
/* The run of the fuzzer: its packet, and what is checked of that without a model. */
#pragma once

#include "fuzz.h"

/* What the kernel is told of a fate. */
struct fuzz_hook {
	const char *name;
	int verdicts[4];
};
extern const struct fuzz_hook hooks[N_HOOKS];

struct fuzz_run {
	uint64_t seed; /* of the world */
	unsigned int index;
	const struct packet *packet;
	uint64_t start; /* of the packet: ns */
	uint64_t n_packets, n_counted[MZ_N_COUNTERS], n_dropped[MZ_DROP_CODES];
};
extern struct fuzz_run run;

/* Prints what is wrong, and how to see it again. */
void report(const char *what, const struct result *result, const struct forecast *forecast);

/* These report what is wrong, and end. */
enum fate sound_fate(const struct result *result);
void sound_check_sent(const struct world *world, const struct result *result);
/* A drop of which the sender may be told, by a packet that the program makes of it. */
bool sound_is_reported(const struct result *result);
/* What came of a report: nothing, or an error on its way back, or one that was dropped. */
bool sound_is_report(const struct world *world, const struct result *result);
