/* SPDX-License-Identifier: Apache-2.0 */
/* `mizar host tables|stats|drops`: reads the pinned tables, with or without mizard. */
#include "cli/host_tables.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/grid.h"
#include "cli/output.h"
#include "cli/say.h"
#include "cli/target.h"
#include "host/program.h"

enum mz_exit mz_host_tables_open(const char *dir, struct mz_tables **ret_tables)
{
	int r = mz_tables_open(dir, false, ret_tables);

	switch (r) {
	case 0:
		return MZ_DONE;
	case -ENOENT:
		mz_error("%s has no tables: mizard was never started there (or --dir, or --lab and "
			 "--host, is wrong)",
			 dir);
		break;
	case -EPERM:
	case -EACCES:
		mz_error("%s: reading tables needs root", dir);
		break;
	case -ESTALE:
		mz_error("%s: the tables are of another version of Mizar: use its mizar", dir);
		break;
	default:
		mz_error("%s: cannot open the tables: %s", dir, strerror(-r));
	}
	return MZ_FAILED;
}

enum mz_exit mz_host_config(const char *dir, struct mz_config *ret_config)
{
	int r = mz_programs_config(dir, ret_config);

	if (r == -ENOENT)
		mz_error("%s has no programs: its mizard never came up", dir);
	else if (r < 0)
		mz_error("%s: cannot tell what its programs were loaded with: %s", dir,
			 strerror(-r));
	return r < 0 ? MZ_FAILED : MZ_DONE;
}

static enum mz_exit open_tables(const struct mz_args *args, struct mz_tables **ret_tables)
{
	char dir[PATH_MAX];

	return mz_target_dir(args, dir) < 0 ? MZ_MISUSED : mz_host_tables_open(dir, ret_tables);
}

static bool is_document(enum mz_form form)
{
	return form == MZ_FORM_JSON || form == MZ_FORM_YAML;
}

static enum mz_exit finish(struct mz_grid *grid, enum mz_form form, json_t *array, int r)
{
	if (!r && is_document(form))
		r = mz_print_json(form, array);
	else if (r < 0)
		mz_error("cannot read the tables: %s", strerror(-r));
	else if (grid)
		mz_grid_flush(grid);
	json_decref(array);
	return r < 0 ? MZ_FAILED : MZ_DONE;
}

/* ---- rows ------------------------------------------------------------------------------------ */

struct dump {
	enum mz_table_id id;
	enum mz_form form;
	struct mz_grid *grid;
	json_t *rows;
};

static bool is_text_list(const json_t *value)
{
	const json_t *item;
	size_t i;

	json_array_foreach(value, i, item)
		if (!json_is_string(item))
			return false;
	return json_is_array(value);
}

/* Lists of texts with commas, what is nested deeper as JSON. Caller frees. */
static char *cell_text(const json_t *value)
{
	const json_t *item;
	char *text = NULL;
	size_t i, size;
	FILE *out;

	if (json_is_string(value))
		return strdup(json_string_value(value));
	if (!is_text_list(value))
		return json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_PRESERVE_ORDER);
	out = open_memstream(&text, &size);
	if (!out)
		return NULL;
	json_array_foreach(value, i, item)
		fprintf(out, "%s%s", i ? "," : "", json_string_value(item));
	return fclose(out) < 0 ? NULL : text;
}

#define HEADER_SIZE 32

/* "slotBits" is SLOT-BITS. */
static const char *header_text(const char *key, char buf[static HEADER_SIZE])
{
	size_t n = 0;

	for (; *key && n + 2 < HEADER_SIZE; key++) {
		if (isupper((unsigned char)*key))
			buf[n++] = '-';
		buf[n++] = (char)toupper((unsigned char)*key);
	}
	buf[n] = 0;
	return buf;
}

/* The columns are the fields of the first row: all rows of a table have the same. */
static int add_row(struct dump *d, json_t *row)
{
	char headers[MZ_GRID_COLUMNS_MAX][HEADER_SIZE];
	const char *header_pointers[MZ_GRID_COLUMNS_MAX];
	char *cells[MZ_GRID_COLUMNS_MAX];
	size_t n = 0;
	const char *key;
	json_t *value;
	int r = 0;

	json_object_foreach(row, key, value) {
		if (n == MZ_GRID_COLUMNS_MAX)
			break;
		header_pointers[n] = header_text(key, headers[n]);
		cells[n++] = cell_text(value);
	}
	if (!d->grid)
		r = mz_grid_new(stdout, header_pointers, n, &d->grid);
	if (!r)
		r = mz_grid_add(d->grid, (const char *const *)cells);
	while (n)
		free(cells[--n]);
	return r;
}

static int dump_row(const void *key, const void *value, void *user)
{
	struct dump *d = user;
	json_t *row = NULL;
	int r;

	r = mz_table_row_to_json(d->id, key, value, &row);
	if (r < 0)
		return r;
	if (is_document(d->form))
		return json_array_append_new(d->rows, row) < 0 ? -ENOMEM : 0;
	r = add_row(d, row);
	json_decref(row);
	return r;
}

static enum mz_exit dump_table(struct mz_tables *tables, enum mz_table_id id, enum mz_form form)
{
	struct dump d = { id, form, NULL, json_array() };
	enum mz_exit result;

	result = finish(NULL, form, d.rows, mz_table_each(tables, id, dump_row, &d));
	if (d.grid)
		mz_grid_flush(d.grid);
	mz_grid_free(d.grid);
	return result;
}

static int add_summary(struct mz_tables *tables, enum mz_table_id id, struct mz_grid *grid,
		       json_t *array)
{
	const struct mz_table_info *info = &mz_table_infos[id];
	uint64_t rows = mz_table_count(tables, id);
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, rows);
	json_array_append_new(array, json_pack("{s:s, s:s, s:s}", "name", info->name, "rows", text,
					       "doc", info->doc));
	return mz_grid_add(grid, (const char *const[]){ info->name, text, info->doc });
}

static enum mz_exit summarise(struct mz_tables *tables, enum mz_form form)
{
	static const char *const headers[] = { "TABLE", "ROWS", "WHAT" };
	_cleanup_(mz_grid_freep) struct mz_grid *grid = NULL;
	json_t *array = json_array();
	int r;

	r = mz_grid_new(stdout, headers, ARRAY_SIZE(headers), &grid);
	for (size_t id = 0; !r && id < MZ_N_TABLES; id++) {
		if (form == MZ_FORM_NAME)
			puts(mz_table_infos[id].name);
		else
			r = add_summary(tables, (enum mz_table_id)id, grid, array);
	}
	return finish(form == MZ_FORM_NAME ? NULL : grid, form, array, r);
}

enum mz_exit mz_verb_host_tables(const struct mz_args *args)
{
	_cleanup_(mz_tables_freep) struct mz_tables *tables = NULL;
	size_t id = 0;
	enum mz_exit result;

	while (args->n_words && id < MZ_N_TABLES && strcmp(mz_table_infos[id].name, args->words[0]))
		id++;
	if (id == MZ_N_TABLES) {
		mz_error("there is no table %s; mizar host tables lists them", args->words[0]);
		return MZ_MISUSED;
	}
	result = open_tables(args, &tables);
	if (result != MZ_DONE)
		return result;
	return args->n_words ? dump_table(tables, (enum mz_table_id)id, mz_form_of(args))
			     : summarise(tables, mz_form_of(args));
}

/* ---- counters -------------------------------------------------------------------------------- */

struct counting {
	enum mz_form form;
	bool all;
	struct mz_grid *grid;
	json_t *array;
};

static int add_count(struct counting *c, const char *name, const char *doc,
		     const struct mz_count *count)
{
	char packets[24], bytes[24];

	if (!name || (!count->packets && !c->all))
		return 0;
	if (c->form == MZ_FORM_NAME) {
		puts(name);
		return 0;
	}
	snprintf(packets, sizeof(packets), "%" PRIu64, (uint64_t)count->packets);
	snprintf(bytes, sizeof(bytes), "%" PRIu64, (uint64_t)count->bytes);
	json_array_append_new(c->array, json_pack("{s:s, s:s, s:s, s:s}", "name", name, "packets",
						  packets, "bytes", bytes, "doc", doc));
	return mz_grid_add(c->grid, (const char *const[]){ name, packets, bytes, doc });
}

static int add_stats(struct mz_tables *tables, struct counting *c)
{
	struct mz_count counts[MZ_N_COUNTERS];
	int r;

	r = mz_tables_counters(tables, counts);
	for (size_t i = 0; !r && i < MZ_N_COUNTERS; i++)
		r = add_count(c, mz_counter_name((enum mz_counter)i),
			      mz_counter_doc((enum mz_counter)i), &counts[i]);
	return r;
}

static int add_drops(struct mz_tables *tables, struct counting *c)
{
	struct mz_count counts[MZ_DROP_CODES];
	int r;

	r = mz_tables_drops(tables, counts);
	for (unsigned int i = 0; !r && i < MZ_DROP_CODES; i++)
		r = add_count(c, mz_drop_name(i), mz_drop_doc(i), &counts[i]);
	return r;
}

static enum mz_exit print_counts(const struct mz_args *args, const char *const *headers,
				 int (*add)(struct mz_tables *tables, struct counting *c))
{
	_cleanup_(mz_tables_freep) struct mz_tables *tables = NULL;
	_cleanup_(mz_grid_freep) struct mz_grid *grid = NULL;
	struct counting c = { mz_form_of(args), mz_args_has(args, MZ_OPT_ALL), NULL, NULL };
	enum mz_exit result;
	int r;

	result = open_tables(args, &tables);
	if (result != MZ_DONE)
		return result;
	r = mz_grid_new(stdout, headers, 4, &grid);
	if (r < 0)
		return MZ_FAILED;
	c.grid = grid;
	c.array = json_array();
	r = add(tables, &c);
	if (!r && !mz_grid_n_rows(grid) && !is_document(c.form) && c.form != MZ_FORM_NAME)
		mz_note("nothing yet (--all shows what is counted)");
	return finish(c.form == MZ_FORM_NAME ? NULL : grid, c.form, c.array, r);
}

enum mz_exit mz_verb_host_stats(const struct mz_args *args)
{
	static const char *const headers[] = { "POINT", "PACKETS", "BYTES", "WHAT" };

	return print_counts(args, headers, add_stats);
}

enum mz_exit mz_verb_host_drops(const struct mz_args *args)
{
	static const char *const headers[] = { "REASON", "PACKETS", "BYTES", "WHAT" };

	return print_counts(args, headers, add_drops);
}
