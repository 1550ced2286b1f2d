/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One row of forms[] per form: how it begins, what an object adds, how it ends. JSON and YAML go to
 * a temporary file first, so that a failure in the middle of a long list leaves no half document.
 */
#include "cli/output.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/columns.h"
#include "cli/grid.h"
#include "cli/say.h"

struct mz_output {
	enum mz_form form;
	const struct mz_kind_info *kind;
	bool is_list, with_namespace, with_column;
	size_t n_objects;
	struct mz_grid *grid;
	FILE *spool;
};

enum mz_form mz_form_of(const struct mz_args *args)
{
	static const char *const names[] = { "table", "wide", "json", "yaml", "name" };
	const char *wanted = args->values[MZ_OPT_OUTPUT];

	for (size_t i = 0; wanted && i < ARRAY_SIZE(names); i++)
		if (!strcmp(wanted, names[i]))
			return (enum mz_form)i;
	return MZ_FORM_TABLE; /* the parser let no other through */
}

const char *mz_ref(const struct mz_kind_info *kind, const char *name,
		   char buf[static MZ_OBJECT_REF_SIZE])
{
	size_t n = 0;

	for (; kind->name[n] && n < 32; n++)
		buf[n] = (char)tolower((unsigned char)kind->name[n]);
	snprintf(buf + n, MZ_OBJECT_REF_SIZE - n, "/%s", name);
	return buf;
}

const char *mz_object_ref(const struct mz_object *object, char buf[static MZ_OBJECT_REF_SIZE])
{
	return mz_ref(&mz_kinds[object->kind], mz_object_name(object), buf);
}

/* ---- tables ---------------------------------------------------------------------------------- */

static int new_grid(struct mz_output *output, const char *column)
{
	const char *headers[MZ_GRID_COLUMNS_MAX];
	size_t n = 0;

	if (column)
		headers[n++] = column;
	if (output->with_namespace)
		headers[n++] = "NAMESPACE";
	n += mz_columns_headers(output->kind, output->form == MZ_FORM_WIDE, headers + n,
				MZ_GRID_COLUMNS_MAX - n);
	return mz_grid_new(stdout, headers, n, &output->grid);
}

static int add_row(struct mz_output *output, const struct mz_object *object, const char *cell)
{
	char *cells[MZ_GRID_COLUMNS_MAX] = {};
	size_t n = 0, n_borrowed, n_cells;
	int r;

	if (output->with_column)
		cells[n++] = (char *)cell;
	if (output->with_namespace)
		cells[n++] = (char *)mz_object_namespace(object);
	n_borrowed = n;
	r = mz_columns_cells(object, output->form == MZ_FORM_WIDE, cells + n,
			     MZ_GRID_COLUMNS_MAX - n);
	if (r < 0)
		return r;
	n_cells = n_borrowed + (size_t)r;
	r = mz_grid_add(output->grid, (const char *const *)cells);
	for (size_t i = n_borrowed; i < n_cells; i++)
		free(cells[i]);
	return r;
}

/* ---- documents ------------------------------------------------------------------------------- */

static int dump_json(const json_t *json, FILE *out)
{
	return json_dumpf(json, out, JSON_INDENT(2) | JSON_PRESERVE_ORDER) < 0 ? -EIO : 0;
}

static int dump_yaml(const json_t *json, FILE *out)
{
	_cleanup_free_ char *text = NULL;
	int r;

	r = mz_yaml_dump(json, &text);
	if (r < 0)
		return r;
	return fputs(text, out) < 0 ? -EIO : 0;
}

static int add_document(struct mz_output *output, const struct mz_object *object)
{
	json_t *json = NULL;
	int r;

	r = mz_object_to_json(object, &json);
	if (r < 0)
		return r;
	if (output->form == MZ_FORM_YAML) {
		if (output->n_objects)
			fputs("---\n", output->spool);
		r = dump_yaml(json, output->spool);
	} else {
		if (output->n_objects)
			fputs(",\n", output->spool);
		r = dump_json(json, output->spool);
	}
	json_decref(json);
	return r;
}

static int copy_out(FILE *from)
{
	char buf[65536];
	size_t n;

	rewind(from);
	while ((n = fread(buf, 1, sizeof(buf), from)) > 0)
		if (fwrite(buf, 1, n, stdout) != n)
			return -EIO;
	return ferror(from) ? -EIO : 0;
}

static int end_document(struct mz_output *output)
{
	bool is_list = output->is_list && output->form == MZ_FORM_JSON;
	int r;

	if (fflush(output->spool) < 0)
		return -errno;
	if (is_list)
		fputs("{\"apiVersion\": \"mizar.com/v1\", \"kind\": \"List\", \"items\": [\n",
		      stdout);
	r = copy_out(output->spool);
	if (is_list)
		fputs("]}", stdout);
	if (output->form == MZ_FORM_JSON && (is_list || output->n_objects))
		fputc('\n', stdout);
	return r;
}

/* ---- all forms ------------------------------------------------------------------------------- */

int mz_output_new(enum mz_form form, const struct mz_kind_info *kind, bool is_list,
		  bool with_namespace, const char *column, struct mz_output **ret_output)
{
	_cleanup_(mz_output_freep) struct mz_output *output = NULL;
	int r = 0;

	output = calloc(1, sizeof(*output));
	if (!output)
		return -ENOMEM;
	output->form = form;
	output->kind = kind;
	output->is_list = is_list;
	output->with_namespace = with_namespace && kind->namespaced;
	output->with_column = column;
	if (form == MZ_FORM_TABLE || form == MZ_FORM_WIDE) {
		r = new_grid(output, column);
	} else if (form != MZ_FORM_NAME) {
		output->spool = tmpfile();
		r = output->spool ? 0 : -errno;
		if (r < 0)
			mz_error("no temporary file: %s", strerror(-r));
	}
	if (r < 0)
		return r;
	*ret_output = TAKE(output);
	return 0;
}

void mz_output_free(struct mz_output *output)
{
	if (!output)
		return;
	mz_grid_free(output->grid);
	if (output->spool)
		(void)fclose(output->spool); /* it was copied, or is not wanted */
	free(output);
}

int mz_output_add(struct mz_output *output, const struct mz_object *object, const char *cell)
{
	char ref[MZ_OBJECT_REF_SIZE];
	int r = 0;

	switch (output->form) {
	case MZ_FORM_TABLE:
	case MZ_FORM_WIDE:
		r = add_row(output, object, cell);
		break;
	case MZ_FORM_JSON:
	case MZ_FORM_YAML:
		r = add_document(output, object);
		break;
	case MZ_FORM_NAME:
		puts(mz_object_ref(object, ref));
		break;
	}
	output->n_objects++;
	/* Nobody reads any more (or the disk is full): the rest need not be asked for. */
	return !r && ferror(stdout) ? -EPIPE : r;
}

void mz_output_flush(struct mz_output *output)
{
	if (output->grid)
		mz_grid_flush(output->grid);
	fflush(stdout);
}

int mz_output_end(struct mz_output *output)
{
	int r = 0;

	if (output->grid)
		mz_grid_flush(output->grid);
	if (output->spool)
		r = end_document(output);
	if (!r && (fflush(stdout) < 0 || ferror(stdout)))
		r = -EIO;
	if (r < 0)
		mz_error("cannot write the output: %s", strerror(-r));
	return r;
}

size_t mz_output_n_objects(const struct mz_output *output)
{
	return output->n_objects;
}

int mz_print_json(enum mz_form form, const json_t *json)
{
	int r;

	r = form == MZ_FORM_YAML ? dump_yaml(json, stdout) : dump_json(json, stdout);
	if (!r && form != MZ_FORM_YAML)
		fputc('\n', stdout);
	if (r < 0)
		mz_error("cannot write the output: %s", strerror(-r));
	return r;
}
