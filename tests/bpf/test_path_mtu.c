// SPDX-License-Identifier: Apache-2.0
/* The path's MTU, that a router on the underlay tells by an ICMP error. */
#include "icmp.h"

#include <linux/pkt_cls.h>

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

int test_path_mtu(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup(f, setup_icmp)
		TEST(a_routers_word_is_heeded),
		TEST(what_is_about_no_packet_of_ours_is_not),
#undef TEST
	};

	return cmocka_run_group_tests_name("path_mtu", tests, NULL, NULL);
}
