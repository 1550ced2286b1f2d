// SPDX-License-Identifier: Apache-2.0
/*
 * Placement: least loaded first, ties spread, nobody twice.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "controller/placement.h"

static void test_least_loaded_first(void **state)
{
	struct ctl_candidate c[] = {
		{ .droplet = 1, .load = 3 },
		{ .droplet = 2, .load = 1 },
		{ .droplet = 3, .load = 2 },
		{ .droplet = 4, .load = 0, .avoid = true },
	};

	assert_int_equal(ctl_placement_choose(9, c, 4, 2), 2);
	assert_int_equal(c[0].droplet, 2);
	assert_int_equal(c[1].droplet, 3);
}

static void test_avoided_only_when_needed(void **state)
{
	struct ctl_candidate c[] = { { .droplet = 1, .avoid = true }, { .droplet = 2, .load = 9 } };

	assert_int_equal(ctl_placement_choose(9, c, 2, 1), 1);
	assert_int_equal(c[0].droplet, 2);
	assert_int_equal(ctl_placement_choose(9, c, 2, 4), 2);
	assert_int_equal(ctl_placement_choose(9, c, 1, 1), 1);
	assert_int_equal(ctl_placement_choose(9, c, 0, 1), 0);
}

/* 600 sets of two on six idle hosts, each set alone: everybody gets a fair part, nobody twice. */
static void test_spread(void **state)
{
	unsigned int counts[7] = {}, i;
	uint64_t set;

	for (set = 1; set <= 600; set++) {
		struct ctl_candidate c[6];

		for (i = 0; i < 6; i++)
			c[i] = (struct ctl_candidate){ .droplet = i + 1 };
		assert_int_equal(ctl_placement_choose(set, c, 6, 2), 2);
		assert_int_not_equal(c[0].droplet, c[1].droplet);
		counts[c[0].droplet]++;
		counts[c[1].droplet]++;
	}
	for (i = 1; i <= 6; i++)
		assert_in_range(counts[i], 150, 250);
}

/* The same question has the same answer, in whatever order it is put. */
static void test_order_is_no_matter(void **state)
{
	struct ctl_candidate a[] = { { .droplet = 1 }, { .droplet = 2 }, { .droplet = 3 } };
	struct ctl_candidate b[] = { { .droplet = 3 }, { .droplet = 1 }, { .droplet = 2 } };

	ctl_placement_choose(5, a, 3, 2);
	ctl_placement_choose(5, b, 3, 2);
	assert_int_equal(a[0].droplet, b[0].droplet);
	assert_int_equal(a[1].droplet, b[1].droplet);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_least_loaded_first),
		cmocka_unit_test(test_avoided_only_when_needed),
		cmocka_unit_test(test_spread),
		cmocka_unit_test(test_order_is_no_matter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
