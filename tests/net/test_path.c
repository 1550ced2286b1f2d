// SPDX-License-Identifier: Apache-2.0
/*
 * The way of a flow, from tables written by hand. One VPC, networks 1 (10.0.1.0/24) and 2:
 *
 *	h1: s (10.0.1.1)   h2: bounces 1   h3: divides   h4: bounces 2
 *	h5: d (10.0.1.2), e (10.0.2.1)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/addr.h"
#include "cli/path.h"
#include "own_namespaces.h"

#define VNI	7
#define NOW	1000000000000ULL
#define LEASE	5000000000ULL
#define N_HOSTS 5

static struct mz_tables *hosts[N_HOSTS + 1];
static unsigned int unreadable; /* a host, or 0 */

static struct mz_addr addr(const char *text)
{
	struct mz_addr a;

	assert_int_equal(mz_addr_parse(text, &a), 0);
	return a;
}

static struct mz_addr host_addr(unsigned int n)
{
	char text[16];

	snprintf(text, sizeof(text), "192.0.2.%u", n);
	return addr(text);
}

static void put(unsigned int host, enum mz_table_id id, const void *key, const void *value)
{
	assert_int_equal(mz_table_put(hosts[host], id, key, value), 0);
}

static void put_of_addr(unsigned int host, enum mz_table_id id, const char *text,
			const void *value)
{
	const struct mz_vni_addr key = { .vni = VNI, .addr = addr(text) };

	put(host, id, &key, value);
}

static struct mz_replicas replicas(unsigned int a, unsigned int b)
{
	struct mz_replicas set = { .n = 1, .addrs = { host_addr(a) } };

	if (b)
		set.addrs[set.n++] = host_addr(b);
	return set;
}

static void put_vpc(__u32 flags)
{
	const struct mz_vpc vpc = { .flags = flags, .dividers = replicas(3, 0) };
	const __u32 vni = VNI;

	for (unsigned int n = 1; n <= N_HOSTS; n++)
		put(n, MZ_TABLE_vpc, &vni, &vpc);
}

static void put_network(uint64_t id, const struct mz_replicas bouncers)
{
	const struct mz_network_key key = { .network = id };
	const struct mz_network row = { .vni = VNI, .bouncers = bouncers };

	for (unsigned int n = 1; n <= N_HOSTS; n++)
		put(n, MZ_TABLE_network, &key, &row);
}

static void put_local(unsigned int host, const char *text, uint64_t network)
{
	const struct mz_local row = { .network = network, .ifindex = 9, .mac = { 2 } };

	put_of_addr(host, MZ_TABLE_local, text, &row);
}

static void put_location(unsigned int host, const char *text, uint64_t network, unsigned int at)
{
	const struct mz_location row = { .network = network,
					 .host = host_addr(at),
					 .generation = 1 };

	put_of_addr(host, MZ_TABLE_location, text, &row);
}

static void put_prefix(unsigned int host, const char *text, unsigned int len, uint64_t network)
{
	const struct mz_prefix_key key = { .prefixlen = 32 + 96 + len,
					   .vni_be = htonl(VNI),
					   .prefix = addr(text) };
	const struct mz_route route = { .network = network };

	put(host, MZ_TABLE_prefix, &key, &route);
}

static void learn(unsigned int host, const char *text, unsigned int at, uint64_t confirmed,
		  __u32 flags)
{
	const struct mz_learned row = { .host = host_addr(at),
					.confirmed = confirmed,
					.flags = flags | MZ_LEARNED_HERE,
					.generation = 1 };

	put_of_addr(host, MZ_TABLE_learned, text, &row);
}

/* That the endpoint was proven to be in. */
static void set_network(unsigned int host, const char *text, uint64_t network)
{
	const struct mz_vni_addr key = { .vni = VNI, .addr = addr(text) };
	struct mz_learned row;

	assert_int_equal(mz_table_get(hosts[host], MZ_TABLE_learned, &key, &row), 0);
	row.network = network;
	put(host, MZ_TABLE_learned, &key, &row);
}

static int setup(void **state)
{
	static int n_dirs;
	char dir[64];

	for (unsigned int n = 1; n <= N_HOSTS; n++) {
		snprintf(dir, sizeof(dir), "/mnt/%d", n_dirs++);
		assert_int_equal(mz_tables_open(dir, true, &hosts[n]), 0);
	}
	put_vpc(MZ_VPC_DIRECT);
	put_network(1, replicas(2, 0));
	put_network(2, replicas(4, 0));
	put_local(1, "10.0.1.1", 1);
	put_local(5, "10.0.1.2", 1);
	put_local(5, "10.0.2.1", 2);
	put_location(2, "10.0.1.1", 1, 1);
	put_location(2, "10.0.1.2", 1, 5);
	put_location(4, "10.0.2.1", 2, 5);
	put_prefix(3, "10.0.0.0", 8, 3);
	put_prefix(3, "10.0.1.0", 24, 1);
	put_prefix(3, "10.0.2.0", 24, 2);
	unreadable = 0;
	return 0;
}

static int teardown(void **state)
{
	for (unsigned int n = 1; n <= N_HOSTS; n++)
		mz_tables_free(hosts[n]);
	return 0;
}

static int find_host(const struct mz_addr *a, void *user, struct mz_path_host *ret_host)
{
	unsigned int n = a->bytes[15];

	*ret_host = (struct mz_path_host){ *a, n == unreadable ? NULL : hosts[n], LEASE };
	return 0;
}

/* "1s 2b 5d": each hop's hosts with what they are, and how it ends if not well. */
static void expect(const char *src, const char *dst, const char *way, const char *why)
{
	const struct mz_path_flow flow = { VNI, addr(src), addr(dst) };
	const struct mz_path_host first = { host_addr(1), hosts[1], LEASE };
	struct mz_path path;
	char text[256] = "";
	size_t n = 0;

	assert_int_equal(mz_path_walk(&flow, &first, NOW, find_host, NULL, &path), 0);
	for (size_t i = 0; i < path.n_hops; i++) {
		const struct mz_path_hop *hop = &path.hops[i];

		memset(text + n, 0, sizeof(text) - n);
		n += (size_t)snprintf(text + n, sizeof(text) - n, i ? " " : "");
		for (__u32 k = 0; k < hop->hosts.n; k++)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%u",
					      hop->hosts.addrs[k].bytes[15]);
		for (size_t k = 0; k < 6; k++)
			if (hop->roles & 1U << k)
				text[n++] = "sbvmrd"[k];
	}
	if (path.end == MZ_PATH_DROPPED)
		(void)snprintf(text + n, sizeof(text) - n, " %s", mz_drop_name(path.drop));
	else if (path.end == MZ_PATH_UNKNOWN)
		(void)snprintf(text + n, sizeof(text) - n, " ?");
	assert_string_equal(text, way);
	if (!strstr(path.hops[1].why, why))
		fail_msg("'%s' is not in '%s'", why, path.hops[1].why);
}

static void by_a_divider(void **state)
{
	put_vpc(MZ_VPC_DIRECT | MZ_VPC_DIVIDE);
	learn(1, "10.0.2.1", 3, NOW, 0);
	expect("10.0.1.1", "10.0.2.1", "1s 3v 4b 5d", ", by way of a divider");
	learn(3, "10.0.2.1", 5, NOW, 0);
	expect("10.0.1.1", "10.0.2.1", "1s 3v 5d", "");
	learn(3, "10.0.2.1", 2, NOW, 0);
	expect("10.0.1.1", "10.0.2.1", "1s 3v 2r 3v 4b 5d", "");
}

#define D "10.0.1.1", "10.0.1.2" /* from s to d */
#define E "10.0.1.1", "10.0.2.1"

static void by_bouncers_and_dividers(void **state)
{
	expect(D, "1s 2b 5d", "no location is learned: a bouncer of the source's network, 1");
	expect(E, "1s 2b 3v 4b 5d", "");
	expect("10.0.1.1", "10.0.1.9", "1s 2b 3v no_endpoint", "");
	expect("10.0.1.1", "10.9.9.9", "1s 2b 3v no_network", "");
	expect("10.0.1.1", "11.9.9.9", "1s 2b 3v no_route", "");
	expect("10.0.1.7", "10.0.1.2", "1s no_port", "");
	put_vpc(MZ_VPC_DIRECT | MZ_VPC_DIVIDE);
	expect(E, "1s 2b 3v 4b 5d", "");
}

static void here(void **state)
{
	put_local(1, "10.0.1.2", 1);
	expect(D, "1sd", "");
	/* Another network of a VPC that divides: out, and back. */
	put_vpc(MZ_VPC_DIVIDE);
	put_local(1, "10.0.2.1", 2);
	put_location(4, "10.0.2.1", 2, 1);
	expect(E, "1s 3v 4b 1d", "a divider");
}

static void by_what_was_learned(void **state)
{
	learn(1, "10.0.1.2", 5, NOW - 1500000000, 0);
	expect(D, "1s 5d", "learned (here), confirmed 1.5s ago, lease 3.5s");
	learn(1, "10.0.2.1", 5, NOW, 0);
	expect(E, "1s 5d", "learned");
	put_vpc(0);
	expect(D, "1s 2b 5d", "the VPC learns no locations");
	put_vpc(MZ_VPC_DIRECT);
	learn(1, "10.0.1.2", 5, NOW, MZ_LEARNED_STALE);
	expect(D, "1s 2b 5d", "the learned location is stale");
	learn(1, "10.0.1.2", 5, NOW - LEASE, 0);
	expect(D, "1s 2b 5d", "the learned location is expired");
	learn(1, "10.0.1.2", 4, NOW, 0);
	/* Where it is not: that host gives it back. */
	expect(D, "1s 4r 1s 2b 5d", "learned");
	put_location(1, "10.0.1.2", 1, 4); /* as a bouncer it was wrong itself */
	put_network(1, replicas(1, 0));
	learn(1, "10.0.1.2", 5, NOW, MZ_LEARNED_STALE);
	expect(D, "1sb 4r 1 not_here", "");
}

/* A straight row of another network, that a neighbour of that network has learned: not past it. */
static void learned_in_another_network(void **state)
{
	put_vpc(MZ_VPC_DIRECT | MZ_VPC_DIVIDE);
	learn(1, "10.0.2.1", 5, NOW, 0);
	expect(E, "1s 2b 3v 4b 5d", "not proven to be in the source's network");
	set_network(1, "10.0.2.1", 2);
	expect(E, "1s 3v 4b 5d", "learned in another network, 2: a divider of the VPC");
}

/* A host that bounces for the destination's network asks nobody, and believes its own rows. */
static void by_rows_of_its_own(void **state)
{
	put_location(1, "10.0.1.2", 1, 5);
	learn(1, "10.0.1.2", 4, NOW, 0);
	expect(D, "1sb 5d", "the bouncer's own row says otherwise");
	put_location(1, "10.0.2.1", 2, 5);
	expect(E, "1sb 5d", "its row in the bouncer's table, generation 1");
}

/* The last endpoint of the VPC has left the host that was learned. */
static void no_vpc_over_there(void **state)
{
	const __u32 vni = VNI;

	learn(1, "10.0.1.2", 4, NOW, 0);
	assert_int_equal(mz_table_delete(hosts[4], MZ_TABLE_vpc, &vni), 0);
	expect(D, "1s 4r 1s 2b 5d", "learned");
}

static void after_what_moved(void **state)
{
	const struct mz_moved row = { .host = host_addr(5), .generation = 2 };

	put_of_addr(4, MZ_TABLE_moved, "10.0.1.2", &row);
	learn(1, "10.0.1.2", 4, NOW, 0);
	expect(D, "1s 4m 5d", "learned");
	put_vpc(MZ_VPC_DIRECT | MZ_VPC_DIVIDE);
	set_network(1, "10.0.1.2", 1);
	expect(D, "1s 4r 1s 2b 5d", "learned");
}

static void round_the_dead(void **state)
{
	const struct mz_dead dead = { .until = NOW + 1, .misses = 3 };
	const struct mz_addr h2 = host_addr(2), h4 = host_addr(4), h5 = host_addr(5);

	put_network(1, replicas(2, 4));
	put_location(4, "10.0.1.2", 1, 5);
	put_location(4, "10.0.1.1", 1, 1);
	expect(D, "1s 24b 5d", "");
	put(1, MZ_TABLE_dead, &h2, &dead);
	expect(D, "1s 4b 5d", "");
	put(1, MZ_TABLE_dead, &h4, &dead);
	expect(D, "1s 24b 5d", ""); /* none is better than the other */
	learn(1, "10.0.1.2", 5, NOW, 0);
	put(1, MZ_TABLE_dead, &h5, &dead);
	expect(D, "1s 24b 5d", "the learned location is on a dead host");
}

static void by_one_that_has_the_destination(void **state)
{
	put_network(1, replicas(5, 2));
	expect(D, "1s 52b 5d", "; 192.0.2.5 has the destination");
}

static void ends_where_nothing_can_be_read(void **state)
{
	unreadable = 2;
	expect(D, "1s 2 ?", "");
}

/* Two bouncers' rows point at each other: as the outer TTL, this ends. */
static void ends_a_loop(void **state)
{
	put_location(2, "10.0.1.2", 1, 4);
	put_location(4, "10.0.1.2", 1, 2);
	expect(D, "1s 2b 4b 2b 4b 2b 4b 2b 4b hop_limit", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(by_bouncers_and_dividers),
		TEST(here),
		TEST(by_what_was_learned),
		TEST(by_a_divider),
		TEST(learned_in_another_network),
		TEST(by_rows_of_its_own),
		TEST(no_vpc_over_there),
		TEST(after_what_moved),
		TEST(round_the_dead),
		TEST(by_one_that_has_the_destination),
		TEST(ends_where_nothing_can_be_read),
		TEST(ends_a_loop),
#undef TEST
	};

	own_namespaces();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
