// SPDX-License-Identifier: Apache-2.0
/*
 * Control packets: HERE, STALE and ECHO, as they should be, and as an enemy among the hosts would
 * have them. This host is that of 10.0.0.1, which asks for 10.0.0.2: that is on .4.
 */
#include "learning.h"
#include "cookie.h"

#include <arpa/inet.h>
#include <string.h>
#include <unistd.h>

#include <linux/pkt_cls.h>

#define PEER	 "192.168.50.4"
#define STRANGER "192.168.50.99"

static int setup(void **state)
{
	int r = plane_setup_direct(state);

	put_vpc(8, MZ_VPC_DIRECT, LIST(DIVIDER));
	return r;
}

/* The agent asks, and a HERE of generation 7 would answer it. */
static struct here answer_to(const struct pair *p)
{
	struct here here = {
		.address = p->remote, .peer = p->own, .generation = 7, .group = 0x77
	};
	struct frame in = from_port(p->remote);
	struct result result;

	plane_forget();
	plane_run(AGENT, &in, &result);
	assert_int_equal(result.counters[MZ_COUNT_introduce].packets, 1);
	cookie_of(&result.out, here.cookie);
	return here;
}

static struct frame here_from(const char *host, const struct here *here)
{
	struct options o = option_here(here);

	return control_from(host, &o);
}

static void expect_here(const char *host, const struct here *here)
{
	struct frame in = here_from(host, here);

	expect_consumed(&in, COUNT(learn));
}

static void expect_no_here(const char *host, const struct here *here, enum mz_drop reason)
{
	struct frame in = here_from(host, here);

	expect_drop_by_tc(&in, reason);
}

/* The row as told; what was there before it, or NULL. */
static void expect_row(const char *ip, const struct mz_learned *before, const char *host,
		       uint32_t generation, uint64_t then)
{
	struct mz_learned expected = before ? *before : (struct mz_learned){};

	if (before && memcmp(&before->host, &(struct mz_addr[]){ addr(host) }, 16) != 0)
		expected.before = before->host;
	expected.host = addr(host);
	expected.generation = generation;
	expected.group = 0x77;
	expected.flags = MZ_LEARNED_HERE;
	expect_learned(ip, &expected, then);
}

static void a_here_teaches(void **state)
{
	EACH_PAIR(p) {
		struct here here = answer_to(p);
		uint64_t then = now_ns();
		struct frame in = from_port(p->remote), out = encapsulated(PEER, &in);

		expect_here(PEER, &here);
		expect_row(p->remote, NULL, PEER, 7, then);
		expect_sent(AGENT, &in, &out, COUNT(encapsulate) | COUNT(direct));
	}
}

/* It is not new each time that it is answered, and stays with the bouncers. */
static void what_finds_no_room_is_asked_for_rarely(void **state)
{
	plane_limit_learned(1);
	put_learned("10.0.0.71", PEER, 1, MZ_LEARNED_HERE, 10);
	EACH_PAIR(p) {
		struct here here = answer_to(p);
		struct frame in = here_from(PEER, &here), next = from_port(p->remote);
		struct frame out = encapsulated(BOUNCER, &next);

		expect_consumed(&in, COUNT(learn_full));
		expect_sent(AGENT, &next, &out, COUNT(encapsulate));
	}
	plane_limit_learned(0);
}

static void without_its_cookie_a_here_is_nothing(void **state)
{
	struct mz_learned row;

	EACH_PAIR(p) {
		const struct here good = answer_to(p);
		struct options o = option_here(&good);
		struct frame in = control_from(PEER, &o);
		struct here bad;

		for (unsigned int i = 0; i < 8 * COOKIE_SIZE; i++) {
			bad = good;
			bad.cookie[i / 8] ^= 1 << i % 8;
			expect_no_here(PEER, &bad, MZ_DROP_here_cookie);
		}
		bad = good;
		bad.address = p->other;
		expect_no_here(PEER, &bad, MZ_DROP_here_cookie);
		bad = good;
		bad.peer = p->other;
		expect_no_here(PEER, &bad, MZ_DROP_here_cookie);
		bad = good;
		bad.address = good.peer; /* the answer of its own question */
		bad.peer = good.address;
		expect_no_here(PEER, &bad, MZ_DROP_here_cookie);
		put32(in.bytes + ETH + frame_outer_size() + 12, 8 << 8); /* another VNI */
		expect_drop_by_tc(&in, MZ_DROP_here_cookie);
		put32(in.bytes + ETH + frame_outer_size() + 12, 9 << 8); /* one that is not here */
		expect_drop_by_tc(&in, MZ_DROP_no_vpc);
		in = here_from(STRANGER, &good);
		expect_drop(TRANSIT, &in, MZ_DROP_unknown_host);
		in = here_from(SELF, &good);
		expect_drop(TRANSIT, &in, MZ_DROP_unknown_host);
		assert_false(get_learned(p->remote, &row));
		assert_false(get_learned(p->other, &row));
		expect_here(PEER, &good);
	}
}

/* This span of 8.6 s and the one before. */
static void a_cookie_ends(void **state)
{
	static const struct {
		int n_ago;
		bool is_good;
	} cases[] = { { 0, true }, { 1, true }, { 2, false }, { 3, false }, { -1, false } };

	EACH_PAIR(p) {
		struct here here = { .address = p->remote, .peer = p->own, .generation = 7 };
		struct mz_addr dst = addr(p->remote), src = addr(p->own);

		for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
			cookie_make(VNI, false, &dst, &src, now_ns() - cases[i].n_ago * COOKIE_SPAN,
				    here.cookie);
			if (cases[i].is_good)
				expect_here(PEER, &here);
			else
				expect_no_here(PEER, &here, MZ_DROP_here_cookie);
		}
	}
}

/* What a host hears again, or late, is no step back. */
static void an_older_here_changes_nothing(void **state)
{
	EACH_PAIR(p) {
		struct here here = answer_to(p);
		struct mz_learned before, row;
		uint64_t then = now_ns();

		before = put_learned(p->remote, THIRD, 8, MZ_LEARNED_HERE, 10);
		expect_no_here(PEER, &here, MZ_DROP_here_generation);
		assert_true(get_learned(p->remote, &row));
		assert_memory_equal(&row, &before, sizeof(row));
		here.generation = 9;
		expect_here(PEER, &here);
		expect_row(p->remote, &before, PEER, 9, then);
		expect_here(PEER, &here); /* again: the lease starts again */
		before = put_learned(p->remote, THIRD, 8, MZ_LEARNED_HERE | MZ_LEARNED_STALE, 10);
		here.generation = 7; /* stale: the cookie proves that it is new */
		expect_here(PEER, &here);
		expect_row(p->remote, &before, PEER, 7, then);
		before = put_learned(p->remote, THIRD, 8, MZ_LEARNED_HERE, 101);
		expect_here(PEER, &here);
		expect_row(p->remote, &before, PEER, 7, then);
	}
}

static void nobody_is_asked_no_more_for_a_while(void **state)
{
	EACH_PAIR(p) {
		struct here here = answer_to(p);
		struct frame in = from_port(p->remote), out = encapsulated(BOUNCER, &in);
		struct result result;
		struct mz_learned row;

		here.flags = MZ_HERE_NOBODY;
		here.generation = here.group = 0;
		in = here_from(BOUNCER, &here);
		expect_consumed(&in, 0);
		assert_false(get_learned(p->remote, &row));
		in = from_port(p->remote);
		expect_drop(AGENT, &in, MZ_DROP_nobody);
		in = from_port(p->other); /* another one is */
		plane_run(AGENT, &in, &result);
		assert_int_equal(result.verdict, TC_ACT_REDIRECT);
		in = from_port(p->remote);
		for (unsigned int i = 0; i < 30; i++) { /* a second */
			usleep(50000);
			plane_run(AGENT, &in, &result);
			if (result.verdict == TC_ACT_REDIRECT)
				break;
		}
		assert_int_equal(result.verdict, TC_ACT_REDIRECT);
		assert_memory_equal(result.out.bytes, out.bytes, 14);
	}
}

/* Who is fooled by a HERE that says nobody, from a host that was not asked? */
static void nobody_needs_the_cookie(void **state)
{
	struct here here = answer_to(&pairs[0]);
	struct frame in = from_port(pairs[0].remote);
	struct result result;

	here.flags = MZ_HERE_NOBODY;
	here.cookie[7] ^= 1;
	expect_no_here(BOUNCER, &here, MZ_DROP_here_cookie);
	plane_run(AGENT, &in, &result);
	assert_int_equal(result.verdict, TC_ACT_REDIRECT);
}

static void expect_stale(const char *host, const char *ip, uint32_t generation,
			 enum mz_drop reason)
{
	struct options o = option_stale(ip, generation);
	struct frame in = control_from(host, &o);

	if (reason)
		expect_drop_by_tc(&in, reason);
	else
		expect_consumed(&in, COUNT(heed_stale));
}

static void a_stale_is_heeded(void **state)
{
	EACH_PAIR(p) {
		struct mz_learned before = put_learned(p->remote, PEER, 7, MZ_LEARNED_HERE, 10);
		struct mz_learned row;

		expect_stale(PEER, p->remote, 8, 0);
		assert_true(get_learned(p->remote, &row));
		before.flags |= MZ_LEARNED_STALE;
		assert_memory_equal(&row, &before, sizeof(row));
	}
}

static void only_its_own_host_makes_a_row_stale(void **state)
{
	EACH_PAIR(p) {
		struct mz_learned before = put_learned(p->remote, PEER, 7, MZ_LEARNED_HERE, 10);
		struct mz_learned row;
		struct mz_vni_addr key = endpoint(p->remote);
		struct options o;
		struct frame in;

		before.before = addr(THIRD);
		row_put(MZ_TABLE_learned, &key, &before);
		expect_stale(BOUNCER, p->remote, 8, MZ_DROP_stale_sender);
		expect_stale(THIRD, p->remote, 8, MZ_DROP_stale_sender);
		expect_stale(PEER, p->other, 8, MZ_DROP_stale_sender); /* of which is no row */
		o = option_stale(p->remote, 8);
		in = control_from(STRANGER, &o);
		expect_drop(TRANSIT, &in, MZ_DROP_unknown_host);
		expect_stale(PEER, p->remote, 6, MZ_DROP_stale_generation);
		assert_true(get_learned(p->remote, &row));
		assert_memory_equal(&row, &before, sizeof(row));
	}
}

static void expect_refused(const struct options *o, const struct frame *payload,
			   enum mz_drop reason)
{
	struct frame in = tunnelled_with(PEER, payload, o);

	expect_drop(TRANSIT, &in, reason);
}

/* Such as the packet that a message was made of. */
static void a_payload_does_not_matter(void **state)
{
	EACH_PAIR(p) {
		struct here here = answer_to(p);
		struct options o = option_here(&here);
		struct frame inner = inner_from(p->remote, p->own);
		struct frame in = tunnelled_with(PEER, &inner, &o);

		expect_consumed(&in, COUNT(learn));
		inner.size = 1;
		in = tunnelled_with(PEER, &inner, &o);
		expect_consumed(&in, COUNT(learn));
	}
}

/* One control option that is known, and nothing else. */
static void control_packets_must_be_in_form(void **state)
{
	const struct here here = answer_to(&pairs[0]);
	const struct rts rts = { .host = PEER };
	const struct options known[] = { option_here(&here), option_stale(pairs[0].remote, 8),
					 option_echo("abcdefgh") };
	struct options o, first = known[0];
	struct frame inner = inner_from(pairs[0].remote, pairs[0].own), empty = {};

	put_learned(pairs[0].remote, PEER, 7, MZ_LEARNED_HERE, 10);
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		o = known[i];
		o.flags = MZ_GENEVE_F_CONTROL;
		expect_refused(&o, &empty, MZ_DROP_geneve_options);
		o.flags = MZ_GENEVE_F_CRITICAL; /* on a packet with data */
		expect_refused(&o, &inner, MZ_DROP_geneve_control);
		o = known[i];
		option_append(&o, MZ_OPT_CLASS, first.bytes[2], first.bytes + 4, first.size - 4);
		expect_refused(&o, &empty, MZ_DROP_geneve_control);
		o = known[i]; /* of another class */
		o.bytes[0] = 0x01;
		expect_refused(&o, &empty, MZ_DROP_geneve_critical);
		o = known[i]; /* one word more or less */
		o.bytes[3]++;
		memset(o.bytes + o.size, 0, 4);
		o.size += 4;
		expect_refused(&o, &empty, MZ_DROP_geneve_options);
		o = known[i];
		o.bytes[3]--;
		o.size -= 4;
		expect_refused(&o, &empty, MZ_DROP_geneve_options);
	}
	o = option_rts(&rts); /* an RTS is for data */
	o.flags = MZ_GENEVE_F_CONTROL;
	expect_refused(&o, &empty, MZ_DROP_geneve_control);
	o = (struct options){ .flags = MZ_GENEVE_F_CONTROL };
	expect_refused(&o, &empty, MZ_DROP_geneve_control);
	o = (struct options){ .flags = MZ_GENEVE_F_CONTROL | MZ_GENEVE_F_CRITICAL };
	option_append(&o, MZ_OPT_CLASS, 0x84, NULL, 20); /* reserved */
	expect_refused(&o, &empty, MZ_DROP_geneve_critical);
}

/* From mizard's socket, and back to it. */
static void echoes_go_back(void **state)
{
	static const uint16_t checks[] = { 0, 0xabcd };
	struct options o = option_echo("nonce..!");

	for (size_t i = 0; i < 2; i++) {
		struct tunnel_spec spec = { .dst_mac = SELF_MAC,
					    .src_mac = "02:aa:00:00:00:77",
					    .src = PEER,
					    .dst = SELF,
					    .src_port = 51234,
					    .vni = 0,
					    .udp_check = checks[i],
					    .flags = o.flags,
					    .options = o.bytes,
					    .n_options = o.size };
		struct frame in = {}, out = {}, empty = {};

		frame_tunnel(&in, &spec, &empty);
		spec.dst_mac = "02:aa:00:00:00:04";
		spec.src_mac = SELF_MAC;
		spec.src = SELF;
		spec.dst = PEER;
		spec.ttl = 63;
		spec.src_port = 6081;
		spec.dst_port = 51234;
		frame_tunnel(&out, &spec, &empty);
		expect_sent(TRANSIT, &in, &out, COUNT(echo));
	}
}

static void strangers_hear_no_echo(void **state)
{
	struct options o = option_echo("nonce..!");
	struct frame in = control_from(STRANGER, &o);

	expect_drop(TRANSIT, &in, MZ_DROP_unknown_host);
}

int test_control(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup(f, setup)
		TEST(a_here_teaches),
		TEST(what_finds_no_room_is_asked_for_rarely),
		TEST(without_its_cookie_a_here_is_nothing),
		TEST(a_cookie_ends),
		TEST(an_older_here_changes_nothing),
		TEST(nobody_is_asked_no_more_for_a_while),
		TEST(nobody_needs_the_cookie),
		TEST(a_stale_is_heeded),
		TEST(only_its_own_host_makes_a_row_stale),
		TEST(a_payload_does_not_matter),
		TEST(control_packets_must_be_in_form),
		TEST(echoes_go_back),
		TEST(strangers_hear_no_echo),
#undef TEST
	};

	return cmocka_run_group_tests_name("control", tests, NULL, NULL);
}
