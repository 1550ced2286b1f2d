/* SPDX-License-Identifier: Apache-2.0 */
/* Held-back rows are one list of strings, n_columns a row, the headers first. */
#include "cli/grid.h"

#include <errno.h>
#include <string.h>

#define HELD_ROWS_MAX 1000
#define GAP	      3 /* spaces between columns */

struct mz_grid {
	FILE *out;
	size_t n_columns;
	size_t widths[MZ_GRID_COLUMNS_MAX];
	char **held;
	size_t n_held; /* strings */
	size_t n_rows;
	bool is_flowing; /* nothing is held back any more */
};

/* Characters, not bytes: what is no continuation byte of UTF-8. */
static size_t text_width(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += (*text & 0xc0) != 0x80;
	return n;
}

static void print_row(struct mz_grid *grid, const char *const *cells)
{
	for (size_t i = 0; i < grid->n_columns; i++) {
		size_t width = text_width(cells[i]);

		if (width > grid->widths[i])
			grid->widths[i] = width;
		fputs(cells[i], grid->out);
		if (i + 1 < grid->n_columns)
			fprintf(grid->out, "%*s", (int)(grid->widths[i] - width + GAP), "");
	}
	fputc('\n', grid->out);
}

static int hold_row(struct mz_grid *grid, const char *const *cells)
{
	for (size_t i = 0; i < grid->n_columns; i++) {
		char *copy = strdup(cells[i]);
		size_t width = text_width(cells[i]);

		if (!copy)
			return -ENOMEM;
		grid->held[grid->n_held++] = copy;
		if (width > grid->widths[i])
			grid->widths[i] = width;
	}
	return 0;
}

int mz_grid_new(FILE *out, const char *const *headers, size_t n_columns, struct mz_grid **ret_grid)
{
	_cleanup_(mz_grid_freep) struct mz_grid *grid = NULL;
	int r;

	if (!n_columns || n_columns > MZ_GRID_COLUMNS_MAX)
		return -EINVAL;
	grid = calloc(1, sizeof(*grid));
	if (!grid)
		return -ENOMEM;
	grid->out = out;
	grid->n_columns = n_columns;
	grid->held = calloc((HELD_ROWS_MAX + 1) * n_columns, sizeof(*grid->held));
	if (!grid->held)
		return -ENOMEM;
	r = hold_row(grid, headers);
	if (r < 0)
		return r;
	*ret_grid = TAKE(grid);
	return 0;
}

void mz_grid_free(struct mz_grid *grid)
{
	if (!grid)
		return;
	for (size_t i = 0; i < grid->n_held; i++)
		free(grid->held[i]);
	free(grid->held);
	free(grid);
}

int mz_grid_add(struct mz_grid *grid, const char *const *cells)
{
	const char *shown[MZ_GRID_COLUMNS_MAX];

	for (size_t i = 0; i < grid->n_columns; i++)
		shown[i] = cells[i] && *cells[i] ? cells[i] : "-";
	grid->n_rows++;
	if (!grid->is_flowing && grid->n_rows <= HELD_ROWS_MAX)
		return hold_row(grid, shown);
	mz_grid_flush(grid);
	print_row(grid, shown);
	return 0;
}

void mz_grid_flush(struct mz_grid *grid)
{
	if (!grid->n_rows)
		return;
	for (size_t i = 0; i < grid->n_held; i += grid->n_columns)
		print_row(grid, (const char *const *)grid->held + i);
	for (size_t i = 0; i < grid->n_held; i++)
		free(grid->held[i]);
	grid->n_held = 0;
	grid->is_flowing = true; /* a watch flushes after every row */
}

size_t mz_grid_n_rows(const struct mz_grid *grid)
{
	return grid->n_rows;
}
