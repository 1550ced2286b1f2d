/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are not ours, not ours alone, or damaged. */
#include <fcntl.h>
#include <sys/stat.h>

#include <sqlite3.h>

#include "store-common.h"

static int try_open(struct fixture *f)
{
	int r = mz_store_open_sqlite(&f->loop, f->path, &f->store);

	assert_true(r == 0 || !f->store);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	return r;
}

static void write_file(struct fixture *f, const char *text)
{
	FILE *file = fopen(f->path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void run_sql(struct fixture *f, const char *sql)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static char *read_file(struct fixture *f, size_t *ret_size)
{
	FILE *file = fopen(f->path, "r");
	char *data = malloc(1 << 22);

	assert_non_null(file);
	assert_non_null(data);
	*ret_size = fread(data, 1, 1 << 22, file);
	fclose(file);
	return data;
}

static void second_controller(void **state)
{
	struct fixture *f = *state;
	struct mz_store *other = NULL;

	assert_int_equal(mz_store_open_sqlite(&f->loop, f->path, &other), -EBUSY);
	assert_null(other);
	create(f, MZ_KIND_VPC, "red", "main", 0); /* the first one works on */
}

static void foreign(void **state)
{
	static const char *const contents[] = {
		"x",
		"Long enough to have the header of a database, which is a hundred bytes, but what "
		"stands here is something else altogether.\n",
	};
	struct fixture *f = *state;
	_cleanup_free_ char *before = NULL, *after = NULL;
	size_t size_before, size_after;

	fixture_close(f);
	for (size_t i = 0; i < ARRAY_SIZE(contents); i++) {
		fixture_unlink(f);
		write_file(f, contents[i]);
		assert_int_equal(try_open(f), -EPROTO);
	}
	fixture_unlink(f);
	run_sql(f, "CREATE TABLE theirs(x); INSERT INTO theirs VALUES(1)");
	before = read_file(f, &size_before);
	assert_int_equal(try_open(f), -EPROTO);
	after = read_file(f, &size_after);
	assert_int_equal(size_before, size_after);
	assert_memory_equal(before, after, size_before); /* and left alone */
}

static void newer(void **state)
{
	struct fixture *f = *state;

	fixture_close(f);
	run_sql(f, "PRAGMA user_version = 99");
	assert_int_equal(try_open(f), -EPROTO);
}

static void missing_tables(void **state)
{
	struct fixture *f = *state;

	fixture_close(f);
	run_sql(f, "DROP TABLE address");
	assert_int_equal(try_open(f), -EPROTO);
}

static void bad_counters(void **state)
{
	struct fixture *f = *state;

	fixture_close(f);
	run_sql(f, "UPDATE meta SET next_uid = -5");
	assert_int_equal(try_open(f), -EPROTO);
	run_sql(f, "UPDATE meta SET next_uid = 1;"
		   "INSERT INTO vpc VALUES(7, 0, 1, 'a', 'b', x'00')");
	assert_int_equal(try_open(f), -EPROTO); /* uid 7 would come again */
	run_sql(f, "DELETE FROM meta");
	assert_int_equal(try_open(f), -EPROTO);
}

static void one_name_twice(void **state)
{
	struct fixture *f = *state;

	create(f, MZ_KIND_VPC, "red", "a", 0);
	create(f, MZ_KIND_VPC, "red", "b", 0);
	fixture_close(f);
	run_sql(f, "UPDATE vpc SET name = 'a'");
	assert_int_equal(try_open(f), -EPROTO);
}

static void bad_address(void **state)
{
	struct fixture *f = *state;

	fixture_close(f);
	run_sql(f, "INSERT INTO address VALUES(7, 0, 1, 'nobody', 1)");
	assert_int_equal(try_open(f), -EPROTO);
	run_sql(f, "UPDATE address SET uid = 99999999"); /* would be given out again */
	assert_int_equal(try_open(f), -EPROTO);
}

static void bad_body(void **state)
{
	struct fixture *f = *state;
	_cleanup_(mz_object_freep) struct mz_object *object = NULL;
	uint64_t uid = create(f, MZ_KIND_VPC, "red", "main", 0);

	fixture_close(f);
	run_sql(f, "UPDATE vpc SET body = x'ffffffff'");
	fixture_open(f);
	assert_int_equal(mz_store_get(f->store, MZ_KIND_VPC, uid, &object), -EPROTO);
	assert_null(object);
}

static void unusable_paths(void **state)
{
	struct fixture *f = *state;
	struct mz_store *store = NULL;
	struct stat st;

	fixture_close(f);
	assert_int_equal(mz_store_open_sqlite(&f->loop, "/nowhere/db", &store), -ENOENT);
	assert_int_equal(mz_store_open_sqlite(&f->loop, f->dir, &store), -EISDIR);
	fixture_unlink(f);
	assert_int_equal(mkfifo(f->path, 0600), 0);
	assert_int_equal(try_open(f), -EPROTO);
	fixture_unlink(f);
	assert_int_equal(try_open(f), 0);
	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

static int touch(const struct mz_object *object, void *user)
{
	return 0;
}

/* Whatever the bytes are: an error, or answers, never a crash. */
static void damaged(void **state)
{
	struct fixture *f = *state;
	_cleanup_free_ char *good = NULL;
	struct mz_txn *txn = begin(f);
	unsigned int n_refused = 0;
	size_t size;

	for (unsigned int i = 0; i < 500; i++) {
		struct mz_addr base = address("10.0.0.0"), addr = mz_addr_add(&base, i);
		uint64_t uid = mz_txn_new_uid(txn);
		char name[16];

		snprintf(name, sizeof(name), "e%u", i);
		assert_int_equal(put(txn, MZ_KIND_ENDPOINT, uid, "red", name, 1), 0);
		assert_int_equal(mz_txn_take_address(txn, 7, &addr, uid), 0);
	}
	assert_int_equal(commit(f, txn), 0);
	fixture_close(f);
	good = read_file(f, &size);
	srandom(1);
	for (unsigned int round = 0; round < 150; round++) {
		int fd;

		fixture_unlink(f);
		fd = open(f->path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
		assert_int_equal(write(fd, good, size), size);
		for (unsigned int i = random() % 20; i < 20; i++) {
			uint8_t bytes[8] = { random(), random(), random(), random() };

			assert_true(pwrite(fd, bytes, 1 + random() % 8, random() % size) > 0);
		}
		if (round % 10 == 0)
			assert_int_equal(ftruncate(fd, random() % size), 0);
		close(fd);
		if (try_open(f) < 0) {
			n_refused++;
			continue;
		}
		for (unsigned int uid = 1; uid < 500; uid += 7) {
			_cleanup_(mz_object_freep) struct mz_object *object = NULL;

			(void)mz_store_get(f->store, MZ_KIND_ENDPOINT, uid, &object);
		}
		(void)mz_store_list(f->store, MZ_KIND_ENDPOINT, "red", 0, 0, touch, NULL);
		(void)mz_store_list(f->store, MZ_KIND_ENDPOINT, NULL, 1, 0, touch, NULL);
		txn = begin(f);
		(void)mz_txn_delete(txn, MZ_KIND_ENDPOINT, 1 + random() % 500);
		(void)put(txn, MZ_KIND_ENDPOINT, mz_txn_new_uid(txn), "red", "new", 1);
		(void)commit(f, txn);
		fixture_close(f);
	}
	print_message("%u of 150 refused at once\n", n_refused);
	assert_true(n_refused > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_new, fixture_free)
		TEST(second_controller),
		TEST(foreign),
		TEST(newer),
		TEST(missing_tables),
		TEST(bad_counters),
		TEST(one_name_twice),
		TEST(bad_address),
		TEST(bad_body),
		TEST(unusable_paths),
		TEST(damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
