// SPDX-License-Identifier: Apache-2.0
/* Rows as text, and what is no valid row: no kernel needed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "tables/internal.h"

static struct mz_addr addr(const char *text)
{
	struct mz_addr a;

	assert_int_equal(mz_addr_parse(text, &a), 0);
	return a;
}

static void assert_json(enum mz_table_id id, const void *key, const void *value,
			const char *expected)
{
	json_t *json = NULL;
	char *text;

	assert_int_equal(mz_table_row_to_json(id, key, value, &json), 0);
	text = json_dumps(json, JSON_COMPACT);
	assert_string_equal(text, expected);
	free(text);
	json_decref(json);
	assert_int_equal(mz_table_check_row(id, key, value), 0);
}

static void test_json_of_addresses(void **state)
{
	struct mz_addr droplet = addr("172.16.0.1");
	struct mz_droplet none = {};
	struct mz_nexthop nexthop = {
		.ways = { { .ifindex = 3,
			    .dst_mac = { 2, 0, 0, 0, 0, 0xaa },
			    .src_mac = { 2, 0, 0, 0, 0, 0xbb } } },
	};
	struct mz_vni_addr key = { .vni = 7, .addr = addr("10.0.0.2") };
	struct mz_route route = { .network = 1ULL << 60 };
	struct mz_location location = { .network = 5, .host = addr("fd00::1"), .generation = 9 };

	assert_json(MZ_TABLE_droplet, &droplet, &none, "{\"address\":\"172.16.0.1\"}");
	assert_json(
		MZ_TABLE_nexthop, &droplet, &nexthop,
		"{\"address\":\"172.16.0.1\",\"ways\":[{\"ifindex\":3,"
		"\"destinationMac\":\"02:00:00:00:00:aa\","
		"\"sourceMac\":\"02:00:00:00:00:bb\",\"slots\":32}],"
		"\"pathMtu\":0,\"pathMtuUntil\":0}");
	nexthop.ways[1] = nexthop.ways[0];
	nexthop.slots = 1 << 2 | 1ULL << 62; /* slots 1 and 31 */
	assert_json(
		MZ_TABLE_nexthop, &droplet, &nexthop,
		"{\"address\":\"172.16.0.1\",\"ways\":[{\"ifindex\":3,"
		"\"destinationMac\":\"02:00:00:00:00:aa\","
		"\"sourceMac\":\"02:00:00:00:00:bb\",\"slots\":30},{\"ifindex\":3,"
		"\"destinationMac\":\"02:00:00:00:00:aa\","
		"\"sourceMac\":\"02:00:00:00:00:bb\",\"slots\":2}],"
		"\"pathMtu\":0,\"pathMtuUntil\":0}");
	assert_json(MZ_TABLE_member, &key, &route,
		    "{\"vni\":7,\"address\":\"10.0.0.2\",\"network\":\"1152921504606846976\"}");
	assert_json(MZ_TABLE_location, &key, &location,
		    "{\"vni\":7,\"address\":\"10.0.0.2\",\"network\":\"5\",\"host\":\"fd00::1\","
		    "\"generation\":9}");
}

static void test_json_of_sets(void **state)
{
	uint32_t vni = 7;
	struct mz_vpc vpc = { .flags = MZ_VPC_DIVIDE, .dividers = { .n = 1, .n_known = 1 } };
	struct mz_network_key network_key = { .network = 5 };
	struct mz_network network = { .vni = 7 };
	struct mz_prefix_key prefix = { .prefixlen = 32 + 120,
					.vni_be = htonl(7),
					.prefix = addr("10.0.0.0") };
	struct mz_route route = { .network = 5 };

	vpc.dividers.addrs[0] = addr("172.16.0.1");
	vpc.dividers.addrs[1] = addr("172.16.0.2");
	assert_json(MZ_TABLE_vpc, &vni, &vpc,
		    "{\"vni\":7,\"divide\":true,\"direct\":false,"
		    "\"dividers\":[\"172.16.0.1\"],\"ready\":[],\"known\":[\"172.16.0.2\"]}");
	assert_json(MZ_TABLE_network, &network_key, &network,
		    "{\"network\":\"5\",\"slot\":0,\"vni\":7,\"slotBits\":0,\"bouncers\":[],"
		    "\"ready\":[],\"known\":[]}");
	assert_json(MZ_TABLE_prefix, &prefix, &route,
		    "{\"vni\":7,\"prefix\":\"10.0.0.0/24\",\"network\":\"5\"}");
}

static void test_json_of_endpoints(void **state)
{
	uint32_t ifindex = 12;
	uint64_t uid = 99;
	struct mz_vni_addr key = { .vni = 7, .addr = addr("10.0.0.2") };
	struct mz_port port = { .uid = 99, .network = 5, .vni = 7, .flags = MZ_PORT_PEER,
				.ip4 = addr("10.0.0.2"), .gateway4 = addr("10.0.0.1"),
				.mac = { 2, 0, 0, 0, 0, 1 },
				.prefix_len4 = 120, .prefix_len6 = 64 };
	struct mz_local local = { .network = 5, .ifindex = 12, .generation = 3,
				  .mac = { 2, 0, 0, 0, 0, 1 }, .mtu = 1410 };
	struct mz_endpoint endpoint = { .network = 5, .vni = 7, .generation = 3, .n_addrs = 2,
					.mac = { 2, 0, 0, 0, 0, 1 },
					.namespace_ = "red", .name = "web-1" };

	endpoint.addrs[0].addr = addr("10.0.0.2");
	endpoint.addrs[0].gateway = addr("10.0.0.1");
	endpoint.addrs[0].prefix_len = 120;
	endpoint.addrs[1].addr = addr("fd00::2");
	endpoint.addrs[1].prefix_len = 64;
	assert_json(
		MZ_TABLE_port, &ifindex, &port,
		"{\"ifindex\":12,\"uid\":\"99\",\"vni\":7,\"network\":\"5\",\"peer\":true,"
		"\"ip4\":\"10.0.0.2\",\"gateway4\":\"10.0.0.1\",\"mac\":\"02:00:00:00:00:01\","
		"\"prefixLength4\":24,\"prefixLength6\":64}");
	assert_json(MZ_TABLE_local, &key, &local,
		    "{\"vni\":7,\"address\":\"10.0.0.2\",\"network\":\"5\",\"ifindex\":12,"
		    "\"generation\":3,\"mac\":\"02:00:00:00:00:01\",\"mtu\":1410,"
		    "\"peer\":false}");
	assert_json(MZ_TABLE_endpoint, &uid, &endpoint,
		    "{\"uid\":\"99\",\"namespace\":\"red\",\"name\":\"web-1\",\"vni\":7,"
		    "\"network\":\"5\",\"generation\":3,\"mac\":\"02:00:00:00:00:01\","
		    "\"addresses\":[{\"address\":\"10.0.0.2\",\"prefixLength\":24,"
		    "\"gateway\":\"10.0.0.1\"},{\"address\":\"fd00::2\",\"prefixLength\":64}]}");
}

static void test_refused_replicas(void **state)
{
	uint32_t vni = 7, too_large = 1U << 24;
	struct mz_vpc vpc = {};

	assert_int_equal(mz_table_check_row(MZ_TABLE_vpc, &vni, &vpc), 0);
	assert_int_equal(mz_table_check_row(MZ_TABLE_vpc, &too_large, &vpc), -EINVAL);
	vpc.flags = MZ_VPC_DIRECT << 1;
	assert_int_equal(mz_table_check_row(MZ_TABLE_vpc, &vni, &vpc), -EINVAL);
	vpc.flags = 0;
	vpc.dividers.n = MZ_REPLICAS_MAX + 1; /* the programs index by it */
	assert_int_equal(mz_table_check_row(MZ_TABLE_vpc, &vni, &vpc), -EINVAL);
	vpc.dividers.n = 1; /* but no address */
	assert_int_equal(mz_table_check_row(MZ_TABLE_vpc, &vni, &vpc), -EINVAL);
	vpc.dividers.addrs[0] = addr("172.16.0.1");
	assert_int_equal(mz_table_check_row(MZ_TABLE_vpc, &vni, &vpc), 0);
	vpc.dividers.addrs[3] = addr("172.16.0.1"); /* not used, not zero */
	assert_int_equal(mz_table_check_row(MZ_TABLE_vpc, &vni, &vpc), -EINVAL);
}

static void test_refused_ways(void **state)
{
	struct mz_addr key = addr("172.16.0.1");
	struct mz_nexthop row = {};
	const struct mz_way way = { .ifindex = 3, .dst_mac = { 2 }, .src_mac = { 2 } };

	assert_int_equal(mz_table_check_row(MZ_TABLE_nexthop, &key, &row), -EINVAL); /* none */
	row.ways[0] = way;
	assert_int_equal(mz_table_check_row(MZ_TABLE_nexthop, &key, &row), 0);
	row.slots = 1ULL << 62; /* of the second way, which is not there */
	assert_int_equal(mz_table_check_row(MZ_TABLE_nexthop, &key, &row), -EINVAL);
	row.ways[1] = way;
	assert_int_equal(mz_table_check_row(MZ_TABLE_nexthop, &key, &row), 0);
	row.ways[1].dst_mac[0] = 1; /* multicast */
	assert_int_equal(mz_table_check_row(MZ_TABLE_nexthop, &key, &row), -EINVAL);
	row.ways[1] = way;
	row.ways[3] = way; /* behind a gap */
	assert_int_equal(mz_table_check_row(MZ_TABLE_nexthop, &key, &row), -EINVAL);
	row.ways[2] = way;
	row.slots = UINT64_MAX;
	assert_int_equal(mz_table_check_row(MZ_TABLE_nexthop, &key, &row), 0);
}

static void test_refused_prefixes(void **state)
{
	struct mz_route route = { .network = 5 };
	struct mz_prefix_key key = { .prefixlen = 32 + 120, .vni_be = htonl(7),
				     .prefix = addr("10.0.0.0") };
	static const uint32_t bad[] = { 0, 31, 32 + 95, 32 + 96, 32 + 129, UINT32_MAX };
	size_t i;

	assert_int_equal(mz_table_check_row(MZ_TABLE_prefix, &key, &route), 0);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		key.prefixlen = bad[i]; /* lengths, or bits behind the length */
		assert_int_equal(mz_table_check_row(MZ_TABLE_prefix, &key, &route), -EINVAL);
	}
	key.prefixlen = 32 + 120;
	key.vni_be = htonl(1 << 24);
	assert_int_equal(mz_table_check_row(MZ_TABLE_prefix, &key, &route), -EINVAL);
}

static void test_refused_values(void **state)
{
	struct mz_network_key slot = { .network = 5, .slot = 2 };
	struct mz_network network = { .vni = 7, .slot_bits = 1 };
	struct mz_vni_addr key = { .vni = 7, .addr = addr("10.0.0.2") };
	struct mz_location location = { .network = 5 };
	struct mz_local local = { .ifindex = 1, .mac = { 2 } };
	struct mz_port port = { .mac = { 2 }, .prefix_len4 = 24 };
	uint32_t ifindex = 1;
	struct mz_endpoint endpoint = { .mac = { 2 }, .name = "web-1", .namespace_ = "red" };
	uint64_t uid = 1;

	assert_int_equal(mz_table_check_row(MZ_TABLE_network, &slot, &network), -EINVAL);
	slot.slot = 1;
	assert_int_equal(mz_table_check_row(MZ_TABLE_network, &slot, &network), 0);
	network.slot_bits = 32;
	assert_int_equal(mz_table_check_row(MZ_TABLE_network, &slot, &network), -EINVAL);
	assert_int_equal(mz_table_check_row(MZ_TABLE_location, &key, &location), -EINVAL);
	location.host = addr("172.16.0.1");
	location.pad = 1;
	assert_int_equal(mz_table_check_row(MZ_TABLE_location, &key, &location), -EINVAL);
	assert_int_equal(mz_table_check_row(MZ_TABLE_port, &ifindex, &port), -EINVAL);
	port.prefix_len4 = 120;
	port.prefix_len6 = 129;
	assert_int_equal(mz_table_check_row(MZ_TABLE_port, &ifindex, &port), -EINVAL);
	port.prefix_len6 = 0;
	assert_int_equal(mz_table_check_row(MZ_TABLE_port, &ifindex, &port), 0);
	assert_int_equal(mz_table_check_row(MZ_TABLE_local, &key, &local), 0);
	local.mac[0] = 1; /* multicast */
	assert_int_equal(mz_table_check_row(MZ_TABLE_local, &key, &local), -EINVAL);
	assert_int_equal(mz_table_check_row(MZ_TABLE_endpoint, &uid, &endpoint), 0);
	endpoint.n_addrs = 3;
	assert_int_equal(mz_table_check_row(MZ_TABLE_endpoint, &uid, &endpoint), -EINVAL);
	endpoint.n_addrs = 0;
	memset(endpoint.name, 'x', sizeof(endpoint.name)); /* no end */
	assert_int_equal(mz_table_check_row(MZ_TABLE_endpoint, &uid, &endpoint), -EINVAL);
}

/* Pins may hold anything: text must neither fail nor read too far. */
static void test_garbage(void **state)
{
	int id;

	for (id = 0; id < MZ_N_TABLES; id++) {
		char key[64] = {}, value[sizeof(struct mz_endpoint)] = {};
		json_t *json = NULL;

		memset(key, 0xff, sizeof(key));
		memset(value, 0x7f, sizeof(value));
		assert_int_equal(mz_table_row_to_json(id, key, value, &json), 0);
		json_decref(json);
		assert_int_equal(mz_table_check_row(id, key, value), -EINVAL);
	}
}

static void test_names(void **state)
{
	assert_string_equal(mz_drop_name(MZ_DROP_unknown_host), "unknown_host");
	assert_null(mz_drop_name(0));
	assert_null(mz_drop_name(MZ_DROP_CODES));
	assert_string_equal(mz_counter_name(MZ_COUNT_deliver), "deliver");
	assert_null(mz_counter_name(MZ_N_COUNTERS));
}

/* A pin that somebody else wrote: a name without an end. */
static void test_texts_end(void **state)
{
	struct mz_endpoint endpoint;

	memset(&endpoint, 'x', sizeof(endpoint));
	mz_table_end_texts(MZ_TABLE_endpoint, &endpoint);
	assert_int_equal(strnlen(endpoint.namespace_, MZ_NAME_SIZE), MZ_NAME_SIZE - 1);
	assert_int_equal(strnlen(endpoint.name, MZ_NAME_SIZE), MZ_NAME_SIZE - 1);
	assert_int_equal(endpoint.mac[5], 'x');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json_of_addresses), cmocka_unit_test(test_json_of_sets),
		cmocka_unit_test(test_json_of_endpoints), cmocka_unit_test(test_refused_replicas),
		cmocka_unit_test(test_refused_prefixes),  cmocka_unit_test(test_refused_values),
		cmocka_unit_test(test_refused_ways),	  cmocka_unit_test(test_garbage),
		cmocka_unit_test(test_names),		  cmocka_unit_test(test_texts_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
