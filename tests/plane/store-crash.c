/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kill -9 at any moment. A child makes and deletes pairs of objects, each pair with an address, in
 * one transaction; it reports what it is about to submit and what was acknowledged through a pipe,
 * until it is killed. The next process must find every acknowledged pair whole, no half of any, and
 * no uid, address or generation handed out a second time.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "../unit/store-common.h"

#define N_ROUNDS 40
#define N_ADDRS	 64
#define MAX_UIDS 2000000

enum event {
	CREATING, /* value: uid of the first of the pair; the second is uid + 1 */
	CREATED,
	DELETING,
	DELETED,
	GENERATION, /* acknowledged; value: address << 32 | generation */
};

struct record {
	uint64_t event, value;
};

struct step {
	int fd;
	struct record done[2];
};

/* What the parent knows of the pairs, by the order in which they came. */
struct pair {
	uint64_t uid;
	bool created, deleting, deleted;
};
static struct pair pairs[MAX_UIDS];
static size_t n_pairs;
static uint32_t generations[N_ADDRS];

static void report(int fd, uint64_t event, uint64_t value)
{
	struct record record = { event, value };

	if (write(fd, &record, sizeof(record)) != sizeof(record))
		_exit(1);
}

static void acknowledged(int r, void *user)
{
	struct step *step = user;

	if (r < 0)
		_exit(2);
	for (size_t i = 0; i < ARRAY_SIZE(step->done); i++)
		if (step->done[i].value)
			report(step->fd, step->done[i].event, step->done[i].value);
	free(step);
}

static struct mz_addr addr_of(uint64_t uid)
{
	struct mz_addr base = address("10.0.0.0");

	return mz_addr_add(&base, uid / 2 % N_ADDRS);
}

static uint64_t submit_pair(struct fixture *f, int fd)
{
	struct step *step = calloc(1, sizeof(*step));
	struct mz_txn *txn = begin(f);
	uint64_t a = mz_txn_new_uid(txn), b = mz_txn_new_uid(txn);
	struct mz_addr addr = addr_of(a), own = addr;
	char name[32];
	uint32_t generation;

	report(fd, CREATING, a);
	snprintf(name, sizeof(name), "a%lu", a);
	assert_int_equal(put(txn, MZ_KIND_ENDPOINT, a, "red", name, 0), 0);
	snprintf(name, sizeof(name), "b%lu", a);
	assert_int_equal(put(txn, MZ_KIND_ENDPOINT, b, "red", name, a), 0);
	own = mz_addr_add(&own, a << 8); /* nobody else's, so that each pair has one */
	assert_int_equal(mz_txn_take_address(txn, 7, &own, a), 0);
	assert_int_equal(mz_txn_next_generation(txn, 7, &addr, &generation), 0);
	*step = (struct step){
		.fd = fd,
		.done = { { CREATED, a }, { GENERATION, (a / 2 % N_ADDRS) << 32 | generation } },
	};
	mz_txn_commit(txn, acknowledged, step);
	return a;
}

static void submit_delete(struct fixture *f, int fd, uint64_t a)
{
	struct step *step = calloc(1, sizeof(*step));
	struct mz_txn *txn = begin(f);
	struct mz_addr addr = addr_of(a), own = mz_addr_add(&addr, a << 8);

	report(fd, DELETING, a);
	assert_int_equal(mz_txn_delete(txn, MZ_KIND_ENDPOINT, a), 0);
	assert_int_equal(mz_txn_delete(txn, MZ_KIND_ENDPOINT, a + 1), 0);
	assert_int_equal(mz_txn_release_address(txn, 7, &own), 0);
	*step = (struct step){ .fd = fd, .done = { { DELETED, a } } };
	mz_txn_commit(txn, acknowledged, step);
}

static void child(struct fixture *f, int fd)
{
	uint64_t oldest = 0;

	fixture_open(f);
	for (unsigned int i = 0;; i++) {
		uint64_t uid = submit_pair(f, fd);

		oldest = oldest ?: uid;
		if (i % 3 == 2) {
			submit_delete(f, fd, oldest);
			oldest += 2;
		}
		uv_run(&f->loop, i % 7 ? UV_RUN_NOWAIT : UV_RUN_ONCE);
	}
}

static struct pair *pair_of(uint64_t uid)
{
	for (size_t i = n_pairs; i-- > 0;)
		if (pairs[i].uid == uid)
			return &pairs[i];
	fail_msg("uid %lu was never reported", uid);
	return NULL;
}

static void note(struct record record)
{
	uint32_t *generation;

	switch ((enum event)record.event) {
	case CREATING:
		assert_true(n_pairs < MAX_UIDS);
		if (n_pairs) /* never again, also of those that were lost */
			assert_true(record.value > pairs[n_pairs - 1].uid + 1);
		pairs[n_pairs++] = (struct pair){ .uid = record.value };
		break;
	case CREATED:
		pair_of(record.value)->created = true;
		break;
	case DELETING:
		pair_of(record.value)->deleting = true;
		break;
	case DELETED:
		pair_of(record.value)->deleted = true;
		break;
	case GENERATION:
		generation = &generations[record.value >> 32];
		assert_true((uint32_t)record.value > *generation);
		*generation = record.value;
		break;
	}
}

static void check_pair(struct fixture *f, const struct pair *pair)
{
	struct mz_addr addr = addr_of(pair->uid), own = mz_addr_add(&addr, pair->uid << 8);
	char names[2][32];
	bool a, b;

	snprintf(names[0], sizeof(names[0]), "a%lu", pair->uid);
	snprintf(names[1], sizeof(names[1]), "b%lu", pair->uid);
	a = revision_of(f, MZ_KIND_ENDPOINT, pair->uid);
	b = revision_of(f, MZ_KIND_ENDPOINT, pair->uid + 1);
	assert_int_equal(a, b);
	assert_int_equal(found(f, MZ_KIND_ENDPOINT, "red", names[0]), a ? pair->uid : 0);
	assert_int_equal(found(f, MZ_KIND_ENDPOINT, "red", names[1]), a ? pair->uid + 1 : 0);
	assert_int_equal(mz_store_address_owner(f->store, 7, &own), a ? pair->uid : 0);
	if (pair->created && !pair->deleting)
		assert_true(a);
	if (pair->deleted)
		assert_false(a);
}

static void check_all(struct fixture *f)
{
	struct mz_txn *txn;

	fixture_open(f);
	for (size_t i = 0; i < n_pairs; i++)
		check_pair(f, &pairs[i]);
	txn = begin(f);
	if (n_pairs)
		assert_true(mz_txn_new_uid(txn) > pairs[n_pairs - 1].uid + 1);
	for (unsigned int i = 0; i < N_ADDRS; i++) {
		struct mz_addr addr = addr_of(2 * i);
		uint32_t generation;

		assert_int_equal(mz_txn_next_generation(txn, 7, &addr, &generation), 0);
		assert_true(generation > generations[i]);
	}
	mz_txn_free(txn);
}

static void round_of(struct fixture *f, unsigned int delay_us)
{
	struct timespec delay = { .tv_nsec = delay_us * 1000L };
	struct record record;
	int fds[2], status;
	pid_t pid;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_true(fcntl(fds[1], F_SETPIPE_SZ, 1 << 20) >= 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		child(f, fds[1]);
		_exit(3);
	}
	close(fds[1]);
	nanosleep(&delay, NULL);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	while (read(fds[0], &record, sizeof(record)) == sizeof(record))
		note(record);
	close(fds[0]);
}

static void killed(void **state)
{
	struct fixture *f = *state;
	size_t n_created = 0;

	srandom(time(NULL));
	for (unsigned int i = 0; i < N_ROUNDS; i++) {
		/* A loop cannot be shared with a child: each has its own. */
		assert_int_equal(uv_loop_close(&f->loop), 0);
		assert_int_equal(uv_loop_init(&f->loop), 0);
		round_of(f, random() % 60000);
		check_all(f);
		fixture_close(f);
	}
	for (size_t i = 0; i < n_pairs; i++)
		n_created += pairs[i].created;
	print_message("%zu pairs submitted, %zu acknowledged\n", n_pairs, n_created);
	assert_true(n_created > 0 && n_created < n_pairs);
}

static int setup(void **state)
{
	int r = fixture_new(state);

	fixture_close(*state);
	return r;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(killed, setup, fixture_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
