// SPDX-License-Identifier: Apache-2.0
/* Several ways to one host (ECMP): each flow has one, and all get what their slots say. */
#include "plane.h"

#include <arpa/inet.h>
#include <string.h>

#include <linux/pkt_cls.h>

#define N_FLOWS 400

/* Ways .a0 to .a3; slot i has the way that is said for i modulo n. */
static void put_ways(const unsigned int *ways, unsigned int n)
{
	struct mz_addr host = addr(BOUNCER);
	struct mz_nexthop row = {};

	for (uint64_t slot = 0; slot < MZ_WAY_SLOTS; slot++)
		row.slots |= (uint64_t)ways[slot % n] << slot * MZ_WAY_BITS;
	for (unsigned int i = 0; i < MZ_WAYS_MAX; i++) {
		row.ways[i].ifindex = 1;
		put_mac(row.ways[i].dst_mac, "02:aa:00:00:00:a0");
		put_mac(row.ways[i].src_mac, "02:aa:00:00:01:a0");
		row.ways[i].dst_mac[5] += i;
		row.ways[i].src_mac[5] += i;
	}
	row_put(MZ_TABLE_nexthop, &host, &row);
}

/* By which way a packet went; both MACs say so. */
static unsigned int way_of(enum hook hook, const struct frame *in)
{
	struct result result;

	plane_run(hook, in, &result);
	assert_int_equal(result.verdict, TC_ACT_REDIRECT);
	assert_in_range(result.out.bytes[5], 0xa0, 0xa3);
	assert_int_equal(result.out.bytes[11], result.out.bytes[5]);
	assert_int_equal(result.out.bytes[10], 1);
	return result.out.bytes[5] - 0xa0;
}

static struct frame flow(uint16_t n)
{
	struct frame frame = from_port("10.0.0.2");

	put16(frame.bytes + ETH + 20, 1000 + n);
	return frame;
}

static void a_flow_keeps_its_way(void **state)
{
	unsigned int n_flows[MZ_WAYS_MAX] = {};

	put_ways((const unsigned int[]){ 0, 1, 2, 3, 0, 1, 2, 0 }, 8); /* 12, 8, 8, 4 of 32 */
	for (uint16_t i = 0; i < N_FLOWS; i++) {
		struct frame in = flow(i);
		unsigned int way = way_of(AGENT, &in);

		n_flows[way]++;
		assert_int_equal(way_of(AGENT, &in), way);
	}
	assert_in_range(n_flows[0], N_FLOWS / 4, N_FLOWS / 2);
	assert_in_range(n_flows[1], N_FLOWS / 8, N_FLOWS * 3 / 8);
	assert_in_range(n_flows[2], N_FLOWS / 8, N_FLOWS * 3 / 8);
	assert_in_range(n_flows[3], N_FLOWS / 16, N_FLOWS / 4);
}

/* Without one of the ways, the flows of the others stay where they were. */
static void the_flows_of_a_dead_way_move_alone(void **state)
{
	unsigned int before[N_FLOWS];

	put_ways((const unsigned int[]){ 0, 1, 2, 3 }, 4);
	for (uint16_t i = 0; i < N_FLOWS; i++) {
		struct frame in = flow(i);

		before[i] = way_of(AGENT, &in);
	}
	put_ways((const unsigned int[]){ 0, 1, 2, 0 }, 4);
	for (uint16_t i = 0; i < N_FLOWS; i++) {
		struct frame in = flow(i);

		assert_int_equal(way_of(AGENT, &in), before[i] == 3 ? 0 : before[i]);
	}
}

/* What is turned round has its flow in the outer source port, as it is in the packet. */
static void transit_goes_by_the_outer_port(void **state)
{
	struct frame inner = inner_from("10.0.0.9", "10.0.0.2");
	static const unsigned int ways[] = { 0, 1, 2, 3, 3, 2, 1, 0, 0, 0 };

	put_location("10.0.0.2", 100, BOUNCER);
	put_ways(ways, 10);
	for (unsigned int port = 0x8000; port < 0x10000; port += 0x7f) {
		struct frame in = tunnelled("192.168.50.4", &inner);
		unsigned int slot = htons(port) % MZ_WAY_SLOTS;

		put16(in.bytes + ETH + frame_outer_size(), port);
		assert_int_equal(way_of(TRANSIT, &in), ways[slot % 10]);
	}
}

int test_way(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup(f, plane_setup)
		TEST(a_flow_keeps_its_way),
		TEST(the_flows_of_a_dead_way_move_alone),
		TEST(transit_goes_by_the_outer_port),
#undef TEST
	};

	return cmocka_run_group_tests_name("way", tests, NULL, NULL);
}
