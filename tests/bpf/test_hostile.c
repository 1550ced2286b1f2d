// SPDX-License-Identifier: Apache-2.0
/*
 * Packets that are cut at every length: each has exactly one fate, and it is counted. (Random
 * changes: fuzz.c.)
 */
#include "plane.h"

#include <string.h>

#include <linux/pkt_cls.h>

#define MIN_SIZE    15

static struct frame agent_frame(unsigned int kind)
{
	struct frame frame = {};

	switch (kind) {
	case 0:
		return from_port("10.0.0.2");
	case 1:
		return from_port("fd00:a::2");
	case 2:
		return from_port("10.0.0.4");
	case 3:
		return from_port("fd00:b::4");
	case 4:
		frame_arp(&frame, &(struct arp_spec){ .dst_mac = BROADCAST,
						      .src_mac = PORT_MAC,
						      .op = 1,
						      .sender_mac = PORT_MAC,
						      .sender = PORT_IPV4,
						      .target_mac = BROADCAST,
						      .target = "10.0.0.2" });
		return frame;
	default:
		frame_nd(&frame, &(struct nd_spec){ .dst_mac = "33:33:ff:00:00:02",
						    .src_mac = PORT_MAC,
						    .src = PORT_IPV6,
						    .dst = "ff02::1:ff00:2",
						    .type = 135,
						    .target = "fd00:a::2",
						    .option = 1,
						    .option_mac = PORT_MAC });
		return frame;
	}
}
#define N_AGENT_FRAMES 6

static struct frame transit_frame(unsigned int kind)
{
	static const uint8_t options[] = { 0x01, 0x08, 0x05, 0x01, 9,	 9,
					   9,	 9,    0xff, 0x4d, 0x05, 0x00 };
	static const char *const pairs[][2] = {
		{ "10.0.0.2", "10.0.0.4" },
		{ "fd00:a::2", "fd00:a::4" }, /* delivered */
		{ "10.0.0.2", "10.0.0.3" },
		{ "fd00:a::2", "fd00:a::3" }, /* bounced */
	};
	struct tunnel_spec spec = { .dst_mac = SELF_MAC,
				    .src_mac = SELF_MAC,
				    .src = "192.168.50.2",
				    .dst = SELF,
				    .src_port = 40000,
				    .vni = VNI };
	struct frame inner = inner_from(pairs[kind & 3][0], pairs[kind & 3][1]), frame = {};

	if (kind & 4) {
		spec.n_ip_options = 8;
		spec.options = options;
		spec.n_options = sizeof(options);
	}
	frame_tunnel(&frame, &spec, &inner);
	return frame;
}
#define N_DATA_FRAMES 8

/* With options of ours: an RTS, what comes back, an echo, a STALE. */
static struct frame direct_frame(unsigned int kind)
{
	const struct rts rts = { .host = "192.168.50.5", .generation = 1 };
	struct options options[] = { option_rts(&rts), {}, option_echo("12345678"),
				     option_stale("10.0.0.77", 9) };
	struct frame inner = inner_from("10.0.0.2", "10.0.0.4"), frame;

	if (kind >= 2)
		return control_from("192.168.50.2", &options[kind]);
	if (kind == 1)
		inner = inner_from(PORT_IPV4, "10.0.0.77");
	frame = tunnelled_with("192.168.50.2", &inner, &options[kind]);
	if (kind == 1)
		mark_returned(&frame);
	return frame;
}
#define N_TRANSIT_FRAMES (N_DATA_FRAMES + 4)

static struct frame frame_of(enum hook hook, unsigned int kind)
{
	if (hook == AGENT)
		return agent_frame(kind);
	return kind < N_DATA_FRAMES ? transit_frame(kind) : direct_frame(kind - N_DATA_FRAMES);
}

static unsigned int n_frames(enum hook hook)
{
	return hook == AGENT ? N_AGENT_FRAMES : N_TRANSIT_FRAMES;
}

/* The kernel's test run refuses frames without the whole header that their EtherType promises. */
static bool can_run(const struct frame *frame)
{
	uint16_t proto = frame->bytes[12] << 8 | frame->bytes[13];

	return frame->size >= (proto == 0x0800 ? ETH + 20 : proto == 0x86dd ? ETH + 40 : MIN_SIZE);
}

static int setup(void **state)
{
	int r = plane_setup(state);

	plane_forget();
	put_vpc(VNI, MZ_VPC_DIRECT, LIST("192.168.50.3"));
	put_network(100, LIST("192.168.50.2", "192.168.50.3")); /* one gives back, one takes it */
	put_learned("10.0.0.77", "192.168.50.2", 7, MZ_LEARNED_HERE, 10);
	put_location("10.0.0.3", 100, "192.168.50.3");
	put_location("fd00:a::3", 100, "192.168.50.3");
	return r;
}

/* One fate, counted once: passed, dropped for a reason, absorbed, or sent in one way. */
static void assert_one_fate(const struct result *result)
{
	uint64_t n_dropped = 0, n_sent, n_absorbed, n_passed;

	for (int i = 0; i < MZ_DROP_CODES; i++)
		n_dropped += result->drops[i].packets;
	n_sent = result->counters[MZ_COUNT_reply].packets +
		 result->counters[MZ_COUNT_deliver].packets +
		 result->counters[MZ_COUNT_encapsulate].packets +
		 result->counters[MZ_COUNT_forward].packets;
	n_absorbed = result->counters[MZ_COUNT_absorb].packets;
	n_passed = result->counters[MZ_COUNT_pass].packets;
	assert_int_equal(n_dropped + n_sent + n_absorbed + n_passed, 1);
	assert_int_equal(result->verdict, n_sent     ? TC_ACT_REDIRECT
					  : n_passed ? TC_ACT_UNSPEC
						     : TC_ACT_SHOT);
}

/*
 * Before tc came XDP: what it finishes ends as it would have ended there, with the same counts; the
 * rest it leaves as it was.
 */
static void assert_same_fate(const struct frame *frame, const struct result *tc)
{
	struct result xdp;

	plane_run(XDP, frame, &xdp);
	if (xdp.verdict == TC_ACT_UNSPEC) {
		static const struct mz_count none[MZ_N_COUNTERS + MZ_DROP_CODES];

		assert_memory_equal(xdp.out.bytes, frame->bytes, frame->size);
		assert_memory_equal(xdp.counters, none, sizeof(xdp.counters));
		assert_memory_equal(xdp.drops, none, sizeof(xdp.drops));
		return;
	}
	assert_int_equal(xdp.verdict, tc->verdict);
	assert_int_equal(xdp.counters[MZ_COUNT_turn].packets,
			 xdp.counters[MZ_COUNT_forward].packets);
	xdp.counters[MZ_COUNT_turn] = (struct mz_count){};
	assert_memory_equal(xdp.counters, tc->counters, sizeof(xdp.counters));
	assert_memory_equal(xdp.drops, tc->drops, sizeof(xdp.drops));
	if (xdp.verdict == TC_ACT_REDIRECT)
		assert_memory_equal(xdp.out.bytes, tc->out.bytes, frame->size);
}

static void run_frame(enum hook hook, const struct frame *frame, struct result *ret_result)
{
	plane_run(hook, frame, ret_result);
	if (hook == TRANSIT)
		assert_same_fate(frame, ret_result);
}

static void cut_packets_go_nowhere(void **state)
{
	const struct frame stale = frame_of(TRANSIT, N_TRANSIT_FRAMES - 1); /* is consumed */

	for (enum hook hook = AGENT; hook <= TRANSIT; hook++) {
		for (unsigned int kind = 0; kind < n_frames(hook); kind++) {
			struct frame frame = frame_of(hook, kind);
			bool is_whole_sent = frame.size != stale.size ||
					     memcmp(frame.bytes, stale.bytes, stale.size) != 0;
			struct result result;

			run_frame(hook, &frame, &result);
			assert_int_equal(result.verdict,
					 is_whole_sent ? TC_ACT_REDIRECT : TC_ACT_SHOT);
			for (frame.size--; can_run(&frame); frame.size--) {
				run_frame(hook, &frame, &result);
				assert_one_fate(&result);
				assert_int_equal(result.n_clones, 0);
				assert_int_not_equal(result.verdict, TC_ACT_REDIRECT);
				/* Ours as soon as the ports can be read. */
				if (hook == TRANSIT && kind < 4 &&
				    frame.size >= ETH + frame_outer_size() + 8)
					assert_int_equal(result.verdict, TC_ACT_SHOT);
			}
		}
	}
}

/* A cut that the outer lengths know of: the inner packet lies. */
static void cut_inner_packets_go_nowhere(void **state)
{
	for (unsigned int kind = 0; kind < 2; kind++) {
		struct frame inner = inner_from("10.0.0.2", "10.0.0.4");

		if (kind)
			inner = inner_from("fd00:a::2", "fd00:a::4");
		for (inner.size--; inner.size > 0; inner.size--) {
			struct frame frame = tunnelled("192.168.50.2", &inner);

			expect_drop(TRANSIT, &frame, MZ_DROP_inner_malformed);
		}
	}
}

int test_hostile(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(cut_packets_go_nowhere, setup),
		cmocka_unit_test_setup(cut_inner_packets_go_nowhere, setup),
	};

	return cmocka_run_group_tests_name("hostile", tests, NULL, NULL);
}
