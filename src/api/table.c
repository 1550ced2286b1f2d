// SPDX-License-Identifier: Apache-2.0
/* Looking things up in the field table, and reaching a field's value inside a message. */
#include "api/table.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

static bool kind_has_name(const struct mz_kind_info *kind, const char *name)
{
	const char *const *s;

	/* The kind's own name in any case: Network, network, NETWORK. */
	if (!strcasecmp(kind->name, name) || !strcmp(kind->plural, name))
		return true;
	for (s = kind->shorts; *s; s++)
		if (!strcmp(*s, name))
			return true;
	return false;
}

const struct mz_kind_info *mz_kind_find(const char *name)
{
	size_t i;

	for (i = 1; i < MZ_N_KINDS; i++)
		if (kind_has_name(&mz_kinds[i], name))
			return &mz_kinds[i];
	return NULL;
}

const struct mz_message *mz_message_find(const ProtobufCMessageDescriptor *pbc)
{
	size_t i;

	for (i = 0; i < mz_n_messages; i++)
		if (mz_messages[i].pbc == pbc)
			return &mz_messages[i];
	return NULL;
}

const struct mz_field *mz_field_find(const struct mz_message *message, const char *json)
{
	const struct mz_field *field;

	for (field = message->fields; field->pbc; field++)
		if (!strcmp(field->json, json))
			return field;
	return NULL;
}

size_t mz_field_size(const struct mz_field *field)
{
	switch (field->pbc->type) {
	case PROTOBUF_C_TYPE_BOOL:
		return sizeof(protobuf_c_boolean);
	case PROTOBUF_C_TYPE_ENUM:
	case PROTOBUF_C_TYPE_UINT32:
		return sizeof(uint32_t);
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		return sizeof(uint64_t);
	case PROTOBUF_C_TYPE_BYTES:
		return sizeof(ProtobufCBinaryData);
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_MESSAGE:
		return sizeof(void *);
	default: /* api/fieldtable.py refuses other types */
		assert(false);
		return 0;
	}
}

size_t mz_field_count(const struct mz_field *field, const ProtobufCMessage *msg)
{
	const ProtobufCFieldDescriptor *pbc = field->pbc;
	const void *quantifier = mz_field_quantifier(field, msg);

	if (mz_field_is_repeated(field))
		return *(const size_t *)quantifier;
	if (mz_field_is_oneof(field) && *(const uint32_t *)quantifier != pbc->id)
		return 0;
	if (pbc->type == PROTOBUF_C_TYPE_STRING || pbc->type == PROTOBUF_C_TYPE_MESSAGE)
		return *(void *const *)mz_field_member(field, msg) != NULL;
	return mz_field_is_oneof(field) || *(const protobuf_c_boolean *)quantifier;
}

const void *mz_field_value(const struct mz_field *field, const ProtobufCMessage *msg, size_t index)
{
	const void *member = mz_field_member(field, msg);

	if (!mz_field_is_repeated(field))
		return member;
	return *(const char *const *)member + index * mz_field_size(field);
}

void mz_field_set_present(const struct mz_field *field, ProtobufCMessage *msg)
{
	void *quantifier = mz_field_quantifier(field, msg);

	if (mz_field_is_oneof(field))
		*(uint32_t *)quantifier = field->pbc->id;
	else if (field->pbc->type != PROTOBUF_C_TYPE_STRING &&
		 field->pbc->type != PROTOBUF_C_TYPE_MESSAGE)
		*(protobuf_c_boolean *)quantifier = true;
}
