// SPDX-License-Identifier: Apache-2.0
/*
 * What comes from the underlay: what is the host's, what is a tunnel packet for us, and is it
 * sound?
 */
#include "underlay.h"

#include <string.h>

#include <linux/pkt_cls.h>

/* IPv6 with extension headers of 8 bytes in front of UDP. */
static struct frame with_extensions(unsigned int n, uint8_t type)
{
	struct frame whole = tunnelled(BOUNCER, &(struct frame){ .size = ETH }), frame = whole;

	frame.size = UDP;
	for (unsigned int i = 0; i < n; i++) {
		const uint8_t header[8] = { i + 1 < n ? type : 17 };

		frame_append(&frame, header, sizeof(header));
	}
	frame.bytes[ETH + 6] = type;
	put16(frame.bytes + ETH + 4, 8 * n + whole.size - UDP);
	frame_append(&frame, whole.bytes + UDP, whole.size - UDP);
	return frame;
}

/* offset: in 8 bytes. */
static struct frame fragment(uint16_t offset, bool has_more)
{
	struct tunnel_spec spec = spec_from(BOUNCER);
	struct frame frame;

	spec.fragment = offset | (has_more ? 0x2000 : 0);
	if (!frame_underlay_is_ipv6())
		return tunnel(&spec);
	frame = with_extensions(1, 44);
	put16(frame.bytes + UDP + 2, offset << 3 | has_more);
	return frame;
}

static void what_is_not_ours_passes(void **state)
{
	struct frame in, inner = inner_to_4();
	struct tunnel_spec spec = spec_from(BOUNCER);
	struct arp_spec arp = { .dst_mac = BROADCAST,
				.src_mac = "02:aa:00:00:00:02",
				.op = 1,
				.sender_mac = "02:aa:00:00:00:02",
				.sender = BOUNCER,
				.target_mac = "00:00:00:00:00:00",
				.target = SELF };

	spec.dst_port = 4789;
	in = tunnel(&spec);
	expect_pass(&in);
	spec = spec_from(BOUNCER);
	spec.dst = "192.168.50.9";
	in = tunnel(&spec);
	expect_pass(&in);
	in = tunnelled(BOUNCER, &inner);
	in.bytes[ETH + (frame_underlay_is_ipv6() ? 6 : 9)] = 6; /* TCP to the same port */
	expect_pass(&in);
	in = tunnelled(BOUNCER, &inner);
	in.bytes[ETH] = 0x55; /* IP of another version */
	expect_pass(&in);
	frame_arp(&in, &arp);
	expect_pass(&in);
	in = inner_from("fd00::1", "fd00::2");
	expect_pass(&in);
	in = fragment(1, false); /* not the first: it has no ports */
	expect_pass(&in);
}

static void a_bouncers_packet_is_delivered(void **state)
{
	static const char *const pairs[][2] = { { "10.0.0.2", "10.0.0.4" },
						{ "fd00:a::2", "fd00:a::4" } };

	for (size_t i = 0; i < 2; i++) {
		struct frame inner = inner_from(pairs[i][0], pairs[i][1]);
		struct frame in = tunnelled(BOUNCER, &inner), out = delivered(MAC_4, &inner);

		expect_sent(TRANSIT, &in, &out, COUNT(deliver));
		plane_use_old_kernel(true);
		expect_sent(TRANSIT, &in, &out, COUNT(deliver));
		plane_use_old_kernel(false);
	}
}

static void strangers_are_dropped(void **state)
{
	struct tunnel_spec spec = spec_from("192.168.50.99");

	expect_refused(&spec, MZ_DROP_unknown_host);
	spec = spec_from(SELF);
	expect_refused(&spec, MZ_DROP_unknown_host);
}

/* Whoever sends them may know better by now, as after a restart of this host without tables. */
static void foreign_vnis_are_given_back(void **state)
{
	static const uint32_t vnis[] = { 8, 0, VNI | 0x800000 };
	struct tunnel_spec spec = spec_from(BOUNCER), back = spec;
	struct frame in, out;

	for (size_t i = 0; i < sizeof(vnis) / sizeof(*vnis); i++) {
		spec.vni = back.vni = vnis[i];
		spec.eth_proto = 0;
		in = tunnel(&spec);
		back.dst_mac = "02:aa:00:00:00:02";
		back.src_mac = SELF_MAC;
		back.src = SELF;
		back.dst = BOUNCER;
		back.ttl = 63;
		back.eth_proto = MZ_GENEVE_RETURNED;
		out = tunnel(&back);
		expect_sent(TRANSIT, &in, &out, COUNT(forward) | COUNT(give_back));
		spec.eth_proto = MZ_GENEVE_RETURNED; /* once */
		in = tunnel(&spec);
		expect_drop_by_tc(&in, MZ_DROP_no_vpc);
	}
	/* Another tenant's VPC, known here, with none of its endpoints. */
	put_vpc(8, 0, LIST("192.168.50.3"));
	spec = spec_from(BOUNCER);
	spec.vni = 8;
	expect_refused(&spec, MZ_DROP_not_here);
}

static void outer_fragments_are_dropped(void **state)
{
	struct frame in = fragment(0, true);

	expect_drop(TRANSIT, &in, MZ_DROP_outer_fragment);
}

/* No sender has a reason for them; what is behind them is looked for all the same. */
static void outer_extensions_are_refused(void **state)
{
	static const uint8_t types[] = { 0, 43, 60, 135 };
	struct frame in;

	if (!frame_underlay_is_ipv6())
		return;
	for (size_t i = 0; i < sizeof(types); i++) {
		for (unsigned int n = 1; n <= 6; n++) {
			in = with_extensions(n, types[i]);
			expect_drop(TRANSIT, &in, MZ_DROP_outer_extension);
		}
		in = with_extensions(7, types[i]);
		expect_pass(&in);
	}
	in = with_extensions(2, 60);
	put16(in.bytes + UDP + 2 * 8 + 2, 4789); /* to another port */
	expect_pass(&in);
	in = with_extensions(2, 60);
	in.bytes[UDP + 1] = 0xff; /* longer than the packet */
	expect_pass(&in);
	in = with_extensions(1, 60);
	in.bytes[UDP] = 59; /* nothing behind it */
	expect_pass(&in);
}

static void outer_options_are_stepped_over(void **state)
{
	struct tunnel_spec spec = spec_from(BOUNCER);

	if (frame_underlay_is_ipv6())
		return;
	for (spec.n_ip_options = 4; spec.n_ip_options <= 40; spec.n_ip_options += 4) {
		struct frame in = tunnel(&spec);

		expect_delivered(&in);
	}
}

static void a_checksum_outside_does_not_matter(void **state)
{
	struct tunnel_spec spec = spec_from(BOUNCER);
	struct frame in;

	spec.udp_check = 0xabcd;
	in = tunnel(&spec);
	expect_delivered(&in);
}

static void lying_lengths_outside_are_malformed(void **state)
{
	struct frame inner = inner_to_4(), in = tunnelled(BOUNCER, &inner);
	size_t udp_len = in.size - UDP, length_at = ETH + (frame_underlay_is_ipv6() ? 4 : 2);
	size_t length = frame_underlay_is_ipv6() ? udp_len : in.size - ETH;

	put16(in.bytes + UDP + 4, udp_len + 1);
	expect_drop(TRANSIT, &in, MZ_DROP_outer_malformed);
	put16(in.bytes + UDP + 4, 7);
	expect_drop(TRANSIT, &in, MZ_DROP_outer_malformed);
	put16(in.bytes + UDP + 4, 15); /* no room for Geneve */
	expect_drop(TRANSIT, &in, MZ_DROP_outer_malformed);
	put16(in.bytes + UDP + 4, 16); /* nor for a frame */
	expect_drop(TRANSIT, &in, MZ_DROP_inner_malformed);
	put16(in.bytes + UDP + 4, udp_len - 1); /* cuts the inner packet */
	expect_drop(TRANSIT, &in, MZ_DROP_inner_malformed);
	in = tunnelled(BOUNCER, &inner);
	put16(in.bytes + length_at, length + 1);
	expect_drop(TRANSIT, &in, MZ_DROP_outer_malformed);
	put16(in.bytes + length_at, length - udp_len + 7);
	expect_drop(TRANSIT, &in, MZ_DROP_outer_malformed);
}

static void inner_garbage_is_named(void **state)
{
	static const uint16_t protocols[] = { 0x0806, 0x8100, 0x6558, 0x0000 };
	struct frame in, inner;

	for (size_t i = 0; i < sizeof(protocols) / sizeof(*protocols); i++) {
		inner = inner_to_4();
		put16(inner.bytes + 12, protocols[i]);
		in = tunnelled(BOUNCER, &inner);
		expect_drop(TRANSIT, &in, MZ_DROP_inner_protocol);
	}
	inner = inner_to_4();
	put_mac(inner.bytes, BROADCAST);
	in = tunnelled(BOUNCER, &inner);
	expect_drop(TRANSIT, &in, MZ_DROP_multicast);
	inner = inner_from("10.0.0.2", "224.0.0.1");
	in = tunnelled(BOUNCER, &inner);
	expect_drop(TRANSIT, &in, MZ_DROP_multicast);
	inner = inner_from("fe80::1", "fd00:a::4");
	in = tunnelled(BOUNCER, &inner);
	expect_drop(TRANSIT, &in, MZ_DROP_link_local);
	inner = inner_from("fd00:a::2", "::ffff:10.0.0.4");
	in = tunnelled(BOUNCER, &inner);
	expect_drop(TRANSIT, &in, MZ_DROP_inner_malformed);
}

static void lying_lengths_inside_are_malformed(void **state)
{
	static const struct {
		size_t off;
		uint8_t value;
	} lies[] = { { 0, 0x44 }, { 0, 0x65 }, { 0, 0x4f }, { 2, 0xff }, { 3, 19 }, { 3, 0 } };
	struct frame in, inner;

	for (size_t i = 0; i < sizeof(lies) / sizeof(*lies); i++) {
		inner = inner_to_4();
		inner.bytes[ETH + lies[i].off] = lies[i].value;
		in = tunnelled(BOUNCER, &inner);
		expect_drop(TRANSIT, &in, MZ_DROP_inner_malformed);
	}
	inner = inner_to_4(); /* a header with options, in a packet that is shorter */
	inner.bytes[ETH] = 0x46;
	inner.bytes[ETH + 3] = 23;
	in = tunnelled(BOUNCER, &inner);
	expect_drop(TRANSIT, &in, MZ_DROP_inner_malformed);
	inner = inner_from("fd00:a::2", "fd00:a::4");
	inner.bytes[ETH + 5]++;
	in = tunnelled(BOUNCER, &inner);
	expect_drop(TRANSIT, &in, MZ_DROP_inner_malformed);
	inner = inner_from("fd00:a::2", "fd00:a::4");
	inner.bytes[ETH] = 0x40;
	in = tunnelled(BOUNCER, &inner);
	expect_drop(TRANSIT, &in, MZ_DROP_inner_malformed);
}

/* RFC 6040, figure 4. */
static void congestion_marks_come_out_of_the_tunnel(void **state)
{
	enum { NOT_ECT, ECT1, ECT0, CE, DROPPED };
	static const uint8_t after[4][4] = {
		/* by inner, then outer: not ECT, ECT(1), ECT(0), CE */
		[NOT_ECT] = { NOT_ECT, NOT_ECT, NOT_ECT, DROPPED },
		[ECT1] = { ECT1, ECT1, ECT1, CE },
		[ECT0] = { ECT0, ECT1, ECT0, CE },
		[CE] = { CE, CE, CE, CE },
	};
	static const char *const pairs[][2] = { { "10.0.0.2", "10.0.0.4" },
						{ "fd00:a::2", "fd00:a::4" } };

	for (unsigned int i = 0; i < 32; i++) {
		uint8_t inner_ecn = i & 3, outer_ecn = i >> 2 & 3;
		uint8_t ecn = after[inner_ecn][outer_ecn];
		struct ip_spec ip = { .dst_mac = VIRTUAL_MAC,
				      .src_mac = PORT_MAC,
				      .src = pairs[i >> 4][0],
				      .dst = pairs[i >> 4][1] };
		struct tunnel_spec spec = spec_from(BOUNCER);
		struct frame in = {}, inner = {}, out;

		spec.tos = 0xb8 | outer_ecn;
		ip.tos = 0x28 | inner_ecn;
		frame_ip(&inner, &ip);
		frame_tunnel(&in, &spec, &inner);
		if (ecn == DROPPED) {
			expect_drop_by_tc(&in, MZ_DROP_ecn);
			continue;
		}
		ip.tos = 0x28 | ecn;
		frame_ip(&inner, &ip);
		out = delivered(MAC_4, &inner);
		expect_sent(TRANSIT, &in, &out, COUNT(deliver));
	}
}

static void what_the_kernel_cannot_unpack_is_named(void **state)
{
	struct frame inner = inner_to_4(), in = tunnelled(BOUNCER, &inner);
	struct result result;

	plane_run_gso(TRANSIT, &in, 100, &result);
	assert_int_equal(result.drops[MZ_DROP_decapsulate].packets, 1);
	/* The lengths of a super-packet need not fit into 16 bits: zero is no lie. */
	put16(in.bytes + ETH + (frame_underlay_is_ipv6() ? 4 : 2), 0);
	put16(in.bytes + UDP + 4, 0);
	plane_run_gso(TRANSIT, &in, 100, &result);
	assert_int_equal(result.drops[MZ_DROP_decapsulate].packets, 1);
}

/* Of one size and one flow outside, UDP GRO makes one of them: the second is data of the first. */
static void merged_tunnel_packets_are_refused(void **state)
{
	static const char *const pairs[][2] = { { "10.0.0.2", "10.0.0.4" },
						{ "fd00:a::2", "fd00:a::4" } };
	struct tunnel_spec spec = spec_from(BOUNCER);
	struct result result;

	for (size_t i = 0; i < 2; i++) {
		struct frame in = {}, inner = inner_from(pairs[i][0], pairs[i][1]);
		struct frame second = tunnelled(BOUNCER, &inner);

		frame_append(&inner, second.bytes + UDP + 8, second.size - UDP - 8);
		frame_tunnel(&in, &spec, &inner);
		plane_run_gso(TRANSIT, &in, 100, &result);
		assert_int_equal(result.verdict, TC_ACT_SHOT);
		assert_int_equal(result.drops[MZ_DROP_inner_malformed].packets, 1);
	}
}

int test_transit(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup(f, plane_setup)
		TEST(what_is_not_ours_passes),
		TEST(a_bouncers_packet_is_delivered),
		TEST(strangers_are_dropped),
		TEST(foreign_vnis_are_given_back),
		TEST(outer_fragments_are_dropped),
		TEST(outer_extensions_are_refused),
		TEST(outer_options_are_stepped_over),
		TEST(a_checksum_outside_does_not_matter),
		TEST(lying_lengths_outside_are_malformed),
		TEST(inner_garbage_is_named),
		TEST(lying_lengths_inside_are_malformed),
		TEST(congestion_marks_come_out_of_the_tunnel),
		TEST(what_the_kernel_cannot_unpack_is_named),
		TEST(merged_tunnel_packets_are_refused),
#undef TEST
	};

	return cmocka_run_group_tests_name("transit", tests, NULL, NULL);
}
