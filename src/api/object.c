// SPDX-License-Identifier: Apache-2.0
/*
 * Objects whatever their kind. What makes this short: the message of every kind is metadata, spec
 * and status, in that order, so that one layout serves all; the asserts below hold it to that. An
 * object made here always has all three parts, also if the packed form left some out.
 */
#include "api/object.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "api/table.h"

static const ProtobufCMessageDescriptor *const descriptors[MZ_N_KINDS] = {
	[MZ_KIND_DROPLET] = &mizar__v1__droplet__descriptor,
	[MZ_KIND_VPC] = &mizar__v1__vpc__descriptor,
	[MZ_KIND_NETWORK] = &mizar__v1__network__descriptor,
	[MZ_KIND_ENDPOINT] = &mizar__v1__endpoint__descriptor,
	[MZ_KIND_BOUNCER] = &mizar__v1__bouncer__descriptor,
	[MZ_KIND_DIVIDER] = &mizar__v1__divider__descriptor,
};

#define ASSERT_LAYOUT(KIND, Type)                                                                  \
	_Static_assert(offsetof(Mizar__V1__##Type, metadata) ==                                    \
			       offsetof(Mizar__V1__VPC, metadata),                                 \
		       #Type " starts with its metadata");                                         \
	_Static_assert((int)MZ_KIND_##KIND == (int)MIZAR__V1__OBJECT__KIND_##KIND,                 \
		       #Type " has its number of the oneof")

ASSERT_LAYOUT(DROPLET, Droplet);
ASSERT_LAYOUT(VPC, VPC);
ASSERT_LAYOUT(NETWORK, Network);
ASSERT_LAYOUT(ENDPOINT, Endpoint);
ASSERT_LAYOUT(BOUNCER, Bouncer);
ASSERT_LAYOUT(DIVIDER, Divider);

void mz_message_free(ProtobufCMessage *msg)
{
	if (msg)
		protobuf_c_message_free_unpacked(msg, NULL);
}

int mz_message_new(const ProtobufCMessageDescriptor *descriptor, ProtobufCMessage **ret_msg)
{
	ProtobufCMessage *msg = malloc(descriptor->sizeof_message);

	if (!msg)
		return -ENOMEM;
	protobuf_c_message_init(descriptor, msg);
	*ret_msg = msg;
	return 0;
}

int mz_object_complete(struct mz_object *object)
{
	const ProtobufCMessageDescriptor *descriptor = object->msg->descriptor;
	unsigned int i;
	int r;

	for (i = 0; i < descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &descriptor->fields[i];
		ProtobufCMessage **part =
			(ProtobufCMessage **)((char *)object->msg + field->offset);

		if (*part)
			continue;
		r = mz_message_new(field->descriptor, part);
		if (r < 0)
			return r;
	}
	return 0;
}

int mz_object_take(enum mz_kind kind, ProtobufCMessage *msg, struct mz_object **ret_object)
{
	_cleanup_(mz_object_freep) struct mz_object *object = malloc(sizeof(*object));
	int r;

	if (!object) {
		mz_message_free(msg);
		return -ENOMEM;
	}
	*object = (struct mz_object){ .kind = kind, .msg = msg };
	r = mz_object_complete(object);
	if (r < 0)
		return r;
	*ret_object = TAKE(object);
	return 0;
}

static bool is_kind(unsigned int kind)
{
	return kind < MZ_N_KINDS && descriptors[kind];
}

int mz_object_new(enum mz_kind kind, struct mz_object **ret_object)
{
	ProtobufCMessage *msg;
	int r;

	if (!is_kind(kind))
		return -EINVAL;
	r = mz_message_new(descriptors[kind], &msg);
	if (r < 0)
		return r;
	return mz_object_take(kind, msg, ret_object);
}

static int copy_message(enum mz_kind kind, const ProtobufCMessage *msg, struct mz_object **ret_copy)
{
	const struct mz_object object = { .kind = kind, .msg = (ProtobufCMessage *)msg };
	_cleanup_free_ uint8_t *data = NULL;
	size_t size;
	int r;

	r = mz_object_pack(&object, &data, &size);
	if (r < 0)
		return r;
	return mz_object_unpack(kind, data, size, ret_copy);
}

int mz_object_copy(const struct mz_object *object, struct mz_object **ret_copy)
{
	return copy_message(object->kind, object->msg, ret_copy);
}

void mz_object_free(struct mz_object *object)
{
	if (!object)
		return;
	mz_message_free(object->msg);
	free(object);
}

Mizar__V1__Metadata *mz_object_metadata(const struct mz_object *object)
{
	return object->vpc->metadata; /* at the same place in every kind */
}

const char *mz_object_name(const struct mz_object *object)
{
	const Mizar__V1__Metadata *metadata = mz_object_metadata(object);

	return metadata->name ? metadata->name : "";
}

const char *mz_object_namespace(const struct mz_object *object)
{
	const Mizar__V1__Metadata *metadata = mz_object_metadata(object);

	return metadata->namespace_ ? metadata->namespace_ : "";
}

static bool has_label(const Mizar__V1__Metadata *metadata, const Mizar__V1__Label *label)
{
	size_t i;

	for (i = 0; i < metadata->n_labels; i++)
		if (!strcmp(metadata->labels[i]->key ?: "", label->key ?: "") &&
		    !strcmp(metadata->labels[i]->value ?: "", label->value ?: ""))
			return true;
	return false;
}

bool mz_object_has_labels(const struct mz_object *object, Mizar__V1__Label *const *labels,
			  size_t n_labels)
{
	size_t i;

	for (i = 0; i < n_labels; i++)
		if (!has_label(mz_object_metadata(object), labels[i]))
			return false;
	return true;
}

int mz_object_pack(const struct mz_object *object, uint8_t **ret_data, size_t *ret_size)
{
	size_t size = protobuf_c_message_get_packed_size(object->msg);
	uint8_t *data = malloc(size ? size : 1);

	if (!data)
		return -ENOMEM;
	protobuf_c_message_pack(object->msg, data);
	*ret_data = data;
	*ret_size = size;
	return 0;
}

int mz_object_unpack(enum mz_kind kind, const uint8_t *data, size_t size,
		     struct mz_object **ret_object)
{
	ProtobufCMessage *msg;

	if (!is_kind(kind))
		return -EINVAL;
	msg = protobuf_c_message_unpack(descriptors[kind], NULL, size, data);
	if (!msg)
		return -EINVAL;
	return mz_object_take(kind, msg, ret_object);
}

void mz_object_wrap(const struct mz_object *object, Mizar__V1__Object *ret_message)
{
	mizar__v1__object__init(ret_message);
	ret_message->kind_case = (Mizar__V1__Object__KindCase)object->kind;
	ret_message->vpc = object->vpc;
}

int mz_object_unwrap(const Mizar__V1__Object *message, struct mz_object **ret_object)
{
	if (!is_kind(message->kind_case) || !message->vpc)
		return -EINVAL;
	return copy_message((enum mz_kind)message->kind_case, &message->vpc->base, ret_object);
}

int mz_string_set(char **field, const char *value)
{
	char *copy = NULL;

	if (value) {
		copy = strdup(value); /* first: value may be the old string */
		if (!copy)
			return -ENOMEM;
	}
	if (*field != protobuf_c_empty_string)
		free(*field);
	*field = copy;
	return 0;
}
