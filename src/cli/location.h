/* SPDX-License-Identifier: Apache-2.0 */
/* Learned locations in words. */
#pragma once

#include <stdint.h>

#include "mizar/tables.h"

struct mz_location_words {
	const char *state;  /* "fresh", "expired", "stale" */
	const char *source; /* "rts", "here", "-" */
	const char *via;    /* "host", "divider" */
	uint64_t age_ms;    /* since it was confirmed */
	uint64_t left_ms;   /* of the lease */
};

/* vpc: NULL if the host has no row of it. Times in ns. */
struct mz_location_words mz_location_words(const struct mz_learned *row, const struct mz_vpc *vpc,
					   uint64_t lease, uint64_t now);

#define MZ_DURATION_SIZE 24
/* "850ms", "3.2s", "42s", "7m", "3h". Returns buf. */
const char *mz_duration_format(uint64_t ms, char buf[static MZ_DURATION_SIZE]);
