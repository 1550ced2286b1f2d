// SPDX-License-Identifier: Apache-2.0
/*
 * The agent's side of the direct path: whom it asks by an RTS, how often, and where it sends what
 * it has a row of `learned` for. The bouncer of the sender's network is .2, other hosts .3 and .4.
 */
#include "learning.h"
#include "cookie.h"

#include <arpa/inet.h>
#include <string.h>
#include <unistd.h>

#include <linux/pkt_cls.h>

#define PEER	   "192.168.50.4"
#define GENERATION 41
#define BACK_OFF   20000000ULL /* ns */

static int setup(void **state)
{
	int r = plane_setup_direct(state);

	put_generation(PORT_IPV4, GENERATION);
	put_generation(PORT_IPV6, GENERATION);
	return r;
}

/* With an RTS, of which only the cookie is this host's secret. */
static void expect_introduced_as(const struct frame *in, const char *host, uint32_t generation,
				 unsigned int counters)
{
	struct rts rts = { .host = SELF, .generation = generation };
	static const uint8_t none[COOKIE_SIZE];
	struct frame expected;
	struct options o;
	struct result result;

	plane_run(AGENT, in, &result);
	cookie_of(&result.out, rts.cookie);
	o = option_rts(&rts);
	expected = after_hop(in);
	expected = encapsulated_with(host, &expected, &o);
	assert_result_sent(AGENT, in, &result, &expected,
			   COUNT(encapsulate) | COUNT(introduce) | counters);
	assert_memory_not_equal(rts.cookie, none, COOKIE_SIZE);
}

static void expect_introduced(const char *dst, const char *host, unsigned int counters)
{
	struct frame in = from_port(dst);

	expect_introduced_as(&in, host, GENERATION, counters);
}

static void an_unknown_destination_is_asked_for(void **state)
{
	EACH_PAIR(p)
		expect_introduced(p->remote, BOUNCER, 0);
	expect_introduced("10.0.1.9", BOUNCER, 0); /* of another network */
	expect_introduced("8.8.8.8", BOUNCER, 0);  /* of none: the divider will say so */
}

/* A machine that stands still for a while is no failure: it is tried again, by another address. */
static void asking_is_rare(void **state)
{
	for (unsigned int i = 0; i < 50; i++) {
		struct frame in = from_port("10.0.0.100"), out;
		struct result result;
		uint64_t start = now_ns();

		in.bytes[ETH + 19] += i;
		plane_run(AGENT, &in, &result);
		assert_int_equal(result.counters[MZ_COUNT_introduce].packets, 1);
		plane_run(AGENT, &in, &result);
		if (now_ns() - start > BACK_OFF / 2)
			continue;
		out = encapsulated(BOUNCER, &in);
		assert_result_sent(AGENT, &in, &result, &out, COUNT(encapsulate));
		usleep(30000);
		expect_introduced_as(&in, BOUNCER, GENERATION, 0);
		return;
	}
	fail_msg("the machine is too slow");
}

/* Each host and pair of addresses has a cookie of its own. */
static void cookies_differ(void **state)
{
	uint8_t cookies[4][COOKIE_SIZE];
	static const char *const dsts[] = { "10.0.0.2", "10.0.0.3", "fd00:a::2", "fd00:a::3" };
	struct result result;

	for (unsigned int i = 0; i < 4; i++) {
		struct frame in = from_port(dsts[i]);

		plane_run(AGENT, &in, &result);
		cookie_of(&result.out, cookies[i]);
		for (unsigned int j = 0; j < i; j++)
			assert_memory_not_equal(cookies[i], cookies[j], COOKIE_SIZE);
	}
}

/* A keyed hash, which no other host can make; of a span of time, which may just have ended. */
static void cookies_are_what_they_should_be(void **state)
{
	EACH_PAIR(p) {
		struct frame in = from_port(p->remote);
		struct mz_addr to = addr(p->remote), from;
		uint8_t cookie[COOKIE_SIZE], now[COOKIE_SIZE], then[COOKIE_SIZE];
		struct result result;

		from = addr(strchr(p->remote, ':') ? PORT_IPV6 : PORT_IPV4);
		plane_run(AGENT, &in, &result);
		cookie_of(&result.out, cookie);
		cookie_make(VNI, false, &to, &from, now_ns(), now);
		cookie_make(VNI, false, &to, &from, now_ns() - COOKIE_SPAN, then);
		assert_true(!memcmp(cookie, now, COOKIE_SIZE) ||
			    !memcmp(cookie, then, COOKIE_SIZE));
	}
}

/* What is known of the row but for the times; those are of between then and now. */
static void expect_used(const char *ip, struct mz_learned before, uint64_t then)
{
	struct mz_learned row;

	assert_true(get_learned(ip, &row));
	assert_in_range(row.used, then - COARSE_NS, now_ns());
	before.used = row.used;
	before.hits++;
	assert_memory_equal(&row, &before, sizeof(row));
}

static void what_is_learned_goes_direct(void **state)
{
	EACH_PAIR(p) {
		struct mz_learned row = put_learned(p->remote, PEER, 7, MZ_LEARNED_HERE, 0);
		uint64_t then = now_ns();

		expect_agent_sends(p->remote, PEER, COUNT(direct));
		expect_used(p->remote, row, then);
	}
	put_learned("10.0.1.9", PEER, 0, MZ_LEARNED_RTS, 40); /* of another network */
	expect_agent_sends("10.0.1.9", PEER, COUNT(direct));
}

static void half_way_through_its_lease_it_is_asked(void **state)
{
	EACH_PAIR(p) {
		struct mz_learned row = put_learned(p->remote, PEER, 7, MZ_LEARNED_HERE, 80), after;
		uint64_t then = now_ns();

		expect_introduced(p->remote, PEER, COUNT(direct));
		assert_true(get_learned(p->remote, &after));
		assert_in_range(after.asked, then - COARSE_NS, now_ns());
		assert_int_equal(after.confirmed, row.confirmed);
		/* Next in a sixteenth of the lease. */
		expect_agent_sends(p->remote, PEER, COUNT(direct));
		row.asked = now_ns() - MZ_LEASE_NS / 8;
		row_put(MZ_TABLE_learned, &(struct mz_vni_addr){ VNI, addr(p->remote) }, &row);
		expect_introduced(p->remote, PEER, COUNT(direct));
	}
}

/* Its host has not answered yet: perhaps another one would. */
static void near_its_end_it_is_asked_by_the_bouncers(void **state)
{
	EACH_PAIR(p) {
		put_learned(p->remote, PEER, 7, MZ_LEARNED_HERE, 90);
		expect_introduced(p->remote, BOUNCER, 0);
		expect_agent_sends(p->remote, PEER, COUNT(direct));
	}
}

static void after_its_lease_it_is_unknown(void **state)
{
	EACH_PAIR(p) {
		put_learned(p->remote, PEER, 7, MZ_LEARNED_HERE, 101);
		expect_introduced(p->remote, BOUNCER, 0);
	}
}

static void stale_rows_are_not_used(void **state)
{
	EACH_PAIR(p) {
		put_learned(p->remote, PEER, 7, MZ_LEARNED_HERE | MZ_LEARNED_STALE, 0);
		expect_introduced(p->remote, BOUNCER, 0);
	}
}

static void dead_hosts_are_not_used(void **state)
{
	EACH_PAIR(p) {
		put_learned(p->remote, PEER, 7, MZ_LEARNED_HERE, 0);
		put_dead(PEER, 1);
		expect_introduced(p->remote, BOUNCER, 0);
		put_dead(PEER, -1); /* nobody renewed it */
		expect_agent_sends(p->remote, PEER, COUNT(direct));
	}
}

/* Which of the three bouncers gets a flow. */
static unsigned int bouncer_of(uint16_t flow)
{
	struct frame in = from_port("10.0.0.2");
	struct result result;

	put16(in.bytes + ETH + 20, 1000 + flow);
	plane_run(AGENT, &in, &result);
	assert_int_equal(result.verdict, TC_ACT_REDIRECT);
	return result.out.bytes[ETH + frame_outer_size() - 1];
}

static void dead_bouncers_are_left(void **state)
{
	unsigned int before[100], n_moved = 0;

	put_network(100, LIST(BOUNCER, DIVIDER, PEER));
	for (uint16_t i = 0; i < 100; i++)
		before[i] = bouncer_of(i);
	put_dead(DIVIDER, 5);
	for (uint16_t i = 0; i < 100; i++) {
		unsigned int now = bouncer_of(i);

		n_moved += now != before[i];
		assert_int_not_equal(now, 3);
		assert_true(now == before[i] || before[i] == 3); /* the others stay */
	}
	assert_in_range(n_moved, 10, 60);
	put_dead(DIVIDER, -1);
	for (uint16_t i = 0; i < 100; i++)
		assert_int_equal(bouncer_of(i), before[i]);
	put_dead(BOUNCER, 5); /* who cannot reach anybody is not to judge */
	put_dead(DIVIDER, 5);
	put_dead(PEER, 5);
	for (uint16_t i = 0; i < 100; i++)
		assert_int_equal(bouncer_of(i), before[i]);
}

static void without_direct_path_nothing_is_learned(void **state)
{
	put_vpc(VNI, 0, LIST(DIVIDER));
	EACH_PAIR(p) {
		struct mz_learned row = put_learned(p->remote, PEER, 7, MZ_LEARNED_HERE, 0), after;

		expect_agent_sends(p->remote, BOUNCER, 0);
		assert_true(get_learned(p->remote, &after));
		assert_memory_equal(&row, &after, sizeof(row));
	}
	put_vpc(VNI, MZ_VPC_DIVIDE, LIST(DIVIDER));
	expect_agent_sends("10.0.0.2", BOUNCER, 0);
}

static void neighbours_on_one_host_need_none_of_it(void **state)
{
	struct frame in = from_port("10.0.0.4"), out = delivered(MAC_4, &in);

	put_learned("10.0.0.4", PEER, 7, MZ_LEARNED_HERE, 0);
	expect_sent(AGENT, &in, &out, COUNT(deliver));
}

static struct frame of_size(const char *dst, size_t ip_size)
{
	static const uint8_t payload[1500];
	bool is_ipv6 = strchr(dst, ':');
	struct ip_spec spec = { .dst_mac = VIRTUAL_MAC,
				.src_mac = PORT_MAC,
				.src = is_ipv6 ? PORT_IPV6 : PORT_IPV4,
				.dst = dst,
				.payload = payload,
				.payload_size = ip_size - (is_ipv6 ? 40 : 20) };
	struct frame frame = {};

	frame_ip(&frame, &spec);
	return frame;
}

/* MTUs of endpoints leave room for it. */
static void an_rts_fits_into_the_mtu(void **state)
{
	bool is_ipv6 = frame_underlay_is_ipv6();
	size_t mtu = MZ_ENDPOINT_MTU(1500, is_ipv6);

	plane_set_mtu(1500);
	EACH_PAIR(p) {
		struct frame in = of_size(p->remote, mtu);

		expect_introduced_as(&in, BOUNCER, GENERATION, 0);
	}
	plane_set_mtu(65536);
}

/* On a way that takes no more, it goes without; what is a little smaller asks. */
static void an_rts_makes_nothing_too_big(void **state)
{
	const struct frame full = of_size("fd00:a::2", 1280), room = of_size("fd00:a::2", 1240);
	struct frame out;

	plane_set_mtu(1280 + (frame_underlay_is_ipv6() ? MZ_ENCAP_SIZE_IPV6 : MZ_ENCAP_SIZE_IPV4));
	out = encapsulated(BOUNCER, &full);
	expect_sent(AGENT, &full, &out, COUNT(encapsulate));
	put_learned("fd00:a::2", PEER, 7, MZ_LEARNED_HERE, 80);
	out = encapsulated(PEER, &full);
	expect_sent(AGENT, &full, &out, COUNT(encapsulate) | COUNT(direct));
	put_learned("fd00:a::2", PEER, 7, MZ_LEARNED_HERE, 80);
	expect_introduced_as(&room, PEER, GENERATION, COUNT(direct));
	plane_set_mtu(65536);
	put_learned("fd00:a::2", PEER, 7, MZ_LEARNED_HERE, 80);
	expect_introduced_as(&full, PEER, GENERATION, COUNT(direct));
}

static void scanners_are_slowed_down(void **state)
{
	struct result result;
	unsigned int n = 0;
	struct frame in;

	put_learned("10.0.0.2", PEER, 7, MZ_LEARNED_HERE, 0);
	expect_introduced("10.0.0.3", BOUNCER, 0);
	do {
		in = from_port("10.0.128.0");
		put16(in.bytes + ETH + 18, 0x8000 + n);
		plane_run(AGENT, &in, &result);
	} while (!result.drops[MZ_DROP_new_limit].packets && ++n < 32000);
	assert_in_range(n, MZ_NEW_BURST - 1, 31999);
	assert_int_equal(result.verdict, TC_ACT_SHOT);
	expect_agent_sends("10.0.0.2", PEER, COUNT(direct));
	plane_forget();
	expect_introduced("10.0.0.3", BOUNCER, 0);
}

int test_direct(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup(f, setup)
		TEST(an_unknown_destination_is_asked_for),
		TEST(asking_is_rare),
		TEST(cookies_differ),
		TEST(cookies_are_what_they_should_be),
		TEST(what_is_learned_goes_direct),
		TEST(half_way_through_its_lease_it_is_asked),
		TEST(near_its_end_it_is_asked_by_the_bouncers),
		TEST(after_its_lease_it_is_unknown),
		TEST(stale_rows_are_not_used),
		TEST(dead_hosts_are_not_used),
		TEST(dead_bouncers_are_left),
		TEST(without_direct_path_nothing_is_learned),
		TEST(neighbours_on_one_host_need_none_of_it),
		TEST(an_rts_fits_into_the_mtu),
		TEST(an_rts_makes_nothing_too_big),
		TEST(scanners_are_slowed_down),
#undef TEST
	};

	return cmocka_run_group_tests_name("direct", tests, NULL, NULL);
}
