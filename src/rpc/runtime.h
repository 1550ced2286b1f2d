/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside src/rpc: how gRPC's completions reach the loop. Every batch that is started carries an
 * operation as its tag. Completed operations are appended to a list, by the queue's thread (which
 * shares nothing else) or at once where the batch was started; the loop takes them off one by one
 * and runs them.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

#include <grpc/grpc.h>

#include "rpc/rpc.h"

#define MZ_RPC_MESSAGE_MAX	    (16 << 20)
#define MZ_RPC_KEEPALIVE_MS	    5000
#define MZ_RPC_KEEPALIVE_TIMEOUT_MS 3000

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

struct mz_rpc_op {
	void (*on_complete)(struct mz_rpc_op *op, bool ok);
	struct mz_rpc *rpc;
	const void *owner; /* the server or client, for mz_rpc_wait() */
	bool is_pending;   /* from the batch's start until on_complete is called */
	bool ok;
	STAILQ_ENTRY(mz_rpc_op) entry;
};

static inline grpc_arg mz_rpc_int_arg(const char *key, int value)
{
	return (grpc_arg){ GRPC_ARG_INTEGER, (char *)key, { .integer = value } };
}

/* Starts a batch with the operation as its tag. It must not be pending. */
void mz_rpc_start(struct mz_rpc_op *op, grpc_call *call, const grpc_op *ops, size_t n_ops);
/* To pass as a tag elsewhere: marks it pending. */
void *mz_rpc_tag(struct mz_rpc_op *op);

/* Blocks until an operation of this owner is completed, and runs it. Others stay for the loop. */
void mz_rpc_wait(struct mz_rpc *rpc, const void *owner);

grpc_completion_queue *mz_rpc_queue(struct mz_rpc *rpc);
/* Counts servers and clients: mz_rpc_free() wants none. */
void mz_rpc_ref(struct mz_rpc *rpc, int n);
