// SPDX-License-Identifier: Apache-2.0
/* Columns of a kind: one walk over the fields of metadata, spec and status serves both. */
#include "api/columns.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/table.h"

/* The field's header in this view, or NULL. */
static const char *header_of(const struct mz_field *field, bool wide)
{
	return field->column ?: wide ? field->wide_column : NULL;
}

size_t mz_columns_headers(const struct mz_kind_info *kind, bool wide, const char **ret_headers,
			  size_t max)
{
	const struct mz_field *part, *field;
	size_t n = 0;

	for (part = kind->message->fields; part->pbc; part++) {
		for (field = part->message->fields; field->pbc; field++) {
			const char *header = header_of(field, wide);

			if (!header)
				continue;
			if (n < max)
				ret_headers[n] = header;
			n++;
		}
	}
	return n;
}

static int write_text(const char *text, FILE *out)
{
	return fputs(text, out) < 0 ? -ENOMEM : 0;
}

/* One value as its JSON form shows it, without quotes. */
static int write_json(const json_t *json, FILE *out)
{
	if (json_is_string(json))
		return write_text(json_string_value(json), out);
	return json_dumpf(json, out, JSON_ENCODE_ANY | JSON_COMPACT) < 0 ? -ENOMEM : 0;
}

static int write_cell(const struct mz_field *field, const json_t *json, FILE *out)
{
	size_t i;
	int r;

	if (!json)
		return write_text(field->pbc->type == PROTOBUF_C_TYPE_BOOL ? "false" : "-", out);
	if (!json_is_array(json))
		return write_json(json, out);
	for (i = 0; i < json_array_size(json); i++) {
		if (i && fputc(',', out) < 0)
			return -ENOMEM;
		r = write_json(json_array_get(json, i), out);
		if (r < 0)
			return r;
	}
	return 0;
}

static int make_cell(const struct mz_field *field, const json_t *json, char **ret_cell)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *out;
	int r;

	out = open_memstream(&text, &size);
	if (!out)
		return -ENOMEM;
	r = write_cell(field, json, out);
	if (fclose(out) < 0)
		return -ENOMEM;
	if (r < 0)
		return r;
	*ret_cell = TAKE(text);
	return 0;
}

static int make_cells(const struct mz_kind_info *kind, const json_t *json, bool wide, char **cells,
		      size_t max, size_t *ret_n)
{
	const struct mz_field *part, *field;
	int r;

	for (part = kind->message->fields; part->pbc; part++) {
		const json_t *values = json_object_get(json, part->json);

		for (field = part->message->fields; field->pbc; field++) {
			if (!header_of(field, wide) || *ret_n >= max)
				continue;
			r = make_cell(field, json_object_get(values, field->json), &cells[*ret_n]);
			if (r < 0)
				return r;
			(*ret_n)++;
		}
	}
	return 0;
}

int mz_columns_cells(const struct mz_object *object, bool wide, char **ret_cells, size_t max)
{
	const struct mz_kind_info *kind = &mz_kinds[object->kind];
	json_auto_t *json = NULL;
	char *cells[MZ_COLUMNS_MAX];
	size_t n = 0, i;
	int r;

	r = mz_message_to_json(kind->message, object->msg, &json);
	if (r < 0)
		return r;
	r = make_cells(kind, json, wide, cells, max < MZ_COLUMNS_MAX ? max : MZ_COLUMNS_MAX, &n);
	if (r < 0) {
		for (i = 0; i < n; i++)
			free(cells[i]);
		return r;
	}
	memcpy(ret_cells, cells, n * sizeof(*cells));
	return (int)n;
}
