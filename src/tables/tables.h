/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables of include/mizar/tables.h from user space: pins, growth, typed access, text.
 *
 * A host's directory (/run/mizar by default) has a bpffs mounted on bpf/ with one pin per table's
 * outer map, `counter`, `drop`, and the pins of programs and links. mizard owns it; `mizar host
 * uninstall` and `mizar lab down` remove it. Only one process writes (mizard holds a lock on it).
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "base/cleanup.h"
#include "mizar/counters.h"
#include "mizar/tables.h"
#include "mizar/v1/rows.pb-c.h"

struct mz_tables;

/* Rows that a table may grow to, unless mz_tables_set_limit() says otherwise. */
#define MZ_TABLE_LIMIT (16U << 20)

/*
 * Opens the pinned tables below dir/bpf; with create, mounts the bpffs and makes what is absent.
 * -ENOENT: nothing there; -EPERM: privilege; -ESTALE: the pins have another layout version;
 * -EBUSY: another process writes (create only); -EOPNOTSUPP: the kernel lacks what is needed.
 */
int mz_tables_open(const char *dir, bool create, struct mz_tables **ret_tables);
void mz_tables_free(struct mz_tables *tables); /* the pins stay */
DEFINE_CLEANUP(struct mz_tables *, mz_tables_free)

/* Outer map of a table, to be reused by a program; borrowed. */
int mz_tables_outer_fd(const struct mz_tables *tables, enum mz_table_id id);
int mz_tables_counter_fd(const struct mz_tables *tables);
int mz_tables_drop_fd(const struct mz_tables *tables);
int mz_tables_epoch_fd(const struct mz_tables *tables);

/*
 * Keys and values are the structs of that table's row. put makes or replaces, and grows the table
 * when it is full: -ENOSPC at its limit, -EINVAL a value that is no valid row. Absent on delete is
 * success. get: -ENOENT.
 */
int mz_table_put(struct mz_tables *tables, enum mz_table_id id, const void *key, const void *value);
int mz_table_get(struct mz_tables *tables, enum mz_table_id id, const void *key, void *ret_value);
int mz_table_delete(struct mz_tables *tables, enum mz_table_id id, const void *key);
/*
 * Between the two, many changes make programs forget the rows that they keep once, at the end:
 * until then they may go by what was before.
 */
void mz_tables_hold_epoch(struct mz_tables *tables);
int mz_tables_release_epoch(struct mz_tables *tables);
/* fn may delete the row that it is given. Returns the first non-zero value of fn, or 0. */
int mz_table_each(struct mz_tables *tables, enum mz_table_id id,
		  int (*fn)(const void *key, const void *value, void *user), void *user);

/*
 * The same of a hash, some rows at a time: about n_rows at each call, while programs write it. The
 * walk stays on the map that the table had when it began. -EAGAIN: there is more; 0: that was all.
 */
struct mz_table_walk;
int mz_table_walk_new(struct mz_tables *tables, enum mz_table_id id,
		      struct mz_table_walk **ret_walk);
void mz_table_walk_free(struct mz_table_walk *walk);
DEFINE_CLEANUP(struct mz_table_walk *, mz_table_walk_free)
int mz_table_walk_some(struct mz_table_walk *walk, uint32_t n_rows,
		       int (*fn)(const void *key, const void *value, void *user), void *user);

/*
 * To a larger map, of a hash that programs write, some rows at a time: first copies of all rows,
 * then the new map in place of the old one, then the rows that came meanwhile. What programs
 * changed in a row meanwhile may be lost. Until it is done, nothing else may write the table but
 * mz_table_delete(). -ENOSPC: it is at its limit; -EAGAIN: there is more to do; 0: done. Freed
 * before: as it was, or without some of the rows that came last.
 */
struct mz_table_growth;
int mz_table_growth_new(struct mz_tables *tables, enum mz_table_id id,
			struct mz_table_growth **ret_growth);
void mz_table_growth_free(struct mz_table_growth *growth);
DEFINE_CLEANUP(struct mz_table_growth *, mz_table_growth_free)
int mz_table_growth_some(struct mz_table_growth *growth, uint32_t n_rows);

/* Rows that there is room for before it must grow; writer only. */
uint32_t mz_table_capacity(const struct mz_tables *tables, enum mz_table_id id);
uint64_t mz_table_count(struct mz_tables *tables, enum mz_table_id id);
void mz_tables_set_limit(struct mz_tables *tables, enum mz_table_id id, uint32_t rows);
/* Of a table that programs write: they see it from here on, not from its first row. Repeatable. */
int mz_table_show(struct mz_tables *tables, enum mz_table_id id);

struct mz_table_info {
	const char *name;
	const char *doc;
	size_t key_size, value_size;
};
extern const struct mz_table_info mz_table_infos[MZ_N_TABLES];

/* A row as JSON, with addresses and MACs as text: what `mizar host tables` prints. */
int mz_table_row_to_json(enum mz_table_id id, const void *key, const void *value,
			 json_t **ret_json);

/* Sums over the CPUs. */
int mz_tables_counters(struct mz_tables *tables, struct mz_count ret_counts[static MZ_N_COUNTERS]);
int mz_tables_drops(struct mz_tables *tables, struct mz_count ret_counts[static MZ_DROP_CODES]);
const char *mz_counter_name(enum mz_counter counter);
const char *mz_counter_doc(enum mz_counter counter);
const char *mz_drop_name(unsigned int code); /* NULL: no such code */
const char *mz_drop_doc(unsigned int code);
