// SPDX-License-Identifier: Apache-2.0
#include "icmp.h"

#include <string.h>
#include <time.h>

#include <linux/pkt_cls.h>

static const uint8_t zeros[2000];

struct frame packet(const char *src, const char *dst, size_t size)
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

struct frame error_about(const struct frame *in, const char *mac, const char *from,
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

void expect_error_after(enum hook hook, const struct frame *in, enum mz_drop reason,
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
	expect_judged(in, &expected, after);
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

void expect_error(enum hook hook, const struct frame *in, enum mz_drop reason,
		  const struct frame *out)
{
	expect_error_after(hook, in, reason, out, 0, 0);
}

void set_path_mtu(const char *host, uint32_t mtu, int seconds)
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

int setup_icmp(void **state)
{
	plane_setup(state);
	plane_forget_errors();
	return 0;
}
