// SPDX-License-Identifier: Apache-2.0
/*
 * Address management: which addresses are given, in which order, and when there are none.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "controller/ipam.h"

/* The address index of the store, small. */
struct in_use {
	struct mz_addr addrs[1024];
	unsigned int n, n_tries;
};

static int take(const struct mz_addr *addr, void *user)
{
	struct in_use *in_use = user;
	unsigned int i;

	in_use->n_tries++;
	for (i = 0; i < in_use->n; i++)
		if (!mz_addr_compare(&in_use->addrs[i], addr))
			return -EADDRINUSE;
	in_use->addrs[in_use->n++] = *addr;
	return 0;
}

static void give_back(struct in_use *in_use, const char *text)
{
	struct mz_addr addr;
	unsigned int i;

	assert_int_equal(mz_addr_parse(text, &addr), 0);
	for (i = 0; i < in_use->n; i++)
		if (!mz_addr_compare(&in_use->addrs[i], &addr))
			in_use->addrs[i] = in_use->addrs[--in_use->n];
}

static struct ctl_network_facts network(const char *prefix, const char *gateway)
{
	struct ctl_network_facts facts = { .uid = 7, .vni = 1, .n_prefixes = 1 };

	assert_int_equal(mz_prefix_parse(prefix, &facts.prefixes[0].addr, &facts.prefixes[0].len),
			 0);
	assert_int_equal(mz_addr_parse(gateway, &facts.gateways[0]), 0);
	return facts;
}

static void expect(struct ctl_ipam *ipam, const struct ctl_network_facts *facts,
		   struct in_use *in_use, const char *want)
{
	char text[MZ_ADDR_STRLEN];
	struct mz_addr addr;

	assert_int_equal(ctl_ipam_allocate(ipam, facts, 0, take, in_use, &addr), 0);
	assert_string_equal(mz_addr_format(&addr, text), want);
}

/* A /29: network, gateway, broadcast are not given; five are. */
static void test_small(void **state)
{
	struct ctl_network_facts facts = network("10.0.0.8/29", "10.0.0.10");
	struct in_use in_use = {};
	struct ctl_ipam *ipam;
	struct mz_addr addr;

	assert_int_equal(ctl_ipam_new(&ipam), 0);
	expect(ipam, &facts, &in_use, "10.0.0.9");
	expect(ipam, &facts, &in_use, "10.0.0.11");
	expect(ipam, &facts, &in_use, "10.0.0.12");
	expect(ipam, &facts, &in_use, "10.0.0.13");
	expect(ipam, &facts, &in_use, "10.0.0.14");
	assert_int_equal(ctl_ipam_allocate(ipam, &facts, 0, take, &in_use, &addr), -ENOSPC);
	give_back(&in_use, "10.0.0.11");
	expect(ipam, &facts, &in_use, "10.0.0.11");
	ctl_ipam_free(ipam);
}

/* An address that was given back is not given again at once: others may still know its old host. */
static void test_not_again_at_once(void **state)
{
	struct ctl_network_facts facts = network("10.0.0.0/24", "10.0.0.1");
	struct in_use in_use = {};
	struct ctl_ipam *ipam;

	assert_int_equal(ctl_ipam_new(&ipam), 0);
	expect(ipam, &facts, &in_use, "10.0.0.2");
	give_back(&in_use, "10.0.0.2");
	expect(ipam, &facts, &in_use, "10.0.0.3");
	ctl_ipam_free(ipam);
}

/* As many tries as addresses, also behind a long run of used ones that a restart has seen. */
static void test_constant_work(void **state)
{
	struct ctl_network_facts facts = network("10.0.0.0/16", "10.0.0.1");
	struct in_use in_use = {};
	struct ctl_ipam *ipam;
	struct mz_addr addr;
	unsigned int i;

	assert_int_equal(ctl_ipam_new(&ipam), 0);
	for (i = 2; i < 900; i++) {
		in_use.addrs[in_use.n] = mz_addr_add(&facts.prefixes[0].addr, i);
		ctl_ipam_seen(ipam, &facts, &in_use.addrs[in_use.n++]);
	}
	for (i = 0; i < 100; i++)
		assert_int_equal(ctl_ipam_allocate(ipam, &facts, 0, take, &in_use, &addr), 0);
	assert_int_equal(in_use.n_tries, 100);
	ctl_ipam_free(ipam);
}

static void test_ipv6(void **state)
{
	struct ctl_network_facts facts = network("fd00:1::/64", "fd00:1::1");
	struct in_use in_use = {};
	struct ctl_ipam *ipam;
	struct mz_addr addr;

	assert_int_equal(ctl_ipam_new(&ipam), 0);
	expect(ipam, &facts, &in_use, "fd00:1::2");
	/* The last address of an IPv6 prefix is one like others. */
	assert_int_equal(mz_addr_parse("fd00:1::ffff:ffff:ffff:ffff", &addr), 0);
	assert_null(ctl_ipam_refuses(&facts, 0, &addr));
	ctl_ipam_forget(ipam, 7);
	expect(ipam, &facts, &in_use, "fd00:1::3");
	ctl_ipam_free(ipam);
}

static void test_refuses(void **state)
{
	struct ctl_network_facts facts = network("10.0.0.0/24", "10.0.0.254");
	static const struct {
		const char *addr;
		bool refused;
	} cases[] = {
		{ "10.0.0.0", true },  { "10.0.0.254", true },	{ "10.0.0.255", true },
		{ "10.0.0.1", false }, { "10.0.0.253", false },
	};
	struct mz_addr addr;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(mz_addr_parse(cases[i].addr, &addr), 0);
		assert_int_equal(!!ctl_ipam_refuses(&facts, 0, &addr), cases[i].refused);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_small),	      cmocka_unit_test(test_not_again_at_once),
		cmocka_unit_test(test_constant_work), cmocka_unit_test(test_ipv6),
		cmocka_unit_test(test_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
