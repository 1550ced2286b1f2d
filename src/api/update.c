// SPDX-License-Identifier: Apache-2.0
/* What an update may change: fields marked immutable keep their value once they have one. */
#include "api/field.h"

#include <errno.h>
#include <string.h>

#include "api/problem.h"
#include "api/table.h"
#include "api/text.h"

static int check_message(const struct mz_message *message, const ProtobufCMessage *old,
			 const ProtobufCMessage *new, const struct mz_path *path,
			 struct mz_problems *problems);

static bool texts_equal(enum mz_format format, const char *a, const char *b)
{
	_cleanup_free_ char *canonical_a = NULL, *canonical_b = NULL;

	/* Without memory, texts that are not the same letter by letter count as different. */
	(void)mz_format_canonical(format, a, &canonical_a);
	(void)mz_format_canonical(format, b, &canonical_b);
	return !strcmp(canonical_a ? canonical_a : a, canonical_b ? canonical_b : b);
}

static bool values_equal(const struct mz_field *field, const void *a, const void *b)
{
	if (field->pbc->type == PROTOBUF_C_TYPE_STRING)
		return texts_equal(field->format, *(char *const *)a, *(char *const *)b);
	return !memcmp(a, b, mz_field_size(field)); /* a number: nothing else is immutable */
}

/* Lists are sets: another order is no change. */
static bool contains(const struct mz_field *field, const ProtobufCMessage *msg, const void *value)
{
	size_t n = mz_field_count(field, msg), i;

	for (i = 0; i < n; i++)
		if (values_equal(field, mz_field_value(field, msg, i), value))
			return true;
	return false;
}

static bool fields_equal(const struct mz_field *field, const ProtobufCMessage *a,
			 const ProtobufCMessage *b)
{
	size_t n = mz_field_count(field, a), i;

	if (n != mz_field_count(field, b))
		return false;
	for (i = 0; i < n; i++)
		if (!contains(field, b, mz_field_value(field, a, i)))
			return false;
	return true;
}

static int check_field(const struct mz_field *field, const ProtobufCMessage *old,
		       const ProtobufCMessage *new, const struct mz_path *path,
		       struct mz_problems *problems)
{
	const ProtobufCMessage *const *old_part, *const *new_part;

	if (!mz_field_count(field, old) || !mz_field_count(field, new))
		return 0;
	if (field->immutable && !fields_equal(field, old, new))
		return mz_path_problem(
			problems, path,
			"cannot change once it is set: delete the object and create it "
			"again, or leave the field out");
	if (!field->message || mz_field_is_repeated(field))
		return 0;
	old_part = mz_field_value(field, old, 0);
	new_part = mz_field_value(field, new, 0);
	return check_message(field->message, *old_part, *new_part, path, problems);
}

static int check_message(const struct mz_message *message, const ProtobufCMessage *old,
			 const ProtobufCMessage *new, const struct mz_path *path,
			 struct mz_problems *problems)
{
	const struct mz_field *field;
	int r = 0;

	for (field = message->fields; field->pbc; field++) {
		const struct mz_path step = { .parent = path, .name = field->json };

		r = mz_worse(r, check_field(field, old, new, &step, problems));
	}
	return r;
}

int mz_object_check_update(const struct mz_object *old, const struct mz_object *new,
			   struct mz_problems *problems)
{
	if (old->kind != new->kind)
		return mz_problem_add(problems, "kind", "cannot change");
	return check_message(mz_kinds[old->kind].message, old->msg, new->msg, NULL, problems);
}
