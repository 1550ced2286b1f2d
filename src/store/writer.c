/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>

#include "store/writer.h"

/* Bounds how long one commit takes: a transaction that comes now waits for at most two of these. */
#define BATCH_OPS 8192

struct queue {
	struct mz_txn *first, *last;
};

struct mz_writer {
	struct mz_db *db;
	uv_async_t *done_async;
	pthread_t thread;
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t wake;  /* the thread has work, or must stop */
	pthread_cond_t news;  /* there is something to collect */
	struct queue todo, done;
	int r; /* failed, and not yet collected */
	bool stop;
};

static void append(struct queue *queue, struct mz_txn *txn)
{
	txn->queued = NULL;
	if (queue->last)
		queue->last->queued = txn;
	else
		queue->first = txn;
	queue->last = txn;
}

static struct mz_txn *shift(struct queue *queue)
{
	struct mz_txn *txn = queue->first;

	queue->first = txn->queued;
	if (!queue->first)
		queue->last = NULL;
	return txn;
}

static struct queue take_batch(struct queue *todo)
{
	struct queue batch = {};
	size_t n_ops = 0;

	while (todo->first && n_ops < BATCH_OPS) {
		n_ops += todo->first->n_ops;
		append(&batch, shift(todo));
	}
	return batch;
}

static void give_back(struct mz_writer *writer, struct queue *batch, int r)
{
	while (batch->first) {
		batch->first->r = r;
		append(&writer->done, shift(batch));
	}
}

static void *writer_main(void *user)
{
	struct mz_writer *writer = user;

	pthread_mutex_lock(&writer->lock);
	while (!writer->stop) {
		struct queue batch;
		int r;

		if (!writer->todo.first || writer->r < 0) {
			pthread_cond_wait(&writer->wake, &writer->lock);
			continue;
		}
		batch = take_batch(&writer->todo);
		pthread_mutex_unlock(&writer->lock);
		r = mz_db_write(writer->db, batch.first);
		pthread_mutex_lock(&writer->lock);
		give_back(writer, &batch, r);
		writer->r = r;
		pthread_cond_signal(&writer->news);
		(void)uv_async_send(writer->done_async); /* fails only for a closed handle */
	}
	pthread_mutex_unlock(&writer->lock);
	return NULL;
}

/* Signals are the loop's: the new thread inherits a mask that blocks them all. */
static int start_thread(struct mz_writer *writer)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	r = pthread_sigmask(SIG_SETMASK, &all, &before);
	if (r)
		return -r;
	r = pthread_create(&writer->thread, NULL, writer_main, writer);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL); /* cannot fail: it was the mask before */
	return -r;
}

int mz_writer_new(struct mz_db *db, uv_async_t *done, struct mz_writer **ret_writer)
{
	struct mz_writer *writer = calloc(1, sizeof(*writer));
	int r;

	if (!writer)
		return -ENOMEM;
	writer->db = db;
	writer->done_async = done;
	pthread_mutex_init(&writer->lock, NULL);
	pthread_cond_init(&writer->wake, NULL);
	pthread_cond_init(&writer->news, NULL);
	r = start_thread(writer);
	if (r < 0) {
		free(writer);
		return r;
	}
	*ret_writer = writer;
	return 0;
}

void mz_writer_free(struct mz_writer *writer)
{
	if (!writer)
		return;
	pthread_mutex_lock(&writer->lock);
	writer->stop = true;
	pthread_cond_signal(&writer->wake);
	pthread_mutex_unlock(&writer->lock);
	pthread_join(writer->thread, NULL);
	pthread_cond_destroy(&writer->news);
	pthread_cond_destroy(&writer->wake);
	pthread_mutex_destroy(&writer->lock);
	free(writer);
}

void mz_writer_submit(struct mz_writer *writer, struct mz_txn *txn)
{
	pthread_mutex_lock(&writer->lock);
	append(&writer->todo, txn);
	pthread_cond_signal(&writer->wake);
	pthread_mutex_unlock(&writer->lock);
}

void mz_writer_pass(struct mz_writer *writer, struct mz_txn *txn)
{
	pthread_mutex_lock(&writer->lock);
	append(&writer->done, txn);
	(void)uv_async_send(writer->done_async); /* as above */
	pthread_mutex_unlock(&writer->lock);
}

struct mz_txn *mz_writer_collect(struct mz_writer *writer, bool wait)
{
	struct mz_txn *first;

	pthread_mutex_lock(&writer->lock);
	while (wait && !writer->done.first)
		pthread_cond_wait(&writer->news, &writer->lock);
	if (writer->r < 0) {
		give_back(writer, &writer->todo, writer->r);
		writer->r = 0;
	}
	first = writer->done.first;
	writer->done = (struct queue){};
	pthread_mutex_unlock(&writer->lock);
	return first;
}
