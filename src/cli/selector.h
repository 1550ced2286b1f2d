/* SPDX-License-Identifier: Apache-2.0 */
/* Labels on the command line: "tier=web,env=prod". */
#pragma once

#include "api/object.h"

#define MZ_SELECTOR_MAX 32

/* Must not be copied or moved. */
struct mz_selector {
	size_t n;
	Mizar__V1__Label labels[MZ_SELECTOR_MAX]; /* the value is part of the key's memory */
	Mizar__V1__Label *ptrs[MZ_SELECTOR_MAX];
};

/* text NULL: nothing is asked for. -EINVAL: said, with the option's name. */
int mz_selector_parse(const char *text, const char *option, struct mz_selector *ret_selector);
void mz_selector_fini(struct mz_selector *selector);
