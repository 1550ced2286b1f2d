/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random transactions on the store and on a model made of plain arrays, which must always agree;
 * and a watch that keeps a mirror from what it is told alone. Transactions are committed (waited
 * for or not) or rolled back, the store is closed and opened again. With the argument `full` the
 * file is on a small file system, in a mount namespace of its own, that is full a third of the
 * time: commits fail, and model and mirror must go back with the store.
 */
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>

#include "store-common.h"

#define N_NS	8
#define N_NAMES 12
#define N_VNIS	2
#define N_ADDRS 16
#define N_STEPS 6000

static const enum mz_kind kinds[] = { MZ_KIND_NETWORK, MZ_KIND_ENDPOINT };

struct model {
	struct entry {
		uint64_t uid, revision, owner;
	} objects[ARRAY_SIZE(kinds)][N_NS][N_NAMES];
	struct {
		uint64_t uid;
		uint32_t generation;
	} addrs[N_VNIS][N_ADDRS];
};

struct submitted {
	struct test *test;
	struct model after;
};

struct test {
	struct fixture *f;
	struct mz_watch *watch;
	struct model now, durable, mirror;
	unsigned int n_pending, n_failed, n_committed;
	uint64_t seed;
	int filler;
};

static unsigned int pick(struct test *t, unsigned int n)
{
	t->seed = t->seed * 6364136223846793005 + 1442695040888963407;
	return (t->seed >> 33) % n;
}

static void ns_name(unsigned int ns, unsigned int name, char ret_ns[8], char ret_name[8])
{
	snprintf(ret_ns, 8, "ns%u", ns);
	snprintf(ret_name, 8, "n%u", name);
}

static struct mz_addr addr_of(unsigned int i)
{
	struct mz_addr base = address(i % 2 ? "10.0.0.0" : "fd00::");

	return mz_addr_add(&base, i);
}

static void mirror_change(enum mz_change change, const struct mz_object *object,
			  uint64_t revision, void *user)
{
	struct test *t = user;
	unsigned int kind = object->kind == kinds[1], ns, name;
	struct entry *entry;

	assert_int_equal(sscanf(mz_object_namespace(object), "ns%u", &ns), 1);
	assert_int_equal(sscanf(mz_object_name(object), "n%u", &name), 1);
	entry = &t->mirror.objects[kind][ns][name];
	assert_int_equal(change == MZ_CHANGE_ADDED, !entry->uid);
	if (change != MZ_CHANGE_ADDED)
		assert_int_equal(entry->uid, mz_object_metadata(object)->uid);
	*entry = (struct entry){};
	if (change != MZ_CHANGE_DELETED)
		*entry = (struct entry){
			.uid = mz_object_metadata(object)->uid,
			.revision = mz_object_metadata(object)->resource_version,
		};
}

static void start_watch(struct test *t)
{
	assert_int_equal(mz_watch_new(t->f->store, mz_store_revision(t->f->store), mirror_change, t,
				      &t->watch),
			 0);
}

/* ---- random steps ---------------------------------------------------------------------------- */

static void step_put(struct test *t, struct mz_txn *txn)
{
	unsigned int kind = pick(t, ARRAY_SIZE(kinds)), ns = pick(t, N_NS), name = pick(t, N_NAMES);
	struct entry *entry = &t->now.objects[kind][ns][name];
	_cleanup_(mz_object_freep) struct mz_object *object = NULL;
	uint64_t uid = entry->uid ?: mz_txn_new_uid(txn), owner = pick(t, 3) + 1;
	char ns_text[8], name_text[8];

	ns_name(ns, name, ns_text, name_text);
	if (entry->uid && pick(t, 8) == 0) {
		assert_int_equal(put(txn, kinds[kind], mz_txn_new_uid(txn), ns_text, name_text, 0),
				 -EEXIST);
		return;
	}
	object = make(kinds[kind], uid, ns_text, name_text);
	if (entry->uid && pick(t, 4) == 0)
		assert_int_equal(mz_txn_put(txn, object, owner, entry->revision + 1), -ESTALE);
	assert_int_equal(mz_txn_put(txn, object, owner, entry->revision), 0);
	*entry = (struct entry){ uid, mz_store_revision(t->f->store) + 1, owner };
}

static void step_delete(struct test *t, struct mz_txn *txn)
{
	unsigned int kind = pick(t, ARRAY_SIZE(kinds));
	struct entry *entry = &t->now.objects[kind][pick(t, N_NS)][pick(t, N_NAMES)];

	assert_int_equal(mz_txn_delete(txn, kinds[kind], entry->uid), 0);
	*entry = (struct entry){};
}

static void step_address(struct test *t, struct mz_txn *txn)
{
	unsigned int vni = pick(t, N_VNIS), i = pick(t, N_ADDRS);
	struct mz_addr addr = addr_of(i);
	uint64_t uid, *has = &t->now.addrs[vni][i].uid;
	uint32_t generation;

	switch (pick(t, 3)) {
	case 0:
		uid = mz_txn_new_uid(txn);
		assert_int_equal(mz_txn_take_address(txn, vni, &addr, uid), *has ? -EADDRINUSE : 0);
		*has = *has ?: uid;
		break;
	case 1:
		assert_int_equal(mz_txn_release_address(txn, vni, &addr), 0);
		*has = 0;
		break;
	case 2:
		assert_int_equal(mz_txn_next_generation(txn, vni, &addr, &generation), 0);
		assert_int_equal(generation, ++t->now.addrs[vni][i].generation);
		break;
	}
}

static void on_commit(int r, void *user)
{
	struct submitted *submitted = user;
	struct test *t = submitted->test;

	t->n_pending--;
	if (r == 0) {
		t->durable = submitted->after;
		t->n_committed++;
	} else {
		assert_int_equal(r, -ENOSPC);
		t->now = t->durable;
		t->n_failed++;
	}
	free(submitted);
}

static void transaction(struct test *t)
{
	struct model before = t->now;
	struct mz_txn *txn = begin(t->f);
	struct submitted *submitted;

	for (unsigned int n = pick(t, 12); n; n--) {
		switch (pick(t, 4)) {
		case 0:
		case 1:
			step_put(t, txn);
			break;
		case 2:
			step_delete(t, txn);
			break;
		case 3:
			step_address(t, txn);
			break;
		}
	}
	if (pick(t, 5) == 0) {
		mz_txn_free(txn);
		t->now = before;
		return;
	}
	submitted = malloc(sizeof(*submitted));
	assert_non_null(submitted);
	*submitted = (struct submitted){ .test = t, .after = t->now };
	t->n_pending++;
	mz_txn_commit(txn, on_commit, submitted);
}

/* ---- comparison ------------------------------------------------------------------------------ */

struct tally {
	uint64_t last, n, sum;
};

static int tally(const struct mz_object *object, void *user)
{
	struct tally *tally = user;
	uint64_t uid = mz_object_metadata(object)->uid;

	assert_true(uid > tally->last);
	*tally = (struct tally){ uid, tally->n + 1, tally->sum + uid };
	return 0;
}

static void check_lists(struct test *t, unsigned int kind)
{
	unsigned int want_ns = pick(t, N_NS);
	uint64_t owner = pick(t, 3) + 1, after = t->now.objects[kind][0][0].uid;
	struct tally all = {}, of_ns = {}, of_owner = {}, want_all = {}, want_of_ns = {},
		     want_of_owner = {};
	char ns[8], name[8];

	for (unsigned int i = 0; i < N_NS * N_NAMES; i++) {
		const struct entry *entry = &t->now.objects[kind][i / N_NAMES][i % N_NAMES];

		want_all.n += entry->uid != 0;
		want_all.sum += entry->uid;
		if (i / N_NAMES == want_ns && entry->uid > after)
			want_of_ns.sum += entry->uid;
		if (entry->owner == owner)
			want_of_owner.sum += entry->uid;
	}
	ns_name(want_ns, 0, ns, name);
	assert_int_equal(mz_store_list(t->f->store, kinds[kind], NULL, 0, 0, tally, &all), 0);
	assert_int_equal(mz_store_list(t->f->store, kinds[kind], ns, 0, after, tally, &of_ns), 0);
	assert_int_equal(
		mz_store_list(t->f->store, kinds[kind], NULL, owner, 0, tally, &of_owner), 0);
	assert_int_equal(all.sum, want_all.sum);
	assert_int_equal(of_ns.sum, want_of_ns.sum);
	assert_int_equal(of_owner.sum, want_of_owner.sum);
	assert_int_equal(mz_store_count(t->f->store, kinds[kind]), want_all.n);
}

static void check_objects(struct test *t, unsigned int kind)
{
	for (unsigned int i = 0; i < N_NS * N_NAMES; i++) {
		const struct entry *entry = &t->now.objects[kind][i / N_NAMES][i % N_NAMES];
		char ns[8], name[8];

		ns_name(i / N_NAMES, i % N_NAMES, ns, name);
		assert_int_equal(found(t->f, kinds[kind], ns, name), entry->uid);
		assert_int_equal(revision_of(t->f, kinds[kind], entry->uid), entry->revision);
	}
}

static void check(struct test *t)
{
	for (unsigned int kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
		check_objects(t, kind);
		check_lists(t, kind);
	}
	for (unsigned int vni = 0; vni < N_VNIS; vni++) {
		for (unsigned int i = 0; i < N_ADDRS; i++) {
			struct mz_addr addr = addr_of(i);

			assert_int_equal(mz_store_address_owner(t->f->store, vni, &addr),
					 t->now.addrs[vni][i].uid);
		}
	}
}

/* Waits until all is durable or has failed, and all is told. */
static void settle(struct test *t)
{
	uv_run(&t->f->loop, UV_RUN_DEFAULT);
	assert_int_equal(t->n_pending, 0);
	for (unsigned int kind = 0; kind < ARRAY_SIZE(kinds); kind++) {
		for (unsigned int i = 0; i < N_NS * N_NAMES; i++) {
			unsigned int ns = i / N_NAMES, name = i % N_NAMES;
			const struct entry *told = &t->mirror.objects[kind][ns][name];
			const struct entry *is = &t->now.objects[kind][ns][name];

			assert_int_equal(told->uid, is->uid);
			assert_int_equal(told->revision, is->revision);
		}
	}
}

static void reopen(struct test *t)
{
	settle(t);
	mz_watch_free(TAKE(t->watch));
	fixture_reopen(t->f);
	start_watch(t);
}

/* ---- a full disk ----------------------------------------------------------------------------- */

static void fill(struct test *t)
{
	off_t size = 0;

	for (off_t chunk = 1 << 20; chunk >= 4096; chunk /= 2)
		while (posix_fallocate(t->filler, size, chunk) == 0)
			size += chunk;
}

static void drain(struct test *t)
{
	assert_int_equal(ftruncate(t->filler, 0), 0);
}

/*
 * 0, or 77 without the privilege. Goes away with the process. It has room for SQLite's log at its
 * longest: a disk that the log alone fills is not freed by emptying the filler.
 */
static int small_disk(void)
{
	if (unshare(CLONE_NEWNS) < 0)
		return 77;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", "/tmp", "tmpfs", 0, "size=24m") < 0)
		return 77;
	return 0;
}

static void run_model(struct fixture *f, bool full)
{
	struct test t = { .f = f, .seed = 42, .filler = -1 };
	char path[128];

	snprintf(path, sizeof(path), "%s/filler", f->dir);
	t.filler = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
	assert_true(t.filler >= 0);
	start_watch(&t);
	for (unsigned int step = 0; step < N_STEPS; step++) {
		if (full && step % 100 == 30)
			fill(&t);
		if (full && step % 100 == 60)
			drain(&t);
		transaction(&t);
		if (pick(&t, 3) == 0)
			uv_run(&f->loop, UV_RUN_NOWAIT);
		if (pick(&t, 10) == 0)
			check(&t);
		if (pick(&t, 20) == 0)
			settle(&t);
		if (pick(&t, 200) == 0 && !(full && step % 100 >= 30 && step % 100 < 60))
			reopen(&t);
	}
	drain(&t);
	reopen(&t);
	check(&t);
	print_message("%u committed, %u failed\n", t.n_committed, t.n_failed);
	assert_true(t.n_committed > N_STEPS / 3);
	assert_int_equal(t.n_failed > 0, full);
	mz_watch_free(t.watch);
	close(t.filler);
	unlink(path);
}

static void plain(void **state)
{
	run_model(*state, false);
}

static void full_disk(void **state)
{
	run_model(*state, true);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest plain_tests[] = {
		cmocka_unit_test_setup_teardown(plain, fixture_new, fixture_free),
	};
	const struct CMUnitTest full_tests[] = {
		cmocka_unit_test_setup_teardown(full_disk, fixture_new, fixture_free),
	};

	if (argc < 2)
		return cmocka_run_group_tests(plain_tests, NULL, NULL);
	if (small_disk() == 77) {
		fprintf(stderr, "skipped: no mount namespace of our own: %s\n", strerror(errno));
		return 77;
	}
	return cmocka_run_group_tests(full_tests, NULL, NULL);
}
