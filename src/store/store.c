/* SPDX-License-Identifier: Apache-2.0 */
/* Opening, closing, and what the loop does when the writer has news. */
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include <utlist.h>

#include "store/writer.h"

static int add_name(void *user, enum mz_kind kind, uint64_t uid, const char *ns, const char *name)
{
	struct mz_store *store = user;
	uint64_t key[2];

	mz_store_name_key(store, kind, ns, name, key);
	if (!uid || uid >= store->next_uid || mz_index_get(&store->names, key))
		return -EPROTO;
	store->counts[kind]++;
	return mz_index_set(&store->names, key, uid);
}

static int add_address(void *user, uint32_t vni, const struct mz_addr *addr, uint64_t uid)
{
	struct mz_store *store = user;
	uint64_t key[2];
	struct mz_index *index = mz_store_address_key(store, vni, addr, key);

	if (!uid || uid >= store->next_uid) /* 0: of what is no number */
		return -EPROTO;
	return mz_index_set(index, key, uid);
}

static int load(struct mz_store *store, const char *path)
{
	struct mz_db_counters counters;
	int r;

	r = mz_db_open(path, &store->db, &counters);
	if (r < 0)
		return r;
	store->next_uid = store->durable_next_uid = counters.next_uid;
	store->revision = counters.revision;
	mz_history_init(&store->history, store->revision);
	r = mz_db_scan_names(store->db, add_name, store);
	if (r < 0)
		return r;
	return mz_db_scan_addresses(store->db, add_address, store);
}

static void tell_watches(uv_idle_t *idle)
{
	struct mz_store *store = ((struct mz_store_handles *)idle->data)->store;

	if (!mz_history_dispatch(&store->history))
		uv_idle_stop(idle);
}

void mz_store_notify(struct mz_store *store)
{
	if (store->history.watches)
		(void)uv_idle_start(&store->handles->notify, tell_watches); /* fails never */
}

/* The way back of everything in flight, newest first, as watches see it. */
static void tell_undone(struct mz_store *store, const struct mz_txn *txn)
{
	for (size_t i = txn->n_ops; i-- > 0;) {
		const struct mz_op *op = &txn->ops[i];
		bool existed, exists;

		if (op->type != MZ_OP_OBJECT)
			continue;
		existed = op->before && !op->before->deleted;
		exists = !op->version->deleted;
		if (existed)
			mz_history_add(&store->history,
				       exists ? MZ_CHANGE_MODIFIED : MZ_CHANGE_ADDED, op->before,
				       store->revision);
		else if (exists)
			mz_history_add(&store->history, MZ_CHANGE_DELETED, op->version,
				       store->revision);
	}
}

/* What is still in flight has failed; the open transaction stands on it. */
static void undo_all(struct mz_store *store, int r)
{
	struct mz_txn *txn;

	if (store->open) {
		mz_txn_undo(store->open);
		store->open->r = r;
	}
	if (!store->flight)
		return;
	store->revision++;
	/* The head's prev is the tail. */
	for (txn = store->flight->prev;; txn = txn->prev) {
		tell_undone(store, txn);
		mz_txn_undo(txn);
		if (txn == store->flight)
			break;
	}
	store->n_flight_ops = 0;
	mz_store_notify(store);
}

/* Memory is made true before any callback runs: callbacks read, and begin new transactions. */
static void collect(struct mz_store *store, bool wait)
{
	struct mz_txn *first = mz_writer_collect(store->writer, wait), *txn;
	int failed = 0;

	for (txn = first; txn; txn = txn->queued) {
		if (txn->r == 0)
			mz_txn_settle(txn);
		else if (txn->n_ops)
			failed = txn->r;
	}
	if (failed < 0)
		undo_all(store, failed);
	while ((txn = first)) {
		first = txn->queued;
		DL_DELETE(store->flight, txn);
		if (txn->on_commit)
			txn->on_commit(txn->r, txn->user);
		mz_txn_destroy(txn);
	}
	if (!store->flight && !store->closing)
		uv_unref((uv_handle_t *)&store->handles->done);
}

static void on_done(uv_async_t *async)
{
	struct mz_store_handles *handles = async->data;

	if (handles->store)
		collect(handles->store, false);
}

static void on_handle_closed(uv_handle_t *handle)
{
	struct mz_store_handles *handles = handle->data;

	if (--handles->n_open == 0)
		free(handles);
}

static int open_handles(struct mz_store *store, uv_loop_t *loop)
{
	struct mz_store_handles *handles = calloc(1, sizeof(*handles));
	int r;

	if (!handles)
		return -ENOMEM;
	handles->store = store;
	handles->done.data = handles->notify.data = handles;
	r = uv_async_init(loop, &handles->done, on_done);
	if (r < 0) {
		free(handles);
		return r;
	}
	uv_unref((uv_handle_t *)&handles->done); /* nothing in flight: no reason to run on */
	(void)uv_idle_init(loop, &handles->notify); /* fails never */
	handles->n_open = 2;
	store->handles = handles;
	return 0;
}

static void close_handles(struct mz_store_handles *handles)
{
	if (!handles)
		return;
	handles->store = NULL;
	uv_close((uv_handle_t *)&handles->done, on_handle_closed);
	uv_close((uv_handle_t *)&handles->notify, on_handle_closed);
}

static void init_indexes(struct mz_store *store)
{
	mz_index_init(&store->names, 2);
	mz_index_init(&store->ipv4, 1);
	mz_index_init(&store->ipv6, 2);
	mz_index_init(&store->pending, 1);
	mz_index_init(&store->generations, 2);
}

static void fini_indexes(struct mz_store *store)
{
	mz_index_fini(&store->names);
	mz_index_fini(&store->ipv4);
	mz_index_fini(&store->ipv6);
	mz_index_fini(&store->pending);
	mz_index_fini(&store->generations);
}

int mz_store_open_sqlite(uv_loop_t *loop, const char *path, struct mz_store **ret_store)
{
	_cleanup_(mz_store_freep) struct mz_store *store = calloc(1, sizeof(*store));
	int r;

	if (!store)
		return -ENOMEM;
	init_indexes(store);
	if (getrandom(&store->key, sizeof(store->key), 0) != sizeof(store->key))
		return -errno;
	r = load(store, path);
	if (r < 0)
		return r;
	r = open_handles(store, loop);
	if (r < 0)
		return r;
	r = mz_writer_new(store->db, &store->handles->done, &store->writer);
	if (r < 0)
		return r;
	*ret_store = TAKE(store);
	return 0;
}

void mz_store_free(struct mz_store *store)
{
	struct mz_db_counters counters;

	if (!store)
		return;
	assert(!store->open);
	store->closing = true; /* callbacks begin nothing new */
	while (store->flight)
		collect(store, true);
	mz_writer_free(store->writer);
	counters.next_uid = store->next_uid;
	counters.revision = store->revision;
	/* Without a writer the indexes were not read to their end: nothing is known to be well. */
	mz_db_close(store->db, store->writer ? &counters : NULL);
	close_handles(store->handles);
	mz_history_fini(&store->history);
	fini_indexes(store);
	free(store);
}

uint64_t mz_store_revision(const struct mz_store *store)
{
	return store->revision;
}

uint64_t mz_store_count(const struct mz_store *store, enum mz_kind kind)
{
	return store->counts[kind];
}
