/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The framing of src/ipc: a 4-byte big-endian length, then as many bytes of packed message. Pure
 * functions on bytes that anybody may have sent.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <protobuf-c/protobuf-c.h>

#define MZ_IPC_HEADER_SIZE 4

/*
 * What the first size bytes of a frame say about all of it. 0: the header is not complete; 1:
 * ret_size is the size of the frame with its header; -EMSGSIZE: longer than MZ_IPC_MAX.
 */
int mz_ipc_frame_size(const uint8_t *data, size_t size, size_t *ret_size);

/* A new frame around a packed message, for free(). -EMSGSIZE, -ENOMEM. */
int mz_ipc_frame_pack(const ProtobufCMessage *message, uint8_t **ret_data, size_t *ret_size);
