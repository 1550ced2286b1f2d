/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of this folder share.
 *
 * Only user space writes the tables, and only one process (the lock), so a table can grow without
 * dual writes: nothing changes while its rows are copied. The table `learned`, which programs
 * write, grows in another way: see grow.c. Readers are other processes; as the writer may swap the
 * inner map at any time, they look it up anew for every operation.
 */
#pragma once

#include <bpf/bpf.h>

#include "tables/tables.h"

#define KEY_SIZE_MAX 64
#define X(name, type, key, value, rows, doc)                                                       \
	_Static_assert(sizeof(key) <= KEY_SIZE_MAX, "key of " #name);
MZ_TABLES(X)
#undef X

struct table_shape {
	enum bpf_map_type type;
	uint32_t key_size;
	uint32_t value_size;
	uint32_t initial_rows;
};
extern const struct table_shape mz_table_shapes[MZ_N_TABLES];

struct table {
	int outer_fd;
	int inner_fd;	   /* writer only, else -1 */
	int other_fd;	   /* to or from which rows are copied, beside programs; or -1 */
	bool is_shown;	   /* the inner map is in the outer one's slot; writer only */
	uint32_t capacity; /* of the inner map; writer only */
	uint32_t limit;
	int64_t n_rows;	   /* -1: nobody asked yet; writer only */
};

struct mz_tables {
	bool is_writer;
	int lock_fd;
	int counter_fd;
	int drop_fd;
	int epoch_fd;
	bool is_epoch_held, is_epoch_due; /* mz_tables_hold_epoch() */
	struct table tables[MZ_N_TABLES];
};

/*
 * A file descriptor of the table's present inner map, to be closed. -ENOENT: it never had a row;
 * programs find that out at once, and so do not pay for tables of roles that their host has not.
 */
int mz_table_open_inner(const struct mz_tables *tables, enum mz_table_id id, int *ret_fd);
int mz_table_create_inner(enum mz_table_id id, uint32_t rows, int *ret_fd);

/*
 * Programs keep rows of some tables until this is raised: after a change, never before it. Never 0.
 */
int mz_tables_raise_epoch(struct mz_tables *tables);

/*
 * Puts without asking for checks, count or growth; flags: BPF_ANY, BPF_NOEXIST. -E2BIG: the map is
 * full.
 */
int mz_inner_put(int inner_fd, const void *key, const void *value, uint64_t flags);
bool mz_table_is_trie(enum mz_table_id id);
int mz_inner_walk_new(int inner_fd, enum mz_table_id id, struct mz_table_walk **ret_walk);
int mz_inner_each(int inner_fd, enum mz_table_id id,
		  int (*fn)(const void *key, const void *value, void *user), void *user);

/* To a larger inner map; -ENOSPC: it is at its limit. */
int mz_table_grow(struct mz_tables *tables, enum mz_table_id id);

/* -EINVAL: no valid row. */
int mz_table_check_row(enum mz_table_id id, const void *key, const void *value);

/* Pins are files: texts in a value that was read end, whoever wrote it. */
void mz_table_end_texts(enum mz_table_id id, void *value);
