// SPDX-License-Identifier: Apache-2.0
/* Text in columns: widths, empty cells, long lists, nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "cli/grid.h"

static const char *const headers[] = { "NAME", "WHAT" };

struct capture {
	char *text;
	size_t size;
	FILE *file;
	struct mz_grid *grid;
};

static void begin(struct capture *c)
{
	c->file = open_memstream(&c->text, &c->size);
	assert_non_null(c->file);
	assert_int_equal(mz_grid_new(c->file, headers, 2, &c->grid), 0);
}

static void end(struct capture *c)
{
	mz_grid_flush(c->grid);
	mz_grid_free(c->grid);
	fclose(c->file);
}

static void add(struct capture *c, const char *a, const char *b)
{
	assert_int_equal(mz_grid_add(c->grid, (const char *const[]){ a, b }), 0);
}

static void test_columns(void **state)
{
	struct capture c;

	begin(&c);
	add(&c, "a", "first");
	add(&c, "longer-name", "");
	add(&c, "\xc3\xa9t\xc3\xa9", NULL); /* 3 characters in 5 bytes */
	end(&c);
	assert_string_equal(c.text, "NAME          WHAT\n"
				    "a             first\n"
				    "longer-name   -\n"
				    "\xc3\xa9t\xc3\xa9           -\n");
	free(c.text);
}

static void test_nothing(void **state)
{
	struct capture c;

	begin(&c);
	end(&c);
	assert_string_equal(c.text, "");
	free(c.text);
}

/* Far more rows than are held back, and one that widens a column late. */
static void test_long(void **state)
{
	size_t n_lines = 0;
	struct capture c;
	char *line;

	begin(&c);
	for (size_t i = 0; i < 5000; i++)
		add(&c, i == 4000 ? "a-much-longer-name" : "name", "x");
	assert_int_equal(mz_grid_n_rows(c.grid), 5000);
	end(&c);
	for (line = c.text; *line; line = strchr(line, '\n') + 1)
		n_lines++;
	assert_int_equal(n_lines, 5001);
	assert_non_null(strstr(c.text, "\na-much-longer-name   x\nname                 x\n"));
	free(c.text);
}

/* A watcher flushes after every row: headers appear once. */
static void test_flushed(void **state)
{
	struct capture c;

	begin(&c);
	add(&c, "a", "b");
	mz_grid_flush(c.grid);
	add(&c, "c", "d");
	end(&c);
	assert_string_equal(c.text, "NAME   WHAT\na      b\nc      d\n");
	free(c.text);
}

static void test_too_wide(void **state)
{
	const char *many[MZ_GRID_COLUMNS_MAX + 1] = {};
	struct mz_grid *grid;

	assert_true(mz_grid_new(stdout, many, MZ_GRID_COLUMNS_MAX + 1, &grid) < 0);
	assert_true(mz_grid_new(stdout, many, 0, &grid) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_columns),	 cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_long),	 cmocka_unit_test(test_flushed),
		cmocka_unit_test(test_too_wide),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
