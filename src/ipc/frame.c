// SPDX-License-Identifier: Apache-2.0
#include "ipc/frame.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ipc/ipc.h"

int mz_ipc_frame_size(const uint8_t *data, size_t size, size_t *ret_size)
{
	uint32_t length_be;

	if (size < MZ_IPC_HEADER_SIZE)
		return 0;

	memcpy(&length_be, data, sizeof(length_be));
	if (ntohl(length_be) > MZ_IPC_MAX)
		return -EMSGSIZE;

	*ret_size = MZ_IPC_HEADER_SIZE + (size_t)ntohl(length_be);
	return 1;
}

int mz_ipc_frame_pack(const ProtobufCMessage *message, uint8_t **ret_data, size_t *ret_size)
{
	size_t length = protobuf_c_message_get_packed_size(message);
	uint32_t length_be = htonl((uint32_t)length);
	uint8_t *data;

	if (length > MZ_IPC_MAX)
		return -EMSGSIZE;

	data = malloc(MZ_IPC_HEADER_SIZE + length);
	if (!data)
		return -ENOMEM;

	memcpy(data, &length_be, sizeof(length_be));
	protobuf_c_message_pack(message, data + MZ_IPC_HEADER_SIZE);
	*ret_data = data;
	*ret_size = MZ_IPC_HEADER_SIZE + length;
	return 0;
}
