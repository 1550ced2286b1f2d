/* SPDX-License-Identifier: Apache-2.0 */
/* What `mizar get` shows of an object: the columns that the field table gives to its kind. */
#pragma once

#include <stddef.h>

#include "api/field.h"

#define MZ_COLUMNS_MAX 24 /* of any kind */

/*
 * Headers in the order of the fields, borrowed from the field table; wide: also those of
 * `-o wide`. Writes at most max; returns how many there are.
 */
size_t mz_columns_headers(const struct mz_kind_info *kind, bool wide, const char **ret_headers,
			  size_t max);

/*
 * One cell per header, each freed by the caller. Lists are joined with commas, absent values are
 * "-" (true-or-false ones "false"). Returns how many there are; -ENOMEM, -EINVAL (a value that has
 * no text form), with nothing to free.
 */
int mz_columns_cells(const struct mz_object *object, bool wide, char **ret_cells, size_t max);
