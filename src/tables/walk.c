// SPDX-License-Identifier: Apache-2.0
/*
 * All rows of a table. Of a hash: bucket by bucket, some at a time if so wanted, also while
 * programs write it. A longest-prefix-match trie starts its walk over when the row that it stands
 * on is gone, so that it is read whole first.
 */
#include <errno.h>
#include <fcntl.h>

#include "tables/internal.h"

#define BATCH_ROWS 512

struct rows {
	char *keys;
	char *values;
	uint32_t n;
	uint32_t room;
};

static void rows_fini(struct rows *rows)
{
	free(rows->keys);
	free(rows->values);
}

static int rows_reserve(struct rows *rows, enum mz_table_id id, uint32_t room)
{
	char *keys = realloc(rows->keys, (size_t)room * mz_table_shapes[id].key_size);
	char *values;

	if (!keys)
		return -ENOMEM;
	rows->keys = keys;
	values = realloc(rows->values, (size_t)room * mz_table_shapes[id].value_size);
	if (!values)
		return -ENOMEM;
	rows->values = values;
	rows->room = room;
	return 0;
}

static int visit_rows(const struct rows *rows, enum mz_table_id id,
		      int (*fn)(const void *key, const void *value, void *user), void *user)
{
	const struct table_shape *shape = &mz_table_shapes[id];
	uint32_t i;
	int r = 0;

	for (i = 0; r == 0 && i < rows->n; i++) {
		char *value = rows->values + (size_t)i * shape->value_size;

		mz_table_end_texts(id, value);
		r = fn(rows->keys + (size_t)i * shape->key_size, value, user);
	}
	return r;
}

/* ---- hashes ---------------------------------------------------------------------------------- */

struct mz_table_walk {
	enum mz_table_id id;
	int fd; /* of our own: the table may get a larger map meanwhile */
	struct rows rows;
	char cursor[KEY_SIZE_MAX];
	bool is_under_way;
};

int mz_inner_walk_new(int inner_fd, enum mz_table_id id, struct mz_table_walk **ret_walk)
{
	_cleanup_(mz_table_walk_freep) struct mz_table_walk *walk = calloc(1, sizeof(*walk));
	int r;

	if (!walk)
		return -ENOMEM;
	walk->id = id;
	walk->fd = fcntl(inner_fd, F_DUPFD_CLOEXEC, 0);
	if (walk->fd < 0)
		return -errno;
	r = rows_reserve(&walk->rows, id, BATCH_ROWS);
	if (r < 0)
		return r;
	*ret_walk = TAKE(walk);
	return 0;
}

int mz_table_walk_new(struct mz_tables *tables, enum mz_table_id id,
		      struct mz_table_walk **ret_walk)
{
	_cleanup_close_ int fd = -1;
	int r = mz_table_open_inner(tables, id, &fd);

	return r < 0 ? r : mz_inner_walk_new(fd, id, ret_walk);
}

void mz_table_walk_free(struct mz_table_walk *walk)
{
	if (!walk)
		return;
	mz_closep(&walk->fd);
	rows_fini(&walk->rows);
	free(walk);
}

/* -ENOENT: the rows that were read, if any, are the last ones. */
static int read_batch(struct mz_table_walk *walk)
{
	int r;

	for (;;) {
		walk->rows.n = walk->rows.room;
		r = bpf_map_lookup_batch(walk->fd, walk->is_under_way ? walk->cursor : NULL,
					 walk->cursor, walk->rows.keys, walk->rows.values,
					 &walk->rows.n, NULL);
		if (r != -ENOSPC)
			break;
		/* One bucket has more rows than that. */
		r = rows_reserve(&walk->rows, walk->id, walk->rows.room * 2);
		if (r < 0)
			return r;
	}
	walk->is_under_way = true;
	return r;
}

/* Bucket by bucket: what fn deletes does not disturb the walk. */
int mz_table_walk_some(struct mz_table_walk *walk, uint32_t n_rows,
		       int (*fn)(const void *key, const void *value, void *user), void *user)
{
	uint32_t n = 0;
	int r, visited;

	do {
		r = read_batch(walk);
		if (r < 0 && r != -ENOENT)
			return r;
		visited = visit_rows(&walk->rows, walk->id, fn, user);
		if (visited)
			return visited;
		n += walk->rows.n;
	} while (r != -ENOENT && n < n_rows);
	return r == -ENOENT ? 0 : -EAGAIN;
}

static int hash_each(int inner_fd, enum mz_table_id id,
		     int (*fn)(const void *key, const void *value, void *user), void *user)
{
	_cleanup_(mz_table_walk_freep) struct mz_table_walk *walk = NULL;
	int r = mz_inner_walk_new(inner_fd, id, &walk);

	return r < 0 ? r : mz_table_walk_some(walk, UINT32_MAX, fn, user);
}

/* ---- tries ----------------------------------------------------------------------------------- */

bool mz_table_is_trie(enum mz_table_id id)
{
	return mz_table_shapes[id].type == BPF_MAP_TYPE_LPM_TRIE;
}

static int trie_each(int inner_fd, enum mz_table_id id,
		     int (*fn)(const void *key, const void *value, void *user), void *user)
{
	const struct table_shape *shape = &mz_table_shapes[id];
	_cleanup_(rows_fini) struct rows rows = {};
	char *key = NULL;
	int r;

	for (;;) {
		if (rows.n == rows.room) {
			r = rows_reserve(&rows, id, rows.room ? rows.room * 2 : BATCH_ROWS);
			if (r < 0)
				return r;
		}
		key = rows.n ? rows.keys + (size_t)(rows.n - 1) * shape->key_size : NULL;
		r = bpf_map_get_next_key(inner_fd, key,
					 rows.keys + (size_t)rows.n * shape->key_size);
		if (r == -ENOENT)
			break;
		if (r < 0)
			return r;
		r = bpf_map_lookup_elem(inner_fd, rows.keys + (size_t)rows.n * shape->key_size,
					rows.values + (size_t)rows.n * shape->value_size);
		if (r < 0 && r != -ENOENT)
			return r;
		rows.n++;
		/* Only a reader beside a busy writer can be thrown back so often. */
		if (rows.n > MZ_TABLE_LIMIT)
			return -EAGAIN;
	}
	return visit_rows(&rows, id, fn, user);
}

/* ---- both ------------------------------------------------------------------------------------ */

int mz_inner_each(int inner_fd, enum mz_table_id id,
		  int (*fn)(const void *key, const void *value, void *user), void *user)
{
	return mz_table_is_trie(id) ? trie_each(inner_fd, id, fn, user) :
				      hash_each(inner_fd, id, fn, user);
}

int mz_table_each(struct mz_tables *tables, enum mz_table_id id,
		  int (*fn)(const void *key, const void *value, void *user), void *user)
{
	_cleanup_close_ int fd = -1; /* of our own: fn may make the table grow */
	int r;

	r = mz_table_open_inner(tables, id, &fd);
	if (r == -ENOENT)
		return 0;
	return r < 0 ? r : mz_inner_each(fd, id, fn, user);
}
