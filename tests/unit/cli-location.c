// SPDX-License-Identifier: Apache-2.0
/* Learned locations in words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "cli/location.h"

#define S     1000000000ULL
#define LEASE (5 * S)
#define HERE  MZ_LEARNED_HERE
#define RTS   MZ_LEARNED_RTS
#define STALE MZ_LEARNED_STALE

static const struct mz_addr host = { .bytes = { 0xfd, 1 } }, other = { .bytes = { 0xfd, 2 } };

static void test_words(void **state)
{
	static const struct {
		uint64_t confirmed, now;
		uint32_t flags, vpc_flags;
		const char *words, *source, *via;
		uint64_t age_ms, left_ms;
		bool divides;
	} cases[] = {
		{ 100 * S, 101 * S, HERE, 0, "fresh", "here", "host", 1000, 4000, false },
		{ 100 * S, 105 * S - 1, RTS, 0, "fresh", "rts", "host", 4999, 0, false },
		{ 100 * S, 105 * S, RTS, 0, "expired", "rts", "host", 5000, 0, false },
		{ 100 * S, 101 * S, HERE | STALE, 0, "stale", "here", "host", 1000, 4000,
		  false },
		/* Confirmed while it was read. */
		{ 100 * S, 99 * S, 0, 0, "fresh", "-", "host", 0, 5000, false },
		/* By a divider, if the VPC divides. */
		{ 100 * S, 100 * S, HERE, MZ_VPC_DIVIDE, "fresh", "here", "divider", 0, 5000,
		  true },
		{ 100 * S, 100 * S, HERE, MZ_VPC_DIRECT, "fresh", "here", "host", 0, 5000, true },
		{ 100 * S, 100 * S, HERE, MZ_VPC_DIVIDE, "fresh", "here", "host", 0, 5000, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct mz_learned row = { .host = host,
						.confirmed = cases[i].confirmed,
						.flags = cases[i].flags };
		const struct mz_vpc vpc = {
			.flags = cases[i].vpc_flags,
			.dividers = { .n = 2,
				      .addrs = { other, cases[i].divides ? host : other } }
		};
		struct mz_location_words words =
			mz_location_words(&row, &vpc, LEASE, cases[i].now);

		assert_string_equal(words.state, cases[i].words);
		assert_string_equal(words.source, cases[i].source);
		assert_string_equal(words.via, cases[i].via);
		assert_int_equal(words.age_ms, cases[i].age_ms);
		assert_int_equal(words.left_ms, cases[i].left_ms);
		words = mz_location_words(&row, NULL, LEASE, cases[i].now);
		assert_string_equal(words.via, "host");
	}
}

static void test_durations(void **state)
{
	static const struct {
		uint64_t ms;
		const char *text;
	} cases[] = {
		{ 0, "0ms" },	     { 999, "999ms" },	  { 1000, "1.0s" },   { 9999, "9.9s" },
		{ 10000, "10s" },    { 119999, "119s" },  { 120000, "2m" },   { 7199999, "119m" },
		{ 7200000, "2h" },   { UINT64_MAX, "5124095576030h" },
	};
	char buf[MZ_DURATION_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(mz_duration_format(cases[i].ms, buf), cases[i].text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_durations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
