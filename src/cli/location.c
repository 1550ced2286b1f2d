/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/location.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/replicas.h"

#define MS 1000000

/* Where a VPC divides, both ends learn a divider in place of each other. */
static bool is_divider(const struct mz_learned *row, const struct mz_vpc *vpc)
{
	return vpc && vpc->flags & MZ_VPC_DIVIDE && mz_replicas_have(&vpc->dividers, &row->host);
}

struct mz_location_words mz_location_words(const struct mz_learned *row, const struct mz_vpc *vpc,
					   uint64_t lease, uint64_t now)
{
	/* It may have been confirmed while it was read. */
	uint64_t age = now > row->confirmed ? now - row->confirmed : 0;

	return (struct mz_location_words){
		.state = row->flags & MZ_LEARNED_STALE ? "stale" :
			 age >= lease		       ? "expired" :
							 "fresh",
		.source = row->flags & MZ_LEARNED_HERE ? "here" :
			  row->flags & MZ_LEARNED_RTS  ? "rts" :
							 "-",
		.via = is_divider(row, vpc) ? "divider" : "host",
		.age_ms = age / MS,
		.left_ms = age < lease ? (lease - age) / MS : 0,
	};
}

const char *mz_duration_format(uint64_t ms, char buf[static MZ_DURATION_SIZE])
{
	if (ms < 1000)
		snprintf(buf, MZ_DURATION_SIZE, "%" PRIu64 "ms", ms);
	else if (ms < 10000)
		snprintf(buf, MZ_DURATION_SIZE, "%" PRIu64 ".%" PRIu64 "s", ms / 1000,
			 ms / 100 % 10);
	else if (ms < 120 * 1000)
		snprintf(buf, MZ_DURATION_SIZE, "%" PRIu64 "s", ms / 1000);
	else if (ms < 120 * 60 * 1000)
		snprintf(buf, MZ_DURATION_SIZE, "%" PRIu64 "m", ms / (60 * 1000));
	else
		snprintf(buf, MZ_DURATION_SIZE, "%" PRIu64 "h", ms / (60 * 60 * 1000));
	return buf;
}
