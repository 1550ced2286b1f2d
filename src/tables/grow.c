// SPDX-License-Identifier: Apache-2.0
/*
 * A full table moves into a larger inner map: copy, then swap the outer map's slot. Programs see
 * either the old map or the new one, both whole. The swap waits for a grace period of the kernel
 * (some 10 ms), so small tables grow in larger steps.
 *
 * A table that programs write gets rows while it is copied. Those are copied after the swap, when
 * no program uses the old map any more, unless the new one has learned better by then.
 */
#include <errno.h>
#include <fcntl.h>

#include "base/log.h"
#include "tables/internal.h"

#define SMALL_ROWS 65536

static uint32_t next_capacity(const struct table *table)
{
	uint64_t rows = (uint64_t)table->capacity * (table->capacity < SMALL_ROWS ? 4 : 2);

	return (uint32_t)(rows < table->limit ? rows : table->limit);
}

/* -ENOSPC: there is no larger one. */
static int make_larger(const struct table *table, enum mz_table_id id, uint32_t *ret_capacity,
		       int *ret_fd)
{
	uint32_t capacity = next_capacity(table);

	if (capacity <= table->capacity)
		return -ENOSPC;
	*ret_capacity = capacity;
	return mz_table_create_inner(id, capacity, ret_fd);
}

/* Takes fd, if it succeeds. */
static int swap(struct table *table, enum mz_table_id id, uint32_t capacity, int *fd)
{
	uint32_t slot = 0;
	int r = bpf_map_update_elem(table->outer_fd, &slot, fd, 0);

	if (r < 0)
		return r;
	mz_log_debug("table %s: %u to %u rows", mz_table_infos[id].name, table->capacity, capacity);
	mz_closep(&table->inner_fd);
	table->inner_fd = TAKE_FD(*fd);
	table->is_shown = true;
	table->capacity = capacity;
	return 0;
}

struct copy {
	int to_fd;
	int64_t n_rows;
};

static int copy_row(const void *key, const void *value, void *user)
{
	struct copy *copy = user;

	copy->n_rows++;
	return mz_inner_put(copy->to_fd, key, value, BPF_ANY);
}

int mz_table_grow(struct mz_tables *tables, enum mz_table_id id)
{
	struct table *table = &tables->tables[id];
	_cleanup_close_ int fd = -1;
	struct copy copy = {};
	uint32_t capacity;
	int r;

	r = make_larger(table, id, &capacity, &fd);
	if (r < 0)
		return r;
	copy.to_fd = fd;
	r = mz_inner_each(table->inner_fd, id, copy_row, &copy);
	if (r == 0)
		r = swap(table, id, capacity, &fd);
	if (r == 0)
		table->n_rows = copy.n_rows;
	return r;
}

/* ---- beside programs ------------------------------------------------------------------------- */

struct mz_table_growth {
	struct table *table;
	enum mz_table_id id;
	uint32_t capacity;
	bool is_swapped;
	int fd; /* of the larger map; once that is in its place, of the old one */
	struct mz_table_walk *walk;
};

int mz_table_growth_new(struct mz_tables *tables, enum mz_table_id id,
			struct mz_table_growth **ret_growth)
{
	_cleanup_(mz_table_growth_freep) struct mz_table_growth *growth = NULL;
	int r;

	growth = calloc(1, sizeof(*growth));
	if (!growth)
		return -ENOMEM;
	growth->table = &tables->tables[id];
	growth->id = id;
	growth->fd = -1;
	r = make_larger(growth->table, id, &growth->capacity, &growth->fd);
	if (r == 0)
		r = mz_inner_walk_new(growth->table->inner_fd, id, &growth->walk);
	if (r < 0)
		return r;
	growth->table->other_fd = growth->fd;
	*ret_growth = TAKE(growth);
	return 0;
}

void mz_table_growth_free(struct mz_table_growth *growth)
{
	if (!growth)
		return;
	growth->table->other_fd = -1;
	mz_closep(&growth->fd);
	mz_table_walk_free(growth->walk);
	free(growth);
}

static int copy_new_row(const void *key, const void *value, void *user)
{
	struct copy *copy = user;
	int r = mz_inner_put(copy->to_fd, key, value, BPF_NOEXIST);

	return r == -EEXIST ? 0 : r;
}

/* And once more through the old one. */
static int put_in_place(struct mz_table_growth *growth)
{
	_cleanup_(mz_table_walk_freep) struct mz_table_walk *walk = NULL;
	struct table *table = growth->table;
	_cleanup_close_ int old_fd = fcntl(table->inner_fd, F_DUPFD_CLOEXEC, 0);
	int r;

	if (old_fd < 0)
		return -errno;
	r = mz_inner_walk_new(table->inner_fd, growth->id, &walk);
	if (r == 0)
		r = swap(table, growth->id, growth->capacity, &growth->fd);
	if (r < 0)
		return r;
	growth->is_swapped = true;
	table->other_fd = growth->fd = TAKE_FD(old_fd);
	mz_table_walk_free(growth->walk);
	growth->walk = TAKE(walk);
	return 0;
}

int mz_table_growth_some(struct mz_table_growth *growth, uint32_t n_rows)
{
	struct copy copy = { .to_fd = growth->fd };
	int r;

	if (growth->is_swapped) {
		copy.to_fd = growth->table->inner_fd;
		return mz_table_walk_some(growth->walk, n_rows, copy_new_row, &copy);
	}
	r = mz_table_walk_some(growth->walk, n_rows, copy_row, &copy);
	if (r == 0)
		r = put_in_place(growth);
	return r < 0 ? r : -EAGAIN;
}

uint32_t mz_table_capacity(const struct mz_tables *tables, enum mz_table_id id)
{
	return tables->tables[id].capacity;
}
