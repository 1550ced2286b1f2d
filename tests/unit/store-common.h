/* SPDX-License-Identifier: Apache-2.0 */
/* A store in a directory of its own, and the few steps that its tests are made of. */
#pragma once

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "store/store.h"

struct fixture {
	uv_loop_t loop;
	struct mz_store *store;
	char dir[64], path[96];
};

static inline void fixture_open(struct fixture *f)
{
	assert_int_equal(mz_store_open_sqlite(&f->loop, f->path, &f->store), 0);
}

static inline void fixture_close(struct fixture *f)
{
	mz_store_free(TAKE(f->store));
	assert_int_equal(uv_run(&f->loop, UV_RUN_DEFAULT), 0);
}

static inline void fixture_reopen(struct fixture *f)
{
	fixture_close(f);
	fixture_open(f);
}

static inline int fixture_new(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->dir, "/tmp/mizar-store-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/db", f->dir);
	assert_int_equal(uv_loop_init(&f->loop), 0);
	fixture_open(f);
	*state = f;
	return 0;
}

static inline void fixture_unlink(struct fixture *f)
{
	static const char *const suffixes[] = { "", "-wal", "-shm" };

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		char path[128];

		snprintf(path, sizeof(path), "%s%s", f->path, suffixes[i]);
		(void)unlink(path); /* some are not there */
	}
}

static inline int fixture_free(void **state)
{
	struct fixture *f = *state;

	if (f->store)
		fixture_close(f);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	fixture_unlink(f);
	rmdir(f->dir);
	free(f);
	return 0;
}

static inline struct mz_object *make(enum mz_kind kind, uint64_t uid, const char *ns,
				     const char *name)
{
	struct mz_object *object = NULL;
	Mizar__V1__Metadata *metadata;

	assert_int_equal(mz_object_new(kind, &object), 0);
	metadata = mz_object_metadata(object);
	metadata->has_uid = true;
	metadata->uid = uid;
	assert_int_equal(mz_string_set(&metadata->name, name), 0);
	if (*ns)
		assert_int_equal(mz_string_set(&metadata->namespace_, ns), 0);
	return object;
}

static inline struct mz_txn *begin(struct fixture *f)
{
	struct mz_txn *txn = NULL;

	assert_int_equal(mz_txn_new(f->store, &txn), 0);
	return txn;
}

static inline int put(struct mz_txn *txn, enum mz_kind kind, uint64_t uid, const char *ns,
		      const char *name, uint64_t owner)
{
	_cleanup_(mz_object_freep) struct mz_object *object = make(kind, uid, ns, name);

	return mz_txn_put(txn, object, owner, 0);
}

static inline void store_result(int r, void *user)
{
	*(int *)user = r;
}

/* Waits until it is durable. */
static inline int commit(struct fixture *f, struct mz_txn *txn)
{
	int r = 1;

	mz_txn_commit(txn, store_result, &r);
	assert_int_equal(r, 1); /* never inside the call */
	while (r == 1)
		uv_run(&f->loop, UV_RUN_ONCE);
	return r;
}

static inline uint64_t create(struct fixture *f, enum mz_kind kind, const char *ns,
			      const char *name, uint64_t owner)
{
	struct mz_txn *txn = begin(f);
	uint64_t uid = mz_txn_new_uid(txn);

	assert_int_equal(put(txn, kind, uid, ns, name, owner), 0);
	assert_int_equal(commit(f, txn), 0);
	return uid;
}

static inline uint64_t found(struct fixture *f, enum mz_kind kind, const char *ns,
			     const char *name)
{
	uint64_t uid = 0;
	int r = mz_store_find(f->store, kind, ns, name, &uid);

	assert_true(r == 0 || (r == -ENOENT && uid == 0));
	return uid;
}

/* Its resourceVersion; 0: absent. */
static inline uint64_t revision_of(struct fixture *f, enum mz_kind kind, uint64_t uid)
{
	_cleanup_(mz_object_freep) struct mz_object *object = NULL;
	int r = mz_store_get(f->store, kind, uid, &object);

	if (r == -ENOENT)
		return 0;
	assert_int_equal(r, 0);
	assert_int_equal(mz_object_metadata(object)->uid, uid);
	return mz_object_metadata(object)->resource_version;
}

static inline struct mz_addr address(const char *text)
{
	struct mz_addr addr;

	assert_int_equal(mz_addr_parse(text, &addr), 0);
	return addr;
}
