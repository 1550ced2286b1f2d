// SPDX-License-Identifier: Apache-2.0
/*
 * A stream on the client's side. As with a server's call (call.c), it is closed when its status has
 * come and nothing else is pending: so every message is delivered before on_close.
 */
#include <errno.h>
#include <stdlib.h>

#include "rpc/client.h"
#include "rpc/message.h"
#include "rpc/reason.h"
#include "rpc/sendq.h"

struct mz_rpc_stream {
	struct mz_rpc_client_call base;
	struct mz_rpc_sendq sendq;
	struct mz_rpc_op recv, over;
	grpc_byte_buffer *received;
	const ProtobufCMessageDescriptor *type;
	const struct mz_rpc_stream_ops *ops;
	void *user;
	bool is_over;	   /* its status has come */
	bool is_closed;	   /* its user knows */
	bool is_cancelled; /* by us */
	unsigned int n_running;
};

static void stream_free(struct mz_rpc_stream *stream)
{
	mz_rpc_sendq_fini(&stream->sendq);
	grpc_byte_buffer_destroy(stream->received);
	mz_rpc_client_call_fini(&stream->base);
	free(stream);
}

static void close_stream(struct mz_rpc_stream *stream)
{
	enum mz_rpc_code code = (enum mz_rpc_code)stream->base.status;
	_cleanup_free_ char *text =
		mz_rpc_reason(code, stream->base.status_text, stream->base.is_tls);

	stream->is_closed = true;
	mz_rpc_client_call_detach(&stream->base);
	stream->ops->on_close(stream, code, text ?: "", stream->user);
}

/*
 * Every completion runs between these two. They nest when a callback frees the client, which waits
 * for the stream's other completions: so the memory goes with the outermost one.
 */
static void enter(struct mz_rpc_stream *stream)
{
	stream->n_running++;
}

static void leave(struct mz_rpc_stream *stream)
{
	if (stream->is_over && !stream->recv.is_pending && !stream->sendq.op.is_pending &&
	    !stream->is_closed)
		close_stream(stream);
	if (--stream->n_running == 0 && stream->is_closed)
		stream_free(stream);
}

static void recv_next(struct mz_rpc_stream *stream)
{
	grpc_op op = { .op = GRPC_OP_RECV_MESSAGE };

	op.data.recv_message.recv_message = &stream->received;
	mz_rpc_start(&stream->recv, stream->base.call, &op, 1);
}

static void recv_on_complete(struct mz_rpc_op *op, bool ok)
{
	struct mz_rpc_stream *stream = container_of(op, struct mz_rpc_stream, recv);
	_cleanup_buffer_ grpc_byte_buffer *buffer = TAKE(stream->received);
	_cleanup_message_ ProtobufCMessage *message = NULL;

	enter(stream);
	if (ok && buffer && !stream->is_cancelled) {
		message = mz_rpc_unpack(buffer, stream->type);
		if (message)
			stream->ops->on_message(stream, message, stream->user);
		else
			(void)grpc_call_cancel_with_status(
				stream->base.call, GRPC_STATUS_INTERNAL,
				"what the server sent is not a message of this stream", NULL);
		if (message && !stream->is_cancelled && !stream->is_closed)
			recv_next(stream);
	}
	leave(stream);
}

static void over_on_complete(struct mz_rpc_op *op, bool ok)
{
	struct mz_rpc_stream *stream = container_of(op, struct mz_rpc_stream, over);

	enter(stream);
	stream->is_over = true;
	mz_rpc_sendq_break(&stream->sendq);
	leave(stream);
}

static void on_sent(struct mz_rpc_sendq *sendq)
{
	struct mz_rpc_stream *stream = container_of(sendq, struct mz_rpc_stream, sendq);

	enter(stream);
	leave(stream);
}

static void start(struct mz_rpc_stream *stream)
{
	grpc_op status = mz_rpc_op_recv_status(&stream->base);
	grpc_op recv[2] = { mz_rpc_op_recv_metadata(&stream->base) };

	recv[1].op = GRPC_OP_RECV_MESSAGE;
	recv[1].data.recv_message.recv_message = &stream->received;
	mz_rpc_start(&stream->over, stream->base.call, &status, 1);
	mz_rpc_sendq_begin(&stream->sendq);
	mz_rpc_start(&stream->recv, stream->base.call, recv, ARRAY_SIZE(recv));
}

int mz_rpc_stream_open(struct mz_rpc_client *client, const char *method,
		       const ProtobufCMessage *request, const ProtobufCMessageDescriptor *response,
		       const struct mz_rpc_stream_ops *ops, void *user,
		       struct mz_rpc_stream **ret_stream)
{
	struct mz_rpc_stream *stream;
	int r;

	stream = calloc(1, sizeof(*stream));
	if (!stream)
		return -ENOMEM;

	r = mz_rpc_client_call_init(&stream->base, client, method, 0);
	if (r < 0) {
		free(stream);
		return r;
	}

	mz_rpc_sendq_init(&stream->sendq, stream->base.call, client->rpc, client, false, on_sent);
	stream->recv = (struct mz_rpc_op){ .on_complete = recv_on_complete,
					   .rpc = client->rpc,
					   .owner = client };
	stream->over = (struct mz_rpc_op){ .on_complete = over_on_complete,
					   .rpc = client->rpc,
					   .owner = client };
	stream->type = response;
	stream->ops = ops;
	stream->user = user;
	if (request)
		r = mz_rpc_sendq_push_last(&stream->sendq, request, request->descriptor);
	if (r < 0) {
		mz_rpc_client_call_detach(&stream->base);
		mz_rpc_sendq_fini(&stream->sendq);
		mz_rpc_client_call_fini(&stream->base);
		free(stream);
		return r;
	}

	start(stream);
	*ret_stream = stream;
	return 0;
}

int mz_rpc_stream_send(struct mz_rpc_stream *stream, const ProtobufCMessage *message)
{
	return mz_rpc_sendq_push(&stream->sendq, message, message->descriptor);
}

void mz_rpc_stream_half_close(struct mz_rpc_stream *stream)
{
	mz_rpc_sendq_end(&stream->sendq, GRPC_STATUS_OK, "");
}

size_t mz_rpc_stream_queued(const struct mz_rpc_stream *stream)
{
	return stream->sendq.n_bytes;
}

void mz_rpc_stream_cancel(struct mz_rpc_stream *stream)
{
	stream->is_cancelled = true;
	mz_rpc_sendq_break(&stream->sendq);
	(void)grpc_call_cancel(stream->base.call, NULL); /* one that has ended stays so */
}
