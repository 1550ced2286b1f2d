// SPDX-License-Identifier: Apache-2.0
/*
 * What must have become of a packet, whole: verdict, bytes, every counter and every drop. And the
 * frames that most tests start from.
 */
#include "plane.h"

#include <stdio.h>
#include <string.h>

#include <linux/pkt_cls.h>

#include "tables/tables.h"

#define TUNNEL_PORT_MIN 32768

static void print_result(const struct result *result)
{
	print_error("verdict %d, %zu bytes; counted:", result->verdict, result->out.size);
	for (int i = 0; i < MZ_N_COUNTERS; i++)
		if (result->counters[i].packets)
			print_error(" %s", mz_counter_name(i));
	print_error("; dropped:");
	for (int i = 0; i < MZ_DROP_CODES; i++)
		if (result->drops[i].packets)
			print_error(" %s", mz_drop_name(i));
	print_error("\n");
}

#define MESSAGES (COUNT(here) | COUNT(stale)) /* are counted by themselves */

/* Every count moved by exactly this packet, or not at all. */
static void assert_counts(const struct result *result, const struct frame *in,
			  unsigned int counters, unsigned int drop)
{
	bool is_right = true;

	for (unsigned int i = 0; i < MZ_N_COUNTERS; i++) {
		unsigned int n = counters >> i & 1;

		is_right &= result->counters[i].packets == n &&
			    result->counters[i].bytes ==
				    n * (MESSAGES >> i & 1 ? result->out.size : in->size);
	}
	for (unsigned int i = 0; i < MZ_DROP_CODES; i++) {
		unsigned int n = drop && i == drop;

		is_right &= result->drops[i].packets == n && result->drops[i].bytes == n * in->size;
	}
	if (!is_right) {
		print_result(result);
		fail_msg("other counts than expected");
	}
}

static void assert_clones(const struct result *result, unsigned int n)
{
	if (result->n_clones != n) {
		print_result(result);
		fail_msg("%u packets left beside it, not %u", result->n_clones, n);
	}
}

static void assert_verdict(const struct result *result, int verdict)
{
	if (result->verdict != verdict) {
		print_result(result);
		fail_msg("verdict is not %d", verdict);
	}
}

static void assert_bytes(const struct frame *out, const struct frame *expected)
{
	for (size_t i = 0; i < out->size && i < expected->size; i++)
		if (out->bytes[i] != expected->bytes[i])
			fail_msg("byte %zu is %02x, not %02x", i, out->bytes[i],
				 expected->bytes[i]);
	assert_int_equal(out->size, expected->size);
}

/* Counters that a dropped packet may have moved before its end: only that it came in is certain. */
#define ON_THE_WAY                                                                                 \
	(COUNT(divide) | COUNT(bounce) | COUNT(direct) | COUNT(give_back) | COUNT(send_again) |    \
	 COUNT(moved))

static void expect_drop_at(enum hook hook, const struct frame *in, enum mz_drop reason)
{
	struct result result;
	unsigned int entry = hook == AGENT ? COUNT(agent) : COUNT(transit);

	plane_run(hook, in, &result);
	assert_verdict(&result, TC_ACT_SHOT);
	assert_counts(&result, in, entry | (counted(&result) & ON_THE_WAY), reason);
	assert_clones(&result, 0);
}

void expect_left_by_xdp(const struct frame *in)
{
	struct result result;

	plane_run(XDP, in, &result);
	assert_verdict(&result, TC_ACT_UNSPEC);
	assert_bytes(&result.out, in);
	assert_counts(&result, in, 0, 0);
	assert_clones(&result, 0);
}

/* What is rare is tc's alone: an RTS, what was given back. Those have no IP options here. */
static bool is_for_tc(const struct frame *in)
{
	size_t geneve = ETH + frame_outer_size() + 8, end = geneve + 8, off = end;
	const uint8_t *bytes = in->bytes;

	if (in->size < end)
		return false;
	for (end += (bytes[geneve] & 63) * 4; off + 4 <= end; off += 4 + (bytes[off + 3] & 31) * 4)
		if (bytes[off] == MZ_OPT_CLASS >> 8 && bytes[off + 1] == (MZ_OPT_CLASS & 0xff) &&
		    bytes[off + 2] == MZ_OPT_RTS)
			return true;
	return bytes[geneve + 2] == MZ_GENEVE_RETURNED >> 8 &&
	       bytes[geneve + 3] == (MZ_GENEVE_RETURNED & 0xff);
}

void expect_drop(enum hook hook, const struct frame *in, enum mz_drop reason)
{
	expect_drop_at(hook, in, reason);
	if (hook == TRANSIT)
		expect_drop_at(XDP, in, reason);
}

void expect_drop_by_tc(const struct frame *in, enum mz_drop reason)
{
	expect_drop_at(TRANSIT, in, reason);
	expect_left_by_xdp(in);
}

void expect_absorbed(const struct frame *in)
{
	struct result result;

	plane_run(AGENT, in, &result);
	assert_verdict(&result, TC_ACT_SHOT);
	assert_counts(&result, in, COUNT(agent) | COUNT(absorb), 0);
}

void expect_pass(const struct frame *in)
{
	struct result result;

	plane_run(TRANSIT, in, &result);
	assert_verdict(&result, TC_ACT_UNSPEC);
	assert_bytes(&result.out, in);
	assert_counts(&result, in, COUNT(pass), 0);
	expect_left_by_xdp(in);
}

/* Of what is in a tunnel. */
static uint8_t *inner_of(struct frame *tunnel)
{
	uint8_t *ip = tunnel->bytes + ETH;
	uint8_t *geneve = ip + (ip[0] >> 4 == 6 ? 40 : (ip[0] & 15) * 4) + 8;

	return geneve + 8 + (geneve[0] & 63) * 4;
}

/* That has the destination, in the world of plane.h. */
static uint64_t network_of(const uint8_t *ip)
{
	if (ip[0] >> 4 == 6)
		return ip[27] == 0xb ? 200 : 100;
	return ip[18] == 1 ? 200 : 100;
}

void put_judged(struct frame *tunnel, uint64_t network)
{
	uint8_t *mac = inner_of(tunnel) + 6;

	mac[0] = MZ_JUDGED_MAC;
	mac[1] = network >> 32;
	put32(mac + 2, network);
}

/* Who bounces or divides has judged; what goes back is as it came. Unless the test said so. */
void expect_judged(const struct frame *in, struct frame *expected, unsigned int counters)
{
	struct frame came = *in;
	uint8_t *inner = inner_of(expected);

	if (!(counters & (COUNT(encapsulate) | COUNT(forward))))
		return;
	if (inner[6] != 2 || inner[7] != 0xbb) /* not the endpoint's MAC any more */
		return;
	if (counters & (COUNT(give_back) | COUNT(moved)))
		memcpy(inner + 6, inner_of(&came) + 6, 6);
	else
		put_judged(expected, counters & (COUNT(bounce) | COUNT(divide)) ?
					     network_of(inner + ETH) :
					     0);
}

static unsigned int port_of(const struct frame *frame)
{
	const uint8_t *udp = frame->bytes + ETH + frame_outer_size();

	return udp[0] << 8 | udp[1];
}

static unsigned int label_of(const struct frame *frame)
{
	const uint8_t *ip = frame->bytes + ETH;

	return (ip[1] & 15) << 16 | ip[2] << 8 | ip[3];
}

/* The port and the flow label are bits of one hash, 17 to 31 and 0 to 19. */
static void assert_entropy(const struct frame *out)
{
	assert_in_range(port_of(out), TUNNEL_PORT_MIN, 65535);
	if (frame_underlay_is_ipv6())
		assert_int_equal(label_of(out) >> 17, port_of(out) & 7);
}

void copy_entropy(struct frame *to, const struct frame *from)
{
	uint8_t *ip = to->bytes + ETH;

	put16(ip + frame_outer_size(), port_of(from));
	if (!frame_underlay_is_ipv6())
		return;
	ip[1] = (ip[1] & 0xf0) | label_of(from) >> 16;
	put16(ip + 2, label_of(from));
}

void assert_result_sent(enum hook hook, const struct frame *in, const struct result *result,
			const struct frame *out, unsigned int counters)
{
	struct frame expected = *out;

	assert_verdict(result, TC_ACT_REDIRECT);
	expect_judged(in, &expected, counters);
	if (counters & COUNT(encapsulate)) {
		assert_entropy(&result->out);
		copy_entropy(&expected, &result->out);
	}
	assert_bytes(&result->out, &expected);
	assert_clones(result, 0);
	assert_counts(result, in, counters | (hook == AGENT ? COUNT(agent) : COUNT(transit)), 0);
}

void expect_sent(enum hook hook, const struct frame *in, const struct frame *out,
		 unsigned int counters)
{
	struct result result;

	plane_run(hook, in, &result);
	assert_result_sent(hook, in, &result, out, counters);
	if (hook == TRANSIT && counters & COUNT(forward) && !(counters & COUNT(resolve)) &&
	    !is_for_tc(in))
		expect_sent(XDP, in, out, counters | COUNT(turn));
	else if (hook == TRANSIT)
		expect_left_by_xdp(in);
}

void expect_consumed(const struct frame *in, unsigned int counters)
{
	struct result result;

	plane_run(TRANSIT, in, &result);
	assert_verdict(&result, TC_ACT_SHOT);
	assert_clones(&result, 0);
	assert_counts(&result, in, counters | COUNT(transit), 0);
	expect_left_by_xdp(in);
}

static bool is_control(const struct frame *frame)
{
	const uint8_t *udp = frame->bytes + ETH + frame_outer_size();

	return frame->size >= ETH + frame_outer_size() + 16 && udp[2] == 6081 >> 8 &&
	       udp[3] == (6081 & 0xff) && udp[9] & MZ_GENEVE_F_CONTROL;
}

const struct frame *control_of(const struct result *result)
{
	return is_control(&result->clone) ? &result->clone : &result->out;
}

const struct frame *data_of(const struct result *result)
{
	return !result->n_clones || is_control(&result->clone) ? &result->out : &result->clone;
}

/* As long as the packet that became it, of which nothing is left. */
static void assert_control(const struct frame *frame, const struct frame *control)
{
	struct frame expected = *control;

	assert_in_range(frame->size, expected.size, FRAME_MAX);
	frame_extend_tunnel(&expected, frame->size);
	assert_entropy(frame);
	copy_entropy(&expected, frame);
	assert_bytes(frame, &expected);
}

void assert_result_both(const struct frame *in, const struct result *result,
			const struct frame *out, const struct frame *control,
			unsigned int counters)
{
	struct frame expected = *out;

	assert_verdict(result, TC_ACT_REDIRECT);
	assert_counts(result, in, counters | COUNT(transit), 0);
	assert_clones(result, 1);
	expect_judged(in, &expected, counters);
	assert_bytes(data_of(result), &expected);
	assert_control(control_of(result), control);
	expect_left_by_xdp(in);
}

void expect_dropped_and_told(const struct frame *in, enum mz_drop reason,
			     const struct frame *control, unsigned int counters)
{
	struct result result;

	plane_run(TRANSIT, in, &result);
	assert_verdict(&result, TC_ACT_REDIRECT);
	assert_counts(&result, in, counters | COUNT(transit), reason);
	assert_clones(&result, 0);
	assert_control(&result.out, control);
	expect_left_by_xdp(in);
}

void expect_consumed_and_told(const struct frame *in, const struct frame *control,
			      unsigned int counters)
{
	expect_dropped_and_told(in, 0, control, counters);
}

void expect_sent_both(const struct frame *in, const struct frame *out, const struct frame *control,
		      unsigned int counters)
{
	struct result result;

	plane_run(TRANSIT, in, &result);
	assert_result_both(in, &result, out, control, counters);
}

struct frame inner_from(const char *src, const char *dst)
{
	struct frame frame = {};

	frame_ip(&frame,
		 &(struct ip_spec){
			 .dst_mac = VIRTUAL_MAC, .src_mac = PORT_MAC, .src = src, .dst = dst });
	return frame;
}

struct frame from_port(const char *dst)
{
	return inner_from(strchr(dst, ':') ? PORT_IPV6 : PORT_IPV4, dst);
}

static struct frame came(const char *host, const struct frame *inner, const struct options *o)
{
	struct frame frame = {};

	frame_tunnel(&frame,
		     &(struct tunnel_spec){ .dst_mac = SELF_MAC,
					    .src_mac = "02:aa:00:00:00:77",
					    .src = host,
					    .dst = SELF,
					    .src_port = 40000,
					    .vni = VNI,
					    .flags = o->flags,
					    .options = o->bytes,
					    .n_options = o->size },
		     inner);
	if (inner->size)
		put_judged(&frame, network_of(inner->bytes + ETH));
	return frame;
}

struct frame tunnelled(const char *host, const struct frame *inner)
{
	return came(host, inner, &(struct options){});
}

struct frame tunnelled_with(const char *host, const struct frame *inner, const struct options *o)
{
	return came(host, inner, o);
}

struct frame control_from(const char *host, const struct options *o)
{
	return came(host, &(struct frame){}, o);
}

static struct frame sent(const char *host, const struct frame *inner, const struct options *o,
			 uint8_t ttl)
{
	struct frame frame = {};
	struct tunnel_spec spec = { .src_mac = SELF_MAC,
				    .src = SELF,
				    .dst = host,
				    .ttl = ttl,
				    .src_port = 40000,
				    .vni = VNI,
				    .flags = o->flags,
				    .options = o->bytes,
				    .n_options = o->size };
	char mac[32];

	(void)snprintf(mac, sizeof(mac), "02:aa:00:00:00:0%c", host[strlen(host) - 1]);
	spec.dst_mac = mac;
	if (inner->size)
		spec.tos = (inner->bytes[ETH] >> 4) == 4
				   ? inner->bytes[ETH + 1]
				   : (uint8_t)(inner->bytes[ETH] << 4 | inner->bytes[ETH + 1] >> 4);
	frame_tunnel(&frame, &spec, inner);
	return frame;
}

struct frame encapsulated(const char *host, const struct frame *inner)
{
	return sent(host, inner, &(struct options){}, 64);
}

struct frame encapsulated_with(const char *host, const struct frame *inner,
			       const struct options *o)
{
	return sent(host, inner, o, 64);
}

struct frame forwarded(const char *host, const struct frame *inner)
{
	return sent(host, inner, &(struct options){}, 63);
}

struct frame forwarded_with(const char *host, const struct frame *inner, const struct options *o)
{
	return sent(host, inner, o, 63);
}

struct frame control_to(const char *host, const struct options *o, uint8_t ttl)
{
	return sent(host, &(struct frame){}, o, ttl);
}

void mark_returned(struct frame *frame)
{
	put16(frame->bytes + ETH + frame_outer_size() + 8 + 2, MZ_GENEVE_RETURNED);
}

struct frame delivered(const char *mac, const struct frame *inner)
{
	struct frame frame = *inner;

	put_mac(frame.bytes, mac);
	put_mac(frame.bytes + 6, VIRTUAL_MAC);
	return frame;
}

void take_ttl(struct frame *frame, unsigned int n)
{
	uint8_t *ip = frame->bytes + ETH;

	if (ip[0] >> 4 == 6) {
		ip[7] -= n;
		return;
	}
	ip[8] -= n;
	put16(ip + 10, 0);
	put16(ip + 10, checksum(ip, (ip[0] & 15) * 4, 0));
}

struct frame after_hop(const struct frame *in)
{
	struct frame frame = *in;
	const uint8_t *ip = in->bytes + ETH;
	bool is_ipv6 = ip[0] >> 4 == 6;

	if (is_ipv6 ? memcmp(ip + 8, ip + 24, 8) : memcmp(ip + 12, ip + 16, 3))
		take_ttl(&frame, 1);
	return frame;
}

void expect_agent_sends(const char *dst, const char *host, unsigned int counters)
{
	struct frame in = from_port(dst), out = after_hop(&in);

	out = encapsulated(host, &out);
	if (counters & COUNT(divide))
		put_judged(&out, strcmp(host, BOUNCER) ? 200 : 100);
	expect_sent(AGENT, &in, &out, COUNT(encapsulate) | counters);
}
