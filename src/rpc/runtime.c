// SPDX-License-Identifier: Apache-2.0
#include "rpc/runtime.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include <grpc/support/log.h>
#include <openssl/crypto.h>

#include "base/log.h"

/* Completions that are run in a row; timers and sockets of the loop come in between. */
#define N_RUN_MAX 256

struct mz_rpc {
	uv_async_t wake;
	uv_thread_t thread;
	grpc_completion_queue *queue;
	int n_users;
	bool is_running; /* on_wake will find what is appended */

	uv_mutex_t lock; /* of what follows */
	uv_cond_t appended;
	STAILQ_HEAD(, mz_rpc_op) completed;
};

/* gRPC writes to stderr by itself otherwise. Called on any of its threads. */
static void on_grpc_log(gpr_log_func_args *args)
{
	mz_log_debug("grpc: %s", args->message);
}

/* Whether the loop must be woken: for the first of a list only. On both threads. */
static bool append(struct mz_rpc *rpc, struct mz_rpc_op *op, bool ok)
{
	bool was_empty;

	op->ok = ok;
	uv_mutex_lock(&rpc->lock);
	was_empty = STAILQ_EMPTY(&rpc->completed);
	STAILQ_INSERT_TAIL(&rpc->completed, op, entry);
	uv_cond_signal(&rpc->appended);
	uv_mutex_unlock(&rpc->lock);
	return was_empty;
}

static void run_queue(void *arg)
{
	struct mz_rpc *rpc = arg;

	for (;;) {
		grpc_event event = grpc_completion_queue_next(
			rpc->queue, gpr_inf_future(GPR_CLOCK_REALTIME), NULL);

		if (event.type == GRPC_QUEUE_SHUTDOWN)
			return;
		if (append(rpc, event.tag, event.success != 0))
			(void)uv_async_send(&rpc->wake); /* fails only when closing: joined first */
	}
}

/* The first completed operation (of owner, unless that is NULL), taken off the list; or NULL. */
static struct mz_rpc_op *take(struct mz_rpc *rpc, const void *owner)
{
	struct mz_rpc_op *op;

	STAILQ_FOREACH(op, &rpc->completed, entry) {
		if (owner && op->owner != owner)
			continue;
		STAILQ_REMOVE(&rpc->completed, op, mz_rpc_op, entry);
		return op;
	}

	return NULL;
}

static void run(struct mz_rpc_op *op)
{
	op->is_pending = false;
	op->on_complete(op, op->ok);
}

static void on_wake(uv_async_t *wake)
{
	struct mz_rpc *rpc = container_of(wake, struct mz_rpc, wake);
	struct mz_rpc_op *op = NULL;
	int n = 0;

	rpc->is_running = true;
	do {
		uv_mutex_lock(&rpc->lock);
		op = take(rpc, NULL);
		uv_mutex_unlock(&rpc->lock);
		if (op)
			run(op);
	} while (op && ++n < N_RUN_MAX);
	rpc->is_running = false;

	if (op)
		(void)uv_async_send(wake); /* the rest, after the loop had a turn; not closing */
}

void mz_rpc_wait(struct mz_rpc *rpc, const void *owner)
{
	struct mz_rpc_op *op;

	uv_mutex_lock(&rpc->lock);
	while (!(op = take(rpc, owner)))
		uv_cond_wait(&rpc->appended, &rpc->lock);
	/* The loop was woken for the whole list, and has not run yet: it will find the others. */
	uv_mutex_unlock(&rpc->lock);
	run(op);
}

void *mz_rpc_tag(struct mz_rpc_op *op)
{
	assert(!op->is_pending);
	op->is_pending = true;
	return op;
}

/*
 * Most batches are completed while they are started: a message fits into the socket, or is already
 * there. gRPC's cache gives such a completion back at once; by way of the queue's thread, a stream
 * would make two switches of threads for every message (16 against 600 thousand a second,
 * measured).
 */
void mz_rpc_start(struct mz_rpc_op *op, grpc_call *call, const grpc_op *ops, size_t n_ops)
{
	struct mz_rpc *rpc = op->rpc;
	grpc_call_error error;
	void *completed;
	int ok;

	grpc_completion_queue_thread_local_cache_init(rpc->queue);
	error = grpc_call_start_batch(call, ops, n_ops, mz_rpc_tag(op), NULL);
	/* Says only that operations were combined wrongly; a broken call fails later, by the queue.
	 */
	assert(error == GRPC_CALL_OK);
	(void)error; /* with NDEBUG */

	if (grpc_completion_queue_thread_local_cache_flush(rpc->queue, &completed, &ok) &&
	    append(rpc, completed, ok != 0) && !rpc->is_running)
		(void)uv_async_send(&rpc->wake); /* fails only when closing */
}

grpc_completion_queue *mz_rpc_queue(struct mz_rpc *rpc)
{
	return rpc->queue;
}

void mz_rpc_ref(struct mz_rpc *rpc, int n)
{
	rpc->n_users += n;
	assert(rpc->n_users >= 0);
}

static void on_closed(uv_handle_t *handle)
{
	free(container_of(handle, struct mz_rpc, wake));
}

static void init_grpc(void)
{
	/* No atfork handlers; names by getaddrinfo(3), as everything else on the host. */
	(void)setenv("GRPC_ENABLE_FORK_SUPPORT", "0", 0); /* fails without memory only */
	(void)setenv("GRPC_DNS_RESOLVER", "native", 0);
	gpr_set_log_function(on_grpc_log);
	/* A thread of gRPC's may be making a channel's credentials while the process exits. */
	(void)OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL); /* or it cleans up after all */
	grpc_init();
}

int mz_rpc_new(uv_loop_t *loop, struct mz_rpc **ret_rpc)
{
	struct mz_rpc *rpc;
	int r;

	rpc = calloc(1, sizeof(*rpc));
	if (!rpc)
		return -ENOMEM;

	STAILQ_INIT(&rpc->completed);
	r = uv_async_init(loop, &rpc->wake, on_wake);
	if (r < 0) {
		free(rpc);
		return r;
	}

	init_grpc();
	rpc->queue = grpc_completion_queue_create_for_next(NULL);
	r = uv_mutex_init(&rpc->lock);
	assert(r == 0); /* both only fail for lack of memory that glibc does not need */
	r = uv_cond_init(&rpc->appended);
	assert(r == 0);
	r = uv_thread_create(&rpc->thread, run_queue, rpc);
	if (r < 0) {
		grpc_completion_queue_shutdown(rpc->queue);
		run_queue(rpc);
		rpc->thread = 0;
		mz_rpc_free(rpc);
		return r;
	}

	*ret_rpc = rpc;
	return 0;
}

void mz_rpc_free(struct mz_rpc *rpc)
{
	if (!rpc)
		return;

	assert(rpc->n_users == 0);
	if (rpc->thread) {
		grpc_completion_queue_shutdown(rpc->queue);
		(void)uv_thread_join(&rpc->thread); /* ours, and joined once */
	}
	assert(STAILQ_EMPTY(&rpc->completed));
	grpc_completion_queue_destroy(rpc->queue);
	grpc_shutdown_blocking();
	uv_cond_destroy(&rpc->appended);
	uv_mutex_destroy(&rpc->lock);
	uv_close((uv_handle_t *)&rpc->wake, on_closed);
}
