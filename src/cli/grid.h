/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text in columns. Rows stream: the first ones are held back to find how wide the columns are;
 * later ones widen them as they come, so that a million rows need no memory.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/cleanup.h"

#define MZ_GRID_COLUMNS_MAX 32

struct mz_grid;

/* Headers are copied. -EINVAL: more than MZ_GRID_COLUMNS_MAX. */
int mz_grid_new(FILE *out, const char *const *headers, size_t n_columns, struct mz_grid **ret_grid);
void mz_grid_free(struct mz_grid *grid); /* what was not flushed is lost */
DEFINE_CLEANUP(struct mz_grid *, mz_grid_free)

/* As many cells as columns; NULL and "" are printed as "-". */
int mz_grid_add(struct mz_grid *grid, const char *const *cells);
/* Prints what is held back; without a row, not even the headers. */
void mz_grid_flush(struct mz_grid *grid);
size_t mz_grid_n_rows(const struct mz_grid *grid);
