/* SPDX-License-Identifier: Apache-2.0 */
/* Reads of durable rows. Each statement ends within the call: a read holds no checkpoint up. */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "store/sqlite.h"

void mz_sqlite_bind_address(sqlite3_stmt *statement, int first, uint32_t vni,
			    const struct mz_addr *addr)
{
	uint64_t halves_be[2];

	memcpy(halves_be, addr->bytes, sizeof(halves_be));
	sqlite3_bind_int64(statement, first, vni);
	sqlite3_bind_int64(statement, first + 1, be64toh(halves_be[0]));
	sqlite3_bind_int64(statement, first + 2, be64toh(halves_be[1]));
}

/* Never NULL: what a damaged file holds instead of text counts as empty. */
static const char *text(sqlite3_stmt *statement, int column)
{
	const char *value = (const char *)sqlite3_column_text(statement, column);

	return value ?: "";
}

static int row_version(enum mz_kind kind, sqlite3_stmt *statement, struct mz_version **ret_version)
{
	struct mz_version *version = NULL;
	int r;

	r = mz_version_new(kind, sqlite3_column_int64(statement, 0), text(statement, 3),
			   text(statement, 4), sqlite3_column_blob(statement, 5),
			   sqlite3_column_bytes(statement, 5), &version);
	if (r < 0)
		return r;
	version->owner = sqlite3_column_int64(statement, 1);
	version->revision = sqlite3_column_int64(statement, 2);
	*ret_version = version;
	return 0;
}

int mz_db_get(struct mz_db *db, enum mz_kind kind, uint64_t uid, struct mz_version **ret_version)
{
	_cleanup_(mz_sqlite_resetp) sqlite3_stmt *statement = NULL;
	int r, rc;

	r = mz_sqlite_prepare(&db->reader, MZ_SQL_GET, kind, &statement);
	if (r < 0)
		return r;
	sqlite3_bind_int64(statement, 1, uid);
	rc = sqlite3_step(statement);
	if (rc == SQLITE_ROW)
		return row_version(kind, statement, ret_version);
	if (rc != SQLITE_DONE)
		return mz_sqlite_errno(&db->reader, rc);
	*ret_version = NULL;
	return 0;
}

int mz_db_page(struct mz_db *db, enum mz_kind kind, const char *ns, uint64_t owner, uint64_t after,
	       size_t n_max, struct mz_version **ret_versions, size_t *ret_n)
{
	/* Of the two, an owner has the fewer children. "": kinds without a namespace. */
	enum mz_statement which = owner	      ? MZ_SQL_LIST_OWNER
				  : ns && *ns ? MZ_SQL_LIST_NS
					      : MZ_SQL_LIST;
	_cleanup_(mz_sqlite_resetp) sqlite3_stmt *statement = NULL;
	size_t n = 0;
	int r, rc;

	r = mz_sqlite_prepare(&db->reader, which, kind, &statement);
	if (r < 0)
		return r;
	sqlite3_bind_int64(statement, 1, after);
	sqlite3_bind_int64(statement, 2, n_max);
	if (which == MZ_SQL_LIST_NS)
		sqlite3_bind_text(statement, 3, ns, -1, SQLITE_STATIC);
	if (which == MZ_SQL_LIST_OWNER)
		sqlite3_bind_int64(statement, 4, owner);
	while ((rc = sqlite3_step(statement)) == SQLITE_ROW) {
		r = row_version(kind, statement, &ret_versions[n]);
		if (r < 0)
			break;
		n++;
	}
	if (rc != SQLITE_DONE) {
		r = rc == SQLITE_ROW ? r : mz_sqlite_errno(&db->reader, rc);
		while (n--)
			mz_version_unref(ret_versions[n]);
		return r;
	}
	*ret_n = n;
	return 0;
}

int mz_db_generation(struct mz_db *db, uint32_t vni, const struct mz_addr *addr,
		     uint32_t *ret_generation)
{
	_cleanup_(mz_sqlite_resetp) sqlite3_stmt *statement = NULL;
	int r, rc;

	r = mz_sqlite_prepare(&db->reader, MZ_SQL_GENERATION, 0, &statement);
	if (r < 0)
		return r;
	mz_sqlite_bind_address(statement, 1, vni, addr);
	rc = sqlite3_step(statement);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return mz_sqlite_errno(&db->reader, rc);
	*ret_generation = rc == SQLITE_ROW ? (uint32_t)sqlite3_column_int64(statement, 0) : 0;
	return 0;
}

static int scan_kind(struct mz_db *db, enum mz_kind kind, mz_db_name_fn fn, void *user)
{
	_cleanup_(mz_sqlite_resetp) sqlite3_stmt *statement = NULL;
	int r, rc;

	r = mz_sqlite_prepare(&db->reader, MZ_SQL_SCAN_NAMES, kind, &statement);
	if (r < 0)
		return r;
	while ((rc = sqlite3_step(statement)) == SQLITE_ROW) {
		r = fn(user, kind, sqlite3_column_int64(statement, 0), text(statement, 1),
		       text(statement, 2));
		if (r < 0)
			return r;
	}
	return rc == SQLITE_DONE ? 0 : mz_sqlite_errno(&db->reader, rc);
}

int mz_db_scan_names(struct mz_db *db, mz_db_name_fn fn, void *user)
{
	for (unsigned int kind = 1; kind < MZ_N_KINDS; kind++) {
		int r = scan_kind(db, kind, fn, user);

		if (r < 0)
			return r;
	}
	return 0;
}

int mz_db_scan_addresses(struct mz_db *db, mz_db_address_fn fn, void *user)
{
	_cleanup_(mz_sqlite_resetp) sqlite3_stmt *statement = NULL;
	int r, rc;

	r = mz_sqlite_prepare(&db->reader, MZ_SQL_SCAN_ADDRESSES, 0, &statement);
	if (r < 0)
		return r;
	while ((rc = sqlite3_step(statement)) == SQLITE_ROW) {
		uint64_t halves_be[2] = {
			htobe64(sqlite3_column_int64(statement, 1)),
			htobe64(sqlite3_column_int64(statement, 2)),
		};
		struct mz_addr addr;

		memcpy(addr.bytes, halves_be, sizeof(addr.bytes));
		r = fn(user, sqlite3_column_int64(statement, 0), &addr,
		       sqlite3_column_int64(statement, 3));
		if (r < 0)
			return r;
	}
	return rc == SQLITE_DONE ? 0 : mz_sqlite_errno(&db->reader, rc);
}
