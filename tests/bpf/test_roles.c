// SPDX-License-Identifier: Apache-2.0
/*
 * Bounce, divide and deliver, alone and in every co-location on one host, with VPCs that ask for
 * dividers and others. This host plays the roles that a test's rows give it.
 */
#include "plane.h"

#include <arpa/inet.h>
#include <string.h>

static void put_member(const char *ip, uint64_t network)
{
	struct mz_vni_addr key = { .vni = VNI, .addr = addr(ip) };
	struct mz_route row = { .network = network };

	row_put(MZ_TABLE_member, &key, &row);
}

/* This host divides the VPC. */
static void become_divider(uint32_t flags)
{
	put_vpc(VNI, flags, LIST(SELF));
	put_routes();
}

/* This host bounces for network 100, with the source among its endpoints. */
static void become_bouncer(void)
{
	put_network(100, LIST(SELF));
	put_location(PORT_IPV4, 100, SELF);
	put_location("10.0.0.4", 100, SELF);
	put_location("10.0.0.2", 100, BOUNCER);
	put_location("fd00:a::2", 100, BOUNCER);
}

static void expect_agent_delivers(const char *dst, const char *mac, unsigned int counters)
{
	struct frame in = from_port(dst), out = after_hop(&in);

	out = delivered(mac, &out);

	expect_sent(AGENT, &in, &out, COUNT(deliver) | counters);
}

static void expect_agent_drops(const char *dst, enum mz_drop reason)
{
	struct frame in = from_port(dst);

	expect_drop(AGENT, &in, reason);
}

static void expect_transit_delivers(const char *from, const char *src, const char *dst,
				    const char *mac, unsigned int counters)
{
	struct frame inner = inner_from(src, dst), in = tunnelled(from, &inner);
	struct frame out = delivered(mac, &inner);

	expect_sent(TRANSIT, &in, &out, COUNT(deliver) | counters);
}

static void expect_transit_sends(const char *from, const char *src, const char *dst,
				 const char *host, unsigned int counters)
{
	struct frame inner = inner_from(src, dst), in = tunnelled(from, &inner);
	struct frame out = forwarded(host, &inner);

	expect_sent(TRANSIT, &in, &out, COUNT(forward) | counters);
}

static void expect_transit_drops(const char *from, const char *src, const char *dst,
				 enum mz_drop reason)
{
	struct frame inner = inner_from(src, dst), in = tunnelled(from, &inner);

	expect_drop(TRANSIT, &in, reason);
}

static void neighbours_on_one_host(void **state)
{
	expect_agent_delivers("10.0.0.4", MAC_4, 0);
	expect_agent_delivers("fd00:a::4", MAC_4, 0);
	expect_agent_delivers("10.0.1.4", MAC_1_4, 0);
	expect_agent_delivers("fd00:b::4", MAC_1_4, 0);
}

/* The sender's link, wherever the destination is; who has no gateway has everything on it. */
static void the_link_is_as_long_as_the_port_says(void **state)
{
	static const struct {
		uint8_t len;
		unsigned int n_hops;
	} cases[] = { { 128, 1 }, { 0, 0 }, { 126, 1 }, { 125, 0 }, { 97, 0 } };
	uint32_t ifindex = 1;
	struct frame in = from_port("10.0.0.4"), out;
	struct mz_port port = { .network = 100, .vni = VNI, .ip4 = addr(PORT_IPV4) };

	put_mac(port.mac, PORT_MAC);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		port.prefix_len4 = cases[i].len;
		row_put(MZ_TABLE_port, &ifindex, &port);
		out = delivered(MAC_4, &in);
		take_ttl(&out, cases[i].n_hops);
		expect_sent(AGENT, &in, &out, COUNT(deliver));
	}
}

static void without_a_device_it_is_not_here(void **state)
{
	struct mz_vni_addr key = { .vni = VNI, .addr = addr("10.0.0.4") };
	struct mz_local row = { .network = 100 };

	row_put(MZ_TABLE_local, &key, &row);
	expect_agent_sends("10.0.0.4", BOUNCER, 0);
	expect_transit_drops(BOUNCER, "10.0.0.2", "10.0.0.4", MZ_DROP_not_here);
}

static void agent_and_bouncer(void **state)
{
	become_bouncer();
	expect_agent_sends("10.0.0.2", BOUNCER, COUNT(bounce));
	expect_agent_sends("fd00:a::2", BOUNCER, COUNT(bounce));
	expect_agent_sends("10.0.1.9", DIVIDER, 0);
	put_location("10.0.0.9", 100, SELF);
	expect_agent_drops("10.0.0.9", MZ_DROP_not_here);
	put_vpc(VNI, 0, NULL, 0);
	expect_agent_drops("10.0.1.9", MZ_DROP_no_divider);
}

static void agent_and_divider(void **state)
{
	become_divider(0);
	expect_agent_sends("10.0.0.2", BOUNCER, COUNT(divide));
	expect_agent_sends("10.0.1.2", BOUNCER_200, COUNT(divide));
	expect_agent_sends("fd00:b::2", BOUNCER_200, COUNT(divide));
	expect_agent_drops("10.0.2.2", MZ_DROP_no_route);
	put_member("10.0.2.2", 100); /* an exact row wins over any prefix */
	expect_agent_sends("10.0.2.2", BOUNCER, COUNT(divide));
	put_member("10.0.1.2", 100);
	expect_agent_sends("10.0.1.2", BOUNCER, COUNT(divide));
	put_prefix("10.0.1.128", 121, 100); /* the longer prefix wins */
	expect_agent_sends("10.0.1.129", BOUNCER, COUNT(divide));
	expect_agent_sends("10.0.1.127", BOUNCER_200, COUNT(divide));
	put_prefix("10.0.3.0", 120, 300); /* a network without bouncers */
	expect_agent_drops("10.0.3.1", MZ_DROP_no_network);
	put_network(300, NULL, 0);
	expect_agent_drops("10.0.3.1", MZ_DROP_no_network);
}

static void agent_divider_and_bouncer(void **state)
{
	become_divider(0);
	become_bouncer();
	expect_agent_sends("10.0.0.2", BOUNCER, COUNT(divide) | COUNT(bounce));
	expect_agent_drops("10.0.0.9", MZ_DROP_no_endpoint);
	put_location("10.0.0.9", 100, SELF);
	expect_agent_drops("10.0.0.9", MZ_DROP_not_here);
}

/* Everything on one host: the packet never leaves it. */
static void all_roles_on_one_host_with_divide(void **state)
{
	become_divider(MZ_VPC_DIVIDE);
	become_bouncer();
	expect_agent_delivers("10.0.0.4", MAC_4, 0);
	expect_agent_delivers("10.0.1.4", MAC_1_4, COUNT(divide));
	expect_agent_delivers("fd00:b::4", MAC_1_4, COUNT(divide));
}

static void divide_keeps_networks_apart_on_one_host(void **state)
{
	put_vpc(VNI, MZ_VPC_DIVIDE, LIST(DIVIDER));
	expect_agent_delivers("10.0.0.4", MAC_4, 0);
	expect_agent_sends("10.0.1.4", DIVIDER, 0);
	become_bouncer();
	put_vpc(VNI, MZ_VPC_DIVIDE, LIST(DIVIDER));
	expect_agent_sends("10.0.1.4", DIVIDER, 0);
	put_location("10.0.1.2", 200, BOUNCER_200); /* known here, and yet round by the divider */
	expect_agent_sends("10.0.1.2", DIVIDER, 0);
}

static void a_bouncer_turns_packets_round(void **state)
{
	put_network(100, LIST(SELF));
	put_location("10.0.0.3", 100, DIVIDER);
	put_location("10.0.0.2", 100, BOUNCER);
	put_location("fd00:a::2", 100, BOUNCER);
	expect_transit_sends(BOUNCER_200, "10.0.0.9", "10.0.0.2", BOUNCER, COUNT(bounce));
	expect_transit_sends(BOUNCER_200, "fd00:a::9", "fd00:a::2", BOUNCER, COUNT(bounce));
	expect_transit_sends(BOUNCER, "10.0.0.2", "10.0.1.2", DIVIDER, 0);
	put_vpc(VNI, 0, NULL, 0);
	expect_transit_drops(BOUNCER, "10.0.0.2", "10.0.1.2", MZ_DROP_no_divider);
}

/* The outer header's options stay, and its checksum follows. */
static void turning_round_keeps_the_rest(void **state)
{
	uint8_t options[] = { 0x01, 0x08, 0x05, 0x01, 9, 9, 9, 9 };
	struct tunnel_spec spec = { .dst_mac = SELF_MAC,
				    .src_mac = "02:aa:00:00:00:77",
				    .src = BOUNCER_200,
				    .dst = SELF,
				    .tos = 0x2b,
				    .ttl = 9,
				    .src_port = 55555,
				    .vni = VNI,
				    .n_ip_options = 8,
				    .options = options,
				    .n_options = sizeof(options),
				    .udp_check = 0x1234 };
	struct frame inner = inner_from("10.0.0.9", "10.0.0.2"), in = {}, out = {};

	put_location("10.0.0.2", 100, BOUNCER);
	frame_tunnel(&in, &spec, &inner);
	spec.dst_mac = "02:aa:00:00:00:02";
	spec.src_mac = SELF_MAC;
	spec.src = SELF;
	spec.dst = BOUNCER;
	spec.ttl = 8;
	spec.udp_check = 0; /* that of the old addresses is wrong now */
	frame_tunnel(&out, &spec, &inner);
	expect_sent(TRANSIT, &in, &out, COUNT(forward) | COUNT(bounce));
}

static void loops_end(void **state)
{
	struct tunnel_spec spec = { .dst_mac = SELF_MAC,
				    .src_mac = "02:aa:00:00:00:77",
				    .src = BOUNCER_200,
				    .dst = SELF,
				    .ttl = 1,
				    .src_port = 40000,
				    .vni = VNI };
	struct frame inner = inner_from("10.0.0.9", "10.0.0.2"), in = {}, out;

	put_location("10.0.0.2", 100, BOUNCER);
	frame_tunnel(&in, &spec, &inner);
	expect_drop(TRANSIT, &in, MZ_DROP_hop_limit);
	/* What ends here needs no further hop. */
	inner = inner_from("10.0.0.9", "10.0.0.4");
	frame_tunnel(&in, &spec, &inner);
	out = delivered(MAC_4, &inner);
	expect_sent(TRANSIT, &in, &out, COUNT(deliver));
	/* A divider's packet is not divided again, whatever the sets of others say. */
	put_network(100, LIST(SELF));
	put_location("10.0.0.9", 100, BOUNCER);
	expect_transit_drops(DIVIDER, "10.0.0.9", "10.0.0.77", MZ_DROP_no_endpoint);
	/* What another bouncer of the source's network sent here came to be delivered. */
	put_network(100, LIST(BOUNCER, BOUNCER_200));
	put_location("10.0.0.9", 100, BOUNCER_200);
	expect_transit_drops(BOUNCER, "10.0.0.9", "10.0.0.77", MZ_DROP_not_here);
}

static void a_divider_turns_packets_round(void **state)
{
	become_divider(0);
	expect_transit_sends(BOUNCER, "10.0.0.2", "10.0.1.2", BOUNCER_200, COUNT(divide));
	expect_transit_sends(BOUNCER, "fd00:a::2", "fd00:b::2", BOUNCER_200, COUNT(divide));
	expect_transit_drops(BOUNCER, "10.0.0.2", "10.9.0.2", MZ_DROP_no_route);
	put_network(200, LIST(SELF)); /* and bounces for the other network */
	expect_transit_drops(BOUNCER, "10.0.0.2", "10.0.1.2", MZ_DROP_no_endpoint);
	put_location("10.0.1.2", 200, BOUNCER_200);
	expect_transit_sends(BOUNCER, "10.0.0.2", "10.0.1.2", BOUNCER_200, COUNT(bounce));
}

/* bounce (a miss), divide, deliver, in one pass. */
static void bouncer_divider_and_destination(void **state)
{
	become_divider(MZ_VPC_DIVIDE);
	put_network(100, LIST(SELF));
	put_location("10.0.0.2", 100, BOUNCER);
	expect_transit_delivers(BOUNCER, "10.0.0.2", "10.0.1.4", MAC_1_4, COUNT(divide));
	/* The location is known here too, and the divide stage still runs first. */
	put_network(200, LIST(SELF));
	put_location("10.0.1.4", 200, SELF);
	put_location("10.0.1.2", 200, BOUNCER_200);
	expect_transit_delivers(BOUNCER, "10.0.0.2", "10.0.1.4", MAC_1_4, COUNT(divide));
	expect_transit_sends(BOUNCER, "10.0.0.2", "10.0.1.2", BOUNCER_200,
			     COUNT(divide) | COUNT(bounce));
}

static void bouncer_and_destination(void **state)
{
	struct frame inner, in;

	put_vpc(VNI, MZ_VPC_DIVIDE, LIST(DIVIDER));
	become_bouncer();
	/* Same network: here at once. Another, or an unknown one: by the divider. */
	expect_transit_delivers(BOUNCER, "10.0.0.2", "10.0.0.4", MAC_4, 0);
	expect_transit_sends(BOUNCER_200, "10.0.1.2", "10.0.0.4", DIVIDER, 0);
	expect_transit_sends(BOUNCER, "10.0.0.2", "10.0.1.4", DIVIDER, 0);
	/* From the divider: here. */
	expect_transit_delivers(DIVIDER, "10.0.1.2", "10.0.0.4", MAC_4, 0);
	put_location("10.0.0.9", 100, SELF);
	inner = inner_from("10.0.1.2", "10.0.0.9");
	in = tunnelled(DIVIDER, &inner);
	expect_drop_by_tc(&in, MZ_DROP_not_here);
	put_location("10.0.1.9", 200, BOUNCER_200);
	put_vpc(VNI, MZ_VPC_DIVIDE, NULL, 0);
	expect_transit_drops(BOUNCER, "10.0.0.2", "10.0.1.9", MZ_DROP_no_divider);
}

static void with_divide_only_those_who_saw_to_it_are_believed(void **state)
{
	put_vpc(VNI, MZ_VPC_DIVIDE, LIST(DIVIDER));
	expect_transit_delivers(BOUNCER, "10.0.0.2", "10.0.0.4", MAC_4, 0);   /* its bouncer */
	expect_transit_delivers(DIVIDER, "10.0.1.2", "10.0.0.4", MAC_4, 0); /* a divider */
	expect_transit_drops(BOUNCER_200, "10.0.1.2", "10.0.0.4", MZ_DROP_not_divided);
	expect_transit_drops(BOUNCER_200, "10.0.0.2", "10.0.0.4", MZ_DROP_not_divided);
	put_vpc(VNI, 0, LIST(DIVIDER));
	expect_transit_delivers(BOUNCER_200, "10.0.1.2", "10.0.0.4", MAC_4, 0);
}

/* What stands behind the end of a set is not in it. */
static void sets_end_where_they_say(void **state)
{
	struct mz_vpc vpc = { .flags = MZ_VPC_DIVIDE, .dividers = { .n = 1 } };
	uint32_t vni = VNI;

	vpc.dividers.addrs[0] = addr(DIVIDER);
	vpc.dividers.addrs[1] = addr(BOUNCER_200);
	row_put(MZ_TABLE_vpc, &vni, &vpc);
	expect_transit_drops(BOUNCER_200, "10.0.1.2", "10.0.0.4", MZ_DROP_not_divided);
	vpc.dividers.n = 2;
	row_put(MZ_TABLE_vpc, &vni, &vpc);
	expect_transit_delivers(BOUNCER_200, "10.0.1.2", "10.0.0.4", MAC_4, 0);
}

static void what_is_not_here_is_named(void **state)
{
	expect_transit_drops(BOUNCER, "10.0.0.2", "10.0.0.77", MZ_DROP_not_here);
	expect_transit_drops(DIVIDER, "10.0.0.2", "10.0.0.77", MZ_DROP_no_endpoint);
	delete_local("10.0.0.4");
	expect_transit_drops(BOUNCER, "10.0.0.2", "10.0.0.4", MZ_DROP_not_here);
}

/* The same address in two VPCs: the VNI alone tells them apart. */
static void tenants_never_meet(void **state)
{
	struct mz_vni_addr key = { .vni = 8, .addr = addr("10.0.0.4") };
	struct mz_local row = { .network = 500, .ifindex = 1 };
	struct frame inner = inner_from("10.0.0.2", "10.0.0.4"), in = {}, out;
	struct tunnel_spec spec = { .dst_mac = SELF_MAC,
				    .src_mac = SELF_MAC,
				    .src = BOUNCER,
				    .dst = SELF,
				    .src_port = 40000,
				    .vni = 8 };

	put_mac(row.mac, "02:cc:00:00:00:04");
	row_put(MZ_TABLE_local, &key, &row);
	put_vpc(8, 0, LIST(DIVIDER));
	frame_tunnel(&in, &spec, &inner);
	out = delivered("02:cc:00:00:00:04", &inner);
	expect_sent(TRANSIT, &in, &out, COUNT(deliver));
	expect_transit_delivers(BOUNCER, "10.0.0.2", "10.0.0.4", MAC_4, 0);
	expect_agent_delivers("10.0.0.4", MAC_4, 0);
	delete_local("10.0.0.4");
	expect_agent_sends("10.0.0.4", BOUNCER, 0);
	expect_transit_drops(BOUNCER, "10.0.0.2", "10.0.0.4", MZ_DROP_not_here);
}

/* A network of four slots: each destination has its own bouncers. */
static void slots_share_the_destinations(void **state)
{
	struct mz_network row = { .vni = VNI, .slot_bits = 2, .bouncers = { .n = 1 } };
	unsigned int seen = 0;

	for (uint32_t slot = 0; slot < 4; slot++) {
		struct mz_network_key key = { .network = 100, .slot = slot };

		row.bouncers.addrs[0] = addr(slot & 1 ? BOUNCER : slot ? DIVIDER : BOUNCER_200);
		row_put(MZ_TABLE_network, &key, &row);
	}
	for (unsigned int i = 10; i < 60; i++) {
		struct frame in = from_port("10.0.0.2");
		struct result result;

		in.bytes[ETH + 19] = i;
		plane_run(AGENT, &in, &result);
		assert_int_equal(result.verdict, 7);
		seen |= 1U << result.out.bytes[ETH + frame_outer_size() - 1];
	}
	assert_int_equal(seen, 1U << 2 | 1U << 3 | 1U << 4);
}

int test_roles(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup(f, plane_setup)
		TEST(neighbours_on_one_host),
		TEST(the_link_is_as_long_as_the_port_says),
		TEST(without_a_device_it_is_not_here),
		TEST(agent_and_bouncer),
		TEST(agent_and_divider),
		TEST(agent_divider_and_bouncer),
		TEST(all_roles_on_one_host_with_divide),
		TEST(divide_keeps_networks_apart_on_one_host),
		TEST(a_bouncer_turns_packets_round),
		TEST(turning_round_keeps_the_rest),
		TEST(loops_end),
		TEST(a_divider_turns_packets_round),
		TEST(bouncer_divider_and_destination),
		TEST(bouncer_and_destination),
		TEST(with_divide_only_those_who_saw_to_it_are_believed),
		TEST(sets_end_where_they_say),
		TEST(what_is_not_here_is_named),
		TEST(tenants_never_meet),
		TEST(slots_share_the_destinations),
#undef TEST
	};

	return cmocka_run_group_tests_name("roles", tests, NULL, NULL);
}
