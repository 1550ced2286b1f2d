// SPDX-License-Identifier: Apache-2.0
/*
 * Rows one at a time. A longest-prefix-match trie needs care: its lookup finds shorter prefixes
 * too.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>

#include "tables/internal.h"

#define PUT_ATTEMPTS 16
#define OPEN_ATTEMPTS 8

int mz_table_open_inner(const struct mz_tables *tables, enum mz_table_id id, int *ret_fd)
{
	const struct table *table = &tables->tables[id];
	LIBBPF_OPTS(bpf_get_fd_by_id_opts, opts,
		    .open_flags = tables->is_writer ? 0 : BPF_F_RDONLY);
	uint32_t slot = 0, map_id;
	int fd, r, i;

	if (table->inner_fd >= 0) {
		fd = fcntl(table->inner_fd, F_DUPFD_CLOEXEC, 0);
		if (fd < 0)
			return -errno;
		*ret_fd = fd;
		return 0;
	}
	/* The writer may put another map into the slot between the two calls. */
	for (i = 0; i < OPEN_ATTEMPTS; i++) {
		r = bpf_map_lookup_elem(table->outer_fd, &slot, &map_id);
		if (r < 0)
			return r;
		fd = bpf_map_get_fd_by_id_opts(map_id, &opts);
		if (fd >= 0) {
			*ret_fd = fd;
			return 0;
		}
		if (fd != -ENOENT)
			return fd;
	}
	return -EAGAIN;
}

/*
 * The kernel refuses for a moment when a program on this CPU held the row's bucket (-EBUSY), or
 * when its allocator for such maps is about to be refilled (-ENOMEM).
 */
int mz_inner_put(int inner_fd, const void *key, const void *value, uint64_t flags)
{
	int r, i;

	for (i = 0; i < PUT_ATTEMPTS; i++) {
		r = bpf_map_update_elem(inner_fd, key, value, flags);
		if (r != -EBUSY && r != -ENOMEM)
			break;
		(void)sched_yield(); /* cannot fail on Linux */
	}
	return r == -ENOSPC ? -E2BIG : r; /* a trie's word for "full" */
}

/*
 * A walk from a key that a trie does not have starts at its first row; from one that it has, it
 * never comes to the first row. (Kernels before 6.13 and their stable releases of November 2024
 * could confuse an absent key with another of its length; there this may say 1 for it.)
 */
static int trie_has(int inner_fd, const void *key)
{
	char first[KEY_SIZE_MAX] = {}, next[KEY_SIZE_MAX] = {};
	int r;

	r = bpf_map_get_next_key(inner_fd, NULL, first);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = bpf_map_get_next_key(inner_fd, key, next);
	if (r < 0)
		return r == -ENOENT ? 1 : r;
	return memcmp(first, next, sizeof(first)) != 0;
}

static int inner_get(int inner_fd, enum mz_table_id id, const void *key, void *ret_value)
{
	int r = 1;

	if (mz_table_is_trie(id))
		r = trie_has(inner_fd, key);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	r = bpf_map_lookup_elem(inner_fd, key, ret_value);
	if (r == 0)
		mz_table_end_texts(id, ret_value);
	return r;
}

int mz_table_get(struct mz_tables *tables, enum mz_table_id id, const void *key, void *ret_value)
{
	_cleanup_close_ int fd = -1;
	int r;

	if (tables->is_writer)
		return inner_get(tables->tables[id].inner_fd, id, key, ret_value);
	r = mz_table_open_inner(tables, id, &fd);
	return r < 0 ? r : inner_get(fd, id, key, ret_value);
}

/* 1 or 0. */
static int has_row(const struct table *table, enum mz_table_id id, const void *key)
{
	_cleanup_free_ void *value = malloc(mz_table_shapes[id].value_size);
	int r;

	if (!value)
		return -ENOMEM;
	r = inner_get(table->inner_fd, id, key, value);
	return r == -ENOENT ? 0 : r < 0 ? r : 1;
}

/* Programs see the inner map from its first row on. */
static int show(struct table *table)
{
	uint32_t slot = 0;
	int r;

	if (table->is_shown)
		return 0;
	r = bpf_map_update_elem(table->outer_fd, &slot, &table->inner_fd, 0);
	table->is_shown = r == 0;
	return r;
}

int mz_table_show(struct mz_tables *tables, enum mz_table_id id)
{
	struct table *table = &tables->tables[id];
	int fd, r;

	if (!table->is_shown && table->limit < table->capacity) {
		/* Nobody counts the rows of programs: the map itself must end at the limit. */
		r = mz_table_create_inner(id, table->limit, &fd);
		if (r < 0)
			return r;
		mz_closep(&table->inner_fd);
		table->inner_fd = fd;
		table->capacity = table->limit;
	}
	return show(table);
}

static int put_growing(struct mz_tables *tables, enum mz_table_id id, const void *key,
		       const void *value)
{
	struct table *table = &tables->tables[id];
	int r;

	for (;;) {
		r = mz_inner_put(table->inner_fd, key, value, BPF_ANY);
		if (r != -E2BIG)
			return r < 0 ? r : show(table);
		r = mz_table_grow(tables, id);
		if (r < 0)
			return r;
	}
}

int mz_tables_raise_epoch(struct mz_tables *tables)
{
	uint32_t slot = 0, epoch;
	int r;

	if (tables->is_epoch_held) {
		tables->is_epoch_due = true;
		return 0;
	}
	r = bpf_map_lookup_elem(tables->epoch_fd, &slot, &epoch);
	if (r < 0)
		return r;
	epoch += epoch == UINT32_MAX ? 2 : 1;
	return bpf_map_update_elem(tables->epoch_fd, &slot, &epoch, BPF_ANY);
}

void mz_tables_hold_epoch(struct mz_tables *tables)
{
	tables->is_epoch_held = true;
}

int mz_tables_release_epoch(struct mz_tables *tables)
{
	bool is_due = tables->is_epoch_due;

	tables->is_epoch_held = tables->is_epoch_due = false;
	return is_due ? mz_tables_raise_epoch(tables) : 0;
}

/* Tables that a program relies on while the epoch stays: see bpf/cache.h and bpf/deliver.h. */
static bool has_epoch(enum mz_table_id id)
{
	return id == MZ_TABLE_droplet || id == MZ_TABLE_nexthop || id == MZ_TABLE_vpc ||
	       id == MZ_TABLE_port || id == MZ_TABLE_local || id == MZ_TABLE_dead;
}

int mz_table_put(struct mz_tables *tables, enum mz_table_id id, const void *key, const void *value)
{
	struct table *table = &tables->tables[id];
	int r, had_row = 0;

	if (!tables->is_writer)
		return -EROFS;
	r = mz_table_check_row(id, key, value);
	if (r < 0)
		return r;
	/* A limit below what the map has room for is kept by counting. */
	if (table->n_rows < 0 && table->limit < table->capacity)
		(void)mz_table_count(tables, id);
	if (table->n_rows >= 0) {
		had_row = has_row(table, id, key);
		if (had_row < 0)
			return had_row;
		if (!had_row && table->n_rows >= table->limit)
			return -ENOSPC;
	}
	r = put_growing(tables, id, key, value);
	if (r == 0 && has_epoch(id))
		r = mz_tables_raise_epoch(tables);
	if (r == 0 && table->n_rows >= 0 && !had_row)
		table->n_rows++;
	return r;
}

static int inner_delete(int inner_fd, const void *key)
{
	int r, i;

	for (i = 0; i < PUT_ATTEMPTS; i++) {
		r = bpf_map_delete_elem(inner_fd, key);
		if (r != -EBUSY && r != -ENOMEM)
			break;
		(void)sched_yield(); /* as in mz_inner_put() */
	}
	return r;
}

int mz_table_delete(struct mz_tables *tables, enum mz_table_id id, const void *key)
{
	struct table *table = &tables->tables[id];
	int r;

	if (!tables->is_writer)
		return -EROFS;
	/* First where it would be copied from, or to. */
	r = table->other_fd >= 0 ? inner_delete(table->other_fd, key) : 0;
	if (r == 0 || r == -ENOENT)
		r = inner_delete(table->inner_fd, key);
	if (r == 0 && has_epoch(id))
		r = mz_tables_raise_epoch(tables);
	if (r == 0 && table->n_rows >= 0)
		table->n_rows--;
	return r == -ENOENT ? 0 : r;
}

static int count_row(const void *key, const void *value, void *user)
{
	(*(uint64_t *)user)++;
	return 0;
}

uint64_t mz_table_count(struct mz_tables *tables, enum mz_table_id id)
{
	struct table *table = &tables->tables[id];
	uint64_t n = 0;

	if (table->n_rows >= 0)
		return (uint64_t)table->n_rows;
	if (mz_table_each(tables, id, count_row, &n) < 0)
		return 0;
	if (tables->is_writer && id != MZ_TABLE_learned) /* programs write that, and do not say */
		table->n_rows = (int64_t)n;
	return n;
}

void mz_tables_set_limit(struct mz_tables *tables, enum mz_table_id id, uint32_t rows)
{
	tables->tables[id].limit = rows;
}
