/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One object of any kind, as a protobuf-c message with its kind beside it; and access to what all
 * kinds have. The kinds are the messages of objects.proto with a (mizar.v1.kind) option.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

#include "base/cleanup.h"
#include "mizar/v1/objects.pb-c.h"

/* Stored in databases: append only. */
enum mz_kind {
	MZ_KIND_DROPLET = 1,
	MZ_KIND_VPC = 2,
	MZ_KIND_NETWORK = 3,
	MZ_KIND_ENDPOINT = 4,
	MZ_KIND_BOUNCER = 5,
	MZ_KIND_DIVIDER = 6,
};
#define MZ_N_KINDS 7 /* index 0 is not used */

/* Owns its message. */
struct mz_object {
	enum mz_kind kind;
	union {
		ProtobufCMessage *msg;
		Mizar__V1__Droplet *droplet;
		Mizar__V1__VPC *vpc;
		Mizar__V1__Network *network;
		Mizar__V1__Endpoint *endpoint;
		Mizar__V1__Bouncer *bouncer;
		Mizar__V1__Divider *divider;
	};
};

/* An object with empty metadata, spec and status. */
int mz_object_new(enum mz_kind kind, struct mz_object **ret_object);
int mz_object_copy(const struct mz_object *object, struct mz_object **ret_copy);
void mz_object_free(struct mz_object *object);
DEFINE_CLEANUP(struct mz_object *, mz_object_free)

/* Never NULL. */
Mizar__V1__Metadata *mz_object_metadata(const struct mz_object *object);
const char *mz_object_name(const struct mz_object *object);	 /* "" if absent */
const char *mz_object_namespace(const struct mz_object *object); /* "" if absent */

/* Whether it has all of them. */
bool mz_object_has_labels(const struct mz_object *object, Mizar__V1__Label *const *labels,
			  size_t n_labels);

/* Packed form without the kind (the store keeps that beside it). Caller frees. */
int mz_object_pack(const struct mz_object *object, uint8_t **ret_data, size_t *ret_size);
int mz_object_unpack(enum mz_kind kind, const uint8_t *data, size_t size,
		     struct mz_object **ret_object);

/*
 * To and from the oneof that messages carry. wrap borrows: the message is valid as long as object.
 * unwrap copies. -EINVAL: no kind is set.
 */
void mz_object_wrap(const struct mz_object *object, Mizar__V1__Object *ret_message);
int mz_object_unwrap(const Mizar__V1__Object *message, struct mz_object **ret_object);

/* Replaces a string field of a protobuf-c message (frees the old one unless it is a default). */
int mz_string_set(char **field, const char *value);
