// SPDX-License-Identifier: Apache-2.0
/* What an endpoint may send, and how it gets into a tunnel. */
#include "plane.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"

#define REMOTE_IPV4 "10.0.0.2"
#define REMOTE_IPV6 "fd00:a::2"

static struct frame ip(const struct ip_spec *spec)
{
	struct frame frame = {};

	frame_ip(&frame, spec);
	return frame;
}

static struct ip_spec spec_to(const char *dst)
{
	return (struct ip_spec){ .dst_mac = VIRTUAL_MAC,
				 .src_mac = PORT_MAC,
				 .src = strchr(dst, ':') ? PORT_IPV6 : PORT_IPV4,
				 .dst = dst };
}

static void a_device_without_port_drops(void **state)
{
	uint32_t ifindex = 1;
	struct frame in = from_port(REMOTE_IPV4);

	row_delete(MZ_TABLE_port, &ifindex);
	expect_drop(AGENT, &in, MZ_DROP_no_port);
}

static void only_its_own_mac_is_accepted(void **state)
{
	struct ip_spec spec = spec_to(REMOTE_IPV4);
	struct frame in;

	spec.src_mac = "02:bb:00:00:00:02";
	in = ip(&spec);
	expect_drop(AGENT, &in, MZ_DROP_spoofed_mac);
}

static void only_its_own_addresses_are_accepted(void **state)
{
	static const char *const pairs[][2] = {
		{ "10.0.0.3", REMOTE_IPV4 },
		{ "10.0.0.254", REMOTE_IPV4 },
		{ "fd00:a::3", REMOTE_IPV6 },
		{ "fd00:a::fe", REMOTE_IPV6 },
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		struct frame in = inner_from(pairs[i][0], pairs[i][1]);

		expect_drop(AGENT, &in, MZ_DROP_spoofed_ip);
	}
}

/* A port without an address of a family holds zeros there: they are nobody's address. */
static void a_missing_family_is_no_address(void **state)
{
	struct mz_port port = { .network = 100, .vni = VNI, .ip4 = addr(PORT_IPV4) };
	uint32_t ifindex = 1;
	struct frame in = inner_from("::", REMOTE_IPV6);

	put_mac(port.mac, PORT_MAC);
	row_put(MZ_TABLE_port, &ifindex, &port);
	expect_drop(AGENT, &in, MZ_DROP_link_local);
	in = inner_from(PORT_IPV4, "0.0.0.0");
	expect_drop(AGENT, &in, MZ_DROP_link_local);
	in = inner_from(PORT_IPV6, REMOTE_IPV6);
	expect_drop(AGENT, &in, MZ_DROP_spoofed_ip);
}

static void its_own_address_is_no_destination(void **state)
{
	struct frame in = from_port(PORT_IPV4);

	expect_drop(AGENT, &in, MZ_DROP_own_address);
	in = from_port(PORT_IPV6);
	expect_drop(AGENT, &in, MZ_DROP_own_address);
}

static void what_is_not_carried_is_named(void **state)
{
	static const struct {
		const char *src, *dst;
		enum mz_drop reason;
	} cases[] = {
		{ PORT_IPV4, "224.0.0.251", MZ_DROP_multicast },
		{ PORT_IPV4, "255.255.255.255", MZ_DROP_multicast },
		{ "0.0.0.0", "255.255.255.255", MZ_DROP_multicast }, /* DHCP */
		{ PORT_IPV6, "ff02::fb", MZ_DROP_multicast },
		{ "::", "ff02::16", MZ_DROP_multicast }, /* MLD */
		{ PORT_IPV4, "169.254.169.254", MZ_DROP_link_local },
		{ PORT_IPV4, "127.0.0.1", MZ_DROP_link_local },
		{ PORT_IPV6, "fe80::1", MZ_DROP_link_local },
		{ PORT_IPV6, "febf::1", MZ_DROP_link_local },
		{ PORT_IPV6, "::1", MZ_DROP_link_local },
		{ "fe80::1:2:3", REMOTE_IPV6, MZ_DROP_link_local },
		{ PORT_IPV6, "::ffff:10.0.0.4", MZ_DROP_inner_malformed },
		{ "::ffff:10.0.0.1", REMOTE_IPV6, MZ_DROP_inner_malformed },
	};
	struct ip_spec spec = spec_to("10.0.0.255");
	struct frame in;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		in = inner_from(cases[i].src, cases[i].dst);
		expect_drop(AGENT, &in, cases[i].reason);
	}
	spec.dst_mac = BROADCAST;
	in = ip(&spec);
	expect_drop(AGENT, &in, MZ_DROP_multicast);
}

static void other_protocols_are_named(void **state)
{
	static const uint16_t protocols[] = { 0x8100, 0x88a8, 0x8847, 0x88cc, 0x0026 };

	for (size_t i = 0; i < sizeof(protocols) / sizeof(*protocols); i++) {
		struct frame in = from_port(REMOTE_IPV4);

		put16(in.bytes + 12, protocols[i]);
		expect_drop(AGENT, &in, MZ_DROP_inner_protocol);
	}
}

static void an_unknown_destination_goes_to_the_bouncer(void **state)
{
	struct frame in = from_port(REMOTE_IPV4), out = encapsulated(BOUNCER, &in);

	expect_sent(AGENT, &in, &out, COUNT(encapsulate));
	in = from_port(REMOTE_IPV6);
	out = encapsulated(BOUNCER, &in);
	expect_sent(AGENT, &in, &out, COUNT(encapsulate));
	in = from_port("8.8.8.8"); /* of no network: the divider will say so */
	out = after_hop(&in);
	out = encapsulated(BOUNCER, &out);
	expect_sent(AGENT, &in, &out, COUNT(encapsulate));
}

static uint8_t tos_of(const struct frame *frame)
{
	const uint8_t *ip = frame->bytes + ETH;

	return ip[0] >> 4 == 4 ? ip[1] : (uint8_t)(ip[0] << 4 | ip[1] >> 4);
}

static void the_traffic_class_goes_outside(void **state)
{
	static const uint8_t values[] = { 0x00, 0x01, 0x02, 0x03, 0xb8, 0xbb, 0xff };
	static const char *const remotes[] = { REMOTE_IPV4, REMOTE_IPV6 };

	for (size_t i = 0; i < 2 * sizeof(values); i++) {
		struct ip_spec spec = spec_to(remotes[i & 1]);
		struct frame in, out;

		spec.tos = values[i / 2];
		in = ip(&spec);
		out = encapsulated(BOUNCER, &in);
		assert_int_equal(tos_of(&out), spec.tos);
		expect_sent(AGENT, &in, &out, COUNT(encapsulate));
	}
}

static void options_and_fragments_are_carried(void **state)
{
	static const uint16_t fragments[] = { 0x2000, 0x2005, 0x0005, 0x4000 };
	struct ip_spec spec = spec_to(REMOTE_IPV4);
	struct frame in, out;

	for (size_t i = 0; i < sizeof(fragments) / sizeof(*fragments); i++) {
		spec.fragment = fragments[i];
		in = ip(&spec);
		out = encapsulated(BOUNCER, &in);
		expect_sent(AGENT, &in, &out, COUNT(encapsulate));
	}
	for (spec.n_options = 4; spec.n_options <= 40; spec.n_options += 4) {
		in = ip(&spec);
		out = encapsulated(BOUNCER, &in);
		expect_sent(AGENT, &in, &out, COUNT(encapsulate));
	}
}

/* n headers of 8 bytes, then UDP. */
static struct frame with_extensions(unsigned int n, uint8_t type, uint8_t last)
{
	uint8_t payload[8 * 12] = {};
	struct ip_spec spec = spec_to(REMOTE_IPV6);

	for (unsigned int i = 0; i < n; i++)
		payload[8 * i] = i + 1 < n ? type : last;
	spec.proto = type;
	spec.payload = payload;
	spec.payload_size = sizeof(payload);
	return ip(&spec);
}

static void extensions_are_followed(void **state)
{
	struct frame in, out;

	for (unsigned int n = 1; n <= 6; n++) {
		in = with_extensions(n, 60, 17);
		out = encapsulated(BOUNCER, &in);
		expect_sent(AGENT, &in, &out, COUNT(encapsulate));
	}
	in = with_extensions(7, 60, 17);
	expect_drop(AGENT, &in, MZ_DROP_extension);
	in = with_extensions(1, 60, 17);
	in.bytes[ETH + 40 + 1] =
		0xff; /* longer than the packet, but the next header is not asked for */
	out = encapsulated(BOUNCER, &in);
	expect_sent(AGENT, &in, &out, COUNT(encapsulate));
	in = with_extensions(2, 60, 17);
	in.bytes[ETH + 40 + 1] = 0xff;
	expect_drop(AGENT, &in, MZ_DROP_extension);
	in = with_extensions(1, 44, 60); /* not the first fragment: what follows is payload */
	in.bytes[ETH + 40 + 3] = 0x08;
	out = encapsulated(BOUNCER, &in);
	expect_sent(AGENT, &in, &out, COUNT(encapsulate));
}

static void without_rows_there_is_a_reason(void **state)
{
	struct mz_network_key network = { .network = 100 };
	struct frame in = from_port(REMOTE_IPV4);
	uint32_t vni = VNI;

	put_network(100, NULL, 0);
	expect_drop(AGENT, &in, MZ_DROP_no_network);
	row_delete(MZ_TABLE_network, &network);
	expect_drop(AGENT, &in, MZ_DROP_no_network);
	row_delete(MZ_TABLE_vpc, &vni);
	expect_drop(AGENT, &in, MZ_DROP_no_vpc);
}

/* A set of several bouncers: the same flow always finds the same one, and all of them get some. */
static void replicas_share_the_flows(void **state)
{
	struct result result;
	unsigned int seen = 0;

	put_network(100, LIST("192.168.50.2", "192.168.50.3", "192.168.50.4"));
	for (uint16_t port = 1; port <= 200; port++) {
		struct frame in = from_port(REMOTE_IPV4);
		uint8_t host;

		put16(in.bytes + ETH + 20, port);
		plane_run(AGENT, &in, &result);
		assert_int_equal(result.verdict, 7);
		host = result.out.bytes[ETH + frame_outer_size() - 1]; /* of its address */
		seen |= 1U << host;
		plane_run(AGENT, &in, &result);
		assert_int_equal(result.out.bytes[ETH + frame_outer_size() - 1], host);
	}
	assert_int_equal(seen, 1U << 2 | 1U << 3 | 1U << 4);
}

static void write_file(const char *path, const char *text)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void without_a_next_hop_the_kernel_is_asked(void **state)
{
	struct mz_addr host = addr(BOUNCER);
	struct mz_nexthop nowhere = {};
	const char *forwarding = frame_underlay_is_ipv6()
					 ? "/proc/sys/net/ipv6/conf/lo/forwarding"
					 : "/proc/sys/net/ipv4/conf/lo/forwarding";
	struct frame in = from_port(REMOTE_IPV4), out = encapsulated(BOUNCER, &in);

	row_delete(MZ_TABLE_nexthop, &host);
	memset(out.bytes, 0, 12); /* the kernel writes the MACs */
	write_file(forwarding, "0");
	expect_sent(AGENT, &in, &out, COUNT(encapsulate) | COUNT(resolve));
	/* A host that forwards knows that there is no route. */
	write_file(forwarding, "1");
	expect_drop(AGENT, &in, MZ_DROP_no_nexthop);
	write_file(forwarding, "0");
	row_put(MZ_TABLE_nexthop, &host, &nowhere); /* a row without a device */
	expect_drop(AGENT, &in, MZ_DROP_no_nexthop);
}

static void a_full_size_packet_fits_and_one_byte_more_is_named(void **state)
{
	static const uint8_t payload[1500 - 50 - 20 + 1];
	struct ip_spec spec = spec_to(REMOTE_IPV4);
	struct frame in, out, tunnel;
	struct result result;

	plane_set_mtu(1500);
	spec.payload = payload;
	spec.payload_size = sizeof(payload) - 1 - (frame_outer_size() - 20);
	in = ip(&spec);
	out = encapsulated(BOUNCER, &in);
	assert_int_equal(out.size, ETH + 1500);
	expect_sent(AGENT, &in, &out, COUNT(encapsulate));
	spec.payload_size++;
	in = ip(&spec);
	plane_run(AGENT, &in, &result); /* test_icmp_error.c has the rest */
	assert_int_equal(result.drops[MZ_DROP_too_big].packets, 1);
	/* Into an endpoint of this host, or out of a tunnel: less on the way. */
	in = from_port("10.0.0.4");
	put_local("10.0.0.4", 100, MAC_4, in.size - ETH);
	out = delivered(MAC_4, &in);
	expect_sent(AGENT, &in, &out, COUNT(deliver));
	tunnel = tunnelled(BOUNCER, &in);
	expect_sent(TRANSIT, &tunnel, &out, COUNT(deliver));
	put_local("10.0.0.4", 100, MAC_4, in.size - ETH - 1);
	plane_run(AGENT, &in, &result);
	assert_int_equal(result.drops[MZ_DROP_too_big].packets, 1);
	plane_run(TRANSIT, &tunnel, &result);
	assert_int_equal(result.drops[MZ_DROP_too_big].packets, 1);
	plane_set_mtu(65536);
}

static void what_the_kernel_cannot_tunnel_is_named(void **state)
{
	struct frame in = from_port(REMOTE_IPV4);
	struct result result;

	plane_run_gso(AGENT, &in, 100, &result);
	assert_int_equal(result.drops[MZ_DROP_encapsulate].packets, 1);
}

int test_agent(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup(f, plane_setup)
		TEST(a_device_without_port_drops),
		TEST(only_its_own_mac_is_accepted),
		TEST(only_its_own_addresses_are_accepted),
		TEST(a_missing_family_is_no_address),
		TEST(its_own_address_is_no_destination),
		TEST(what_is_not_carried_is_named),
		TEST(other_protocols_are_named),
		TEST(an_unknown_destination_goes_to_the_bouncer),
		TEST(the_traffic_class_goes_outside),
		TEST(options_and_fragments_are_carried),
		TEST(extensions_are_followed),
		TEST(without_rows_there_is_a_reason),
		TEST(replicas_share_the_flows),
		TEST(without_a_next_hop_the_kernel_is_asked),
		TEST(a_full_size_packet_fits_and_one_byte_more_is_named),
		TEST(what_the_kernel_cannot_tunnel_is_named),
#undef TEST
	};

	return cmocka_run_group_tests_name("agent", tests, NULL, NULL);
}
