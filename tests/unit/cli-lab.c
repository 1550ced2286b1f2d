// SPDX-License-Identifier: Apache-2.0
/* What places of a lab are called and where they are; labels on the command line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "cli/selector.h"
#include "lab/lab.h"

static void test_names(void **state)
{
	static const char *const good[] = { "a", "mizar", "t123", "a-b", "0",
					    "abcdefghijklmnopqrstuvwxyz012345" };
	static const char *const bad[] = { "",	"-a", ".",	"..",
					   "a/b", "A", "a b", "abcdefghijklmnopqrstuvwxyz0123456" };
	struct mz_lab lab;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		assert_true(mz_lab_name_is_valid(good[i]));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_false(mz_lab_name_is_valid(bad[i]));
		assert_true(mz_lab_load(bad[i], &lab) < 0);
	}
}

static void test_places(void **state)
{
	static const struct {
		const char *text, *address, *routed, *ipv6, *ipv6_routed;
		unsigned int place;
	} cases[] = {
		{ "h1", "172.31.0.1", "172.31.1.2", "fd00:31::1", "fd00:31:1::2", 1 },
		{ "h200", "172.31.0.200", "172.31.200.2", "fd00:31::200", "fd00:31:200::2", 200 },
		{ "ctl", "172.31.0.250", "172.31.250.2", "fd00:31::250", "fd00:31:250::2",
		  MZ_LAB_CTL },
	};
	static const char *const bad[] = { "", "h", "h0", "h01", "h201",
					   "h-1", "H1", "ctl1", "h1 " };
	struct mz_lab lab = { .name = "x", .n_hosts = MZ_LAB_HOSTS_MAX };
	char address[MZ_LAB_PLACE_SIZE], name[MZ_LAB_PLACE_SIZE], path[MZ_LAB_PATH_SIZE];
	unsigned int place;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		lab.routed = lab.ipv6 = false;
		assert_int_equal(mz_lab_place_parse(&lab, cases[i].text, &place), 0);
		assert_int_equal(place, cases[i].place);
		assert_string_equal(mz_lab_place_name(place, name), cases[i].text);
		assert_string_equal(mz_lab_address(&lab, place, address), cases[i].address);
		lab.routed = true;
		assert_string_equal(mz_lab_address(&lab, place, address), cases[i].routed);
		lab.ipv6 = true;
		assert_string_equal(mz_lab_address(&lab, place, address), cases[i].ipv6_routed);
		lab.routed = false;
		assert_string_equal(mz_lab_address(&lab, place, address), cases[i].ipv6);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_true(mz_lab_place_parse(&lab, bad[i], &place) < 0);
	lab.n_hosts = 2;
	assert_true(mz_lab_place_parse(&lab, "h3", &place) < 0);
	assert_int_equal(mz_lab_place_parse(&lab, "net", &place), 0);
	assert_string_equal(mz_lab_netns_path(&lab, place, path), "/run/netns/x-net");
	assert_string_equal(mz_lab_path("x", path, "%s", "lab.json"), "/run/mizar-lab/x/lab.json");
}

static void test_selector(void **state)
{
	static const char *const bad[] = { "a", "=b", "a=b,c", ",", "a=b,,c=d" };
	struct mz_selector selector;

	assert_int_equal(mz_selector_parse("a=b,c=", "--selector", &selector), 0);
	assert_int_equal(selector.n, 2);
	assert_string_equal(selector.labels[1].key, "c");
	assert_string_equal(selector.labels[0].value, "b");
	assert_string_equal(selector.labels[1].value, "");
	mz_selector_fini(&selector);
	assert_int_equal(mz_selector_parse(NULL, "--selector", &selector), 0);
	assert_int_equal(selector.n, 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_true(mz_selector_parse(bad[i], "--selector", &selector) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_selector),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
