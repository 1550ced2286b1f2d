/* SPDX-License-Identifier: Apache-2.0 */
/* Batches of transactions into rows. An op says what is to be, never what it was: no reads here. */
#include <errno.h>

#include "store/sqlite.h"

static int write_object(struct mz_sqlite *sqlite, const struct mz_version *version)
{
	_cleanup_(mz_sqlite_resetp) sqlite3_stmt *statement = NULL;
	enum mz_statement which = version->deleted ? MZ_SQL_DELETE : MZ_SQL_PUT;
	int r;

	r = mz_sqlite_prepare(sqlite, which, version->kind, &statement);
	if (r < 0)
		return r;
	sqlite3_bind_int64(statement, 1, version->uid);
	if (!version->deleted) {
		sqlite3_bind_int64(statement, 2, version->owner);
		sqlite3_bind_int64(statement, 3, version->revision);
		sqlite3_bind_text(statement, 4, version->ns, -1, SQLITE_STATIC);
		sqlite3_bind_text(statement, 5, version->name, -1, SQLITE_STATIC);
		sqlite3_bind_blob64(statement, 6, version->data, version->size, SQLITE_STATIC);
	}
	return mz_sqlite_run(sqlite, statement);
}

/* value: the statement's fourth parameter, if it has one. */
static int write_address(struct mz_sqlite *sqlite, enum mz_statement which, const struct mz_op *op,
			 uint64_t value)
{
	_cleanup_(mz_sqlite_resetp) sqlite3_stmt *statement = NULL;
	int r;

	r = mz_sqlite_prepare(sqlite, which, 0, &statement);
	if (r < 0)
		return r;
	mz_sqlite_bind_address(statement, 1, op->vni, &op->addr);
	if (value)
		sqlite3_bind_int64(statement, 4, value);
	return mz_sqlite_run(sqlite, statement);
}

static int write_op(struct mz_sqlite *sqlite, const struct mz_op *op)
{
	int r;

	switch (op->type) {
	case MZ_OP_OBJECT:
		return write_object(sqlite, op->version);
	case MZ_OP_TAKE:
		return write_address(sqlite, MZ_SQL_TAKE, op, op->uid);
	case MZ_OP_GENERATION:
		return write_address(sqlite, MZ_SQL_SET_GENERATION, op, op->generation);
	case MZ_OP_RELEASE:
		r = write_address(sqlite, MZ_SQL_RELEASE, op, 0);
		if (r < 0)
			return r;
		return write_address(sqlite, MZ_SQL_FORGET, op, 0);
	}
	return 0;
}

static int write_counters(struct mz_sqlite *sqlite, const struct mz_txn *txn)
{
	_cleanup_(mz_sqlite_resetp) sqlite3_stmt *statement = NULL;
	int r;

	r = mz_sqlite_prepare(sqlite, MZ_SQL_SET_COUNTERS, 0, &statement);
	if (r < 0)
		return r;
	sqlite3_bind_int64(statement, 1, txn->next_uid);
	sqlite3_bind_int64(statement, 2, txn->revision);
	sqlite3_bind_int(statement, 3, 0);
	return mz_sqlite_run(sqlite, statement);
}

static int simple(struct mz_sqlite *sqlite, enum mz_statement which)
{
	_cleanup_(mz_sqlite_resetp) sqlite3_stmt *statement = NULL;
	int r;

	r = mz_sqlite_prepare(sqlite, which, 0, &statement);
	if (r < 0)
		return r;
	return mz_sqlite_run(sqlite, statement);
}

static int write_all(struct mz_sqlite *sqlite, const struct mz_txn *first)
{
	const struct mz_txn *last = NULL;

	for (const struct mz_txn *txn = first; txn; txn = txn->queued) {
		for (size_t i = 0; i < txn->n_ops; i++) {
			int r = write_op(sqlite, &txn->ops[i]);

			if (r < 0)
				return r;
		}
		last = txn;
	}
	return write_counters(sqlite, last);
}

static bool has_ops(const struct mz_txn *first)
{
	for (const struct mz_txn *txn = first; txn; txn = txn->queued)
		if (txn->n_ops)
			return true;
	return false;
}

static int write_batch(struct mz_sqlite *sqlite, const struct mz_txn *first)
{
	int r;

	r = simple(sqlite, MZ_SQL_BEGIN);
	if (r < 0)
		return r;
	r = write_all(sqlite, first);
	if (r == 0)
		r = simple(sqlite, MZ_SQL_COMMIT);
	if (r < 0 && !sqlite3_get_autocommit(sqlite->handle))
		(void)simple(sqlite, MZ_SQL_ROLLBACK); /* else the next BEGIN fails, and says so */
	return r;
}

/*
 * On a full disk the log itself may be what fills it: once its pages are in their place, it starts
 * from its beginning again.
 */
int mz_db_write(struct mz_db *db, const struct mz_txn *first)
{
	struct mz_sqlite *sqlite = &db->writer;
	int r;

	if (!has_ops(first))
		return 0;
	r = write_batch(sqlite, first);
	if (r == -ENOSPC && sqlite3_wal_checkpoint_v2(sqlite->handle, NULL,
						      SQLITE_CHECKPOINT_TRUNCATE, NULL,
						      NULL) == SQLITE_OK)
		r = write_batch(sqlite, first);
	return r;
}
