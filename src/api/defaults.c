// SPDX-License-Identifier: Apache-2.0
/*
 * What happens to an object between reading and checking: absent fields get their defaults,
 * addresses their canonical text (so that equal values compare equal ever after), and what only
 * Mizar may set is taken out.
 */
#include "api/field.h"

#include <errno.h>
#include <string.h>

#include "api/table.h"
#include "api/text.h"

static int message_set_defaults(const struct mz_message *message, ProtobufCMessage *msg);

static void set_default(const struct mz_field *field, ProtobufCMessage *msg)
{
	/* protobuf-c put the value there when it made the message; it only has to be said. */
	if (field->pbc->default_value && !mz_field_count(field, msg))
		mz_field_set_present(field, msg);
}

static int canonicalise(const struct mz_field *field, char **text)
{
	char *canonical;
	int r;

	r = mz_format_canonical(field->format, *text, &canonical);
	if (r < 0 || !canonical)
		return r;
	free(*text);
	*text = canonical;
	return 0;
}

static int field_set_defaults(const struct mz_field *field, ProtobufCMessage *msg)
{
	size_t n = mz_field_count(field, msg), i;
	int r = 0;

	for (i = 0; i < n && !r; i++) {
		void *value = (void *)mz_field_value(field, msg, i);

		if (field->message)
			r = message_set_defaults(field->message, *(ProtobufCMessage **)value);
		else if (field->pbc->type == PROTOBUF_C_TYPE_STRING)
			r = canonicalise(field, value);
	}
	return r;
}

static int message_set_defaults(const struct mz_message *message, ProtobufCMessage *msg)
{
	const struct mz_field *field;
	int r;

	for (field = message->fields; field->pbc; field++) {
		if (field->output)
			continue;
		if (!mz_field_is_repeated(field))
			set_default(field, msg);
		r = field_set_defaults(field, msg);
		if (r < 0)
			return r;
	}
	return 0;
}

int mz_object_set_defaults(struct mz_object *object)
{
	Mizar__V1__Metadata *metadata = mz_object_metadata(object);
	int r;

	if (mz_kinds[object->kind].namespaced && !metadata->namespace_) {
		r = mz_string_set(&metadata->namespace_, "default");
		if (r < 0)
			return r;
	}
	return message_set_defaults(mz_kinds[object->kind].message, object->msg);
}

static void swap_bytes(void *a, void *b, size_t size)
{
	char *p = a, *q = b;

	for (; size; size--, p++, q++) {
		char c = *p;

		*p = *q;
		*q = c;
	}
}

static size_t quantifier_size(const struct mz_field *field)
{
	if (mz_field_is_repeated(field))
		return sizeof(size_t);
	if (field->pbc->type == PROTOBUF_C_TYPE_STRING ||
	    field->pbc->type == PROTOBUF_C_TYPE_MESSAGE)
		return 0; /* absent is NULL */
	return sizeof(protobuf_c_boolean);
}

/* Of any type: the value goes over into an empty message, and away with it. */
static int clear_field(const struct mz_message *message, const struct mz_field *field,
		       ProtobufCMessage *msg)
{
	_cleanup_(mz_message_freep) ProtobufCMessage *empty = NULL;
	size_t size = mz_field_is_repeated(field) ? sizeof(void *) : mz_field_size(field);
	int r;

	r = mz_message_new(message->pbc, &empty);
	if (r < 0)
		return r;
	swap_bytes(mz_field_member(field, msg), mz_field_member(field, empty), size);
	swap_bytes(mz_field_quantifier(field, msg), mz_field_quantifier(field, empty),
		   quantifier_size(field));
	return 0;
}

static int message_clear_output(const struct mz_message *message, ProtobufCMessage *msg)
{
	const struct mz_field *field;
	size_t n, i;
	int r = 0;

	for (field = message->fields; field->pbc && !r; field++) {
		n = mz_field_count(field, msg);
		if (field->output && n)
			r = clear_field(message, field, msg);
		else if (field->message)
			for (i = 0; i < n && !r; i++)
				r = message_clear_output(
					field->message,
					*(ProtobufCMessage *const *)mz_field_value(field, msg, i));
	}
	return r;
}

int mz_object_clear_output(struct mz_object *object)
{
	int r;

	r = message_clear_output(mz_kinds[object->kind].message, object->msg);
	if (r < 0)
		return r;
	return mz_object_complete(object);
}
