// SPDX-License-Identifier: Apache-2.0
#include "rpc/sendq.h"

#include <errno.h>
#include <stdlib.h>

#include "rpc/message.h"

struct mz_rpc_outgoing {
	STAILQ_ENTRY(mz_rpc_outgoing) entry;
	grpc_byte_buffer *buffer;
	size_t size;
};

static void outgoing_free(struct mz_rpc_outgoing *message)
{
	if (!message)
		return;

	grpc_byte_buffer_destroy(message->buffer);
	free(message);
}

static void add_end(struct mz_rpc_sendq *queue, grpc_op *op)
{
	queue->is_ended = true;
	if (!queue->is_server) {
		op->op = GRPC_OP_SEND_CLOSE_FROM_CLIENT;
		return;
	}

	op->op = GRPC_OP_SEND_STATUS_FROM_SERVER;
	op->data.send_status_from_server.status = queue->status;
	op->data.send_status_from_server.status_details = &queue->status_text;
}

/* Starts the next batch, if there is something to send and none is under way. */
static void pump(struct mz_rpc_sendq *queue, bool begin)
{
	grpc_op ops[3] = { 0 };
	size_t n = 0;

	if (queue->op.is_pending || queue->is_broken)
		return;

	queue->sent = STAILQ_FIRST(&queue->messages);
	if (!queue->is_begun && (begin || queue->sent || queue->is_ending)) {
		queue->is_begun = true;
		ops[n++].op = GRPC_OP_SEND_INITIAL_METADATA;
	}
	if (queue->sent) {
		STAILQ_REMOVE_HEAD(&queue->messages, entry);
		ops[n].op = GRPC_OP_SEND_MESSAGE;
		/* gRPC may collect messages as long as another one follows. */
		if (!STAILQ_EMPTY(&queue->messages))
			ops[n].flags = GRPC_WRITE_BUFFER_HINT;
		ops[n++].data.send_message.send_message = queue->sent->buffer;
	}
	if (queue->is_ending && !queue->is_ended && STAILQ_EMPTY(&queue->messages))
		add_end(queue, &ops[n++]);

	if (n > 0)
		mz_rpc_start(&queue->op, queue->call, ops, n);
}

static void on_complete(struct mz_rpc_op *op, bool ok)
{
	struct mz_rpc_sendq *queue = container_of(op, struct mz_rpc_sendq, op);

	if (queue->sent) {
		queue->n_bytes -= queue->sent->size;
		outgoing_free(TAKE(queue->sent));
	}

	if (!ok)
		mz_rpc_sendq_break(queue);
	pump(queue, false);
	queue->on_sent(queue);
}

void mz_rpc_sendq_init(struct mz_rpc_sendq *queue, grpc_call *call, struct mz_rpc *rpc,
		       const void *owner, bool is_server,
		       void (*on_sent)(struct mz_rpc_sendq *queue))
{
	*queue = (struct mz_rpc_sendq){
		.call = call,
		.op = { .on_complete = on_complete, .rpc = rpc, .owner = owner },
		.messages = STAILQ_HEAD_INITIALIZER(queue->messages),
		.on_sent = on_sent,
		.is_server = is_server,
		.status_text = grpc_empty_slice(),
	};
}

void mz_rpc_sendq_fini(struct mz_rpc_sendq *queue)
{
	mz_rpc_sendq_break(queue);
	grpc_slice_unref(queue->status_text);
}

void mz_rpc_sendq_begin(struct mz_rpc_sendq *queue)
{
	pump(queue, true);
}

static int enqueue(struct mz_rpc_sendq *queue, const ProtobufCMessage *message,
		   const ProtobufCMessageDescriptor *type)
{
	struct mz_rpc_outgoing *outgoing;
	int r;

	if (queue->is_ending || queue->is_broken)
		return -EPIPE;

	outgoing = calloc(1, sizeof(*outgoing));
	if (!outgoing)
		return -ENOMEM;

	r = mz_rpc_pack(message, type, &outgoing->buffer, &outgoing->size);
	if (r < 0) {
		free(outgoing);
		return r;
	}

	STAILQ_INSERT_TAIL(&queue->messages, outgoing, entry);
	queue->n_bytes += outgoing->size;
	return 0;
}

int mz_rpc_sendq_push(struct mz_rpc_sendq *queue, const ProtobufCMessage *message,
		      const ProtobufCMessageDescriptor *type)
{
	int r = enqueue(queue, message, type);

	if (r < 0)
		return r;

	pump(queue, false);
	return 0;
}

int mz_rpc_sendq_push_last(struct mz_rpc_sendq *queue, const ProtobufCMessage *message,
			   const ProtobufCMessageDescriptor *type)
{
	int r = enqueue(queue, message, type);

	if (r < 0)
		return r;

	mz_rpc_sendq_end(queue, GRPC_STATUS_OK, "");
	return 0;
}

void mz_rpc_sendq_end(struct mz_rpc_sendq *queue, grpc_status_code status, const char *text)
{
	if (queue->is_ending)
		return;

	queue->is_ending = true;
	queue->status = status;
	queue->status_text = grpc_slice_from_copied_string(text);
	pump(queue, false);
}

void mz_rpc_sendq_break(struct mz_rpc_sendq *queue)
{
	struct mz_rpc_outgoing *message;

	queue->is_broken = true;
	while ((message = STAILQ_FIRST(&queue->messages))) {
		STAILQ_REMOVE_HEAD(&queue->messages, entry);
		queue->n_bytes -= message->size;
		outgoing_free(message);
	}
}
