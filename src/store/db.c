/* SPDX-License-Identifier: Apache-2.0 */
/* The file: lock, schema, connections, and the text of every statement. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "store/sqlite.h"

#define APPLICATION_ID 0x4d7a7374 /* "Mzst" */
#define SCHEMA_VERSION 1

/* Both are upper limits in KiB; what is not used costs nothing. */
#define READER_CACHE "-16384"
#define WRITER_CACHE "-65536"

/*
 * A checkpoint of 4096 pages (16 MiB) writes pages that many transactions touched once. FULL: the
 * log is synced before a commit returns.
 */
static const char setup[] = "PRAGMA journal_mode = WAL;"
			    "PRAGMA synchronous = FULL;"
			    "PRAGMA wal_autocheckpoint = 4096;"
			    "PRAGMA journal_size_limit = 67108864;"
			    "PRAGMA temp_store = MEMORY;"
			    "PRAGMA cell_size_check = ON;"
			    "PRAGMA trusted_schema = OFF;";

static const char schema[] =
	"CREATE TABLE meta(id INTEGER PRIMARY KEY CHECK(id = 1), next_uid INTEGER NOT NULL,"
	" revision INTEGER NOT NULL, clean INTEGER NOT NULL);"
	"INSERT INTO meta VALUES(1, 1, 0, 1);"
	"CREATE TABLE address(vni INTEGER NOT NULL, hi INTEGER NOT NULL, lo INTEGER NOT NULL,"
	" uid INTEGER NOT NULL, generation INTEGER NOT NULL,"
	" PRIMARY KEY(vni, hi, lo)) WITHOUT ROWID;";

/* Every %s is the kind's table. An index ends with the rowid: its lists are in order of uids. */
static const char kind_schema[] =
	"CREATE TABLE IF NOT EXISTS %s(uid INTEGER PRIMARY KEY, owner INTEGER NOT NULL,"
	" revision INTEGER NOT NULL, ns TEXT NOT NULL, name TEXT NOT NULL, body BLOB NOT NULL);"
	"CREATE INDEX IF NOT EXISTS %s_owner ON %s(owner) WHERE owner != 0;"
	"CREATE INDEX IF NOT EXISTS %s_ns ON %s(ns) WHERE ns != '';";

/* Names in the file, which stay when the API calls a kind something else. */
static const char *const tables[] = {
	[0] = "", /* for statements of no kind */
	[MZ_KIND_DROPLET] = "droplet",
	[MZ_KIND_VPC] = "vpc",
	[MZ_KIND_NETWORK] = "network",
	[MZ_KIND_ENDPOINT] = "endpoint",
	[MZ_KIND_BOUNCER] = "bouncer",
	[MZ_KIND_DIVIDER] = "divider",
};
_Static_assert(ARRAY_SIZE(tables) == MZ_N_KINDS, "a table for every kind");

static const char *const texts[MZ_N_SQL] = {
	[MZ_SQL_GET] = "SELECT uid, owner, revision, ns, name, body FROM %s WHERE uid = ?1",
	[MZ_SQL_LIST] = "SELECT uid, owner, revision, ns, name, body FROM %s WHERE uid > ?1"
			" ORDER BY uid LIMIT ?2",
	[MZ_SQL_LIST_NS] = "SELECT uid, owner, revision, ns, name, body FROM %s WHERE uid > ?1"
			   " AND ns = ?3 AND ns != '' ORDER BY uid LIMIT ?2",
	[MZ_SQL_LIST_OWNER] = "SELECT uid, owner, revision, ns, name, body FROM %s WHERE uid > ?1"
			      " AND owner = ?4 AND owner != 0 ORDER BY uid LIMIT ?2",
	[MZ_SQL_SCAN_NAMES] = "SELECT uid, ns, name FROM %s",
	[MZ_SQL_PUT] = "INSERT INTO %s(uid, owner, revision, ns, name, body)"
		       " VALUES(?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT(uid) DO UPDATE SET"
		       " owner = excluded.owner, revision = excluded.revision,"
		       " body = excluded.body",
	[MZ_SQL_DELETE] = "DELETE FROM %s WHERE uid = ?1",
	[MZ_SQL_SCAN_ADDRESSES] = "SELECT vni, hi, lo, uid FROM address WHERE uid != 0",
	[MZ_SQL_GENERATION] = "SELECT generation FROM address"
			      " WHERE vni = ?1 AND hi = ?2 AND lo = ?3",
	[MZ_SQL_TAKE] = "INSERT INTO address(vni, hi, lo, uid, generation)"
			" VALUES(?1, ?2, ?3, ?4, 0)"
			" ON CONFLICT(vni, hi, lo) DO UPDATE SET uid = excluded.uid",
	[MZ_SQL_RELEASE] = "UPDATE address SET uid = 0 WHERE vni = ?1 AND hi = ?2 AND lo = ?3",
	[MZ_SQL_FORGET] = "DELETE FROM address WHERE vni = ?1 AND hi = ?2 AND lo = ?3"
			  " AND uid = 0 AND generation = 0",
	[MZ_SQL_SET_GENERATION] =
		"INSERT INTO address(vni, hi, lo, uid, generation) VALUES(?1, ?2, ?3, 0, ?4)"
		" ON CONFLICT(vni, hi, lo) DO UPDATE SET generation = excluded.generation",
	[MZ_SQL_COUNTERS] = "SELECT next_uid, revision, clean FROM meta",
	[MZ_SQL_SET_COUNTERS] = "UPDATE meta SET next_uid = ?1, revision = ?2, clean = ?3",
	[MZ_SQL_BEGIN] = "BEGIN IMMEDIATE",
	[MZ_SQL_COMMIT] = "COMMIT",
	[MZ_SQL_ROLLBACK] = "ROLLBACK",
};

int mz_sqlite_errno(const struct mz_sqlite *sqlite, int rc)
{
	switch (rc & 0xff) {
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return -EBUSY;
	case SQLITE_PERM:
	case SQLITE_CANTOPEN:
		return -EACCES;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_IOERR: /* also when the log's shared memory cannot grow on a full disk */
		return sqlite3_system_errno(sqlite->handle) == ENOSPC ? -ENOSPC : -EIO;
	default: /* SQLite's, not ours: damaged, not a database, or without our tables */
		return -EPROTO;
	}
}

int mz_sqlite_prepare(struct mz_sqlite *sqlite, enum mz_statement which, enum mz_kind kind,
		      sqlite3_stmt **ret_statement)
{
	sqlite3_stmt **slot = &sqlite->statements[which][kind];

	if (!*slot) {
		char *sql = sqlite3_mprintf(texts[which], tables[kind]);
		int rc;

		if (!sql)
			return -ENOMEM;
		rc = sqlite3_prepare_v3(sqlite->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, slot,
					NULL);
		sqlite3_free(sql);
		if (rc != SQLITE_OK)
			return mz_sqlite_errno(sqlite, rc);
	}
	*ret_statement = *slot;
	return 0;
}

int mz_sqlite_run(struct mz_sqlite *sqlite, sqlite3_stmt *statement)
{
	int rc = sqlite3_step(statement);

	return rc == SQLITE_DONE ? 0 : mz_sqlite_errno(sqlite, rc);
}

static int execute(struct mz_sqlite *sqlite, const char *sql)
{
	int rc = sqlite3_exec(sqlite->handle, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : mz_sqlite_errno(sqlite, rc);
}

static int number(struct mz_sqlite *sqlite, const char *sql, int64_t *ret_number)
{
	sqlite3_stmt *statement = NULL;
	int rc;

	rc = sqlite3_prepare_v2(sqlite->handle, sql, -1, &statement, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(statement);
	if (rc == SQLITE_ROW)
		*ret_number = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return rc == SQLITE_ROW ? 0 : mz_sqlite_errno(sqlite, rc);
}

static int open_connection(struct mz_sqlite *sqlite, const char *path)
{
	int rc;

	rc = sqlite3_open_v2(path, &sqlite->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
			     NULL);
	if (rc != SQLITE_OK)
		return sqlite->handle ? mz_sqlite_errno(sqlite, rc) : -ENOMEM;
	/* Both fail for a NULL handle only. The time-out is for people with sqlite3(1). */
	(void)sqlite3_extended_result_codes(sqlite->handle, 1);
	(void)sqlite3_busy_timeout(sqlite->handle, 5000);
	return 0;
}

/* Only on a file that is known to be ours: the first of these writes. */
static int set_up(struct mz_sqlite *sqlite, const char *cache)
{
	_cleanup_free_ char *sql = NULL;

	if (asprintf(&sql, "%sPRAGMA cache_size = %s;", setup, cache) < 0) {
		sql = NULL;
		return -ENOMEM;
	}
	return execute(sqlite, sql);
}

static void close_connection(struct mz_sqlite *sqlite)
{
	for (unsigned int i = 0; i < MZ_N_SQL; i++)
		for (unsigned int kind = 0; kind < MZ_N_KINDS; kind++)
			sqlite3_finalize(sqlite->statements[i][kind]);
	sqlite3_close(sqlite->handle);
}

static int create_kinds(struct mz_sqlite *sqlite)
{
	for (unsigned int kind = 1; kind < MZ_N_KINDS; kind++) {
		const char *table = tables[kind];
		_cleanup_free_ char *sql = NULL;
		int r;

		if (asprintf(&sql, kind_schema, table, table, table, table, table) < 0) {
			sql = NULL;
			return -ENOMEM;
		}
		r = execute(sqlite, sql);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Refuses what is neither ours nor empty. */
static int check_file(struct mz_sqlite *sqlite, bool *ret_empty)
{
	int64_t id, version, n_tables;
	int r;

	r = number(sqlite, "PRAGMA application_id", &id);
	if (r < 0)
		return r;
	r = number(sqlite, "PRAGMA user_version", &version);
	if (r < 0)
		return r;
	r = number(sqlite, "SELECT count(*) FROM sqlite_schema", &n_tables);
	if (r < 0)
		return r;
	*ret_empty = !id && !version && !n_tables;
	if (*ret_empty || (id == APPLICATION_ID && version == SCHEMA_VERSION))
		return 0;
	return -EPROTO;
}

static int create_tables(struct mz_sqlite *sqlite)
{
	_cleanup_free_ char *sql = NULL;

	if (asprintf(&sql, "%sPRAGMA application_id = %d; PRAGMA user_version = %d;", schema,
		     APPLICATION_ID, SCHEMA_VERSION) < 0) {
		sql = NULL;
		return -ENOMEM;
	}
	return execute(sqlite, sql);
}

static int set_counters(struct mz_sqlite *sqlite, const struct mz_db_counters *counters, bool clean)
{
	_cleanup_(mz_sqlite_resetp) sqlite3_stmt *statement = NULL;
	int r;

	r = mz_sqlite_prepare(sqlite, MZ_SQL_SET_COUNTERS, 0, &statement);
	if (r < 0)
		return r;
	sqlite3_bind_int64(statement, 1, counters->next_uid);
	sqlite3_bind_int64(statement, 2, counters->revision);
	sqlite3_bind_int(statement, 3, clean);
	return mz_sqlite_run(sqlite, statement);
}

static int read_counters(struct mz_sqlite *sqlite, struct mz_db_counters *ret_counters)
{
	_cleanup_(mz_sqlite_resetp) sqlite3_stmt *statement = NULL;
	int64_t next_uid, revision;
	uint64_t lead;
	int r, rc;

	r = mz_sqlite_prepare(sqlite, MZ_SQL_COUNTERS, 0, &statement);
	if (r < 0)
		return r;
	rc = sqlite3_step(statement);
	if (rc != SQLITE_ROW)
		return rc == SQLITE_DONE ? -EPROTO : mz_sqlite_errno(sqlite, rc);
	next_uid = sqlite3_column_int64(statement, 0);
	revision = sqlite3_column_int64(statement, 1);
	if (next_uid < 1 || next_uid > MZ_DB_LAST || revision < 0 || revision > MZ_DB_LAST)
		return -EPROTO;
	lead = sqlite3_column_int(statement, 2) ? 0 : MZ_DB_LEAD;
	ret_counters->next_uid = next_uid + lead;
	ret_counters->revision = revision + lead;
	return 0;
}

static int prepare_file(struct mz_db *db, const char *path, struct mz_db_counters *ret_counters)
{
	struct mz_sqlite *writer = &db->writer;
	bool empty;
	int r;

	r = open_connection(writer, path);
	if (r < 0)
		return r;
	r = check_file(writer, &empty);
	if (r < 0)
		return r;
	r = set_up(writer, WRITER_CACHE);
	if (r < 0)
		return r;
	r = execute(writer, "BEGIN IMMEDIATE");
	if (r < 0)
		return r;
	if (empty) {
		r = create_tables(writer);
		if (r < 0)
			return r;
	}
	r = create_kinds(writer);
	if (r < 0)
		return r;
	r = read_counters(writer, ret_counters);
	if (r < 0)
		return r;
	r = set_counters(writer, ret_counters, false);
	if (r < 0)
		return r;
	return execute(writer, "COMMIT");
}

static int lock_file(const char *path, int *ret_fd)
{
	_cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	/* SQLite takes what is shorter than its header for empty, and would write over it. */
	if (!S_ISREG(st.st_mode) || (st.st_size > 0 && st.st_size < 100))
		return -EPROTO;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/* The lock goes last: closing any descriptor of the file drops all of SQLite's locks on it. */
static void db_free(struct mz_db *db)
{
	if (db->lock_fd >= 0) {
		close_connection(&db->reader);
		close_connection(&db->writer);
	}
	mz_closep(&db->lock_fd);
	free(db);
}
DEFINE_CLEANUP(struct mz_db *, db_free)

int mz_db_open(const char *path, struct mz_db **ret_db, struct mz_db_counters *ret_counters)
{
	_cleanup_(db_freep) struct mz_db *db = calloc(1, sizeof(*db));
	struct mz_db_counters counters;
	int r;

	if (!db)
		return -ENOMEM;
	db->lock_fd = -1;
	r = lock_file(path, &db->lock_fd);
	if (r < 0)
		return r;
	r = prepare_file(db, path, &counters);
	if (r < 0)
		return r;
	r = open_connection(&db->reader, path);
	if (r < 0)
		return r;
	r = set_up(&db->reader, READER_CACHE);
	if (r < 0)
		return r;
	*ret_counters = counters;
	*ret_db = TAKE(db);
	return 0;
}

void mz_db_close(struct mz_db *db, const struct mz_db_counters *counters)
{
	if (!db)
		return;
	if (counters) /* if that fails, the next start skips ahead */
		(void)set_counters(&db->writer, counters, true);
	db_free(db);
}
