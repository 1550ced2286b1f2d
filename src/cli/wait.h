/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for an object's phase, by watching it. */
#pragma once

#include <stdint.h>

#include "cli/server.h"

/* The end of all waiting of one command. */
struct mz_deadline {
	uint64_t at_ms; /* CLOCK_MONOTONIC */
	unsigned int seconds;
};
struct mz_deadline mz_deadline_of(const struct mz_args *args); /* --timeout, or 60 s */

/*
 * Until the object is in the phase, for the spec that it has now; "gone": until it does not exist.
 * Says what went wrong: -ETIMEDOUT with its last phase and why, -ENOENT not there.
 */
int mz_wait_for(struct mz_server *server, const struct mz_kind_info *kind, const char *ns,
		const char *name, const char *state, const struct mz_deadline *deadline);
