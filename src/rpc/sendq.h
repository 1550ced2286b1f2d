/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside src/rpc: the sending half of a call, for server and client alike. gRPC takes one message
 * at a time; the rest waits here. The first batch carries the initial metadata, the last one the
 * end.
 */
#pragma once

#include <grpc/grpc.h>

#include "rpc/runtime.h"

struct mz_rpc_outgoing;

struct mz_rpc_sendq {
	grpc_call *call; /* borrowed */
	struct mz_rpc_op op;
	STAILQ_HEAD(, mz_rpc_outgoing) messages;
	struct mz_rpc_outgoing *sent; /* the batch's own, until it is completed */
	size_t n_bytes;
	/* After every completed batch: whatever the batch was, the queue has moved on. */
	void (*on_sent)(struct mz_rpc_sendq *queue);

	bool is_begun;	/* initial metadata are out */
	bool is_ending; /* no more messages */
	bool is_ended;	/* status or half-close are out */
	bool is_broken; /* the call failed: nothing can be sent */
	bool is_server;
	grpc_status_code status; /* of a server's end */
	grpc_slice status_text;
};

void mz_rpc_sendq_init(struct mz_rpc_sendq *queue, grpc_call *call, struct mz_rpc *rpc,
		       const void *owner, bool is_server,
		       void (*on_sent)(struct mz_rpc_sendq *queue));
void mz_rpc_sendq_fini(struct mz_rpc_sendq *queue);

/* Client: sends the initial metadata now, and not with the first message. */
void mz_rpc_sendq_begin(struct mz_rpc_sendq *queue);
/* -EPIPE: ended or broken; -EINVAL, -EMSGSIZE, -ENOMEM: see mz_rpc_pack(). */
int mz_rpc_sendq_push(struct mz_rpc_sendq *queue, const ProtobufCMessage *message,
		      const ProtobufCMessageDescriptor *type);
/* A message and, in the same batch if nothing else is queued, the end with success. */
int mz_rpc_sendq_push_last(struct mz_rpc_sendq *queue, const ProtobufCMessage *message,
			   const ProtobufCMessageDescriptor *type);
/* Once what is queued is sent: the status of a server, the half-close of a client. */
void mz_rpc_sendq_end(struct mz_rpc_sendq *queue, grpc_status_code status, const char *text);
/* Nothing more is sent, and what is queued is dropped. */
void mz_rpc_sendq_break(struct mz_rpc_sendq *queue);
