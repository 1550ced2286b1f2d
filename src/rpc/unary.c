// SPDX-License-Identifier: Apache-2.0
/* One request, one response: all in a single batch, which is completed when the call has ended. */
#include <errno.h>
#include <stdlib.h>

#include "rpc/client.h"
#include "rpc/message.h"
#include "rpc/reason.h"

struct unary {
	struct mz_rpc_client_call base;
	struct mz_rpc_op op;
	grpc_byte_buffer *request, *response;
	const ProtobufCMessageDescriptor *type;
	mz_rpc_done_fn on_done;
	void *user;
};

static void unary_free(struct unary *unary)
{
	grpc_byte_buffer_destroy(unary->request);
	grpc_byte_buffer_destroy(unary->response);
	mz_rpc_client_call_fini(&unary->base);
	free(unary);
}

static void on_complete(struct mz_rpc_op *op, bool ok)
{
	struct unary *unary = container_of(op, struct unary, op);
	enum mz_rpc_code code = (enum mz_rpc_code)unary->base.status;
	_cleanup_free_ char *text =
		mz_rpc_reason(code, unary->base.status_text, unary->base.is_tls);
	_cleanup_message_ ProtobufCMessage *response = NULL;

	if (code == MZ_RPC_OK)
		response = mz_rpc_unpack(unary->response, unary->type);

	mz_rpc_client_call_detach(&unary->base);
	if (code == MZ_RPC_OK && !response)
		unary->on_done(MZ_RPC_INTERNAL, "what the server sent is not a response", NULL,
			       unary->user);
	else
		unary->on_done(code, text ?: "", response, unary->user);
	unary_free(unary);
}

static void start(struct unary *unary)
{
	grpc_op send = { .op = GRPC_OP_SEND_MESSAGE };
	grpc_op recv = { .op = GRPC_OP_RECV_MESSAGE };
	grpc_op ops[6];

	send.data.send_message.send_message = unary->request;
	recv.data.recv_message.recv_message = &unary->response;
	ops[0] = (grpc_op){ .op = GRPC_OP_SEND_INITIAL_METADATA };
	ops[1] = send;
	ops[2] = (grpc_op){ .op = GRPC_OP_SEND_CLOSE_FROM_CLIENT };
	ops[3] = mz_rpc_op_recv_metadata(&unary->base);
	ops[4] = recv;
	ops[5] = mz_rpc_op_recv_status(&unary->base);
	mz_rpc_start(&unary->op, unary->base.call, ops, ARRAY_SIZE(ops));
}

int mz_rpc_unary(struct mz_rpc_client *client, const char *method, const ProtobufCMessage *request,
		 const ProtobufCMessageDescriptor *response, unsigned int timeout_ms,
		 mz_rpc_done_fn on_done, void *user)
{
	struct unary *unary;
	size_t size;
	int r;

	unary = calloc(1, sizeof(*unary));
	if (!unary)
		return -ENOMEM;

	r = mz_rpc_pack(request, request->descriptor, &unary->request, &size);
	if (r == 0)
		r = mz_rpc_client_call_init(&unary->base, client, method, timeout_ms);
	if (r < 0) {
		grpc_byte_buffer_destroy(unary->request);
		free(unary);
		return r;
	}

	unary->op = (struct mz_rpc_op){ .on_complete = on_complete,
					.rpc = client->rpc,
					.owner = client };
	unary->type = response;
	unary->on_done = on_done;
	unary->user = user;
	start(unary);
	return 0;
}
