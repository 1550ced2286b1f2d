// SPDX-License-Identifier: Apache-2.0
/*
 * A full table moves into a larger inner map: copy, then swap the outer map's slot. Programs see
 * either the old map or the new one, both whole. The swap waits for a grace period of the kernel
 * (some 10 ms), so small tables grow in larger steps.
 */
#include <errno.h>

#include "base/log.h"
#include "tables/internal.h"

#define SMALL_ROWS 65536

static uint32_t next_capacity(const struct table *table)
{
	uint64_t rows = (uint64_t)table->capacity * (table->capacity < SMALL_ROWS ? 4 : 2);

	return (uint32_t)(rows < table->limit ? rows : table->limit);
}

struct copy {
	int to_fd;
	int64_t n_rows;
};

static int copy_row(const void *key, const void *value, void *user)
{
	struct copy *copy = user;

	copy->n_rows++;
	return mz_inner_put(copy->to_fd, key, value);
}

int mz_table_grow(struct mz_tables *tables, enum mz_table_id id)
{
	struct table *table = &tables->tables[id];
	uint32_t capacity = next_capacity(table), slot = 0;
	_cleanup_close_ int fd = -1;
	struct copy copy = {};
	int r;

	if (capacity <= table->capacity)
		return -ENOSPC;
	r = mz_table_create_inner(id, capacity, &fd);
	if (r < 0)
		return r;
	copy.to_fd = fd;
	r = mz_inner_each(table->inner_fd, id, copy_row, &copy);
	if (r == 0)
		r = bpf_map_update_elem(table->outer_fd, &slot, &fd, 0);
	if (r < 0)
		return r;
	mz_log_debug("table %s: %u to %u rows", mz_table_infos[id].name, table->capacity, capacity);
	mz_closep(&table->inner_fd);
	table->inner_fd = TAKE_FD(fd);
	table->is_shown = true;
	table->capacity = capacity;
	table->n_rows = copy.n_rows;
	return 0;
}
