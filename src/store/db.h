/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The durable half of the store, in SQLite. Two connections: one reads, on the loop's thread, in
 * short statements of their own; one writes, on the writer's. One process at a time has the file
 * (flock), so nothing changes it from outside.
 *
 *	meta		one row: next uid and revision at the last commit, closed cleanly
 *	vpc ...		one table per kind; rowid = uid, so that rows are appended
 *	address		(vni, address) -> uid (0: free) and location generation
 */
#pragma once

#include "store/internal.h"

struct mz_db;

struct mz_db_counters {
	uint64_t next_uid, revision;
};

/*
 * After an unclean end the counters start this much later than what was durable: uids and revisions
 * that were seen, but not yet written, do not come again. No more may be in flight.
 */
#define MZ_DB_LEAD (1U << 20)
/* What a uid can be: room for a kind beside it in 64 bits, and for its 13 hex digits in a name. */
#define MZ_DB_LAST ((INT64_C(1) << 52) - 1)

int mz_db_open(const char *path, struct mz_db **ret_db, struct mz_db_counters *ret_counters);
/* counters: written as a clean end, unless NULL. The writer's thread is gone by now. */
void mz_db_close(struct mz_db *db, const struct mz_db_counters *counters);

/* ---- the loop's thread ----------------------------------------------------------------------- */

/* NULL: no such object. */
int mz_db_get(struct mz_db *db, enum mz_kind kind, uint64_t uid, struct mz_version **ret_version);
/* At most n_max with uid > after, ascending; the caller unrefs each. ns NULL, owner 0: any. */
int mz_db_page(struct mz_db *db, enum mz_kind kind, const char *ns, uint64_t owner, uint64_t after,
	       size_t n_max, struct mz_version **ret_versions, size_t *ret_n);
/* 0: none yet. */
int mz_db_generation(struct mz_db *db, uint32_t vni, const struct mz_addr *addr,
		     uint32_t *ret_generation);

/* For the indexes in memory. fn returns 0 or -errno, which ends the scan. */
typedef int (*mz_db_name_fn)(void *user, enum mz_kind kind, uint64_t uid, const char *ns,
			     const char *name);
int mz_db_scan_names(struct mz_db *db, mz_db_name_fn fn, void *user);
typedef int (*mz_db_address_fn)(void *user, uint32_t vni, const struct mz_addr *addr, uint64_t uid);
int mz_db_scan_addresses(struct mz_db *db, mz_db_address_fn fn, void *user);

/* ---- the writer's thread --------------------------------------------------------------------- */

/* All of the transactions (linked by `queued`), or -errno and none. */
int mz_db_write(struct mz_db *db, const struct mz_txn *first);
