/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading messages of strangers: protobuf_c_message_unpack() within a memory budget. Two bytes on
 * the wire can name an empty sub-message of a hundred bytes, so the size of what was received
 * bounds nothing by itself.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

#include "base/cleanup.h"

/* All that one unpacked message may take, bytes. */
#define MZ_MESSAGE_MEMORY_MAX (128U << 20)

/* NULL: not a message of this type, or too large. For protobuf_c_message_free_unpacked(…, NULL). */
ProtobufCMessage *mz_message_unpack(const ProtobufCMessageDescriptor *type, const uint8_t *data,
				    size_t size);

static inline void mz_message_freep(ProtobufCMessage **message)
{
	if (*message)
		protobuf_c_message_free_unpacked(*message, NULL);
}
#define _cleanup_message_ _cleanup_(mz_message_freep)
