/* SPDX-License-Identifier: Apache-2.0 */
/* Watches: what they are told, from where, and what happens when they meddle. */
#include "store-common.h"

struct heard {
	struct mz_store *store;
	struct mz_watch *watch;
	char text[256]; /* "+a ~a -a": added, modified, deleted */
	uint64_t revision;
	unsigned int n;
	bool answer; /* deletes each new object */
};

static void hear(enum mz_change change, const struct mz_object *object, uint64_t revision,
		 void *user)
{
	static const char signs[] = {
		[MZ_CHANGE_ADDED] = '+',
		[MZ_CHANGE_MODIFIED] = '~',
		[MZ_CHANGE_DELETED] = '-',
	};
	struct heard *heard = user;
	size_t used = strlen(heard->text);
	struct mz_txn *txn = NULL;

	snprintf(heard->text + used, sizeof(heard->text) - used, "%s%c%s", used ? " " : "",
		 signs[change], mz_object_name(object));
	assert_true(revision >= heard->revision);
	heard->revision = revision;
	heard->n++;
	if (!heard->answer || change != MZ_CHANGE_ADDED)
		return;
	assert_int_equal(mz_txn_new(heard->store, &txn), 0);
	assert_int_equal(
		mz_txn_delete(txn, object->kind, mz_object_metadata(object)->uid), 0);
	mz_txn_commit(txn, NULL, NULL);
}

static void run(struct fixture *f)
{
	uv_run(&f->loop, UV_RUN_DEFAULT);
}

static int watch(struct fixture *f, uint64_t revision, struct heard *heard)
{
	heard->store = f->store;
	return mz_watch_new(f->store, revision, hear, heard, &heard->watch);
}

static void order(void **state)
{
	struct fixture *f = *state;
	uint64_t start = mz_store_revision(f->store), uid, revision;
	struct heard all = {}, later = {}, none = {};
	struct mz_txn *txn;

	uid = create(f, MZ_KIND_VPC, "red", "a", 0);
	revision = mz_store_revision(f->store);
	txn = begin(f);
	assert_int_equal(put(txn, MZ_KIND_VPC, uid, "red", "a", 0), 0);
	assert_int_equal(put(txn, MZ_KIND_VPC, mz_txn_new_uid(txn), "red", "b", 0), 0);
	assert_int_equal(commit(f, txn), 0);
	assert_int_equal(watch(f, start, &all), 0);
	assert_int_equal(watch(f, revision, &later), 0);
	assert_int_equal(watch(f, mz_store_revision(f->store), &none), 0);
	run(f);
	assert_string_equal(all.text, "+a ~a +b");
	assert_string_equal(later.text, "~a +b");
	assert_string_equal(none.text, "");

	txn = begin(f);
	assert_int_equal(mz_txn_delete(txn, MZ_KIND_VPC, uid), 0);
	assert_int_equal(mz_txn_delete(txn, MZ_KIND_VPC, uid), 0);
	mz_txn_commit(txn, NULL, NULL);
	assert_string_equal(none.text, ""); /* not inside the call */
	run(f);
	assert_string_equal(all.text, "+a ~a +b -a");
	assert_string_equal(none.text, "-a");
	assert_int_equal(none.revision, mz_store_revision(f->store));
	mz_watch_free(all.watch);
	mz_watch_free(later.watch);
	fixture_close(f);
	mz_watch_free(none.watch); /* after the store */
}

static void rolled_back_is_not_told(void **state)
{
	struct fixture *f = *state;
	struct heard heard = {};
	struct mz_txn *txn = begin(f);

	assert_int_equal(watch(f, mz_store_revision(f->store), &heard), 0);
	assert_int_equal(put(txn, MZ_KIND_VPC, mz_txn_new_uid(txn), "red", "a", 0), 0);
	mz_txn_free(txn);
	run(f);
	assert_string_equal(heard.text, "");
	mz_watch_free(heard.watch);
}

static void meddle(void **state)
{
	struct fixture *f = *state;
	uint64_t start = mz_store_revision(f->store);
	struct heard first = { .answer = true }, second = {};

	assert_int_equal(watch(f, start, &first), 0);
	assert_int_equal(watch(f, start, &second), 0);
	create(f, MZ_KIND_VPC, "red", "a", 0);
	run(f);
	assert_string_equal(first.text, "+a -a");
	assert_string_equal(second.text, "+a -a");
	mz_watch_free(first.watch);
	mz_watch_free(second.watch);
}

static void free_the_other(enum mz_change change, const struct mz_object *object,
			   uint64_t revision, void *user)
{
	mz_watch_free(TAKE(*(struct mz_watch **)user));
}

static void freed_by_another(void **state)
{
	struct fixture *f = *state;
	uint64_t start = mz_store_revision(f->store);
	struct heard heard = {};
	struct mz_watch *killer = NULL;

	assert_int_equal(mz_watch_new(f->store, start, free_the_other, &heard.watch, &killer), 0);
	assert_int_equal(watch(f, start, &heard), 0);
	create(f, MZ_KIND_VPC, "red", "a", 0);
	run(f);
	assert_int_equal(heard.n, 0);
	mz_watch_free(killer);
}

/* A slow reader that is within reach gets all of it; one that comes too late is told so. */
static void bounded(void **state)
{
	struct fixture *f = *state;
	uint64_t start = mz_store_revision(f->store), uid = create(f, MZ_KIND_VPC, "red", "a", 0);
	struct heard heard = {}, late = {};
	struct mz_txn *txn = begin(f);

	assert_int_equal(watch(f, start, &heard), 0);
	for (unsigned int i = 0; i < 40000; i++)
		assert_int_equal(put(txn, MZ_KIND_VPC, uid, "red", "a", 0), 0);
	mz_txn_commit(txn, NULL, NULL);
	txn = begin(f);
	assert_int_equal(put(txn, MZ_KIND_VPC, mz_txn_new_uid(txn), "red", "b", 0), 0);
	mz_txn_commit(txn, NULL, NULL);
	assert_int_equal(watch(f, start + 1, &late), 0); /* nothing is lost before all have it */
	mz_watch_free(late.watch);
	run(f);
	assert_int_equal(heard.n, 40002);
	assert_int_equal(watch(f, start, &late), -ERANGE);
	assert_int_equal(watch(f, mz_store_revision(f->store) - 1, &late), 0);
	mz_watch_free(late.watch);
	assert_int_equal(watch(f, mz_store_revision(f->store) + 1, &late), -ERANGE);
	mz_watch_free(heard.watch);
}

static void history_ends_with_the_store(void **state)
{
	struct fixture *f = *state;
	struct heard heard = {};
	uint64_t revision;

	create(f, MZ_KIND_VPC, "red", "a", 0);
	revision = mz_store_revision(f->store);
	fixture_reopen(f);
	assert_int_equal(mz_store_revision(f->store), revision);
	assert_int_equal(watch(f, revision - 1, &heard), -ERANGE);
	assert_int_equal(watch(f, revision, &heard), 0);
	create(f, MZ_KIND_VPC, "red", "b", 0);
	run(f);
	assert_string_equal(heard.text, "+b");
	mz_watch_free(heard.watch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_new, fixture_free)
		TEST(order),
		TEST(rolled_back_is_not_told),
		TEST(meddle),
		TEST(freed_by_another),
		TEST(bounded),
		TEST(history_ends_with_the_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
