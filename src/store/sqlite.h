/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One SQLite connection with its statements, as db.c opens it and db-read.c and db-write.c use it.
 */
#pragma once

#include <sqlite3.h>

#include "store/db.h"

enum mz_statement {
	/* of a kind */
	MZ_SQL_GET,
	MZ_SQL_LIST,
	MZ_SQL_LIST_NS,
	MZ_SQL_LIST_OWNER,
	MZ_SQL_SCAN_NAMES,
	MZ_SQL_PUT,
	MZ_SQL_DELETE,
	/* of no kind */
	MZ_SQL_SCAN_ADDRESSES,
	MZ_SQL_GENERATION,
	MZ_SQL_TAKE,
	MZ_SQL_RELEASE,
	MZ_SQL_FORGET,
	MZ_SQL_SET_GENERATION,
	MZ_SQL_COUNTERS,
	MZ_SQL_SET_COUNTERS,
	MZ_SQL_BEGIN,
	MZ_SQL_COMMIT,
	MZ_SQL_ROLLBACK,
	MZ_N_SQL,
};

struct mz_sqlite {
	sqlite3 *handle;
	sqlite3_stmt *statements[MZ_N_SQL][MZ_N_KINDS]; /* made when first used; [0]: of no kind */
};

struct mz_db {
	int lock_fd;
	struct mz_sqlite reader, writer;
};

/* -ENOSPC, -EIO, -EPROTO (the file is damaged), -EBUSY, -EACCES, -EROFS, -ENOMEM. */
int mz_sqlite_errno(const struct mz_sqlite *sqlite, int rc);

/* Borrowed; whoever steps it resets it, through the cleanup below. kind 0 where it has none. */
int mz_sqlite_prepare(struct mz_sqlite *sqlite, enum mz_statement which, enum mz_kind kind,
		      sqlite3_stmt **ret_statement);
static inline void mz_sqlite_reset(sqlite3_stmt *statement)
{
	(void)sqlite3_reset(statement); /* repeats the error of the last step, already seen */
	(void)sqlite3_clear_bindings(statement);
}
DEFINE_CLEANUP(sqlite3_stmt *, mz_sqlite_reset)

/* For statements without rows. */
int mz_sqlite_run(struct mz_sqlite *sqlite, sqlite3_stmt *statement);

/* An address is two integers in network order, so that its high half is 0 for all of IPv4. */
void mz_sqlite_bind_address(sqlite3_stmt *statement, int first, uint32_t vni,
			    const struct mz_addr *addr);
