/* SPDX-License-Identifier: Apache-2.0 */
/* Labels on the command line: "tier=web,env=prod". */
#pragma once

#include <stdbool.h>

#include "api/object.h"

#define MZ_SELECTOR_MAX 32

struct mz_selector {
	size_t n;
	char *keys[MZ_SELECTOR_MAX];
	char *values[MZ_SELECTOR_MAX]; /* part of the key's memory */
};

/* text NULL: nothing is asked for. -EINVAL: said, with the option's name. */
int mz_selector_parse(const char *text, const char *option, struct mz_selector *ret_selector);
void mz_selector_fini(struct mz_selector *selector);
bool mz_selector_matches(const struct mz_selector *selector, const struct mz_object *object);
