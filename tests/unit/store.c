/* SPDX-License-Identifier: Apache-2.0 */
/* What the store promises, one promise a test. */
#include <sqlite3.h>

#include "store-common.h"

static void names(void **state)
{
	struct fixture *f = *state;
	uint64_t a, b, vpc;
	struct mz_txn *txn;

	a = create(f, MZ_KIND_NETWORK, "red", "web", 0);
	b = create(f, MZ_KIND_NETWORK, "blue", "web", 0);
	vpc = create(f, MZ_KIND_VPC, "red", "web", 0);
	assert_true(a < b && b < vpc);
	assert_int_equal(found(f, MZ_KIND_NETWORK, "red", "web"), a);
	assert_int_equal(found(f, MZ_KIND_NETWORK, "blue", "web"), b);
	assert_int_equal(found(f, MZ_KIND_VPC, "red", "web"), vpc);
	assert_int_equal(found(f, MZ_KIND_VPC, "blue", "web"), 0);
	assert_int_equal(found(f, MZ_KIND_VPC, "redw", "eb"), 0);

	txn = begin(f);
	assert_int_equal(put(txn, MZ_KIND_NETWORK, mz_txn_new_uid(txn), "red", "web", 0), -EEXIST);
	assert_int_equal(put(txn, MZ_KIND_NETWORK, a, "red", "other", 0), -EINVAL);
	assert_int_equal(put(txn, MZ_KIND_NETWORK, 1 << 30, "red", "other", 0), -EINVAL);
	/* Free again within the same transaction. */
	assert_int_equal(mz_txn_delete(txn, MZ_KIND_NETWORK, a), 0);
	assert_int_equal(found(f, MZ_KIND_NETWORK, "red", "web"), 0);
	a = mz_txn_new_uid(txn);
	assert_int_equal(put(txn, MZ_KIND_NETWORK, a, "red", "web", 0), 0);
	assert_int_equal(commit(f, txn), 0);
	assert_int_equal(found(f, MZ_KIND_NETWORK, "red", "web"), a);
	assert_int_equal(mz_store_count(f->store, MZ_KIND_NETWORK), 2);

	fixture_reopen(f);
	assert_int_equal(found(f, MZ_KIND_NETWORK, "red", "web"), a);
	assert_int_equal(found(f, MZ_KIND_NETWORK, "blue", "web"), b);
	assert_int_equal(mz_store_count(f->store, MZ_KIND_NETWORK), 2);
	assert_int_equal(mz_store_count(f->store, MZ_KIND_VPC), 1);
}

static void get_what_was_put(void **state)
{
	struct fixture *f = *state;
	_cleanup_(mz_object_freep) struct mz_object *object = NULL, *back = NULL;
	struct mz_txn *txn = begin(f);
	uint64_t uid = mz_txn_new_uid(txn);

	object = make(MZ_KIND_ENDPOINT, uid, "red", "web-1");
	assert_int_equal(mz_string_set(&object->endpoint->spec->network, "web"), 0);
	assert_int_equal(mz_txn_put(txn, object, 0, 0), 0);
	assert_false(mz_object_metadata(object)->has_resource_version); /* the caller's own */
	assert_int_equal(commit(f, txn), 0);
	fixture_reopen(f);
	assert_int_equal(mz_store_get(f->store, MZ_KIND_ENDPOINT, uid, &back), 0);
	assert_string_equal(mz_object_name(back), "web-1");
	assert_string_equal(mz_object_namespace(back), "red");
	assert_string_equal(back->endpoint->spec->network, "web");
	assert_int_equal(mz_object_metadata(back)->resource_version, mz_store_revision(f->store));
	assert_int_equal(revision_of(f, MZ_KIND_NETWORK, uid), 0);
	assert_int_equal(revision_of(f, MZ_KIND_ENDPOINT, UINT64_MAX), 0);
	assert_int_equal(revision_of(f, MZ_KIND_ENDPOINT, 0), 0);
}

static void compare_and_swap(void **state)
{
	struct fixture *f = *state;
	uint64_t uid = create(f, MZ_KIND_VPC, "red", "main", 0);
	uint64_t revision = revision_of(f, MZ_KIND_VPC, uid);
	_cleanup_(mz_object_freep) struct mz_object *object = make(MZ_KIND_VPC, uid, "red", "main");
	struct mz_txn *txn = begin(f);

	assert_int_equal(revision, mz_store_revision(f->store));
	assert_int_equal(mz_txn_put(txn, object, 0, revision + 1), -ESTALE);
	assert_int_equal(mz_txn_put(txn, object, 0, revision), 0);
	assert_int_equal(mz_txn_put(txn, object, 0, revision), -ESTALE);
	assert_int_equal(commit(f, txn), 0);
	assert_int_equal(revision_of(f, MZ_KIND_VPC, uid), revision + 1);
	txn = begin(f);
	assert_int_equal(mz_txn_put(txn, object, 0, revision), -ESTALE);
	assert_int_equal(mz_txn_delete(txn, MZ_KIND_VPC, uid), 0);
	assert_int_equal(mz_txn_put(txn, object, 0, revision + 1), -ESTALE);
	assert_int_equal(commit(f, txn), 0);
	assert_int_equal(revision_of(f, MZ_KIND_VPC, uid), 0);
}

static void rollback(void **state)
{
	struct fixture *f = *state;
	struct mz_addr addr = address("10.0.0.2"), addr6 = address("fd00::2");
	uint64_t kept = create(f, MZ_KIND_NETWORK, "red", "kept", 0), before, uid;
	uint64_t revision = mz_store_revision(f->store);
	uint32_t generation;
	struct mz_txn *txn = begin(f);

	before = mz_txn_new_uid(txn);
	assert_int_equal(put(txn, MZ_KIND_NETWORK, before, "red", "new", 0), 0);
	assert_int_equal(mz_txn_delete(txn, MZ_KIND_NETWORK, kept), 0);
	assert_int_equal(mz_txn_take_address(txn, 7, &addr, before), 0);
	assert_int_equal(mz_txn_take_address(txn, 7, &addr6, before), 0);
	assert_int_equal(mz_txn_next_generation(txn, 7, &addr, &generation), 0);
	/* It reads its own writes. */
	assert_int_equal(found(f, MZ_KIND_NETWORK, "red", "new"), before);
	assert_int_equal(mz_store_address_owner(f->store, 7, &addr6), before);
	mz_txn_free(txn);

	assert_int_equal(found(f, MZ_KIND_NETWORK, "red", "new"), 0);
	assert_int_equal(found(f, MZ_KIND_NETWORK, "red", "kept"), kept);
	assert_int_not_equal(revision_of(f, MZ_KIND_NETWORK, kept), 0);
	assert_int_equal(revision_of(f, MZ_KIND_NETWORK, before), 0);
	assert_int_equal(mz_store_address_owner(f->store, 7, &addr), 0);
	assert_int_equal(mz_store_address_owner(f->store, 7, &addr6), 0);
	assert_int_equal(mz_store_count(f->store, MZ_KIND_NETWORK), 1);
	assert_int_equal(mz_store_revision(f->store), revision);
	txn = begin(f);
	uid = mz_txn_new_uid(txn);
	assert_true(uid > before); /* it was seen */
	assert_int_equal(mz_txn_next_generation(txn, 7, &addr, &generation), 0);
	assert_int_equal(generation, 1);
	mz_txn_free(txn);
}

/* The history keeps what was written alive for a while; then only its owners do. */
static void forget_history(struct fixture *f)
{
	struct mz_txn *txn = begin(f);
	uint64_t uid = mz_txn_new_uid(txn);

	for (unsigned int i = 0; i < 40000; i++)
		assert_int_equal(put(txn, MZ_KIND_VPC, uid, "red", "other", 0), 0);
	assert_int_equal(commit(f, txn), 0);
	create(f, MZ_KIND_VPC, "red", "another", 0);
}

/* A rollback over a value that became durable meanwhile must not bring it back as pending. */
static void rollback_over_settled(void **state)
{
	struct fixture *f = *state;
	struct mz_addr addr = address("10.0.0.2");
	struct mz_txn *first = begin(f), *second;
	uint64_t uid = mz_txn_new_uid(first), revision;
	uint32_t generation;
	int r = 1;

	assert_int_equal(put(first, MZ_KIND_VPC, uid, "red", "main", 0), 0);
	assert_int_equal(mz_txn_next_generation(first, 7, &addr, &generation), 0);
	mz_txn_commit(first, store_result, &r);
	revision = mz_store_revision(f->store);
	second = begin(f);
	assert_int_equal(put(second, MZ_KIND_VPC, uid, "red", "main", 0), 0);
	assert_int_equal(mz_txn_next_generation(second, 7, &addr, &generation), 0);
	assert_int_equal(generation, 2);
	while (r == 1)
		uv_run(&f->loop, UV_RUN_ONCE);
	assert_int_equal(r, 0);
	mz_txn_free(second);
	forget_history(f);
	assert_int_equal(revision_of(f, MZ_KIND_VPC, uid), revision);
	second = begin(f);
	assert_int_equal(mz_txn_next_generation(second, 7, &addr, &generation), 0);
	assert_int_equal(generation, 2);
	assert_int_equal(mz_txn_delete(second, MZ_KIND_VPC, uid), 0);
	assert_int_equal(commit(f, second), 0);
	assert_int_equal(revision_of(f, MZ_KIND_VPC, uid), 0);
}

static void one_open_transaction(void **state)
{
	struct fixture *f = *state;
	struct mz_txn *txn = begin(f), *other = NULL;

	assert_int_equal(mz_txn_new(f->store, &other), -EBUSY);
	assert_null(other);
	mz_txn_free(txn);
	txn = begin(f);
	assert_int_equal(commit(f, txn), 0); /* without any change */
}

static void addresses(void **state)
{
	struct fixture *f = *state;
	struct mz_addr addrs[] = { address("10.0.0.2"), address("fd00::2") };
	struct mz_addr other = address("10.0.0.3");

	for (size_t i = 0; i < ARRAY_SIZE(addrs); i++) {
		const struct mz_addr *addr = &addrs[i];
		struct mz_txn *txn = begin(f);
		uint64_t a = mz_txn_new_uid(txn), b = mz_txn_new_uid(txn);

		assert_int_equal(mz_txn_take_address(txn, 7, addr, a), 0);
		assert_int_equal(mz_txn_take_address(txn, 7, addr, a), 0);
		assert_int_equal(mz_txn_take_address(txn, 7, addr, b), -EADDRINUSE);
		assert_int_equal(mz_txn_take_address(txn, 8, addr, b), 0);
		assert_int_equal(mz_txn_take_address(txn, 7, addr, 0), -EINVAL);
		assert_int_equal(mz_txn_release_address(txn, 7, &other), 0);
		assert_int_equal(commit(f, txn), 0);
		txn = begin(f);
		assert_int_equal(mz_txn_release_address(txn, 7, addr), 0);
		assert_int_equal(mz_txn_take_address(txn, 7, addr, b), 0);
		assert_int_equal(mz_txn_release_address(txn, 8, addr), 0);
		assert_int_equal(commit(f, txn), 0);
		fixture_reopen(f);
		assert_int_equal(mz_store_address_owner(f->store, 7, addr), b);
		assert_int_equal(mz_store_address_owner(f->store, 8, addr), 0);
	}
}

/* What was released and has no generation to remember leaves no row behind. */
static void released_rows_go(void **state)
{
	struct fixture *f = *state;
	struct mz_addr used = address("10.0.0.2"), unused = address("10.0.0.3");
	struct mz_txn *txn = begin(f);
	uint64_t uid = mz_txn_new_uid(txn);
	sqlite3_stmt *statement = NULL;
	uint32_t generation;
	sqlite3 *db = NULL;

	assert_int_equal(mz_txn_take_address(txn, 7, &unused, uid), 0);
	assert_int_equal(mz_txn_take_address(txn, 7, &used, uid), 0);
	assert_int_equal(mz_txn_next_generation(txn, 7, &used, &generation), 0);
	assert_int_equal(mz_txn_release_address(txn, 7, &unused), 0);
	assert_int_equal(mz_txn_release_address(txn, 7, &used), 0);
	assert_int_equal(commit(f, txn), 0);
	assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, "SELECT count(*), max(generation) FROM address", -1,
					    &statement, NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	assert_int_equal(sqlite3_column_int(statement, 0), 1);
	assert_int_equal(sqlite3_column_int(statement, 1), 1);
	sqlite3_finalize(statement);
	sqlite3_close(db);
}

static void generations(void **state)
{
	struct fixture *f = *state;
	struct mz_addr addr = address("10.0.0.2");
	uint32_t generation = 0;

	for (uint32_t i = 1; i < 6; i++) {
		struct mz_txn *txn = begin(f);
		uint64_t uid = mz_txn_new_uid(txn);

		assert_int_equal(mz_txn_take_address(txn, 7, &addr, uid), 0);
		assert_int_equal(mz_txn_next_generation(txn, 7, &addr, &generation), 0);
		assert_int_equal(generation, 2 * i - 1);
		assert_int_equal(commit(f, txn), 0);
		txn = begin(f);
		assert_int_equal(mz_txn_release_address(txn, 7, &addr), 0);
		assert_int_equal(mz_txn_next_generation(txn, 7, &addr, &generation), 0);
		assert_int_equal(generation, 2 * i);
		assert_int_equal(commit(f, txn), 0);
		if (i == 3)
			fixture_reopen(f);
		assert_int_equal(mz_store_address_owner(f->store, 7, &addr), 0);
	}
}

static int count_order(const struct mz_object *object, void *user)
{
	uint64_t *last_and_count = user, uid = mz_object_metadata(object)->uid;

	assert_true(uid > last_and_count[0]);
	last_and_count[0] = uid;
	return ++last_and_count[1] == last_and_count[2]; /* 1: as many as were asked for */
}

static uint64_t listed(struct fixture *f, const char *ns, uint64_t owner, uint64_t after)
{
	uint64_t last_and_count[3] = { after };

	assert_int_equal(mz_store_list(f->store, MZ_KIND_ENDPOINT, ns, owner, after, count_order,
				       last_and_count),
			 0);
	return last_and_count[1];
}

/* More than a page, durable and pending ones interleaved. */
static void lists(void **state)
{
	struct fixture *f = *state;
	uint64_t first = 0, last_and_count[3] = { 0, 0, 10 };
	struct mz_txn *txn = begin(f);
	uint64_t owners[2] = { mz_txn_new_uid(txn), mz_txn_new_uid(txn) };

	for (unsigned int i = 0; i < 600; i++) {
		char name[16];
		uint64_t uid = mz_txn_new_uid(txn);

		first = first ?: uid;
		if (i % 3 == 2) /* it comes later, below */
			continue;
		snprintf(name, sizeof(name), "e%u", i);
		assert_int_equal(put(txn, MZ_KIND_ENDPOINT, uid, i % 2 ? "red" : "blue", name,
				     owners[i % 2]),
				 0);
	}
	assert_int_equal(listed(f, NULL, 0, 0), 400);
	assert_int_equal(commit(f, txn), 0);
	assert_int_equal(listed(f, NULL, 0, 0), 400);
	txn = begin(f);
	for (unsigned int i = 2; i < 600; i += 3)
		assert_int_equal(put(txn, MZ_KIND_ENDPOINT, first + i, "late",
				     (char[]){ 'a' + i % 26, 'a' + i / 26, 0 }, 0),
				 0);
	assert_int_equal(mz_txn_delete(txn, MZ_KIND_ENDPOINT, first), 0);
	for (int durable = 0; durable < 2; durable++) {
		assert_int_equal(listed(f, NULL, 0, 0), 599);
		assert_int_equal(listed(f, NULL, 0, first + 300), 299);
		assert_int_equal(listed(f, "red", 0, 0), 200);
		assert_int_equal(listed(f, "blue", 0, 0), 199);
		assert_int_equal(listed(f, "late", 0, 0), 200);
		assert_int_equal(listed(f, NULL, owners[0], 0), 199);
		assert_int_equal(listed(f, "red", owners[0], 0), 0);
		assert_int_equal(listed(f, "red", owners[1], 0), 200);
		assert_int_equal(listed(f, "", 0, 0), 0);
		assert_int_equal(listed(f, NULL, 0, UINT64_MAX), 0);
		if (!durable)
			assert_int_equal(commit(f, txn), 0);
	}
	assert_int_equal(mz_store_list(f->store, MZ_KIND_ENDPOINT, NULL, 0, 0, count_order,
				       last_and_count),
			 1);
	assert_int_equal(last_and_count[1], 10);
}

static int delete_next(const struct mz_object *object, void *user)
{
	struct mz_txn *txn = ((void **)user)[0];
	unsigned int *n = ((void **)user)[1];

	(*n)++;
	return mz_txn_delete(txn, MZ_KIND_ENDPOINT, mz_object_metadata(object)->uid + 1);
}

static void change_while_listing(void **state)
{
	struct fixture *f = *state;
	unsigned int n = 0;
	struct mz_txn *txn;

	for (unsigned int i = 0; i < 10; i++)
		create(f, MZ_KIND_ENDPOINT, "red", (char[]){ 'a' + i, 0 }, 0);
	txn = begin(f);
	assert_int_equal(mz_store_list(f->store, MZ_KIND_ENDPOINT, NULL, 0, 0, delete_next,
				       (void *[]){ txn, &n }),
			 0);
	assert_int_equal(n, 5);
	assert_int_equal(commit(f, txn), 0);
	assert_int_equal(mz_store_count(f->store, MZ_KIND_ENDPOINT), 5);
}

static void uids_ascend(void **state)
{
	struct fixture *f = *state;
	struct mz_txn *txn = begin(f);
	uint64_t uid = mz_txn_new_uid(txn), next;

	mz_txn_free(txn);
	fixture_reopen(f);
	txn = begin(f);
	next = mz_txn_new_uid(txn);
	assert_int_equal(next, uid + 1); /* also a rollback was seen; a clean end leaves no gap */
	for (unsigned int i = 0; i < 1 << 20; i++)
		(void)mz_txn_new_uid(txn);
	assert_int_equal(put(txn, MZ_KIND_VPC, next, "red", "main", 0), -EAGAIN);
	assert_int_equal(commit(f, txn), -EAGAIN);
}

static void closing(void **state)
{
	struct fixture *f = *state;
	struct mz_txn *txn = begin(f);
	uint64_t uid = mz_txn_new_uid(txn);
	int r = 1;

	assert_int_equal(put(txn, MZ_KIND_VPC, uid, "red", "main", 0), 0);
	mz_txn_commit(txn, store_result, &r);
	mz_store_free(TAKE(f->store));
	assert_int_equal(r, 0);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	fixture_open(f);
	assert_int_equal(found(f, MZ_KIND_VPC, "red", "main"), uid);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_new, fixture_free)
		TEST(names),
		TEST(get_what_was_put),
		TEST(compare_and_swap),
		TEST(rollback),
		TEST(rollback_over_settled),
		TEST(one_open_transaction),
		TEST(addresses),
		TEST(released_rows_go),
		TEST(generations),
		TEST(lists),
		TEST(change_while_listing),
		TEST(uids_ascend),
		TEST(closing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
