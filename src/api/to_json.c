// SPDX-License-Identifier: Apache-2.0
/* Messages to JSON: what is present, in the order of the .proto. */
#include "api/field.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "api/table.h"
#include "api/text.h"

static int write_string(const char *text, json_t **ret_json)
{
	json_t *json;

	if (!mz_text_is_utf8(text))
		return -EINVAL;
	json = json_string_nocheck(text);
	if (!json)
		return -ENOMEM;
	*ret_json = json;
	return 0;
}

static int write_bytes(const struct mz_field *field, const ProtobufCBinaryData *bytes,
		       json_t **ret_json)
{
	char buf[MZ_BYTES_STRLEN];

	if (bytes->len != mz_bytes_size(field->format))
		return -EINVAL;
	return write_string(mz_bytes_format(field->format, bytes->data, buf), ret_json);
}

static int write_enum(const struct mz_field *field, int number, json_t **ret_json)
{
	const struct mz_enum_value *value;

	for (value = field->enumeration->values; value->json; value++)
		if (value->number == number)
			return write_string(value->json, ret_json);
	return -EINVAL;
}

static int write_uint64(const struct mz_field *field, uint64_t number, json_t **ret_json)
{
	char buf[MZ_TIME_STRLEN];
	int r;

	if (field->format == MZ_FORMAT_TIMESTAMP) {
		r = mz_time_format(number, buf);
		if (r < 0)
			return r;
	} else {
		snprintf(buf, sizeof(buf), "%" PRIu64, number);
	}
	return write_string(buf, ret_json);
}

static int write_value(const struct mz_field *field, const void *value, json_t **ret_json)
{
	json_t *json;

	switch (field->pbc->type) {
	case PROTOBUF_C_TYPE_STRING:
		return write_string(*(char *const *)value, ret_json);
	case PROTOBUF_C_TYPE_BYTES:
		return write_bytes(field, value, ret_json);
	case PROTOBUF_C_TYPE_ENUM:
		return write_enum(field, *(const int *)value, ret_json);
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		return write_uint64(field, *(const uint64_t *)value, ret_json);
	case PROTOBUF_C_TYPE_MESSAGE:
		return mz_message_to_json(field->message, *(ProtobufCMessage *const *)value,
					  ret_json);
	case PROTOBUF_C_TYPE_BOOL:
		json = json_boolean(*(const protobuf_c_boolean *)value);
		break;
	case PROTOBUF_C_TYPE_UINT32:
		json = json_integer(*(const uint32_t *)value);
		break;
	default: /* api/fieldtable.py refuses other types */
		assert(false);
		return -EINVAL;
	}
	if (!json)
		return -ENOMEM;
	*ret_json = json;
	return 0;
}

static int write_list(const struct mz_field *field, const ProtobufCMessage *msg, json_t **ret_json)
{
	json_auto_t *list = json_array();
	size_t n = mz_field_count(field, msg), i;
	int r;

	if (!list)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		json_t *item;

		r = write_value(field, mz_field_value(field, msg, i), &item);
		if (r < 0)
			return r;
		if (json_array_append_new(list, item) < 0)
			return -ENOMEM;
	}
	*ret_json = TAKE(list);
	return 0;
}

static int write_map(const struct mz_field *field, const ProtobufCMessage *msg, json_t **ret_json)
{
	const struct mz_field *key = mz_field_find(field->message, "key");
	const struct mz_field *value = mz_field_find(field->message, "value");
	json_auto_t *map = json_object();
	size_t n = mz_field_count(field, msg), i;
	int r;

	if (!map)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		const ProtobufCMessage *entry =
			*(ProtobufCMessage *const *)mz_field_value(field, msg, i);
		const char *k = *(char *const *)mz_field_member(key, entry);
		const char *v = *(char *const *)mz_field_member(value, entry);
		json_t *text;

		if (!k || !mz_text_is_utf8(k))
			return -EINVAL;
		r = write_string(v ? v : "", &text);
		if (r < 0)
			return r;
		if (json_object_set_new_nocheck(map, k, text) < 0)
			return -ENOMEM;
	}
	*ret_json = TAKE(map);
	return 0;
}

/* *ret_json is NULL if the field says nothing. */
static int write_field(const struct mz_field *field, const ProtobufCMessage *msg, json_t **ret_json)
{
	json_t *json = NULL;
	int r;

	if (!mz_field_count(field, msg)) {
		*ret_json = NULL;
		return 0;
	}
	if (field->map)
		return write_map(field, msg, ret_json);
	if (mz_field_is_repeated(field))
		return write_list(field, msg, ret_json);
	r = write_value(field, mz_field_value(field, msg, 0), &json);
	if (r < 0)
		return r;
	/* An empty part says nothing, unless that it is there is the message. */
	if (json_is_object(json) && !json_object_size(json) && !mz_field_is_oneof(field)) {
		json_decref(json);
		json = NULL;
	}
	*ret_json = json;
	return 0;
}

int mz_message_to_json(const struct mz_message *message, const ProtobufCMessage *msg,
		       json_t **ret_json)
{
	json_auto_t *object = json_object();
	const struct mz_field *field;
	int r;

	if (!object)
		return -ENOMEM;
	for (field = message->fields; field->pbc; field++) {
		json_t *value;

		r = write_field(field, msg, &value);
		if (r < 0)
			return r;
		if (value && json_object_set_new_nocheck(object, field->json, value) < 0)
			return -ENOMEM;
	}
	*ret_json = TAKE(object);
	return 0;
}
