// SPDX-License-Identifier: Apache-2.0
/*
 * The pins: who makes them, what is reused, and what is refused.
 *
 *	DIR/lock		flock(2) of the one writer
 *	DIR/bpf/		bpffs, mode 0700
 *	    layout		array of one: MZ_LAYOUT_VERSION of all the others; made first
 *	    counter		per-CPU array of one struct mz_counters
 *	    drop		per-CPU array of struct mz_count
 *	    epoch		array of one: the epoch of what programs keep of the tables
 *	    table/NAME		outer map, its slot 0 empty until the table has had a row
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <linux/magic.h>

#include "base/log.h"
#include "tables/internal.h"

_Static_assert(MZ_N_COUNTERS <= MZ_COUNTERS_MAX, "the row of the counters is too small");

const struct mz_table_info mz_table_infos[MZ_N_TABLES] = {
#define X(name_, type_, key_, value_, rows_, doc_)                                                 \
	[MZ_TABLE_##name_] = { .name = #name_,                                                     \
			       .doc = doc_,                                                        \
			       .key_size = sizeof(key_),                                           \
			       .value_size = sizeof(value_) },
	MZ_TABLES(X)
#undef X
};

const struct table_shape mz_table_shapes[MZ_N_TABLES] = {
#define X(name_, type_, key_, value_, rows_, doc_)                                                 \
	[MZ_TABLE_##name_] = { .type = BPF_MAP_TYPE_##type_,                                       \
			       .key_size = sizeof(key_),                                           \
			       .value_size = sizeof(value_),                                       \
			       .initial_rows = rows_ },
	MZ_TABLES(X)
#undef X
};

/* What the header promises, from the many ways in which kernels say no. */
static int public_error(int r)
{
	switch (r) {
	case -EACCES:
		return -EPERM;
	case -ENOSYS:
	case -ENODEV:
	case -EINVAL:
		return -EOPNOTSUPP;
	}
	return r;
}

static int make_path(char path[static PATH_MAX], const char *dir, const char *name)
{
	int n = snprintf(path, PATH_MAX, "%s/%s", dir, name);

	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

static int make_dir(const char *path, mode_t mode)
{
	return mkdir(path, mode) < 0 && errno != EEXIST ? -errno : 0;
}

static int make_dirs(const char *dir)
{
	char path[PATH_MAX];
	char *p;
	int r = snprintf(path, sizeof(path), "%s", dir);

	if (r < 0 || (size_t)r >= sizeof(path) || !r)
		return -ENAMETOOLONG;
	for (p = path + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = 0;
		r = make_dir(path, 0755);
		if (r < 0)
			return r;
		*p = '/';
	}
	return make_dir(path, 0755);
}

static int mount_bpffs(const char *path)
{
	struct statfs fs;
	int r;

	r = make_dir(path, 0700);
	if (r < 0)
		return r;
	if (statfs(path, &fs) < 0)
		return -errno;
	if (fs.f_type == BPF_FS_MAGIC)
		return 0;
	if (mount("mizar", path, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") < 0)
		return -errno;
	return 0;
}

static int take_lock(const char *dir, int *ret_fd)
{
	_cleanup_close_ int fd = -1;
	char path[PATH_MAX];
	int r;

	r = make_path(path, dir, "lock");
	if (r < 0)
		return r;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static int get_pin(const char *path, bool is_writer, int *ret_fd)
{
	LIBBPF_OPTS(bpf_obj_get_opts, opts, .file_flags = is_writer ? 0 : BPF_F_RDONLY);
	int fd = bpf_obj_get_opts(path, &opts);

	if (fd < 0)
		return fd;
	*ret_fd = fd;
	return 0;
}

/* -ESTALE: the pin is not of this shape. */
static int check_shape(int fd, enum bpf_map_type type, uint32_t key_size, uint32_t value_size)
{
	struct bpf_map_info info = {};
	uint32_t size = sizeof(info);
	int r;

	r = bpf_obj_get_info_by_fd(fd, &info, &size);
	if (r < 0)
		return r;
	if (info.type != type || info.key_size != key_size || info.value_size != value_size)
		return -ESTALE;
	return 0;
}

/* An array map: reused if pinned, else made and pinned. */
static int open_array(const char *bpf_dir, const char *name, bool is_writer,
		      enum bpf_map_type type, uint32_t value_size, uint32_t entries, int *ret_fd)
{
	_cleanup_close_ int fd = -1;
	char path[PATH_MAX];
	int r;

	r = make_path(path, bpf_dir, name);
	if (r < 0)
		return r;
	r = get_pin(path, is_writer, &fd);
	if (r == -ENOENT && is_writer) {
		fd = bpf_map_create(type, name, sizeof(uint32_t), value_size, entries, NULL);
		r = fd < 0 ? fd : bpf_obj_pin(fd, path);
	}
	if (r == 0)
		r = check_shape(fd, type, sizeof(uint32_t), value_size);
	if (r < 0)
		return r;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

/* A new layout pin is filled before it is pinned: a pin without a version cannot be found. */
static int make_layout(const char *path)
{
	_cleanup_close_ int fd = -1;
	uint32_t slot = 0, version = MZ_LAYOUT_VERSION;
	int r;

	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "layout", sizeof(slot), sizeof(version), 1, NULL);
	if (fd < 0)
		return fd;
	r = bpf_map_update_elem(fd, &slot, &version, 0);
	return r < 0 ? r : bpf_obj_pin(fd, path);
}

static int check_layout(const char *bpf_dir, bool is_writer)
{
	_cleanup_close_ int fd = -1;
	uint32_t slot = 0, version = 0;
	char path[PATH_MAX], table_path[PATH_MAX];
	int r;

	r = make_path(path, bpf_dir, "layout");
	if (r == 0)
		r = make_path(table_path, bpf_dir, "table");
	if (r < 0)
		return r;
	r = get_pin(path, is_writer, &fd);
	if (r == -ENOENT && !access(table_path, F_OK))
		return -ESTALE;
	if (r == -ENOENT && is_writer)
		return make_layout(path);
	if (r < 0)
		return r;
	r = check_shape(fd, BPF_MAP_TYPE_ARRAY, sizeof(slot), sizeof(version));
	if (r == 0)
		r = bpf_map_lookup_elem(fd, &slot, &version);
	if (r < 0)
		return r;
	return version == MZ_LAYOUT_VERSION ? 0 : -ESTALE;
}

int mz_table_create_inner(enum mz_table_id id, uint32_t rows, int *ret_fd)
{
	const struct table_shape *shape = &mz_table_shapes[id];
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC);
	int fd = bpf_map_create(shape->type, mz_table_infos[id].name, shape->key_size,
				shape->value_size, rows, &opts);

	if (fd < 0)
		return fd;
	*ret_fd = fd;
	return 0;
}

static int make_outer(enum mz_table_id id, const char *path, int *ret_fd)
{
	_cleanup_close_ int inner_fd = -1, fd = -1;
	LIBBPF_OPTS(bpf_map_create_opts, opts);
	int r;

	r = mz_table_create_inner(id, mz_table_shapes[id].initial_rows, &inner_fd);
	if (r < 0)
		return r;
	opts.inner_map_fd = (uint32_t)inner_fd;
	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, mz_table_infos[id].name, sizeof(uint32_t),
			    sizeof(uint32_t), 1, &opts);
	if (fd < 0)
		return fd;
	r = bpf_obj_pin(fd, path);
	if (r < 0)
		return r;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static int open_inner(struct mz_tables *tables, enum mz_table_id id)
{
	const struct table_shape *shape = &mz_table_shapes[id];
	_cleanup_close_ int fd = -1;
	struct bpf_map_info info = {};
	uint32_t size = sizeof(info);
	int r;

	r = mz_table_open_inner(tables, id, &fd);
	if (r == -ENOENT && !tables->is_writer)
		return 0;
	tables->tables[id].is_shown = r == 0;
	if (r == -ENOENT)
		r = mz_table_create_inner(id, shape->initial_rows, &fd);
	if (r == 0)
		r = check_shape(fd, shape->type, shape->key_size, shape->value_size);
	if (r == 0)
		r = bpf_obj_get_info_by_fd(fd, &info, &size);
	if (r < 0 || !tables->is_writer)
		return r;
	tables->tables[id].capacity = info.max_entries;
	tables->tables[id].inner_fd = TAKE_FD(fd);
	return 0;
}

static int open_table(struct mz_tables *tables, const char *table_dir, enum mz_table_id id)
{
	struct table *table = &tables->tables[id];
	char path[PATH_MAX];
	int r;

	r = make_path(path, table_dir, mz_table_infos[id].name);
	if (r < 0)
		return r;
	r = get_pin(path, tables->is_writer, &table->outer_fd);
	if (r == -ENOENT && tables->is_writer)
		r = make_outer(id, path, &table->outer_fd);
	if (r == 0)
		r = check_shape(table->outer_fd, BPF_MAP_TYPE_ARRAY_OF_MAPS, sizeof(uint32_t),
				sizeof(uint32_t));
	return r < 0 ? r : open_inner(tables, id);
}

static int open_pins(struct mz_tables *tables, const char *bpf_dir)
{
	char table_dir[PATH_MAX];
	int id, r;

	r = check_layout(bpf_dir, tables->is_writer);
	if (r == 0)
		r = make_path(table_dir, bpf_dir, "table");
	if (r == 0 && tables->is_writer)
		r = make_dir(table_dir, 0700);
	if (r == 0)
		r = open_array(bpf_dir, "counter", tables->is_writer, BPF_MAP_TYPE_PERCPU_ARRAY,
			       sizeof(struct mz_counters), 1, &tables->counter_fd);
	if (r == 0)
		r = open_array(bpf_dir, "drop", tables->is_writer, BPF_MAP_TYPE_PERCPU_ARRAY,
			       sizeof(struct mz_count), MZ_DROP_CODES, &tables->drop_fd);
	if (r == 0)
		r = open_array(bpf_dir, "epoch", tables->is_writer, BPF_MAP_TYPE_ARRAY,
			       sizeof(uint32_t), 1, &tables->epoch_fd);
	/* The last writer may have died between a change and this. */
	if (r == 0 && tables->is_writer)
		r = mz_tables_raise_epoch(tables);
	for (id = 0; r == 0 && id < MZ_N_TABLES; id++) {
		r = open_table(tables, table_dir, id);
		if (r < 0)
			mz_log_debug("table %s: %s", mz_table_infos[id].name, strerror(-r));
	}
	return r;
}

static struct mz_tables *new_tables(bool is_writer)
{
	struct mz_tables *tables = calloc(1, sizeof(*tables));
	int id;

	if (!tables)
		return NULL;
	tables->is_writer = is_writer;
	tables->lock_fd = tables->counter_fd = tables->drop_fd = tables->epoch_fd = -1;
	for (id = 0; id < MZ_N_TABLES; id++)
		tables->tables[id] = (struct table){
			.outer_fd = -1,
			.inner_fd = -1,
			.other_fd = -1,
			.limit = MZ_TABLE_LIMIT,
			.n_rows = -1,
		};
	return tables;
}

int mz_tables_open(const char *dir, bool create, struct mz_tables **ret_tables)
{
	_cleanup_(mz_tables_freep) struct mz_tables *tables = new_tables(create);
	char bpf_dir[PATH_MAX];
	int r;

	if (!tables)
		return -ENOMEM;
	r = make_path(bpf_dir, dir, "bpf");
	if (r == 0 && create) {
		r = make_dirs(dir);
		if (r == 0)
			r = take_lock(dir, &tables->lock_fd);
		if (r == 0)
			r = mount_bpffs(bpf_dir);
	}
	if (r == 0)
		r = open_pins(tables, bpf_dir);
	if (r < 0)
		return public_error(r);
	*ret_tables = TAKE(tables);
	return 0;
}

void mz_tables_free(struct mz_tables *tables)
{
	int id;

	if (!tables)
		return;
	mz_closep(&tables->lock_fd);
	mz_closep(&tables->counter_fd);
	mz_closep(&tables->drop_fd);
	mz_closep(&tables->epoch_fd);
	for (id = 0; id < MZ_N_TABLES; id++) {
		mz_closep(&tables->tables[id].outer_fd);
		mz_closep(&tables->tables[id].inner_fd);
	}
	free(tables);
}

int mz_tables_outer_fd(const struct mz_tables *tables, enum mz_table_id id)
{
	return tables->tables[id].outer_fd;
}

int mz_tables_counter_fd(const struct mz_tables *tables)
{
	return tables->counter_fd;
}

int mz_tables_epoch_fd(const struct mz_tables *tables)
{
	return tables->epoch_fd;
}

int mz_tables_drop_fd(const struct mz_tables *tables)
{
	return tables->drop_fd;
}
