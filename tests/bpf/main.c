// SPDX-License-Identifier: Apache-2.0
/*
 * Runs all groups, and fails if any drop reason was never produced: a reason that no packet can get
 * is a lie in the documentation.
 */
#include "plane.h"

#define VERIFIED_MAX 500000 /* half of what the verifier walks */

static void all_drops_were_seen(void **state)
{
#define X(code, name, doc)                                                                         \
	if (!plane_has_dropped(code))                                                              \
		fail_msg("no test produced the drop reason " #name);
	MZ_DROPS(X)
#undef X
}

/* Kernels differ in how far they must walk: half the limit is the reserve. */
static void the_verifier_has_reserves(void **state)
{
	static const char *const names[] = { "agent", "transit", "transit by XDP", "error" };

	for (enum hook hook = 0; hook <= N_HOOKS; hook++) {
		unsigned int n_verified, n_insns;

		plane_size(hook, &n_verified, &n_insns);
		print_message("%s: %u instructions, %u verified\n", names[hook], n_insns,
			      n_verified);
		assert_in_range(n_verified, 1, VERIFIED_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest coverage[] = {
		cmocka_unit_test(all_drops_were_seen),
		cmocka_unit_test(the_verifier_has_reserves),
	};
	int r = plane_open(), n_failed = 0;

	if (r)
		return programs_excuse(r);
	for (int is_ipv6 = 0; is_ipv6 < 2; is_ipv6++) {
		print_message("underlay: IPv%d\n", is_ipv6 ? 6 : 4);
		plane_underlay(is_ipv6);
		n_failed += test_neighbour();
		n_failed += test_agent();
		n_failed += test_transit();
		n_failed += test_geneve();
		n_failed += test_roles();
		n_failed += test_way();
		n_failed += test_xdp();
		n_failed += test_hostile();
		n_failed += test_icmp_error();
		n_failed += test_path_mtu();
		n_failed += test_direct();
		n_failed += test_introduce();
		n_failed += test_control();
		n_failed += test_return();
		n_failed += test_divider();
		n_failed += test_undivided();
		n_failed += test_judged();
		n_failed += test_replace();
		n_failed += test_trust();
	}
	n_failed += cmocka_run_group_tests_name("coverage", coverage, NULL, NULL);
	plane_close();
	return n_failed != 0;
}
