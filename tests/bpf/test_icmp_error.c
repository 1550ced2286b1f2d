// SPDX-License-Identifier: Apache-2.0
/*
 * ICMP errors: what deserves one, whole packets of them, where they go, how many there are; and the
 * path's MTU, that a router on the underlay tells by one.
 */
#include "plane.h"

#include <arpa/inet.h>
#include <string.h>
#include <time.h>

#include <linux/pkt_cls.h>

#define NO_MAC	  "00:00:00:00:00:00"
#define UDP_AT(is_ipv6) (ETH + ((is_ipv6) ? 40 : 20))

static const uint8_t zeros[2000];

/* A packet with so many bytes behind the IP header: UDP, if nothing else is said. */
static struct frame packet(const char *src, const char *dst, size_t size)
{
	struct frame frame = {};
	struct ip_spec spec = { .dst_mac = VIRTUAL_MAC,
				.src_mac = PORT_MAC,
				.src = src,
				.dst = dst,
				.payload = zeros,
				.payload_size = size };

	frame_ip(&frame, &spec);
	return frame;
}

/* The error about a packet, as it should be; mtu 0: out of hops. */
static struct frame error_about(const struct frame *in, const char *mac, const char *from,
				const char *to, uint32_t mtu)
{
	bool is_ipv6 = strchr(from, ':');
	size_t max = is_ipv6 ? 1280 - 48 : 576 - 28, size = in->size - ETH;
	uint8_t payload[1280] = {};
	struct frame frame = {};
	struct ip_spec spec = { .dst_mac = mac,
				.src_mac = VIRTUAL_MAC,
				.src = from,
				.dst = to,
				.proto = is_ipv6 ? 58 : 1,
				.payload = payload };

	size = size > max ? max : size;
	payload[0] = is_ipv6 ? (mtu ? 2 : 3) : (mtu ? 3 : 11);
	payload[1] = !is_ipv6 && mtu ? 4 : 0;
	put32(payload + 4, mtu);
	memcpy(payload + 8, in->bytes + ETH, size);
	spec.payload_size = 8 + size;
	frame_ip(&frame, &spec);
	if (is_ipv6)
		put32(frame.bytes + ETH, 6U << 28); /* no flow label */
	frame_icmp_checksum(&frame, ETH + (is_ipv6 ? 40 : 20), is_ipv6);
	return frame;
}

/* As it is counted: before it gets into a tunnel. */
static size_t error_size(const struct frame *out, unsigned int counters)
{
	return out->size - (counters & COUNT(encapsulate) ? 30 + frame_outer_size() : 0);
}

/* The packet is dropped, an error sent; before, after: counters of the one, and the other. */
static void expect_error_after(enum hook hook, const struct frame *in, enum mz_drop reason,
			       const struct frame *out, unsigned int before, unsigned int after)
{
	struct frame expected = *out;
	struct result result;

	plane_run(hook, in, &result);
	assert_int_equal(result.verdict, TC_ACT_REDIRECT);
	assert_int_equal(result.drops[reason].packets, 1);
	assert_int_equal(result.drops[reason].bytes, in->size);
	before |= hook == AGENT ? COUNT(agent) : COUNT(transit);
	after |= COUNT(icmp_error);
	for (int i = 0; i < MZ_N_COUNTERS; i++)
		if (result.counters[i].packets != (before >> i & 1) + (after >> i & 1) ||
		    result.counters[i].bytes !=
			    (before >> i & 1) * in->size +
				    (after >> i & 1) * error_size(out, after))
			fail_msg("counter %d: %d", i, (int)result.counters[i].packets);
	if (after & COUNT(encapsulate))
		copy_entropy(&expected, &result.out);
	for (size_t i = 0; i < out->size; i++)
		if (expected.bytes[i] != result.out.bytes[i])
			fail_msg("byte %zu is %02x, not %02x", i, result.out.bytes[i],
				 expected.bytes[i]);
	assert_int_equal(result.out.size, out->size);
	if (hook == TRANSIT)
		expect_left_by_xdp(in);
}

static void expect_error(enum hook hook, const struct frame *in, enum mz_drop reason,
			 const struct frame *out)
{
	expect_error_after(hook, in, reason, out, 0, 0);
}

static void expect_silence(enum hook hook, const struct frame *in, enum mz_drop reason)
{
	struct result result;

	plane_run(hook, in, &result);
	assert_int_equal(result.verdict, TC_ACT_SHOT);
	assert_int_equal(result.drops[reason].packets, 1);
	assert_int_equal(result.counters[MZ_COUNT_icmp_error].packets, 0);
}

/* As for an underlay of IPv4; over IPv6 20 more, and packets that fit are the same. */
static void set_path_mtu(const char *host, uint32_t mtu, int seconds)
{
	struct mz_nexthop row = { .path_mtu = mtu + frame_outer_size() - 20 };
	struct mz_addr key = addr(host);
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	row.path_mtu_until = now.tv_sec + seconds;
	row.ways[0].ifindex = 1;
	put_mac(row.ways[0].dst_mac, "02:aa:00:00:00:02");
	put_mac(row.ways[0].src_mac, SELF_MAC);
	row_put(MZ_TABLE_nexthop, &key, &row);
}

static int setup(void **state)
{
	plane_setup(state);
	plane_forget_errors();
	return 0;
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
static void expect_transit_error(const char *src, const char *dst, uint32_t mtu, const char *mac,
				 const char *host, unsigned int before, unsigned int after)
{
	struct frame inner = packet(src, dst, 1411), in = tunnelled(BOUNCER, &inner), out;

	out = error_about(&inner, VIRTUAL_MAC, dst, src, mtu);
	put_mac(out.bytes + 6, mac);
	out = encapsulated(host, &out);
	expect_error_after(TRANSIT, &in, MZ_DROP_too_big, &out, before,
			   after | COUNT(encapsulate));
}

/* As the destination's answer would go: by a bouncer of its network. */
static void the_destinations_host_answers_by_its_bouncer(void **state)
{
	put_local("10.0.0.4", 100, MAC_4, 1400);
	put_local("fd00:a::4", 100, MAC_4, 1400);
	expect_transit_error("10.0.1.2", "10.0.0.4", 1400, PORT_MAC, BOUNCER, 0, 0);
	expect_transit_error("fd00:b::2", "fd00:a::4", 1400, PORT_MAC, BOUNCER, 0, 0);
	plane_use_old_kernel(true);
	expect_transit_error("fd00:b::2", "fd00:a::4", 1400, PORT_MAC, BOUNCER, 0, 0);
}

/* The destination's bouncer: by a divider. The source's bouncer: to the source's host. */
static void bouncers_answer(void **state)
{
	set_path_mtu(BOUNCER, 1450, 60);
	put_network(200, LIST(SELF));
	put_location("10.0.1.2", 200, BOUNCER);
	expect_transit_error("10.0.0.2", "10.0.1.2", 1360, NO_MAC, DIVIDER, COUNT(bounce), 0);
	put_location("10.0.0.2", 100, BOUNCER_200);
	expect_transit_error("10.0.0.2", "10.0.1.2", 1360, NO_MAC, BOUNCER_200, COUNT(bounce),
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
	expect_transit_error("10.0.0.2", "10.0.1.2", 1360, NO_MAC, BOUNCER, COUNT(divide),
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

/* ---- the path's MTU -------------------------------------------------------------------------- */

/* What a router says of a packet of ours to a host; the caller spoils it. */
static struct frame router_says(const char *host, uint16_t mtu)
{
	struct frame inner = packet("10.0.0.2", "10.0.0.9", 1400);
	struct frame quoted = encapsulated(host, &inner), frame;
	char router[48], self[48];

	put16(quoted.bytes + UDP_AT(frame_underlay_is_ipv6()), 40000);
	frame = error_about(&quoted, SELF_MAC, frame_host("192.168.50.250", router),
			    frame_host(SELF, self), mtu);
	put32(frame.bytes + UDP_AT(frame_underlay_is_ipv6()) + 4, mtu);
	return frame;
}

static uint32_t path_mtu(const char *host)
{
	struct mz_addr key = addr(host);
	struct mz_nexthop row;

	row_get(MZ_TABLE_nexthop, &key, &row);
	return row.path_mtu;
}

static void expect_heeded(const struct frame *in, bool is_heeded)
{
	struct result result;

	plane_run(TRANSIT, in, &result);
	assert_int_equal(result.verdict, TC_ACT_UNSPEC); /* the host's stack gets it, too */
	assert_int_equal(result.counters[MZ_COUNT_pass].packets, 1);
	assert_int_equal(result.counters[MZ_COUNT_path_mtu].packets, is_heeded);
}

static void a_routers_word_is_heeded(void **state)
{
	const uint32_t min = frame_underlay_is_ipv6() ? 1280 : 576;
	const uint32_t fits = 1400 - 90 - (frame_outer_size() - 20);
	struct frame in = router_says(BOUNCER, 1400), out;
	struct frame big = packet(PORT_IPV4, "10.0.0.2", 1331);

	expect_heeded(&in, true);
	assert_int_equal(path_mtu(BOUNCER), 1400);
	assert_int_equal(path_mtu(DIVIDER), 0);
	out = error_about(&big, PORT_MAC, "10.0.0.254", PORT_IPV4, fits);
	expect_error(AGENT, &big, MZ_DROP_too_big, &out);
	/* Only downwards, and not below the least. */
	in = router_says(BOUNCER, 1450);
	expect_heeded(&in, false);
	in = router_says(BOUNCER, 1300);
	expect_heeded(&in, true);
	in = router_says(BOUNCER, 68);
	expect_heeded(&in, true);
	assert_int_equal(path_mtu(BOUNCER), min);
	in = router_says(BOUNCER, 0);
	expect_heeded(&in, false);
	/* Ten minutes later. */
	set_path_mtu(BOUNCER, min, -1);
	out = encapsulated(BOUNCER, &big);
	expect_sent(AGENT, &big, &out, COUNT(encapsulate));
	in = router_says(BOUNCER, 1400);
	expect_heeded(&in, true);
	assert_int_equal(path_mtu(BOUNCER), 1400);
}

struct lie {
	uint8_t off; /* behind Ethernet */
	uint8_t value;
};

/*
 * The message: fragment, to another, type, code; the packet: options, no DF, TCP, from, to, ports,
 * small.
 */
static const struct lie lies4[] = {
	{ 6, 0x20 },	{ 19, 9 },	{ 20, 11 },	{ 21, 3 },
	{ 28, 0x46 },	{ 28 + 6, 0 },	{ 28 + 9, 6 },	{ 28 + 15, 9 },
	{ 28 + 19, 9 }, { 28 + 20, 16 }, { 28 + 22, 0 }, { 28 + 2, 0 },
};
/* The message: no ICMP, to another, type, code; the packet: TCP, from, to, ports. */
static const struct lie lies6[] = {
	{ 6, 17 },	{ 39, 9 },	{ 40, 3 },	 { 41, 1 },	 { 48 + 6, 6 },
	{ 48 + 23, 9 }, { 48 + 39, 9 }, { 48 + 40, 16 }, { 48 + 42, 0 },
};

static void what_is_about_no_packet_of_ours_is_not(void **state)
{
	bool is_ipv6 = frame_underlay_is_ipv6();
	size_t n = is_ipv6 ? sizeof(lies6) / sizeof(*lies6) : sizeof(lies4) / sizeof(*lies4);
	size_t least = frame_outer_size();
	struct frame in;

	for (size_t i = 0; i < n; i++) {
		const struct lie *lie = is_ipv6 ? &lies6[i] : &lies4[i];

		in = router_says(BOUNCER, 1400);
		in.bytes[ETH + lie->off] = lie->value;
		expect_heeded(&in, false);
	}
	for (size_t size = ETH + least; size < ETH + least + 8 + least + 8; size++) {
		in = router_says(BOUNCER, 1400);
		in.size = size;
		expect_heeded(&in, false);
	}
	assert_int_equal(path_mtu(BOUNCER), 0);
}

int test_icmp_error(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup(f, setup)
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
		TEST(a_routers_word_is_heeded),
		TEST(what_is_about_no_packet_of_ours_is_not),
#undef TEST
	};

	return cmocka_run_group_tests_name("icmp_error", tests, NULL, NULL);
}
