// SPDX-License-Identifier: Apache-2.0
/*
 * What XDP leaves to tc, although it is to be turned round: where only the kernel knows the way,
 * where the way is another device's, and what does not fit or cannot be read. All else is in the
 * tests of transit, whose expectations look at both hooks.
 */
#include "plane.h"

#include <string.h>

#include <linux/pkt_cls.h>

#include "mizar/wire.h"

static unsigned int encap(void)
{
	return frame_underlay_is_ipv6() ? MZ_ENCAP_SIZE_IPV6 : MZ_ENCAP_SIZE_IPV4;
}

/* On its way from .4 by this bouncer to .2. */
static struct frame inner_to_other(size_t payload_size)
{
	static const uint8_t payload[FRAME_MAX];
	struct ip_spec spec = { .dst_mac = VIRTUAL_MAC,
				.src_mac = PORT_MAC,
				.src = "10.0.0.9",
				.dst = "10.0.0.2",
				.payload = payload,
				.payload_size = payload_size };
	struct frame inner = {};

	frame_ip(&inner, &spec);
	return inner;
}

static int setup(void **state)
{
	int r = plane_setup(state);

	put_location("10.0.0.2", 100, BOUNCER);
	return r;
}

static void expect_turned(const struct frame *inner)
{
	struct frame in = tunnelled(BOUNCER_200, inner), out = forwarded(BOUNCER, inner);

	expect_sent(XDP, &in, &out, COUNT(forward) | COUNT(bounce) | COUNT(turn));
}

static void expect_left(const struct frame *inner)
{
	struct frame in = tunnelled(BOUNCER_200, inner);

	expect_left_by_xdp(&in);
}

static void without_a_next_hop_it_is_left(void **state)
{
	struct mz_addr host = addr(BOUNCER);
	struct mz_nexthop elsewhere = { .ways = { { .ifindex = 99 } } };
	struct frame inner = inner_to_other(100);

	expect_turned(&inner);
	row_put(MZ_TABLE_nexthop, &host, &elsewhere);
	expect_left(&inner);
	row_delete(MZ_TABLE_nexthop, &host);
	expect_left(&inner);
}

static void what_does_not_fit_is_left(void **state)
{
	struct mz_addr host = addr(BOUNCER);
	struct mz_nexthop row = { .ways = { { .ifindex = 1 } },
				  .path_mtu = 1500,
				  .path_mtu_until = UINT32_MAX };
	struct frame inner = inner_to_other(1500 - encap() - 20);

	put_mac(row.ways[0].dst_mac, "02:aa:00:00:00:02");
	put_mac(row.ways[0].src_mac, SELF_MAC);
	row_put(MZ_TABLE_nexthop, &host, &row);
	expect_turned(&inner);
	inner = inner_to_other(1500 - encap() - 20 + 1);
	expect_left(&inner);
}

/* More than a page: the end of the packet lies in buffers of its own. */
static void jumbo_packets_are_turned(void **state)
{
	struct frame inner = inner_to_other(9000 - encap() - 20);

	plane_set_mtu(9000);
	expect_turned(&inner);
	plane_set_mtu(65536);
}

/* The tag is in the frame here, and beside it in tc. */
static void a_vlan_is_the_hosts(void **state)
{
	static const uint8_t tag[] = { 0x81, 0x00, 0x00, 0x07 };
	struct frame inner = inner_to_other(100), in = tunnelled(BOUNCER_200, &inner);

	memmove(in.bytes + 16, in.bytes + 12, in.size - 12);
	memcpy(in.bytes + 12, tag, sizeof(tag));
	in.size += sizeof(tag);
	expect_left_by_xdp(&in);
}

/*
 * A NIC may put next to nothing into the first buffer. Where the kernel can be told to do the same
 * (6.18), a packet is turned round if all headers that are looked at lie in it, else it is left.
 */
static void what_cannot_be_read_is_left(void **state)
{
	struct frame inner = inner_to_other(500), in = tunnelled(BOUNCER_200, &inner);
	struct frame out = forwarded(BOUNCER, &inner);
	const unsigned int all_headers = ETH + encap() + 20;
	struct result result;

	expect_judged(&in, &out, COUNT(forward) | COUNT(bounce));
	for (unsigned int first = ETH; first <= all_headers; first++) {
		bool is_turned = first == all_headers;

		if (!plane_run_xdp_split(&in, first, &result)) {
			print_message("this kernel cannot split a packet in a test run\n");
			return;
		}
		assert_int_equal(result.verdict, is_turned ? TC_ACT_REDIRECT : TC_ACT_UNSPEC);
		assert_memory_equal(result.out.bytes, (is_turned ? out : in).bytes, in.size);
		assert_int_equal(result.counters[MZ_COUNT_transit].packets, is_turned);
		assert_int_equal(result.counters[MZ_COUNT_turn].packets, is_turned);
	}
}

int test_xdp(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(without_a_next_hop_it_is_left, setup),
		cmocka_unit_test_setup(what_does_not_fit_is_left, setup),
		cmocka_unit_test_setup(jumbo_packets_are_turned, setup),
		cmocka_unit_test_setup(a_vlan_is_the_hosts, setup),
		cmocka_unit_test_setup(what_cannot_be_read_is_left, setup),
	};

	return cmocka_run_group_tests_name("xdp", tests, NULL, NULL);
}
