// SPDX-License-Identifier: Apache-2.0
#include "ipc/unpack.h"

#include <stdlib.h>

/*
 * Counts what is allocated and not what is freed: temporary memory of the parser counts too, which
 * only makes the limit stricter. Memory comes from malloc(), as with protobuf-c's own allocator, so
 * that the message outlives this one.
 */
static void *budget_alloc(void *data, size_t size)
{
	size_t *left = data;

	if (size > *left)
		return NULL;

	*left -= size;
	return malloc(size);
}

static void budget_free(void *data, void *pointer)
{
	free(pointer);
}

ProtobufCMessage *mz_message_unpack(const ProtobufCMessageDescriptor *type, const uint8_t *data,
				    size_t size)
{
	size_t left = MZ_MESSAGE_MEMORY_MAX;
	ProtobufCAllocator allocator = {
		.alloc = budget_alloc,
		.free = budget_free,
		.allocator_data = &left,
	};

	return protobuf_c_message_unpack(type, &allocator, size, data);
}
