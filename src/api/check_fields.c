// SPDX-License-Identifier: Apache-2.0
/*
 * What the field table says of every value: required fields, formats, bounds, lengths of lists and
 * no item twice. Objects come from the wire as well as from JSON, so enum values and text are
 * looked at again, and fields of a newer version are refused rather than silently kept or lost.
 */
#include "api/check.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "api/text.h"

static int check_field(const struct mz_field *field, const ProtobufCMessage *msg,
		       const struct mz_path *path, struct mz_problems *problems);

static int check_text(const struct mz_field *field, const char *text, const struct mz_path *path,
		      struct mz_problems *problems)
{
	char hint[MZ_HINT_SIZE];

	if (!*text && field->format != MZ_FORMAT_ANY && field->format != MZ_FORMAT_LABEL_VALUE)
		return mz_path_problem(problems, path, "must not be empty; must be %s",
				       mz_format_describe(field->format));
	if (!mz_text_is_utf8(text))
		return mz_path_problem(problems, path, "must be UTF-8");
	if (!mz_format_check(field->format, text, hint))
		return 0;
	if (!*hint)
		return mz_path_problem(problems, path, "must be %s, not \"%.64s\"",
				       mz_format_describe(field->format), text);
	if (field->format == MZ_FORMAT_PREFIX)
		return mz_path_problem(problems, path,
				       "%.64s has bits set behind its prefix length; "
				       "did you mean %s?",
				       text, hint);
	return mz_path_problem(problems, path, "must be %s, not \"%.64s\"; did you mean %s?",
			       mz_format_describe(field->format), text, hint);
}

static int check_number(const struct mz_field *field, uint64_t number, const struct mz_path *path,
			struct mz_problems *problems)
{
	if ((!field->has_min || number >= field->min) && (!field->has_max || number <= field->max))
		return 0;
	if (!field->has_max)
		return mz_path_problem(problems, path, "must be at least %" PRIu64 ", not %" PRIu64,
				       field->min, number);
	return mz_path_problem(problems, path,
			       "must be from %" PRIu64 " to %" PRIu64 ", not %" PRIu64,
			       field->has_min ? field->min : 0, field->max, number);
}

static int check_enum(const struct mz_field *field, int number, const struct mz_path *path,
		      struct mz_problems *problems)
{
	const struct mz_enum_value *value;

	for (value = field->enumeration->values; value->json; value++)
		if (value->number == number)
			return 0;
	return mz_path_problem(problems, path,
			       "has the number %d, which this version does not know", number);
}

static int check_value(const struct mz_field *field, const void *value, const struct mz_path *path,
		       struct mz_problems *problems)
{
	switch (field->pbc->type) {
	case PROTOBUF_C_TYPE_STRING:
		return check_text(field, *(char *const *)value, path, problems);
	case PROTOBUF_C_TYPE_ENUM:
		return check_enum(field, *(const int *)value, path, problems);
	case PROTOBUF_C_TYPE_UINT32:
		return check_number(field, *(const uint32_t *)value, path, problems);
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		return check_number(field, *(const uint64_t *)value, path, problems);
	case PROTOBUF_C_TYPE_MESSAGE:
		return mz_check_message(field->message, *(ProtobufCMessage *const *)value, path,
					problems);
	default: /* bool: any value is right; bytes: objects have none */
		return 0;
	}
}

/* Compares as the format means it: fd00::1 and FD00:0::1 are the same item. */
static bool texts_equal(const struct mz_field *field, const char *a, const char *b)
{
	_cleanup_free_ char *canonical_a = NULL, *canonical_b = NULL;

	/* Without memory, texts that are not the same letter by letter count as different. */
	(void)mz_format_canonical(field->format, a, &canonical_a);
	(void)mz_format_canonical(field->format, b, &canonical_b);
	return !strcmp(canonical_a ? canonical_a : a, canonical_b ? canonical_b : b);
}

/* What tells items of the list apart; NULL for items that may repeat. */
static const char *item_key(const struct mz_field *field, const ProtobufCMessage *msg, size_t index)
{
	const void *value = mz_field_value(field, msg, index);

	if (field->pbc->type == PROTOBUF_C_TYPE_STRING)
		return *(char *const *)value;
	if (field->map)
		return *(char *const *)mz_field_member(mz_field_find(field->message, "key"),
						       *(ProtobufCMessage *const *)value);
	return NULL;
}

static int check_unique(const struct mz_field *field, const ProtobufCMessage *msg, size_t index,
			const struct mz_path *path, struct mz_problems *problems)
{
	const char *key = item_key(field, msg, index), *other;
	size_t i;

	for (i = 0; key && i < index; i++) {
		other = item_key(field, msg, i);
		if (other && texts_equal(field, key, other))
			return mz_path_problem(problems, path, "%.64s is in the list twice", key);
	}
	return 0;
}

/* Of a map: the problems of key and value are the entry's. */
static int check_entry(const struct mz_message *message, const ProtobufCMessage *entry,
		       const struct mz_path *path, struct mz_problems *problems)
{
	const struct mz_field *field;
	int r = 0;

	for (field = message->fields; field->pbc; field++)
		r = mz_worse(r, check_field(field, entry, path, problems));
	return r;
}

static int check_item(const struct mz_field *field, const ProtobufCMessage *msg, size_t index,
		      const struct mz_path *list, struct mz_problems *problems)
{
	const struct mz_path path = {
		.parent = list,
		.index = index,
		.key = field->map ? item_key(field, msg, index) : NULL,
	};
	const void *value = mz_field_value(field, msg, index);
	int r;

	if (field->map)
		r = check_entry(field->message, *(ProtobufCMessage *const *)value, &path, problems);
	else
		r = check_value(field, value, &path, problems);
	/* Looking for items given twice costs n * n: only where n is bounded. */
	if (field->max_items)
		r = mz_worse(r, check_unique(field, msg, index, &path, problems));
	return r;
}

static int check_items(const struct mz_field *field, const ProtobufCMessage *msg,
		       const struct mz_path *path, struct mz_problems *problems)
{
	size_t n = mz_field_count(field, msg), i;
	int r = 0;

	if (field->max_items && n > field->max_items)
		return mz_path_problem(problems, path,
				       "can have at most %" PRIu32 " items, not %zu",
				       field->max_items, n);
	if (n < field->min_items)
		return mz_path_problem(problems, path,
				       "must have at least %" PRIu32 " items, not %zu",
				       field->min_items, n);
	for (i = 0; i < n; i++)
		r = mz_worse(r, check_item(field, msg, i, path, problems));
	return r;
}

static int check_field(const struct mz_field *field, const ProtobufCMessage *msg,
		       const struct mz_path *path, struct mz_problems *problems)
{
	if (field->output)
		return 0;
	if (mz_field_is_repeated(field))
		return check_items(field, msg, path, problems);
	if (mz_field_count(field, msg))
		return check_value(field, mz_field_value(field, msg, 0), path, problems);
	if (!field->required)
		return 0;
	if (field->ref)
		return mz_path_problem(problems, path, "required: the name of a %s", field->ref);
	return mz_path_problem(problems, path, "required: %s", mz_format_describe(field->format));
}

int mz_check_message(const struct mz_message *message, const ProtobufCMessage *msg,
		     const struct mz_path *path, struct mz_problems *problems)
{
	const struct mz_field *field;
	int r = 0;

	if (msg->n_unknown_fields)
		r = mz_path_problem(problems, path,
				    "has a field (number %" PRIu32 ") that this version "
				    "does not know: the sender is newer",
				    msg->unknown_fields[0].tag);
	for (field = message->fields; field->pbc; field++) {
		const struct mz_path step = { .parent = path, .name = field->json };

		r = mz_worse(r, check_field(field, msg, &step, problems));
	}
	return r;
}
