/* SPDX-License-Identifier: Apache-2.0 */
/* Inside src/rpc: messages and texts between protobuf-c's form and gRPC's. */
#pragma once

#include <grpc/grpc.h>

#include "ipc/unpack.h"
#include "rpc/rpc.h"

/* -EINVAL: not of this type; -EMSGSIZE: the other side would not take it; -ENOMEM. */
int mz_rpc_pack(const ProtobufCMessage *message, const ProtobufCMessageDescriptor *type,
		grpc_byte_buffer **ret_buffer, size_t *ret_size);

/* NULL: not a message of this type, or compressed, which we never agreed to. Takes NULL. */
ProtobufCMessage *mz_rpc_unpack(grpc_byte_buffer *buffer, const ProtobufCMessageDescriptor *type);

/* A text from the other side as one printable line, for free(); NULL without memory. */
char *mz_rpc_text(grpc_slice slice);

static inline void mz_rpc_buffer_freep(grpc_byte_buffer **buffer)
{
	if (*buffer)
		grpc_byte_buffer_destroy(*buffer);
}
#define _cleanup_buffer_ _cleanup_(mz_rpc_buffer_freep)
