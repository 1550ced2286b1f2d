/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of src/api share: the generated field table, the way from its rows into a
 * protobuf-c message, and the making of messages and objects.
 */
#pragma once

#include "api/field.h"

extern const struct mz_message mz_messages[];
extern const size_t mz_n_messages;

/* NULL: no such field. */
const struct mz_field *mz_field_find(const struct mz_message *message, const char *json);

/* Where the field's value lies in msg, and how many or whether (mz_field_count). */
static inline void *mz_field_member(const struct mz_field *field, const ProtobufCMessage *msg)
{
	return (char *)msg + field->pbc->offset;
}

static inline void *mz_field_quantifier(const struct mz_field *field, const ProtobufCMessage *msg)
{
	return (char *)msg + field->pbc->quantifier_offset;
}

static inline bool mz_field_is_repeated(const struct mz_field *field)
{
	return field->pbc->label == PROTOBUF_C_LABEL_REPEATED;
}

static inline bool mz_field_is_oneof(const struct mz_field *field)
{
	return field->pbc->flags & PROTOBUF_C_FIELD_FLAG_ONEOF;
}

/* Items of a list; 0 or 1 for any other field. */
size_t mz_field_count(const struct mz_field *field, const ProtobufCMessage *msg);
/* Size of one value in C. */
size_t mz_field_size(const struct mz_field *field);
/* The index-th value; only below mz_field_count(). */
const void *mz_field_value(const struct mz_field *field, const ProtobufCMessage *msg, size_t index);
/* Says that the field, not a list, is present. */
void mz_field_set_present(const struct mz_field *field, ProtobufCMessage *msg);

/* An empty message of the type. */
int mz_message_new(const ProtobufCMessageDescriptor *descriptor, ProtobufCMessage **ret_msg);
void mz_message_free(ProtobufCMessage *msg);
DEFINE_CLEANUP(ProtobufCMessage *, mz_message_free)

/* Adds the parts (metadata, spec, status) that are absent. */
int mz_object_complete(struct mz_object *object);
/* An object of msg, completed. Takes msg, also on failure. */
int mz_object_take(enum mz_kind kind, ProtobufCMessage *msg, struct mz_object **ret_object);
