// SPDX-License-Identifier: Apache-2.0
/*
 * One call on the server's side. gRPC tells three things, each once or more: a message came (or the
 * client's half-close), a batch was sent, the call is over. The call is closed when it is over and
 * nothing else is pending; only then does its user hear on_close, and the memory goes.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <grpc/support/alloc.h>

#include "rpc/message.h"
#include "rpc/sendq.h"
#include "rpc/server.h"
#include "rpc/tls.h"

/* What a client's header limit of 8 KiB holds for sure, percent-encoded. */
#define STATUS_TEXT_SIZE 1024

struct mz_rpc_call {
	struct mz_rpc_server *server;
	LIST_ENTRY(mz_rpc_call) entry;
	const struct mz_rpc_method *method; /* NULL: unknown */
	grpc_call *call;
	struct mz_rpc_sendq sendq;
	struct mz_rpc_op recv, over;
	grpc_byte_buffer *received;
	int is_cancelled; /* int: gRPC writes it */
	bool is_known;	  /* to its user, who has not been told of its end */
	bool is_over;
	char *peer;
	char *peer_name;
	void *data;
	void (*on_drain)(struct mz_rpc_call *call, void *user);
};

static void call_free(struct mz_rpc_call *call)
{
	mz_rpc_sendq_fini(&call->sendq);
	grpc_byte_buffer_destroy(call->received);
	grpc_call_unref(call->call);
	gpr_free(call->peer);
	free(call->peer_name);
	free(call);
}

static bool is_stream(const struct mz_rpc_call *call)
{
	return call->method && (call->method->client_streams || call->method->server_streams);
}

/* After every completion. The caller does not touch the call any more. */
static void close_if_done(struct mz_rpc_call *call)
{
	if (!call->is_over || call->recv.is_pending || call->sendq.op.is_pending)
		return;

	LIST_REMOVE(call, entry);
	if (call->is_known && call->method->on_close)
		call->method->on_close(call, call->method->user);
	call_free(call);
}

static void recv_next(struct mz_rpc_call *call)
{
	grpc_op op = { .op = GRPC_OP_RECV_MESSAGE };

	op.data.recv_message.recv_message = &call->received;
	mz_rpc_start(&call->recv, call->call, &op, 1);
}

/* The end of a call's sending half. To the user of a unary call, it is gone with that. */
static void end(struct mz_rpc_call *call, enum mz_rpc_code code, const char *text)
{
	if (!is_stream(call))
		call->is_known = false;
	mz_rpc_sendq_end(&call->sendq, (grpc_status_code)code, text);
}

__attribute__((format(printf, 3, 4))) static void
endf(struct mz_rpc_call *call, enum mz_rpc_code code, const char *format, ...)
{
	char text[STATUS_TEXT_SIZE];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap); /* a cut text is still a text */
	va_end(ap);
	end(call, code, text);
}

/* A message, or (NULL) no more of them. */
static void deliver(struct mz_rpc_call *call, const ProtobufCMessage *message)
{
	const struct mz_rpc_method *method = call->method;

	if (!method->client_streams) {
		call->is_known = true;
		method->on_request(call, message, method->user);
		return;
	}

	if (message)
		method->on_message(call, message, method->user);
	else if (method->on_half_close)
		method->on_half_close(call, method->user);
	if (message && !call->is_over && !call->sendq.is_ending)
		recv_next(call);
}

static void recv_on_complete(struct mz_rpc_op *op, bool ok)
{
	struct mz_rpc_call *call = container_of(op, struct mz_rpc_call, recv);
	_cleanup_buffer_ grpc_byte_buffer *buffer = TAKE(call->received);
	const struct mz_rpc_method *method = call->method;
	_cleanup_message_ ProtobufCMessage *message = NULL;
	/* No message: the client's half-close, or its going away, which on_close will tell. */
	bool is_lost = !ok || (!buffer && grpc_call_failed_before_recv_message(call->call));

	if (!is_lost && !call->is_over && !call->sendq.is_ending) {
		if (buffer)
			message = mz_rpc_unpack(buffer, method->request);
		if (message || (!buffer && method->client_streams))
			deliver(call, message);
		else
			endf(call, MZ_RPC_INVALID_ARGUMENT, "%s: the request is not a %s",
			     method->name, method->request->name);
	}
	close_if_done(call);
}

static void over_on_complete(struct mz_rpc_op *op, bool ok)
{
	struct mz_rpc_call *call = container_of(op, struct mz_rpc_call, over);

	call->is_over = true;
	mz_rpc_sendq_break(&call->sendq);
	close_if_done(call);
}

static void on_sent(struct mz_rpc_sendq *sendq)
{
	struct mz_rpc_call *call = container_of(sendq, struct mz_rpc_call, sendq);

	if (call->is_known && call->on_drain && sendq->n_bytes == 0 && !sendq->is_ending &&
	    !sendq->is_broken)
		call->on_drain(call, call->method->user);
	close_if_done(call);
}

static const struct mz_rpc_method *find_method(const struct mz_rpc_method *methods, grpc_slice name)
{
	for (const struct mz_rpc_method *method = methods; method->name; method++) {
		if (grpc_slice_str_cmp(name, method->name) == 0)
			return method;
	}

	return NULL;
}

static void begin(struct mz_rpc_call *call, grpc_slice name)
{
	const struct mz_rpc_method *method = call->method;

	if (!method) {
		_cleanup_free_ char *text = mz_rpc_text(name);

		endf(call, MZ_RPC_UNIMPLEMENTED, "there is no method %s", text ?: "");
		return;
	}

	if (method->client_streams) {
		call->is_known = true;
		if (method->on_open)
			method->on_open(call, method->user);
		if (call->sendq.is_ending)
			return;
	}
	recv_next(call);
}

void mz_rpc_call_start(struct mz_rpc_server *server, grpc_call *grpc_call, grpc_slice method)
{
	grpc_op op = { .op = GRPC_OP_RECV_CLOSE_ON_SERVER };
	struct mz_rpc *rpc = server->rpc;
	struct mz_rpc_call *call;

	call = calloc(1, sizeof(*call));
	if (!call) {
		grpc_call_unref(grpc_call); /* cancels it */
		return;
	}

	call->server = server;
	call->call = grpc_call;
	call->method = find_method(server->methods, method);
	call->recv =
		(struct mz_rpc_op){ .on_complete = recv_on_complete, .rpc = rpc, .owner = server };
	call->over =
		(struct mz_rpc_op){ .on_complete = over_on_complete, .rpc = rpc, .owner = server };
	mz_rpc_sendq_init(&call->sendq, grpc_call, rpc, server, true, on_sent);
	call->peer = grpc_call_get_peer(grpc_call);
	LIST_INSERT_HEAD(&server->calls, call, entry);

	op.data.recv_close_on_server.cancelled = &call->is_cancelled;
	mz_rpc_start(&call->over, grpc_call, &op, 1);
	if (mz_rpc_peer_name(grpc_call, call->peer, &call->peer_name) < 0)
		end(call, MZ_RPC_RESOURCE_EXHAUSTED, "out of memory");
	else
		begin(call, method);
}

const char *mz_rpc_call_peer_name(const struct mz_rpc_call *call)
{
	return call->peer_name;
}

const char *mz_rpc_call_peer(const struct mz_rpc_call *call)
{
	return call->peer;
}

void mz_rpc_call_set_data(struct mz_rpc_call *call, void *data)
{
	call->data = data;
}

void *mz_rpc_call_data(const struct mz_rpc_call *call)
{
	return call->data;
}

void mz_rpc_call_reply(struct mz_rpc_call *call, const ProtobufCMessage *response)
{
	int r;

	r = mz_rpc_sendq_push_last(&call->sendq, response, call->method->response);
	if (r == -EMSGSIZE)
		endf(call, MZ_RPC_RESOURCE_EXHAUSTED, "%s: the response is longer than %d bytes",
		     call->method->name, MZ_RPC_MESSAGE_MAX);
	else if (r < 0 && r != -EPIPE)
		endf(call, MZ_RPC_INTERNAL, "%s: cannot send the response: %s", call->method->name,
		     strerror(-r));
	call->is_known = false;
}

void mz_rpc_call_finish(struct mz_rpc_call *call, enum mz_rpc_code code, const char *format, ...)
{
	char text[STATUS_TEXT_SIZE];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap); /* a cut text is still a text */
	va_end(ap);
	end(call, code, text);
}

int mz_rpc_call_send(struct mz_rpc_call *call, const ProtobufCMessage *message)
{
	return mz_rpc_sendq_push(&call->sendq, message, call->method->response);
}

size_t mz_rpc_call_queued(const struct mz_rpc_call *call)
{
	return call->sendq.n_bytes;
}

void mz_rpc_call_on_drain(struct mz_rpc_call *call, void (*on_drain)(struct mz_rpc_call *, void *))
{
	call->on_drain = on_drain;
}
