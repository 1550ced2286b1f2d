// SPDX-License-Identifier: Apache-2.0
#include "rpc/message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <grpc/byte_buffer_reader.h>

#include "rpc/runtime.h"

const char *mz_rpc_code_name(enum mz_rpc_code code)
{
	switch (code) {
	case MZ_RPC_OK:
		return "OK";
	case MZ_RPC_CANCELLED:
		return "CANCELLED";
	case MZ_RPC_UNKNOWN:
		return "UNKNOWN";
	case MZ_RPC_INVALID_ARGUMENT:
		return "INVALID_ARGUMENT";
	case MZ_RPC_DEADLINE_EXCEEDED:
		return "DEADLINE_EXCEEDED";
	case MZ_RPC_NOT_FOUND:
		return "NOT_FOUND";
	case MZ_RPC_ALREADY_EXISTS:
		return "ALREADY_EXISTS";
	case MZ_RPC_PERMISSION_DENIED:
		return "PERMISSION_DENIED";
	case MZ_RPC_RESOURCE_EXHAUSTED:
		return "RESOURCE_EXHAUSTED";
	case MZ_RPC_FAILED_PRECONDITION:
		return "FAILED_PRECONDITION";
	case MZ_RPC_ABORTED:
		return "ABORTED";
	case MZ_RPC_OUT_OF_RANGE:
		return "OUT_OF_RANGE";
	case MZ_RPC_UNIMPLEMENTED:
		return "UNIMPLEMENTED";
	case MZ_RPC_INTERNAL:
		return "INTERNAL";
	case MZ_RPC_UNAVAILABLE:
		return "UNAVAILABLE";
	case MZ_RPC_UNAUTHENTICATED:
		return "UNAUTHENTICATED";
	}

	return "UNKNOWN"; /* a code of the other side's that Mizar does not use */
}

int mz_rpc_pack(const ProtobufCMessage *message, const ProtobufCMessageDescriptor *type,
		grpc_byte_buffer **ret_buffer, size_t *ret_size)
{
	grpc_byte_buffer *buffer;
	grpc_slice slice;
	size_t size;

	if (message->descriptor != type)
		return -EINVAL;

	size = protobuf_c_message_get_packed_size(message);
	if (size > MZ_RPC_MESSAGE_MAX)
		return -EMSGSIZE;

	slice = grpc_slice_malloc(size);
	protobuf_c_message_pack(message, GRPC_SLICE_START_PTR(slice));
	buffer = grpc_raw_byte_buffer_create(&slice, 1);
	grpc_slice_unref(slice);
	if (!buffer)
		return -ENOMEM;

	*ret_buffer = buffer;
	*ret_size = size;
	return 0;
}

ProtobufCMessage *mz_rpc_unpack(grpc_byte_buffer *buffer, const ProtobufCMessageDescriptor *type)
{
	grpc_byte_buffer_reader reader;
	ProtobufCMessage *message;
	grpc_slice slice;

	if (!buffer || buffer->data.raw.compression != GRPC_COMPRESS_NONE ||
	    !grpc_byte_buffer_reader_init(&reader, buffer))
		return NULL;

	slice = grpc_byte_buffer_reader_readall(&reader);
	grpc_byte_buffer_reader_destroy(&reader);
	message = mz_message_unpack(type, GRPC_SLICE_START_PTR(slice), GRPC_SLICE_LENGTH(slice));
	grpc_slice_unref(slice);
	return message;
}

char *mz_rpc_text(grpc_slice slice)
{
	size_t size = GRPC_SLICE_LENGTH(slice);
	char *text = malloc(size + 1);

	if (!text)
		return NULL;

	memcpy(text, GRPC_SLICE_START_PTR(slice), size);
	text[size] = '\0';
	for (size_t i = 0; i < size; i++) {
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			text[i] = ' ';
	}

	return text;
}
