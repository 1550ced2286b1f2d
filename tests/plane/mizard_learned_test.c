// SPDX-License-Identifier: Apache-2.0
/*
 * The table that programs write: this test is the program. It writes the rows by hand, at the map
 * that is in the table's slot, as they do.
 */
#include "mizard_common.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/addr.h"
#include "base/cleanup.h"

#define VNI	 7 /* that of vpc_row() */
#define LEASE_NS 200000000ULL
#define INITIAL	 65536 /* rows that the table has room for at first */

static const char *mizar; /* the program */

#define START(...)                                                                                 \
	mizard_start((const char *const[]){ "--address", "192.0.2.1", STANDALONE, "--log-level",   \
					    "warn", __VA_ARGS__, NULL })
#define START_SHORT() START("--lease", "0.2")

/* The map that a program finds in the slot. */
static int open_inner(struct bpf_map_info *ret_info)
{
	char path[256];
	_cleanup_close_ int outer = -1;
	uint32_t slot = 0, id, size = sizeof(*ret_info);
	int fd;

	snprintf(path, sizeof(path), "%s/bpf/table/learned", mizard_dir());
	outer = bpf_obj_get(path);
	assert_true(outer >= 0);
	assert_int_equal(bpf_map_lookup_elem(outer, &slot, &id), 0);
	fd = bpf_map_get_fd_by_id(id);
	assert_true(fd >= 0);
	memset(ret_info, 0, size);
	assert_int_equal(bpf_obj_get_info_by_fd(fd, ret_info, &size), 0);
	return fd;
}

static uint32_t capacity(void)
{
	struct bpf_map_info info;

	(void)close(open_inner(&info));
	return info.max_entries;
}

static struct mz_vni_addr nth_key(uint32_t vni, uint32_t n)
{
	struct mz_vni_addr key = { .vni = vni, .addr = test_addr("fd00::") };

	memcpy(key.addr.bytes + 12, &n, sizeof(n));
	return key;
}

static int learn(int fd, const struct mz_vni_addr *key, uint64_t confirmed, uint64_t hits)
{
	const struct mz_learned row = { .host = test_addr("192.0.2.2"),
					.confirmed = confirmed,
					.hits = hits };

	return bpf_map_update_elem(fd, key, &row, BPF_ANY);
}

static void learn_one(const struct mz_vni_addr *key, uint64_t confirmed)
{
	struct bpf_map_info info;
	_cleanup_close_ int fd = open_inner(&info);

	assert_int_equal(learn(fd, key, confirmed, 0), 0);
}

static bool is_learned(const struct mz_vni_addr *key)
{
	struct mz_learned row;
	int r = get_row(MZ_TABLE_learned, key, &row);

	assert_true(r == 0 || r == -ENOENT);
	return r == 0;
}

static void wait_until_gone(const struct mz_vni_addr *key)
{
	for (int i = 0; i < 1000 && is_learned(key); i++)
		usleep(10000);
	assert_false(is_learned(key));
}

static void set_vpc(bool is_direct)
{
	struct mz_table_row row = vpc_row("192.0.2.3");

	row.value.vpc.flags = is_direct ? MZ_VPC_DIRECT : 0;
	set_rows(&row, 1);
}

static void ages_rows(void **state)
{
	const struct mz_vni_addr silent = nth_key(VNI, 1), alive = nth_key(VNI, 2);
	const struct mz_vni_addr stranger = nth_key(VNI + 1, 1);
	uint64_t written;

	START_SHORT();
	set_vpc(true);
	written = now_ns();
	learn_one(&silent, written);
	learn_one(&alive, written);
	learn_one(&stranger, written + 1000 * LEASE_NS);
	wait_until_gone(&stranger);
	for (int i = 0; i < 1000 && is_learned(&silent); i++) {
		learn_one(&alive, now_ns());
		assert_true(is_learned(&alive));
		usleep(10000);
	}
	assert_false(is_learned(&silent));
	assert_true(now_ns() - written > 3 * LEASE_NS);
	assert_true(is_learned(&alive));

	/* What is alive outlives mizard, and the passes of the next one. */
	learn_one(&alive, now_ns() + 1000 * LEASE_NS);
	mizard_kill(SIGKILL);
	assert_true(is_learned(&alive));
	START_SHORT();
	learn_one(&stranger, now_ns());
	wait_until_gone(&stranger);
	assert_true(is_learned(&alive));
	/* directPath was turned off. */
	set_vpc(false);
	wait_until_gone(&alive);
}

static void wait_for_capacity(uint32_t rows)
{
	for (int i = 0; i < 2000 && capacity() != rows; i++)
		usleep(10000);
	assert_int_equal(capacity(), rows);
}

/* As a program does it: looks for the map at every packet. */
static void learn_many(uint32_t from, uint32_t to)
{
	const uint64_t confirmed = now_ns() + 1000 * LEASE_NS;
	struct bpf_map_info info;

	while (from < to) {
		_cleanup_close_ int fd = open_inner(&info);

		for (uint32_t end = from + 16; from < end && from < to; from++) {
			const struct mz_vni_addr key = nth_key(VNI, from);

			assert_int_equal(learn(fd, &key, confirmed, from), 0);
		}
	}
}

static void assert_many(uint32_t n)
{
	struct bpf_map_info info;
	_cleanup_close_ int fd = open_inner(&info);

	assert_int_equal(count_rows(MZ_TABLE_learned), n);
	for (uint32_t i = 0; i < n; i++) {
		const struct mz_vni_addr key = nth_key(VNI, i);
		struct mz_learned row;

		assert_int_equal(bpf_map_lookup_elem(fd, &key, &row), 0);
		assert_int_equal(row.hits, i);
	}
}

static void grows_before_it_is_full(void **state)
{
	const uint32_t n = INITIAL / 4 * 3 + 1;

	START_SHORT();
	set_vpc(true);
	assert_int_equal(capacity(), INITIAL);
	learn_many(0, n);
	/* Under way, and after it, rows come. */
	learn_many(n, n + 15000);
	wait_for_capacity(2 * INITIAL);
	learn_many(n + 15000, n + 16000);
	usleep(500000); /* until the last rows have been brought over */
	assert_many(n + 16000);
}

static void count_refused(uint64_t packets)
{
	static struct mz_counters cpus[1024];
	_cleanup_close_ int fd = -1;
	uint32_t row = 0;
	char path[256];

	snprintf(path, sizeof(path), "%s/bpf/counter", mizard_dir());
	fd = bpf_obj_get(path);
	assert_true(fd >= 0);
	cpus[0].counts[MZ_COUNT_learn_full].packets = packets;
	assert_int_equal(bpf_map_update_elem(fd, &row, cpus, BPF_ANY), 0);
}

/* The map is there from the start: a program needs one for its first packet. */
static void grows_when_rows_were_refused(void **state)
{
	START("--lease", "0.2", "--learned-limit", "10");
	assert_int_equal(capacity(), 10);
	set_vpc(true);
	learn_many(0, 6);
	count_refused(3);
	usleep(400000); /* it is at its limit, and mizard goes on */
	assert_int_equal(capacity(), 10);
	mizard_kill(SIGTERM);
	START("--lease", "0.2", "--learned-limit", "25"); /* what was before does not count */
	usleep(400000);
	assert_int_equal(capacity(), 10);
	count_refused(4);
	wait_for_capacity(25);
	/* There is room: it was refused for another reason. */
	mizard_kill(SIGTERM);
	START("--lease", "0.2", "--learned-limit", "100");
	usleep(400000);
	count_refused(5);
	usleep(400000);
	assert_int_equal(capacity(), 25);
	learn_many(6, 13);
	usleep(400000);
	count_refused(6);
	wait_for_capacity(100);
}

/* An endpoint that was elsewhere comes to this host. */
static void uses_no_more_what_comes_here(void **state)
{
	struct mz_vni_addr key = { .vni = VNI, .addr = test_addr("10.0.0.2") };
	const struct mz_table_row row = endpoint_row(5, "web-1", "10.0.0.2", 1);
	Mizar__V1__LocalResponse *response;
	struct mz_learned learned;

	START_SHORT();
	set_vpc(true);
	set_rows(&row, 1);
	learn_one(&key, now_ns() + 10 * LEASE_NS);
	response = mizard_attach("web-1", mizard_box());
	assert_int_equal(response->error, 0);
	mizar__v1__local_response__free_unpacked(response, NULL);
	/* What comes back from there late must be known. */
	assert_int_equal(get_row(MZ_TABLE_learned, &key, &learned), 0);
	assert_int_equal(learned.flags, MZ_LEARNED_STALE);
	wait_until_gone(&key);
	assert_int_equal(mizard_detach("web-1"), 0);
}

/* What mizar prints of it, with blanks made one; mizard need not run. */
static void expect_locations(const char *options, const char *expected)
{
	char command[512], text[1024] = "";
	FILE *out;

	snprintf(command, sizeof(command), "%s host locations --dir %s %s | tr -s ' '", mizar,
		 mizard_dir(), options);
	out = popen(command, "r");
	assert_non_null(out);
	assert_true(fread(text, 1, sizeof(text) - 1, out) > 0 || !*expected);
	assert_int_equal(pclose(out), 0);
	if (!strstr(text, expected) || (!*expected && *text))
		fail_msg("%s: '%s' is not in '%s'", options, expected, text);
}

static void set_dead(const char *host)
{
	_cleanup_(mz_tables_freep) struct mz_tables *tables = NULL;
	const struct mz_dead dead = { .until = now_ns() + 3600 * 1000000000ULL, .misses = 3 };
	const struct mz_addr key = test_addr(host);

	assert_int_equal(mz_tables_open(mizard_dir(), true, &tables), 0);
	assert_int_equal(mz_table_put(tables, MZ_TABLE_dead, &key, &dead), 0);
}

static void shows_what_is_learned(void **state)
{
	struct mz_vni_addr key = { .vni = VNI, .addr = test_addr("10.0.0.2") };
	const struct mz_table_row bouncers = location_row("10.0.0.9", 42, "192.0.2.4", 3);
	struct mz_learned row = { .host = test_addr("192.0.2.2"), .generation = 5, .group = 6,
				  .hits = 7, .flags = MZ_LEARNED_RTS };
	struct bpf_map_info info;
	_cleanup_close_ int fd = -1;

	START("--lease", "1000");
	set_vpc(true);
	set_rows(&bouncers, 1);
	expect_locations("", "");
	fd = open_inner(&info);
	row.confirmed = now_ns() - 3 * 60 * 1000000000ULL;
	assert_int_equal(bpf_map_update_elem(fd, &key, &row, BPF_ANY), 0);
	expect_locations("", "VNI ADDRESS HOST VIA SOURCE STATE AGE LEASE GENERATION GROUP HITS\n"
			     "7 10.0.0.2 192.0.2.2 host rts fresh 3m 13m 5 6 7\n");
	mizard_kill(SIGKILL);
	expect_locations("-o json", "\"leaseMs\": 8");
	expect_locations("-o name", "7/10.0.0.2\n");
	expect_locations("-o name --vni 8", "");
	expect_locations("--all", "7 10.0.0.9 192.0.2.4 - bouncer - - - 3 - -\n");
	row.flags |= MZ_LEARNED_STALE;
	row.host = test_addr("192.0.2.3"); /* the divider, of a VPC that does not divide */
	assert_int_equal(bpf_map_update_elem(fd, &key, &row, BPF_ANY), 0);
	expect_locations("", "7 10.0.0.2 192.0.2.3 host rts stale 3m 13m 5 6 7\n");

	/* Fresh, but no packet goes there. */
	row.flags = MZ_LEARNED_RTS;
	set_dead("192.0.2.3");
	assert_int_equal(bpf_map_update_elem(fd, &key, &row, BPF_ANY), 0);
	expect_locations("", "7 10.0.0.2 192.0.2.3 host rts dead 3m 13m 5 6 7\n");
	row.host = test_addr("192.0.2.2");
	key.addr = test_addr("10.0.0.9"); /* at 192.0.2.4, says the bouncer's row */
	assert_int_equal(bpf_map_update_elem(fd, &key, &row, BPF_ANY), 0);
	expect_locations("", "7 10.0.0.9 192.0.2.2 host rts overruled 3m 13m 5 6 7\n");
	row.flags |= MZ_LEARNED_BY; /* by a divider: the bouncer's row is not for these packets */
	assert_int_equal(bpf_map_update_elem(fd, &key, &row, BPF_ANY), 0);
	expect_locations("", "7 10.0.0.9 192.0.2.2 host rts fresh 3m 13m 5 6 7\n");
}

int main(int argc, char **argv)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, mizard_setup, mizard_teardown)
	const struct CMUnitTest tests[] = {
		TEST(ages_rows),
		TEST(grows_before_it_is_full),
		TEST(grows_when_rows_were_refused),
		TEST(uses_no_more_what_comes_here),
		TEST(shows_what_is_learned),
	};

	if (argc != 3)
		return 2;
	mizar = argv[2];
	mizard_init(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
