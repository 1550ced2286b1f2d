// SPDX-License-Identifier: Apache-2.0
/*
 * JSON to messages, strictly: what is not understood is refused, and all of it is, so that a user
 * sees every mistake of a manifest at once. Depth is bounded by the messages: none holds itself.
 */
#include "api/field.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "api/problem.h"
#include "api/table.h"
#include "api/text.h"

static int read_message(const struct mz_message *message, const json_t *json,
			const struct mz_path *path, struct mz_problems *problems,
			ProtobufCMessage **ret_msg);

static const char *type_name(const json_t *json)
{
	switch (json_typeof(json)) {
	case JSON_OBJECT:
		return "a map";
	case JSON_ARRAY:
		return "a list";
	case JSON_STRING:
		return "text";
	case JSON_INTEGER:
	case JSON_REAL:
		return "a number";
	case JSON_TRUE:
	case JSON_FALSE:
		return "true or false";
	case JSON_NULL:
		return "null";
	}
	return "unknown";
}

static int read_string(const json_t *json, const struct mz_path *path, struct mz_problems *problems,
		       char **ret_text)
{
	char *text;

	if (json_is_number(json) || json_is_boolean(json))
		return mz_path_problem(problems, path, "must be text, not %s: put it in quotes",
				       type_name(json));
	if (!json_is_string(json))
		return mz_path_problem(problems, path, "must be text, not %s", type_name(json));
	if (strlen(json_string_value(json)) != json_string_length(json))
		return mz_path_problem(problems, path, "must not contain a NUL character");
	text = strdup(json_string_value(json));
	if (!text)
		return -ENOMEM;
	*ret_text = text;
	return 0;
}

static int read_bytes(const struct mz_field *field, const json_t *json, const struct mz_path *path,
		      struct mz_problems *problems, ProtobufCBinaryData *ret_bytes)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_free_ uint8_t *data = NULL;
	size_t size = mz_bytes_size(field->format);
	int r;

	r = read_string(json, path, problems, &text);
	if (r < 0)
		return r;
	data = malloc(size);
	if (!data)
		return -ENOMEM;
	if (mz_bytes_parse(field->format, text, data) < 0)
		return mz_path_problem(problems, path, "must be %s, not \"%.64s\"",
				       mz_format_describe(field->format), text);
	*ret_bytes = (ProtobufCBinaryData){ .len = size, .data = TAKE(data) };
	return 0;
}

static int read_bool(const json_t *json, const struct mz_path *path, struct mz_problems *problems,
		     protobuf_c_boolean *ret_bool)
{
	if (!json_is_boolean(json))
		return mz_path_problem(problems, path, "must be true or false, not %s",
				       type_name(json));
	*ret_bool = json_is_true(json);
	return 0;
}

/* "subnet or group" */
static void list_values(const struct mz_enum *enumeration, char *buf, size_t size)
{
	const struct mz_enum_value *value;
	FILE *out = fmemopen(buf, size - 1, "w"); /* ends with NUL only if there is room */

	memset(buf, 0, size);
	if (!out)
		return; /* no memory for a hint */
	for (value = enumeration->values; value->json; value++)
		fprintf(out, "%s%s", value == enumeration->values ? "" : " or ", value->json);
	(void)fclose(out); /* what does not fit is left out */
}

static int read_enum(const struct mz_field *field, const json_t *json, const struct mz_path *path,
		     struct mz_problems *problems, uint32_t *ret_number)
{
	const struct mz_enum_value *value;
	char valid[256];

	for (value = field->enumeration->values; value->json; value++) {
		if (json_is_string(json) && !strcmp(json_string_value(json), value->json)) {
			*ret_number = (uint32_t)value->number;
			return 0;
		}
	}
	list_values(field->enumeration, valid, sizeof(valid));
	if (json_is_string(json))
		return mz_path_problem(problems, path, "must be %s, not \"%.64s\"", valid,
				       json_string_value(json));
	return mz_path_problem(problems, path, "must be %s, not %s", valid, type_name(json));
}

/* Digits only: no sign, no leading zero, no white space. */
static int parse_digits(const char *text, uint64_t *ret_number)
{
	uint64_t number = 0;
	const char *p;

	if (!*text || (text[0] == '0' && text[1]))
		return -EINVAL;
	for (p = text; *p; p++) {
		if (*p < '0' || *p > '9' || __builtin_mul_overflow(number, (uint64_t)10, &number) ||
		    __builtin_add_overflow(number, (uint64_t)(*p - '0'), &number))
			return -EINVAL;
	}
	*ret_number = number;
	return 0;
}

static int read_number(const struct mz_field *field, const json_t *json, const struct mz_path *path,
		       struct mz_problems *problems, uint64_t *ret_number)
{
	bool is_64_bit = field->pbc->type != PROTOBUF_C_TYPE_UINT32;
	uint64_t max = is_64_bit ? UINT64_MAX : UINT32_MAX, number;

	if (field->format == MZ_FORMAT_TIMESTAMP) {
		if (!json_is_string(json) || mz_time_parse(json_string_value(json), ret_number) < 0)
			return mz_path_problem(problems, path, "must be %s",
					       mz_format_describe(field->format));
		return 0;
	}
	if (is_64_bit && json_is_string(json) && !parse_digits(json_string_value(json), &number)) {
		*ret_number = number;
		return 0;
	}
	if (json_is_integer(json) && json_integer_value(json) >= 0 &&
	    (uint64_t)json_integer_value(json) <= max) {
		*ret_number = (uint64_t)json_integer_value(json);
		return 0;
	}
	if (json_is_number(json))
		return mz_path_problem(
			problems, path, "must be a whole number from %" PRIu64 " to %" PRIu64,
			field->has_min ? field->min : 0, field->has_max ? field->max : max);
	return mz_path_problem(problems, path, "must be a number, not %s%s", type_name(json),
			       json_is_string(json) && !is_64_bit ? ": leave out the quotes" : "");
}

/* Into ret_value, which has mz_field_size(). */
static int read_value(const struct mz_field *field, const json_t *json, const struct mz_path *path,
		      struct mz_problems *problems, void *ret_value)
{
	uint64_t number;
	int r;

	switch (field->pbc->type) {
	case PROTOBUF_C_TYPE_STRING:
		return read_string(json, path, problems, ret_value);
	case PROTOBUF_C_TYPE_BYTES:
		return read_bytes(field, json, path, problems, ret_value);
	case PROTOBUF_C_TYPE_BOOL:
		return read_bool(json, path, problems, ret_value);
	case PROTOBUF_C_TYPE_ENUM:
		return read_enum(field, json, path, problems, ret_value);
	case PROTOBUF_C_TYPE_MESSAGE:
		return read_message(field->message, json, path, problems, ret_value);
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		r = read_number(field, json, path, problems, &number);
		if (r < 0)
			return r;
		if (field->pbc->type == PROTOBUF_C_TYPE_UINT32)
			*(uint32_t *)ret_value = (uint32_t)number;
		else
			*(uint64_t *)ret_value = number;
		return 0;
	default: /* api/fieldtable.py refuses other types */
		assert(false);
		return -EINVAL;
	}
}

/* Memory for n values in a list that has none yet; its count is raised as values come. */
static int new_list(const struct mz_field *field, size_t n, ProtobufCMessage *msg)
{
	void **list = mz_field_member(field, msg);

	if (!n)
		return 0;
	*list = calloc(n, mz_field_size(field));
	return *list ? 0 : -ENOMEM;
}

static int read_list(const struct mz_field *field, const json_t *json, const struct mz_path *path,
		     struct mz_problems *problems, ProtobufCMessage *msg)
{
	size_t *count = mz_field_quantifier(field, msg), n = json_array_size(json), i;
	int r;

	if (!json_is_array(json))
		return mz_path_problem(problems, path, "must be a list, not %s", type_name(json));
	r = new_list(field, n, msg);
	if (r < 0)
		return r;
	for (i = 0; i < n; i++) {
		const struct mz_path step = { .parent = path, .index = i };
		char *list = *(void **)mz_field_member(field, msg);
		int q = read_value(field, json_array_get(json, i), &step, problems,
				   list + *count * mz_field_size(field));

		if (!q)
			(*count)++;
		r = mz_worse(r, q);
	}
	return r;
}

/* One entry of a map as {key, value}. */
static int read_entry(const struct mz_field *field, const char *key, const json_t *json,
		      const struct mz_path *path, struct mz_problems *problems,
		      ProtobufCMessage **ret_entry)
{
	json_auto_t *entry = json_object();

	if (!json_is_string(json))
		return mz_path_problem(
			problems, path, "must be text, not %s%s", type_name(json),
			json_is_number(json) || json_is_boolean(json) ? ": put it in quotes" : "");
	if (!entry || json_object_set_new(entry, "key", json_string(key)) < 0 ||
	    json_object_set(entry, "value", (json_t *)json) < 0)
		return -ENOMEM;
	return read_message(field->message, entry, path, problems, ret_entry);
}

static int read_map(const struct mz_field *field, const json_t *json, const struct mz_path *path,
		    struct mz_problems *problems, ProtobufCMessage *msg)
{
	size_t *count = mz_field_quantifier(field, msg);
	json_t *object = (json_t *)json, *value; /* iteration wants it not const */
	const char *key;
	int r;

	if (!json_is_object(json))
		return mz_path_problem(problems, path, "must be a map, not %s", type_name(json));
	r = new_list(field, json_object_size(json), msg);
	if (r < 0)
		return r;
	json_object_foreach(object, key, value) {
		const struct mz_path step = { .parent = path, .key = key };
		ProtobufCMessage **list = *(void **)mz_field_member(field, msg);
		int q = read_entry(field, key, value, &step, problems, &list[*count]);

		if (!q)
			(*count)++;
		r = mz_worse(r, q);
	}
	return r;
}

static int read_field(const struct mz_field *field, const json_t *json, const struct mz_path *path,
		      struct mz_problems *problems, ProtobufCMessage *msg)
{
	int r;

	if (field->map)
		return read_map(field, json, path, problems, msg);
	if (mz_field_is_repeated(field))
		return read_list(field, json, path, problems, msg);
	if (mz_field_is_oneof(field) && *(uint32_t *)mz_field_quantifier(field, msg))
		return mz_path_problem(problems, path, "only one of the alternatives can be given");
	r = read_value(field, json, path, problems, mz_field_member(field, msg));
	if (r < 0)
		return r;
	mz_field_set_present(field, msg);
	return 0;
}

/* "a, b, c": the names that are known. */
static void list_fields(const struct mz_message *message, char *buf, size_t size)
{
	const struct mz_field *field;
	FILE *out = fmemopen(buf, size - 1, "w"); /* ends with NUL only if there is room */

	memset(buf, 0, size);
	if (!out)
		return; /* no memory for a hint */
	for (field = message->fields; field->pbc; field++)
		fprintf(out, "%s%s", field == message->fields ? "" : ", ", field->json);
	(void)fclose(out); /* what does not fit is left out */
}

/* A field that the message has one level below (`cidrs` beside `spec`), or one named similarly. */
static int unknown_field(const struct mz_message *message, const struct mz_path *path,
			 struct mz_problems *problems)
{
	struct mz_nearest nearest = { .text = path->name };
	struct mz_path part = { .parent = path->parent }, right = part;
	const struct mz_field *field;
	char text[MZ_PATH_SIZE];

	for (field = message->fields; field->pbc && !right.name; field++) {
		mz_nearest_try(&nearest, field->json);
		if (!field->message || mz_field_is_repeated(field) ||
		    !mz_field_find(field->message, path->name))
			continue;
		part.name = field->json;
		right = (struct mz_path){ .parent = &part, .name = path->name };
	}
	if (!right.name)
		right.name = nearest.best;
	if (right.name)
		return mz_path_problem(problems, path, "unknown field; did you mean %s?",
				       mz_path_format(&right, text));
	list_fields(message, text, sizeof(text));
	return mz_path_problem(problems, path, "unknown field; known here: %s", text);
}

static int read_message(const struct mz_message *message, const json_t *json,
			const struct mz_path *path, struct mz_problems *problems,
			ProtobufCMessage **ret_msg)
{
	_cleanup_(mz_message_freep) ProtobufCMessage *msg = NULL;
	json_t *object = (json_t *)json, *value; /* iteration wants it not const */
	const char *key;
	int r;

	if (!json_is_object(json))
		return mz_path_problem(problems, path, "must be a map, not %s", type_name(json));
	r = mz_message_new(message->pbc, &msg);
	if (r < 0)
		return r;
	json_object_foreach(object, key, value) {
		const struct mz_path step = { .parent = path, .name = key };
		const struct mz_field *field = mz_field_find(message, key);

		if (!field)
			r = mz_worse(r, unknown_field(message, &step, problems));
		else if (!json_is_null(value)) /* as absent */
			r = mz_worse(r, read_field(field, value, &step, problems, msg));
	}
	if (r < 0)
		return r;
	*ret_msg = TAKE(msg);
	return 0;
}

int mz_message_from_json(const struct mz_message *message, const json_t *json, const char *path,
			 struct mz_problems *problems, ProtobufCMessage **ret_msg)
{
	const struct mz_path root = { .name = path };

	return read_message(message, json, *path ? &root : NULL, problems, ret_msg);
}
