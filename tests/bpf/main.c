// SPDX-License-Identifier: Apache-2.0
/*
 * Runs all groups, and fails if any drop reason was never produced: a reason that no packet can get
 * is a lie in the documentation.
 */
#include "plane.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SKIPPED 77

static void all_drops_were_seen(void **state)
{
#define X(code, name, doc)                                                                         \
	if (!plane_has_dropped(code))                                                              \
		fail_msg("no test produced the drop reason " #name);
	MZ_DROPS(X)
#undef X
}

int main(void)
{
	const struct CMUnitTest coverage[] = { cmocka_unit_test(all_drops_were_seen) };
	int r = plane_open(), n_failed = 0;

	if (r == -EPERM || r == -EACCES) {
		fprintf(stderr, "skipped: loading BPF programs needs root\n");
		return SKIPPED;
	}
	if (r) {
		fprintf(stderr, "cannot load the programs: %s\n", strerror(-r));
		return 1;
	}
	n_failed += test_neighbour();
	n_failed += test_agent();
	n_failed += test_transit();
	n_failed += test_roles();
	n_failed += test_hostile();
	n_failed += cmocka_run_group_tests_name("coverage", coverage, NULL, NULL);
	plane_close();
	return n_failed != 0;
}
