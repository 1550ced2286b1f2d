// SPDX-License-Identifier: Apache-2.0
/*
 * Messages as gRPC hands them over, of every method by the first byte; and behind those the texts
 * of statuses, and targets as users write them.
 */
#include "fuzz.h"

#include "controller/methods.h"
#include "rpc/address.h"
#include "rpc/message.h"
#include "rpc/reason.h"

static void use_message(const ProtobufCMessageDescriptor *type, struct input input)
{
	grpc_slice slice = grpc_slice_from_copied_buffer((const char *)input.data, input.size);
	_cleanup_buffer_ grpc_byte_buffer *buffer = grpc_raw_byte_buffer_create(&slice, 1);
	_cleanup_buffer_ grpc_byte_buffer *packed = NULL;
	_cleanup_message_ ProtobufCMessage *message = NULL, *again = NULL;
	size_t size;

	grpc_slice_unref(slice);
	message = mz_rpc_unpack(buffer, type);
	if (!message)
		return;
	REQUIRE(mz_rpc_pack(message, type, &packed, &size) == 0);
	again = mz_rpc_unpack(packed, type);
	/* protobuf-c takes a field of the number 0, and does not read what it writes of it. */
	REQUIRE(!again || protobuf_c_message_get_packed_size(again) == size);
}

static void use_reason(struct input input)
{
	grpc_slice slice = grpc_slice_from_copied_buffer((const char *)input.data, input.size);
	char *reason = mz_rpc_reason(MZ_RPC_UNAVAILABLE, slice, input.size & 1);

	REQUIRE(reason && !strchr(reason, '\n'));
	free(reason);
	grpc_slice_unref(slice);
}

static void use_target(struct input input)
{
	_cleanup_free_ char *text = take_text(&input), *target = NULL;

	if (mz_rpc_target(text, &target) == 0)
		REQUIRE(target && *target);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mz_rpc_method methods[CTL_N_METHODS + 1];
	struct input input = { data, size };
	uint8_t which = take_byte(&input) % (CTL_N_METHODS + 9);

	ctl_methods(NULL, methods);
	if (which < CTL_N_METHODS)
		use_message(methods[which].request, input);
	else if (which < 2 * CTL_N_METHODS - 2)
		use_message(methods[which - CTL_N_METHODS].response, input);
	else if (which == 2 * CTL_N_METHODS - 2)
		use_reason(input);
	else
		use_target(input);
	return 0;
}
