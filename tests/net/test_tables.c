// SPDX-License-Identifier: Apache-2.0
/* Tables in the real kernel: pins that outlive their process, growth, limits, one writer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "own_namespaces.h"
#include "tables/internal.h"

static char dir[64];

static int setup(void **state)
{
	static int n;
	struct mz_tables *tables = NULL;

	snprintf(dir, sizeof(dir), "/mnt/%d/a/b", n++);
	assert_int_equal(mz_tables_open(dir, false, &tables), -ENOENT);
	assert_int_equal(mz_tables_open(dir, true, &tables), 0);
	*state = tables;
	return 0;
}

static int teardown(void **state)
{
	mz_tables_free(*state);
	return 0;
}

static struct mz_vni_addr nth_key(uint32_t n)
{
	struct mz_vni_addr key = { .vni = n % 3, .addr = { .bytes = { 0xfd } } };

	memcpy(key.addr.bytes + 12, &n, sizeof(n));
	return key;
}

static struct mz_location nth_location(uint32_t n)
{
	return (struct mz_location){ .network = n,
				     .host = { .bytes = { 1 } },
				     .generation = n + 1 };
}

static struct mz_prefix_key prefix_key(uint32_t vni, uint8_t a, uint8_t b, unsigned int len)
{
	struct mz_prefix_key key = { .prefixlen = 32 + 96 + len, .vni_be = htonl(vni) };

	key.prefix.bytes[10] = key.prefix.bytes[11] = 0xff;
	key.prefix.bytes[12] = a;
	key.prefix.bytes[13] = b;
	return key;
}

static void put_locations(struct mz_tables *tables, uint32_t from, uint32_t to)
{
	for (; from < to; from++) {
		struct mz_vni_addr key = nth_key(from);
		struct mz_location location = nth_location(from);

		assert_int_equal(mz_table_put(tables, MZ_TABLE_location, &key, &location), 0);
	}
}

static void assert_locations(struct mz_tables *tables, uint32_t n)
{
	uint32_t i;

	assert_int_equal(mz_table_count(tables, MZ_TABLE_location), n);
	for (i = 0; i < n; i++) {
		struct mz_vni_addr key = nth_key(i);
		struct mz_location expected = nth_location(i), location;

		assert_int_equal(mz_table_get(tables, MZ_TABLE_location, &key, &location), 0);
		assert_memory_equal(&location, &expected, sizeof(location));
	}
}

static void test_rows(void **state)
{
	struct mz_tables *tables = *state;
	struct mz_vni_addr key = nth_key(1);
	struct mz_location location = nth_location(1), got;

	assert_int_equal(mz_table_get(tables, MZ_TABLE_location, &key, &got), -ENOENT);
	assert_int_equal(mz_table_delete(tables, MZ_TABLE_location, &key), 0);
	assert_int_equal(mz_table_put(tables, MZ_TABLE_location, &key, &location), 0);
	assert_int_equal(mz_table_count(tables, MZ_TABLE_location), 1);
	location.generation++;
	assert_int_equal(mz_table_put(tables, MZ_TABLE_location, &key, &location), 0);
	assert_int_equal(mz_table_count(tables, MZ_TABLE_location), 1);
	assert_int_equal(mz_table_get(tables, MZ_TABLE_location, &key, &got), 0);
	assert_memory_equal(&got, &location, sizeof(got));
	location.pad = 1;
	assert_int_equal(mz_table_put(tables, MZ_TABLE_location, &key, &location), -EINVAL);
	assert_int_equal(mz_table_delete(tables, MZ_TABLE_location, &key), 0);
	assert_int_equal(mz_table_count(tables, MZ_TABLE_location), 0);
}

/* Shorter and longer prefixes of the same address are other rows. */
static void test_prefix_is_exact(void **state)
{
	struct mz_tables *tables = *state;
	struct mz_prefix_key keys[] = { prefix_key(7, 10, 0, 8), prefix_key(7, 10, 1, 16),
					prefix_key(8, 10, 1, 16), prefix_key(7, 0, 0, 0) };
	struct mz_prefix_key absent = prefix_key(7, 10, 1, 17);
	struct mz_route route;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		assert_int_equal(mz_table_get(tables, MZ_TABLE_prefix, &keys[i], &route), -ENOENT);
		route.network = i;
		assert_int_equal(mz_table_put(tables, MZ_TABLE_prefix, &keys[i], &route), 0);
		assert_int_equal(mz_table_count(tables, MZ_TABLE_prefix), i + 1);
	}
	assert_int_equal(mz_table_get(tables, MZ_TABLE_prefix, &absent, &route), -ENOENT);
	for (i = 0; i < ARRAY_SIZE(keys); i++) {
		assert_int_equal(mz_table_get(tables, MZ_TABLE_prefix, &keys[i], &route), 0);
		assert_int_equal(route.network, i);
	}
	assert_int_equal(mz_table_delete(tables, MZ_TABLE_prefix, &absent), 0);
	assert_int_equal(mz_table_delete(tables, MZ_TABLE_prefix, &keys[1]), 0);
	assert_int_equal(mz_table_count(tables, MZ_TABLE_prefix), 3);
	assert_int_equal(mz_table_get(tables, MZ_TABLE_prefix, &keys[1], &route), -ENOENT);
}

static void test_growth(void **state)
{
	struct mz_tables *tables = *state, *reader = NULL;

	put_locations(tables, 0, 500);
	assert_int_equal(mz_tables_open(dir, false, &reader), 0);
	assert_locations(reader, 500);
	put_locations(tables, 500, 70000);
	assert_true(tables->tables[MZ_TABLE_location].capacity >= 70000);
	assert_locations(tables, 70000);
	assert_locations(reader, 70000); /* opened before the swaps */
	mz_tables_free(reader);
}

static void test_trie_growth(void **state)
{
	struct mz_tables *tables = *state;
	unsigned int i;

	for (i = 0; i < 2000; i++) {
		struct mz_prefix_key key = prefix_key(i / 250, 10, i % 250, 16);
		struct mz_route route = { .network = i };

		assert_int_equal(mz_table_put(tables, MZ_TABLE_prefix, &key, &route), 0);
	}
	assert_int_equal(mz_table_count(tables, MZ_TABLE_prefix), 2000);
	for (i = 0; i < 2000; i++) {
		struct mz_prefix_key key = prefix_key(i / 250, 10, i % 250, 16);
		struct mz_route route;

		assert_int_equal(mz_table_get(tables, MZ_TABLE_prefix, &key, &route), 0);
		assert_int_equal(route.network, i);
	}
}

static void assert_limit(struct mz_tables *tables, uint32_t limit)
{
	struct mz_vni_addr key = nth_key(limit);
	struct mz_location location = nth_location(limit);

	mz_tables_set_limit(tables, MZ_TABLE_location, limit);
	put_locations(tables, 0, limit);
	assert_int_equal(mz_table_put(tables, MZ_TABLE_location, &key, &location), -ENOSPC);
	put_locations(tables, 0, limit); /* replacing is not adding */
	assert_locations(tables, limit);
}

static void test_limits(void **state)
{
	assert_limit(*state, 7);    /* less than the map has room for */
	assert_limit(*state, 1024); /* just that */
	assert_limit(*state, 5000);
}

/* As a program would: by whatever map it found in the slot when it began. */
static void learn(int fd, uint32_t n, uint64_t hits)
{
	struct mz_vni_addr key = nth_key(n);
	struct mz_learned row = { .host = { .bytes = { 1 } }, .hits = hits };

	assert_int_equal(bpf_map_update_elem(fd, &key, &row, BPF_ANY), 0);
}

static void assert_learned(struct mz_tables *tables, uint32_t n, uint64_t hits)
{
	struct mz_vni_addr key = nth_key(n);
	struct mz_learned row;

	assert_int_equal(mz_table_get(tables, MZ_TABLE_learned, &key, &row), 0);
	assert_int_equal(row.hits, hits);
}

static void test_growth_beside_programs(void **state)
{
	_cleanup_(mz_table_growth_freep) struct mz_table_growth *growth = NULL;
	_cleanup_close_ int before = -1, after = -1;
	struct mz_tables *tables = *state;
	uint32_t i;

	mz_tables_set_limit(tables, MZ_TABLE_learned, 16);
	assert_int_equal(mz_table_show(tables, MZ_TABLE_learned), 0);
	assert_int_equal(mz_table_capacity(tables, MZ_TABLE_learned), 16);
	assert_int_equal(mz_table_growth_new(tables, MZ_TABLE_learned, &growth), -ENOSPC);
	mz_tables_set_limit(tables, MZ_TABLE_learned, 100);
	assert_int_equal(mz_table_open_inner(tables, MZ_TABLE_learned, &before), 0);
	for (i = 0; i < 12; i++)
		learn(before, i, 1);
	assert_int_equal(mz_table_growth_new(tables, MZ_TABLE_learned, &growth), 0);
	assert_int_equal(mz_table_growth_some(growth, 1), -EAGAIN);
	/* The larger one is in its place; one program has not noticed yet. */
	assert_int_equal(mz_table_open_inner(tables, MZ_TABLE_learned, &after), 0);
	learn(before, 12, 1);
	learn(before, 13, 1);
	learn(after, 13, 2);
	learn(after, 0, 2);
	assert_int_equal(mz_table_growth_some(growth, 1), 0);
	assert_int_equal(mz_table_capacity(tables, MZ_TABLE_learned), 64);
	assert_int_equal(mz_table_count(tables, MZ_TABLE_learned), 14);
	for (i = 0; i < 14; i++)
		assert_learned(tables, i, i == 0 || i == 13 ? 2 : 1);
	learn(after, 14, 1); /* nobody told the count */
	assert_int_equal(mz_table_count(tables, MZ_TABLE_learned), 15);
}

/* What is deleted while the table grows does not come back with a copy. */
static void test_delete_beside_growth(void **state)
{
	_cleanup_(mz_table_growth_freep) struct mz_table_growth *growth = NULL;
	_cleanup_close_ int fd = -1;
	struct mz_tables *tables = *state;
	const uint32_t capacity = 2048;
	uint32_t i, n = 0;
	int r;

	mz_tables_set_limit(tables, MZ_TABLE_learned, capacity);
	assert_int_equal(mz_table_show(tables, MZ_TABLE_learned), 0);
	mz_tables_set_limit(tables, MZ_TABLE_learned, 4 * capacity);
	assert_int_equal(mz_table_open_inner(tables, MZ_TABLE_learned, &fd), 0);
	for (i = 0; i < capacity; i++)
		learn(fd, i, 1);
	assert_int_equal(mz_table_growth_new(tables, MZ_TABLE_learned, &growth), 0);
	do { /* after each step 128 rows, copied or not, before the swap and after */
		r = mz_table_growth_some(growth, 1);
		for (i = n; i < n + 128 && i < capacity; i++) {
			const struct mz_vni_addr key = nth_key(i);

			assert_int_equal(mz_table_delete(tables, MZ_TABLE_learned, &key), 0);
		}
		n = i;
	} while (r == -EAGAIN);
	assert_int_equal(r, 0);
	assert_true(mz_table_capacity(tables, MZ_TABLE_learned) > capacity);
	assert_in_range(n, 5 * 128, capacity);
	assert_int_equal(mz_table_count(tables, MZ_TABLE_learned), capacity - n);
}

static int count_key(const void *key, const void *value, void *user)
{
	uint32_t n;

	memcpy(&n, ((const struct mz_vni_addr *)key)->addr.bytes + 12, sizeof(n));
	((uint8_t *)user)[n]++;
	return 0;
}

static void test_walk_in_pieces(void **state)
{
	_cleanup_(mz_table_walk_freep) struct mz_table_walk *walk = NULL;
	struct mz_tables *tables = *state;
	uint8_t seen[5000] = {};
	unsigned int i, pieces = 0;
	int r;

	put_locations(tables, 0, 5000);
	assert_int_equal(mz_table_walk_new(tables, MZ_TABLE_location, &walk), 0);
	do
		r = mz_table_walk_some(walk, 100, count_key, seen);
	while (r == -EAGAIN && ++pieces);
	assert_int_equal(r, 0);
	assert_true(pieces > 5);
	for (i = 0; i < ARRAY_SIZE(seen); i++)
		assert_int_equal(seen[i], 1);
}

static int delete_location(const void *key, const void *value, void *user)
{
	return mz_table_delete(*(struct mz_tables **)user, MZ_TABLE_location, key);
}

static int delete_prefix(const void *key, const void *value, void *user)
{
	return mz_table_delete(*(struct mz_tables **)user, MZ_TABLE_prefix, key);
}

static int stop(const void *key, const void *value, void *user)
{
	return ++*(int *)user == 3 ? 42 : 0;
}

static void test_each_may_delete(void **state)
{
	struct mz_tables *tables = *state;
	unsigned int i;
	int n = 0;

	put_locations(tables, 0, 5000);
	assert_int_equal(mz_table_each(tables, MZ_TABLE_location, stop, &n), 42);
	assert_int_equal(n, 3);
	assert_int_equal(mz_table_each(tables, MZ_TABLE_location, delete_location, &tables), 0);
	assert_int_equal(mz_table_count(tables, MZ_TABLE_location), 0);
	for (i = 0; i < 200; i++) {
		struct mz_prefix_key key = prefix_key(7, 10, i, 16);
		struct mz_route route = { .network = i };

		assert_int_equal(mz_table_put(tables, MZ_TABLE_prefix, &key, &route), 0);
	}
	assert_int_equal(mz_table_each(tables, MZ_TABLE_prefix, delete_prefix, &tables), 0);
	assert_int_equal(mz_table_count(tables, MZ_TABLE_prefix), 0);
}

static void test_pins_outlive_the_process(void **state)
{
	struct mz_tables *tables = NULL;
	int status;
	pid_t pid;

	mz_tables_free(*state);
	*state = NULL;
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		if (mz_tables_open(dir, true, &tables) < 0)
			_exit(1);
		put_locations(tables, 0, 3000);
		_exit(0); /* as if killed */
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(mz_tables_open(dir, true, &tables), 0);
	*state = tables;
	assert_locations(tables, 3000);
	put_locations(tables, 3000, 9000); /* and it grows on */
	assert_locations(tables, 9000);
}

static void test_one_writer(void **state)
{
	struct mz_tables *other = NULL;
	struct mz_vni_addr key = nth_key(1);
	struct mz_location location = nth_location(1);

	assert_int_equal(mz_tables_open(dir, true, &other), -EBUSY);
	assert_null(other);
	assert_int_equal(mz_tables_open(dir, false, &other), 0);
	assert_int_equal(mz_table_put(other, MZ_TABLE_location, &key, &location), -EROFS);
	assert_int_equal(mz_table_delete(other, MZ_TABLE_location, &key), -EROFS);
	mz_tables_free(other);
	mz_tables_free(*state);
	*state = NULL;
	assert_int_equal(mz_tables_open(dir, true, &other), 0);
	*state = other;
}

static void test_other_layout(void **state)
{
	struct mz_tables *tables = NULL;
	uint32_t slot = 0, version = MZ_LAYOUT_VERSION + 1;
	char path[128];
	int fd;

	mz_tables_free(*state);
	*state = NULL;
	snprintf(path, sizeof(path), "%s/bpf/layout", dir);
	fd = bpf_obj_get(path);
	assert_true(fd >= 0);
	assert_int_equal(bpf_map_update_elem(fd, &slot, &version, 0), 0);
	assert_int_equal(mz_tables_open(dir, true, &tables), -ESTALE);
	assert_int_equal(mz_tables_open(dir, false, &tables), -ESTALE);
	version = MZ_LAYOUT_VERSION;
	assert_int_equal(bpf_map_update_elem(fd, &slot, &version, 0), 0);
	close(fd);
	assert_int_equal(mz_tables_open(dir, true, &tables), 0);
	mz_tables_free(tables);
	assert_int_equal(unlink(path), 0); /* tables of nobody knows which version */
	assert_int_equal(mz_tables_open(dir, true, &tables), -ESTALE);
}

static void test_strange_pin(void **state)
{
	struct mz_tables *tables = NULL;
	char path[128];
	int fd;

	mz_tables_free(*state);
	*state = NULL;
	snprintf(path, sizeof(path), "%s/bpf/table/location", dir);
	assert_int_equal(unlink(path), 0);
	fd = bpf_map_create(BPF_MAP_TYPE_HASH, "other", 4, 4, 1, NULL);
	assert_true(fd >= 0);
	assert_int_equal(bpf_obj_pin(fd, path), 0);
	close(fd);
	assert_int_equal(mz_tables_open(dir, true, &tables), -ESTALE);
}

static void test_counters(void **state)
{
	struct mz_tables *tables = *state;
	struct mz_count counts[MZ_N_COUNTERS], drops[MZ_DROP_CODES], cpus[1024] = {};
	uint32_t code = MZ_DROP_spoofed_ip;

	cpus[0] = (struct mz_count){ .packets = 2, .bytes = 100 };
	cpus[1] = (struct mz_count){ .packets = 1, .bytes = 60 };
	assert_int_equal(bpf_map_update_elem(mz_tables_drop_fd(tables), &code, cpus, 0), 0);
	assert_int_equal(mz_tables_counters(tables, counts), 0);
	assert_int_equal(mz_tables_drops(tables, drops), 0);
	assert_int_equal(counts[MZ_COUNT_agent].packets, 0);
	assert_true(drops[code].packets >= 2); /* the machine may have one CPU */
	assert_int_equal(drops[code + 1].packets, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_rows),	    TEST(test_prefix_is_exact),
		TEST(test_growth),	    TEST(test_trie_growth),
		TEST(test_limits),	    TEST(test_each_may_delete),
		TEST(test_walk_in_pieces),  TEST(test_growth_beside_programs),
		TEST(test_delete_beside_growth),
		TEST(test_one_writer),	    TEST(test_pins_outlive_the_process),
		TEST(test_other_layout),    TEST(test_strange_pin),
		TEST(test_counters),
#undef TEST
	};

	own_namespaces();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
