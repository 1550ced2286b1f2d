// SPDX-License-Identifier: Apache-2.0
/*
 * ICMP errors: what deserves one, whole packets of them, where they go, how many there are.
 */
#include "icmp.h"

#include <string.h>

#include <linux/pkt_cls.h>


static void expect_silence(enum hook hook, const struct frame *in, enum mz_drop reason)
{
	struct result result;

	plane_run(hook, in, &result);
	assert_int_equal(result.verdict, TC_ACT_SHOT);
	assert_int_equal(result.drops[reason].packets, 1);
	assert_int_equal(result.counters[MZ_COUNT_icmp_error].packets, 0);
}

static void the_gateway_says_what_fits(void **state)
{
	struct frame in = packet(PORT_IPV4, "10.0.0.2", 1431), out;

	set_path_mtu(BOUNCER, 1500, 60);
	out = error_about(&in, PORT_MAC, "10.0.0.254", PORT_IPV4, 1410);
	expect_error(AGENT, &in, MZ_DROP_too_big, &out);
	in.bytes[ETH + 6] = 0x40; /* DF makes no difference: nobody here cuts packets */
	put16(in.bytes + ETH + 10, 0);
	put16(in.bytes + ETH + 10, checksum(in.bytes + ETH, 20, 0));
	out = error_about(&in, PORT_MAC, "10.0.0.254", PORT_IPV4, 1410);
	expect_error(AGENT, &in, MZ_DROP_too_big, &out);
	in = packet(PORT_IPV6, "fd00:a::2", 1411);
	out = error_about(&in, PORT_MAC, "fd00:a::fe", PORT_IPV6, 1410);
	expect_error(AGENT, &in, MZ_DROP_too_big, &out);
	/* IPv6 has a least MTU, and no error asks for less. */
	set_path_mtu(BOUNCER, 1300, 60);
	out = error_about(&in, PORT_MAC, "fd00:a::fe", PORT_IPV6, 1280);
	expect_error(AGENT, &in, MZ_DROP_too_big, &out);
	in = packet(PORT_IPV4, "10.0.0.2", 1231);
	out = error_about(&in, PORT_MAC, "10.0.0.254", PORT_IPV4, 1210);
	expect_error(AGENT, &in, MZ_DROP_too_big, &out);
}

/* Quotes of every length: sums of odd ones, and of more than the kernel adds up at once. */
static void quotes_are_as_long_as_allowed(void **state)
{
	static const char *const pairs[][3] = { { PORT_IPV4, "10.0.1.4", "10.0.0.254" },
						{ PORT_IPV6, "fd00:b::4", "fd00:a::fe" } };
	static const size_t sizes[] = { 0, 1, 2, 3, 8, 450, 527, 528, 529, 1191, 1192, 1193, 1400 };

	for (size_t i = 0; i < 2 * sizeof(sizes) / sizeof(*sizes); i++) {
		struct frame in = packet(pairs[i & 1][0], pairs[i & 1][1], sizes[i / 2]), out;

		for (size_t j = UDP_AT(i & 1); j < in.size; j++)
			in.bytes[j] = j * 7;
		take_ttl(&in, 63);
		out = error_about(&in, PORT_MAC, pairs[i & 1][2], pairs[i & 1][0], 0);
		expect_error(AGENT, &in, MZ_DROP_inner_ttl, &out);
	}
}

static void out_of_hops_is_said_by_the_gateway(void **state)
{
	static const char *const dsts[] = { "10.0.1.4", "10.0.1.9", "8.8.8.8" };

	for (size_t i = 0; i < 2 * 3; i++) {
		struct frame in = packet(PORT_IPV4, dsts[i / 2], 8), out;

		take_ttl(&in, i & 1 ? 63 : 64); /* 1 and 0 */
		out = error_about(&in, PORT_MAC, "10.0.0.254", PORT_IPV4, 0);
		expect_error(AGENT, &in, MZ_DROP_inner_ttl, &out);
	}
}

/* A port whose network has no gateway, but is told that not all is on its link. */
static void without_a_gateway_the_destination_speaks(void **state)
{
	struct mz_port port = { .network = 100, .vni = VNI, .ip4 = addr(PORT_IPV4) };
	struct frame in = packet(PORT_IPV4, "10.0.0.2", 1431), out;
	uint32_t ifindex = 1;

	put_mac(port.mac, PORT_MAC);
	row_put(MZ_TABLE_port, &ifindex, &port);
	set_path_mtu(BOUNCER, 1500, 60);
	out = error_about(&in, PORT_MAC, "10.0.0.2", PORT_IPV4, 1410);
	expect_error(AGENT, &in, MZ_DROP_too_big, &out);
}

static void endpoints_of_one_host_may_differ(void **state)
{
	struct frame in = packet(PORT_IPV4, "10.0.0.4", 1381), out;

	put_local("10.0.0.4", 100, MAC_4, 1400);
	out = error_about(&in, PORT_MAC, "10.0.0.254", PORT_IPV4, 1400);
	expect_error(AGENT, &in, MZ_DROP_too_big, &out);
	in = packet(PORT_IPV4, "10.0.0.4", 1380);
	out = delivered(MAC_4, &in);
	expect_sent(AGENT, &in, &out, COUNT(deliver));
}

/* A tunnel packet that is too big for the endpoint here, or for the way to the next host. */
static void expect_transit_error(const char *src, const char *dst, uint32_t mtu,
				 const char *host, unsigned int before, unsigned int after)
{
	struct frame inner = packet(src, dst, 1411), in = tunnelled(BOUNCER, &inner), out;

	out = error_about(&inner, VIRTUAL_MAC, dst, src, mtu);
	put_mac(out.bytes + 6, PORT_MAC);
	out = encapsulated(host, &out);
	expect_error_after(TRANSIT, &in, MZ_DROP_too_big, &out, before,
			   after | COUNT(encapsulate));
}

/* As the destination's answer would go: by a bouncer of its network. */
static void the_destinations_host_answers_by_its_bouncer(void **state)
{
	put_local("10.0.0.4", 100, MAC_4, 1400);
	put_local("fd00:a::4", 100, MAC_4, 1400);
	expect_transit_error("10.0.1.2", "10.0.0.4", 1400, BOUNCER, 0, 0);
	expect_transit_error("fd00:b::2", "fd00:a::4", 1400, BOUNCER, 0, 0);
	plane_use_old_kernel(true);
	expect_transit_error("fd00:b::2", "fd00:a::4", 1400, BOUNCER, 0, 0);
}

/* The destination's bouncer: by a divider. The source's bouncer: to the source's host. */
static void bouncers_answer(void **state)
{
	set_path_mtu(BOUNCER, 1450, 60);
	put_network(200, LIST(SELF));
	put_location("10.0.1.2", 200, BOUNCER);
	expect_transit_error("10.0.0.2", "10.0.1.2", 1360, DIVIDER, COUNT(bounce), 0);
	put_location("10.0.0.2", 100, BOUNCER_200);
	expect_transit_error("10.0.0.2", "10.0.1.2", 1360, BOUNCER_200, COUNT(bounce),
			     COUNT(bounce));
}

static void dividers_answer(void **state)
{
	struct mz_vni_addr to = { .vni = VNI, .addr = addr("10.0.1.2") };
	struct mz_vni_addr from = { .vni = VNI, .addr = addr("10.0.0.2") };
	struct mz_route route = { .network = 200 };

	put_vpc(VNI, MZ_VPC_DIVIDE, LIST(SELF));
	row_put(MZ_TABLE_member, &to, &route);
	route.network = 100;
	row_put(MZ_TABLE_member, &from, &route);
	set_path_mtu(BOUNCER_200, 1450, 60);
	expect_transit_error("10.0.0.2", "10.0.1.2", 1360, BOUNCER, COUNT(divide),
			     COUNT(divide));
}

/* A bouncer that is the source's host as well: the error stays here. */
static void the_source_may_be_here(void **state)
{
	struct frame inner = packet("10.0.0.4", "10.0.0.2", 1411), in = tunnelled(DIVIDER, &inner);
	struct frame out = error_about(&inner, MAC_4, "10.0.0.2", "10.0.0.4", 1360);

	set_path_mtu(BOUNCER, 1450, 60);
	put_location("10.0.0.2", 100, BOUNCER);
	expect_error_after(TRANSIT, &in, MZ_DROP_too_big, &out, COUNT(bounce), COUNT(deliver));
}

static void super_packets_count_by_their_segments(void **state)
{
	static const uint16_t dsts[] = { 1, 4 };

	set_path_mtu(BOUNCER, 300, 60);
	put_local("10.0.0.4", 100, MAC_4, 250);
	for (size_t i = 0; i < 4; i++) {
		struct frame in = packet(PORT_IPV4, "10.0.0.2", 1300);
		struct result result;
		bool is_tcp = i & 1;

		in.bytes[ETH + 19] = dsts[i / 2] == 1 ? 2 : 4;
		in.bytes[ETH + 9] = is_tcp ? 6 : 17;
		in.bytes[ETH + 20 + 12] = 0x80; /* 32 bytes of TCP header */
		put16(in.bytes + ETH + 10, 0);
		put16(in.bytes + ETH + 10, checksum(in.bytes + ETH, 20, 0));
		/* To another host: 250 are left; here: 250, too. */
		plane_run_gso(AGENT, &in, 250 - 20 - (is_tcp ? 32 : 8), &result);
		assert_int_equal(result.drops[MZ_DROP_too_big].packets, 0);
		plane_run_gso(AGENT, &in, 250 - 20 - (is_tcp ? 32 : 8) + 1, &result);
		assert_int_equal(result.drops[MZ_DROP_too_big].packets, 1);
		assert_int_equal(result.counters[MZ_COUNT_icmp_error].packets, 1);
		assert_int_equal(result.out.size, ETH + 576);
	}
}

/* RFC 1122, 3.2.2; RFC 4443, 2.4 (e). */
static void some_packets_deserve_no_error(void **state)
{
	static const struct {
		uint8_t type;
		bool is_told;
	} types4[] = { { 0, 1 }, { 3, 0 },  { 4, 0 },  { 5, 0 },
		       { 8, 1 }, { 11, 0 }, { 12, 0 }, { 13, 1 } },
	  types6[] = { { 1, 0 }, { 2, 0 }, { 3, 0 }, { 4, 0 }, { 127, 0 }, { 128, 1 }, { 129, 1 } };
	struct result result;
	struct frame in;

	for (size_t i = 0; i < sizeof(types4) / sizeof(*types4); i++) {
		in = packet(PORT_IPV4, "10.0.1.2", 64);
		in.bytes[ETH + 9] = 1;
		in.bytes[ETH + 8] = 1;
		in.bytes[ETH + 20] = types4[i].type;
		plane_run(AGENT, &in, &result);
		assert_int_equal(result.counters[MZ_COUNT_icmp_error].packets, types4[i].is_told);
	}
	for (size_t i = 0; i < sizeof(types6) / sizeof(*types6); i++) {
		in = packet(PORT_IPV6, "fd00:b::2", 64);
		in.bytes[ETH + 6] = 58;
		in.bytes[ETH + 7] = 1;
		in.bytes[ETH + 40] = types6[i].type;
		plane_run(AGENT, &in, &result);
		assert_int_equal(result.counters[MZ_COUNT_icmp_error].packets, types6[i].is_told);
	}
	in = packet(PORT_IPV4, "10.0.1.2", 64);
	in.bytes[ETH + 8] = 1;
	in.bytes[ETH + 7] = 9; /* a fragment that is not the first */
	expect_silence(AGENT, &in, MZ_DROP_inner_ttl);
	in = packet(PORT_IPV6, "fd00:b::2", 64);
	in.bytes[ETH + 6] = 44;
	in.bytes[ETH + 7] = 1;
	in.bytes[ETH + 40 + 3] = 8;
	expect_silence(AGENT, &in, MZ_DROP_inner_ttl);
	/* From nobody. */
	set_path_mtu(BOUNCER, 1450, 60);
	put_location("10.0.0.2", 100, BOUNCER);
	in = packet("224.0.0.1", "10.0.0.2", 1411);
	in = tunnelled(DIVIDER, &in);
	expect_silence(TRANSIT, &in, MZ_DROP_too_big);
}

static void a_flood_is_no_flood_of_errors(void **state)
{
	struct frame in = packet(PORT_IPV4, "10.0.1.2", 64), other;
	unsigned int n_errors = 0, n_limited = 0;
	struct result result;

	take_ttl(&in, 63);
	for (int i = 0; i < 1000; i++) {
		plane_run(AGENT, &in, &result);
		assert_int_equal(result.drops[MZ_DROP_inner_ttl].packets, 1);
		n_errors += result.counters[MZ_COUNT_icmp_error].packets;
		n_limited += result.counters[MZ_COUNT_icmp_limit].packets;
	}
	assert_int_equal(n_errors + n_limited, 1000);
	assert_in_range(n_limited, 500, 950);
	/* Another sender has its own. */
	other = packet(PORT_IPV6, "fd00:b::2", 64);
	take_ttl(&other, 63);
	plane_run(AGENT, &other, &result);
	assert_int_equal(result.counters[MZ_COUNT_icmp_error].packets, 1);
}

int test_icmp_error(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup(f, setup_icmp)
		TEST(the_gateway_says_what_fits),
		TEST(quotes_are_as_long_as_allowed),
		TEST(out_of_hops_is_said_by_the_gateway),
		TEST(without_a_gateway_the_destination_speaks),
		TEST(endpoints_of_one_host_may_differ),
		TEST(the_destinations_host_answers_by_its_bouncer),
		TEST(bouncers_answer),
		TEST(dividers_answer),
		TEST(the_source_may_be_here),
		TEST(super_packets_count_by_their_segments),
		TEST(some_packets_deserve_no_error),
		TEST(a_flood_is_no_flood_of_errors),
#undef TEST
	};

	return cmocka_run_group_tests_name("icmp_error", tests, NULL, NULL);
}
