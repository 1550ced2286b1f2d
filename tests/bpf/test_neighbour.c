// SPDX-License-Identifier: Apache-2.0
/* What the agent answers itself: ARP, neighbour discovery, ping to the gateway. */
#include "plane.h"

#include <string.h>

#define ZERO_MAC       "00:00:00:00:00:00"
#define SOLICITED_NODE "ff02::1:ff00:2"
#define SOLICITED_MAC  "33:33:ff:00:00:02"

static struct arp_spec arp_request(const char *target)
{
	return (struct arp_spec){ .dst_mac = BROADCAST,
				  .src_mac = PORT_MAC,
				  .op = 1,
				  .sender_mac = PORT_MAC,
				  .sender = PORT_IPV4,
				  .target_mac = ZERO_MAC,
				  .target = target };
}

static struct frame arp(const struct arp_spec *spec)
{
	struct frame frame = {};

	frame_arp(&frame, spec);
	return frame;
}

static void arp_is_answered_with_the_virtual_mac(void **state)
{
	static const char *const targets[] = { "10.0.0.2", "10.0.0.254", "10.0.1.4", "8.8.8.8" };

	for (size_t i = 0; i < sizeof(targets) / sizeof(*targets); i++) {
		struct arp_spec request = arp_request(targets[i]);
		struct arp_spec reply = { .dst_mac = PORT_MAC,
					  .src_mac = VIRTUAL_MAC,
					  .op = 2,
					  .sender_mac = VIRTUAL_MAC,
					  .sender = targets[i],
					  .target_mac = PORT_MAC,
					  .target = PORT_IPV4 };
		struct frame in = arp(&request), out = arp(&reply);

		expect_sent(AGENT, &in, &out, COUNT(reply));
		/* Padded to Ethernet's minimum. */
		in.size = out.size = 60;
		expect_sent(AGENT, &in, &out, COUNT(reply));
	}
}

static void arp_without_a_question_is_absorbed(void **state)
{
	struct arp_spec spec = arp_request("10.0.0.2");
	struct frame in;

	spec.sender = "0.0.0.0"; /* probe */
	in = arp(&spec);
	expect_absorbed(&in);
	spec.target = PORT_IPV4; /* probe for its own address */
	in = arp(&spec);
	expect_absorbed(&in);
	spec.sender = PORT_IPV4; /* announcement */
	in = arp(&spec);
	expect_absorbed(&in);
	spec.op = 2;
	in = arp(&spec);
	expect_absorbed(&in);
}

static void arp_of_somebody_else_is_dropped(void **state)
{
	struct arp_spec spec = arp_request("10.0.0.2");
	struct frame in;

	spec.sender = "10.0.0.3";
	in = arp(&spec);
	expect_drop(AGENT, &in, MZ_DROP_spoofed_neighbour);
	spec.op = 2;
	in = arp(&spec);
	expect_drop(AGENT, &in, MZ_DROP_spoofed_neighbour);
	spec = arp_request("10.0.0.2");
	spec.sender_mac = "02:bb:00:00:00:02";
	in = arp(&spec);
	expect_drop(AGENT, &in, MZ_DROP_spoofed_neighbour);
	spec = arp_request("10.0.0.2");
	spec.src_mac = "02:bb:00:00:00:02";
	in = arp(&spec);
	expect_drop(AGENT, &in, MZ_DROP_spoofed_mac);
	spec = arp_request("169.254.169.254");
	in = arp(&spec);
	expect_drop(AGENT, &in, MZ_DROP_link_local);
}

static void arp_of_another_kind_is_malformed(void **state)
{
	static const uint8_t offsets[] = { 1, 2, 4, 5 }; /* hardware, protocol, their lengths */

	for (size_t i = 0; i < sizeof(offsets); i++) {
		struct arp_spec spec = arp_request("10.0.0.2");
		struct frame in = arp(&spec);

		in.bytes[ETH + offsets[i]]++;
		expect_drop(AGENT, &in, MZ_DROP_inner_malformed);
	}
}

static struct nd_spec solicitation(const char *target)
{
	return (struct nd_spec){ .dst_mac = SOLICITED_MAC,
				 .src_mac = PORT_MAC,
				 .src = PORT_IPV6,
				 .dst = SOLICITED_NODE,
				 .type = 135,
				 .target = target,
				 .option = 1,
				 .option_mac = PORT_MAC };
}

static struct frame nd(const struct nd_spec *spec)
{
	struct frame frame = {};

	frame_nd(&frame, spec);
	return frame;
}

static void expect_advertisement(const struct nd_spec *question, uint8_t flags)
{
	struct frame in = nd(question);
	struct frame out = nd(&(struct nd_spec){ .dst_mac = PORT_MAC,
						 .src_mac = VIRTUAL_MAC,
						 .src = question->target,
						 .dst = question->src,
						 .type = 136,
						 .flags = flags,
						 .target = question->target,
						 .option = 2,
						 .option_mac = VIRTUAL_MAC });

	expect_sent(AGENT, &in, &out, COUNT(reply));
}

static void solicitations_are_answered_with_the_virtual_mac(void **state)
{
	struct nd_spec spec = solicitation("fd00:a::2");

	expect_advertisement(&spec, 0x60);
	spec.option = 0; /* a unicast question need not say the MAC */
	spec.dst = "fd00:a::2";
	spec.dst_mac = VIRTUAL_MAC;
	expect_advertisement(&spec, 0x60);
	spec = solicitation("fd00:a::2");
	spec.src = "fe80::1:2:3";
	expect_advertisement(&spec, 0x60);
	spec = solicitation("fd00:a::fe"); /* the gateway is a router */
	expect_advertisement(&spec, 0xe0);
}

static void nd_without_a_question_is_absorbed(void **state)
{
	struct nd_spec spec = solicitation(PORT_IPV6);
	struct frame in = nd(&spec);

	expect_absorbed(&in);
	spec.src = "::"; /* duplicate address detection */
	spec.option = 0;
	in = nd(&spec);
	expect_absorbed(&in);
	spec.target = "fd00:a::2";
	in = nd(&spec);
	expect_absorbed(&in);
	spec = solicitation(PORT_IPV6);
	spec.type = 136;
	spec.option = 2;
	in = nd(&spec);
	expect_absorbed(&in);
}

static void nd_of_somebody_else_is_dropped(void **state)
{
	struct nd_spec spec = solicitation("fd00:a::2");
	struct frame in;

	spec.src = "fd00:a::3";
	in = nd(&spec);
	expect_drop(AGENT, &in, MZ_DROP_spoofed_neighbour);
	spec = solicitation("fd00:a::2");
	spec.option_mac = "02:bb:00:00:00:02";
	in = nd(&spec);
	expect_drop(AGENT, &in, MZ_DROP_spoofed_neighbour);
	spec = solicitation("fd00:a::2"); /* advertises another's address, to another */
	spec.type = 136;
	spec.dst = "fd00:a::4";
	in = nd(&spec);
	expect_drop(AGENT, &in, MZ_DROP_spoofed_neighbour);
	spec.type = 134; /* router advertisement */
	in = nd(&spec);
	expect_drop(AGENT, &in, MZ_DROP_spoofed_neighbour);
	spec.type = 137; /* redirect */
	in = nd(&spec);
	expect_drop(AGENT, &in, MZ_DROP_spoofed_neighbour);
}

static void nd_that_nobody_should_send_is_dropped(void **state)
{
	struct nd_spec spec = solicitation("fd00:a::2");
	struct frame in;

	spec.hop_limit = 64;
	in = nd(&spec);
	expect_drop(AGENT, &in, MZ_DROP_inner_malformed);
	spec = solicitation("fd00:a::2");
	spec.code = 1;
	in = nd(&spec);
	expect_drop(AGENT, &in, MZ_DROP_inner_malformed);
	spec = solicitation("ff02::1");
	in = nd(&spec);
	expect_drop(AGENT, &in, MZ_DROP_inner_malformed);
	spec = solicitation("fe80::1");
	in = nd(&spec);
	expect_drop(AGENT, &in, MZ_DROP_link_local);
	spec.type = 133;
	in = nd(&spec);
	expect_drop(AGENT, &in, MZ_DROP_link_local);
}

/* Wrapped in an extension header, a forged advertisement would reach other endpoints. */
static void nd_behind_an_extension_is_dropped(void **state)
{
	uint8_t payload[8 + 24] = { 58, 0, 1, 4 };
	struct ip_spec spec = { .dst_mac = VIRTUAL_MAC,
				.src_mac = PORT_MAC,
				.src = PORT_IPV6,
				.dst = "fd00:a::4",
				.ttl = 255,
				.payload = payload,
				.payload_size = sizeof(payload) };
	static const uint8_t extensions[] = { 0, 43, 44, 60 };
	struct frame in = {};

	payload[8] = 136;
	for (size_t i = 0; i < sizeof(extensions); i++) {
		spec.proto = extensions[i];
		payload[2] = payload[3] = 0;
		frame_ip(&in, &spec);
		if (!spec.proto)
			in.bytes[ETH + 6] = 0;
		expect_drop(AGENT, &in, MZ_DROP_extension);
	}
}

/* In a later fragment, or behind more options than are looked at: not known to be no ND. */
static void nd_out_of_sight_is_dropped(void **state)
{
	uint8_t payload[1016 + 24] = { 58, 126 };
	struct ip_spec spec = { .dst_mac = VIRTUAL_MAC,
				.src_mac = PORT_MAC,
				.src = PORT_IPV6,
				.dst = "fd00:a::4",
				.ttl = 255,
				.proto = 60,
				.payload = payload,
				.payload_size = sizeof(payload) };
	uint8_t fragment[8 + 8] = { 60, 0, 0, 1, 1, 2, 3, 4, 58, 0, 1, 4 };
	struct frame in = {};

	payload[1016] = 136;
	frame_ip(&in, &spec);
	expect_drop(AGENT, &in, MZ_DROP_extension);

	spec.proto = 44;
	spec.payload = fragment;
	spec.payload_size = sizeof(fragment);
	frame_ip(&in, &spec);
	expect_drop(AGENT, &in, MZ_DROP_extension);
}

static struct frame ping(const char *dst, bool is_answer)
{
	bool is_ipv6 = strchr(dst, ':');
	uint8_t echo[24] = { is_ipv6 ? 128 : 8, 0, 0, 0, 1, 2, 3, 4, 'h', 'i' };
	const char *port_ip = is_ipv6 ? PORT_IPV6 : PORT_IPV4;
	struct ip_spec spec = { .dst_mac = VIRTUAL_MAC,
				.src_mac = PORT_MAC,
				.src = port_ip,
				.dst = dst,
				.proto = is_ipv6 ? 58 : 1,
				.ttl = 17,
				.payload = echo,
				.payload_size = sizeof(echo) };
	struct frame frame = {};

	if (is_answer) {
		echo[0] = is_ipv6 ? 129 : 0;
		spec = (struct ip_spec){ .dst_mac = PORT_MAC,
					 .src_mac = VIRTUAL_MAC,
					 .src = dst,
					 .dst = port_ip,
					 .proto = spec.proto,
					 .ttl = 64,
					 .payload = echo,
					 .payload_size = sizeof(echo) };
	}
	frame_ip(&frame, &spec);
	frame_icmp_checksum(&frame, ETH + (is_ipv6 ? 40 : 20), is_ipv6);
	return frame;
}

static void the_gateway_answers_ping(void **state)
{
	struct frame in = ping("10.0.0.254", false), out = ping("10.0.0.254", true);

	expect_sent(AGENT, &in, &out, COUNT(reply));
	in = ping("fd00:a::fe", false);
	out = ping("fd00:a::fe", true);
	expect_sent(AGENT, &in, &out, COUNT(reply));
}

static void the_gateway_answers_nothing_else(void **state)
{
	struct frame in = from_port("10.0.0.254");

	expect_drop(AGENT, &in, MZ_DROP_gateway);
	in = from_port("fd00:a::fe");
	expect_drop(AGENT, &in, MZ_DROP_gateway);
	in = ping("10.0.0.254", false);
	in.bytes[ETH + 20] = 13; /* timestamp */
	expect_drop(AGENT, &in, MZ_DROP_gateway);
	in = ping("10.0.0.254", false);
	in.bytes[ETH + 3] = 24; /* what looks like a question is behind the packet's end */
	expect_drop(AGENT, &in, MZ_DROP_gateway);
	in = ping("10.0.0.254", false);
	in.bytes[ETH + 6] = 0x20; /* more fragments */
	expect_drop(AGENT, &in, MZ_DROP_gateway);
}

int test_neighbour(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup(f, plane_setup)
		TEST(arp_is_answered_with_the_virtual_mac),
		TEST(arp_without_a_question_is_absorbed),
		TEST(arp_of_somebody_else_is_dropped),
		TEST(arp_of_another_kind_is_malformed),
		TEST(solicitations_are_answered_with_the_virtual_mac),
		TEST(nd_without_a_question_is_absorbed),
		TEST(nd_of_somebody_else_is_dropped),
		TEST(nd_that_nobody_should_send_is_dropped),
		TEST(nd_behind_an_extension_is_dropped),
		TEST(nd_out_of_sight_is_dropped),
		TEST(the_gateway_answers_ping),
		TEST(the_gateway_answers_nothing_else),
#undef TEST
	};

	return cmocka_run_group_tests_name("neighbour", tests, NULL, NULL);
}
