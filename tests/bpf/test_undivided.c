// SPDX-License-Identifier: Apache-2.0
/*
 * In a VPC that divides a destination's host lets in only whom somebody proved to be of its
 * network, and senders go past the dividers only there.
 */
#include "divided.h"

/* How a host proves of which network its endpoint is. */
static void who_is_attested_may_enter(void **state)
{
	EACH_PAIR(p) {
		struct frame in = with_rts(BOUNCER, p->src, p->here, &rts_of_source);
		struct mz_vni_addr key = endpoint(p->src);
		struct result result;
		struct mz_learned row;

		expect_given_back(SOURCE, p->src, p->here);
		plane_run(TRANSIT, &in, &result);
		assert_int_equal(result.counters[MZ_COUNT_learn].packets, 1);
		expect_new(p->src, SOURCE, 100, 5, MZ_LEARNED_RTS, started);
		expect_let_in(SOURCE, p->src, p->here);
		expect_given_back(THERE, p->src, p->here);	 /* it alone */
		expect_given_back(SOURCE, p->src, p->here_200); /* into its network */
		assert_true(get_learned(p->src, &row));
		row.confirmed -= MZ_LEASE_NS;
		row_put(MZ_TABLE_learned, &key, &row);
		expect_given_back(SOURCE, p->src, p->here);
		row.confirmed = now_ns();
		row.flags |= MZ_LEARNED_STALE;
		row_put(MZ_TABLE_learned, &key, &row);
		expect_given_back(SOURCE, p->src, p->here);
	}
}

/* Nobody told this divider where the source is: another one may know, and is kept to. */
static void a_divider_that_was_not_told_takes_no_ones_place(void **state)
{
	struct rts rts = { .host = THIRD, .cookie = { 1, 2, 3, 4, 5, 6, 7, 8 } };

	put_vpc(VNI, MZ_VPC_DIRECT | MZ_VPC_DIVIDE, LIST(DIVIDER, THIRD));
	EACH_PAIR(p) {
		struct frame inner = inner_from(p->dst, p->here);
		struct frame in = with_rts(THIRD, p->dst, p->here, &rts);
		struct frame here = here_for(THIRD, p->here, p->dst, 0, 0);
		struct frame out = delivered(MAC_4, &inner);
		struct mz_learned row = put_learned(p->dst, DIVIDER, 5,
						    MZ_LEARNED_RTS | MZ_LEARNED_BY, 10);
		struct mz_vni_addr key = endpoint(p->dst);

		expect_sent_both(&in, &out, &here, COUNT(deliver) | COUNT(here));
		expect_learned(p->dst, &row, row.confirmed);
		row.confirmed -= MZ_LEASE_NS; /* it is better than none */
		row_put(MZ_TABLE_learned, &key, &row);
		plane_run(TRANSIT, &in, &(struct result){});
		assert_true(get_learned(p->dst, &row));
		assert_memory_equal(&row.host, &(struct mz_addr[]){ addr(THIRD) }, 16);
	}
}

/* That the divider may believe where the sender is, a bouncer of its network has to say so. */
static void who_bounces_for_another_network_asks_its_own(void **state)
{
	put_network(200, LIST(SELF));
	EACH_PAIR(p) {
		struct frame in = from_port(p->dst);
		struct result result;

		put_location(p->dst, 200, THERE);
		plane_run(AGENT, &in, &result);
		assert_int_equal(result.counters[MZ_COUNT_introduce].packets, 1);
		assert_int_equal(result.out.bytes[5], 2); /* the bouncer */
	}
	put_vpc(VNI, MZ_VPC_DIVIDE, LIST(DIVIDER)); /* nobody learns: the shorter way */
	EACH_PAIR(p)
		expect_agent_sends(p->dst, DIVIDER, 0);
}

/* To another network on the same host, too, a learned way needs no RTS with each packet. */
static void a_neighbour_of_another_network_is_learned(void **state)
{
	EACH_PAIR(p) {
		struct mz_vni_addr key = endpoint(p->here_200);
		struct frame in = from_port(p->here_200);
		struct mz_learned row;
		struct result result;

		plane_run(AGENT, &in, &result);
		assert_int_equal(result.counters[MZ_COUNT_introduce].packets, 1);
		assert_int_equal(result.out.bytes[5], 2); /* the bouncer */
		row = put_learned(p->here_200, DIVIDER, 7, MZ_LEARNED_HERE | MZ_LEARNED_BY, 10);
		row.network = 100;
		row.asked = now_ns();
		row_put(MZ_TABLE_learned, &key, &row);
		expect_agent_sends(p->here_200, DIVIDER, COUNT(direct));
	}
}

/* By a bouncer that divides, too, which stands aside within a network. */
static void a_divider_that_bounces_attests(void **state)
{
	put_network(100, LIST(DIVIDER));
	EACH_PAIR(p) {
		struct frame in = with_rts(DIVIDER, p->src, p->here, &rts_of_source);
		struct result result;

		plane_run(TRANSIT, &in, &result);
		assert_int_equal(result.counters[MZ_COUNT_learn].packets, 1);
		expect_new(p->src, SOURCE, 100, 5, MZ_LEARNED_RTS, started);
		expect_let_in(SOURCE, p->src, p->here);
	}
}

static void by_a_divider_only_the_divider_may_enter(void **state)
{
	EACH_PAIR(p) {
		struct rts rts = rts_of_source;
		struct frame in;
		struct result result;

		rts.host = DIVIDER;
		in = with_rts(DIVIDER, p->dst, p->here, &rts);
		plane_run(TRANSIT, &in, &result);
		assert_int_equal(result.counters[MZ_COUNT_learn].packets, 1);
		expect_new(p->dst, DIVIDER, 100, 5, MZ_LEARNED_RTS | MZ_LEARNED_BY, started);
		expect_let_in(DIVIDER, p->dst, p->here);
		expect_given_back(THERE, p->dst, p->here);
		in = with_rts(BOUNCER, p->dst, p->here, &rts); /* handed on by the last bouncer */
		plane_run(TRANSIT, &in, &result);
		expect_new(p->dst, DIVIDER, 100, 5, MZ_LEARNED_RTS | MZ_LEARNED_BY, started);
		/* For nobody's network, once it divides no more. */
		put_vpc(VNI, MZ_VPC_DIRECT | MZ_VPC_DIVIDE, LIST(BOUNCER_200));
		expect_given_back(DIVIDER, p->dst, p->here);
		put_vpc(VNI, MZ_VPC_DIRECT | MZ_VPC_DIVIDE, LIST(DIVIDER));
		expect_given_back(THERE, p->dst, p->here);
	}
}

/* The answer came without a divider, so the question went without one. */
static void who_answered_may_enter(void **state)
{
	EACH_PAIR(p) {
		struct here here = { .address = p->src, .peer = p->own, .generation = 5 };
		struct frame in = from_port(p->src);
		struct options o;
		struct result result;
		struct frame inner = inner_from(p->src, p->own), out = delivered(PORT_MAC, &inner);

		expect_given_back(SOURCE, p->src, p->own);
		plane_run(AGENT, &in, &result);
		cookie_of(&result.out, here.cookie);
		o = option_here(&here);
		in = control_from(SOURCE, &o);
		expect_consumed(&in, COUNT(learn));
		expect_new(p->src, SOURCE, 100, 5, MZ_LEARNED_HERE, started);
		in = tunnelled(SOURCE, &inner);
		expect_sent(TRANSIT, &in, &out, COUNT(deliver));
		in = control_from(DIVIDER, &o); /* a divider stands in for no host that is known */
		expect_consumed(&in, 0);
		expect_new(p->src, SOURCE, 100, 5, MZ_LEARNED_HERE, started);
	}
}

/* Past a divider nothing is sent after an endpoint: who sent it finds the way anew. */
static void what_moved_is_given_back(void **state)
{
	EACH_PAIR(p) {
		put_moved(p->src, THERE, 9);
		expect_given_back(SOURCE, p->own, p->src);
		expect_given_back(BOUNCER, p->own, p->src);
		expect_given_back(DIVIDER, p->dst, p->src);
	}
}

/* Host of the last byte of the MAC that a packet of the port is sent to. */
static uint8_t sent_to(const char *dst)
{
	struct frame in = from_port(dst);
	struct result result;

	plane_run(AGENT, &in, &result);
	return result.out.bytes[5];
}

/*
 * A neighbour of another network learned the way by a divider; the port may be in the network of
 * the destination, and asks a bouncer now and then. It does not for a way that it learned itself.
 */
static void a_way_of_others_is_asked_for_again(void **state)
{
	EACH_PAIR(p) {
		struct mz_vni_addr key = endpoint(p->src);
		struct mz_learned row = put_learned(p->src, DIVIDER, 7,
						    MZ_LEARNED_HERE | MZ_LEARNED_BY, 10);

		row.network = 200;
		row_put(MZ_TABLE_learned, &key, &row);
		assert_int_equal(sent_to(p->src), 2); /* the bouncer, with an RTS */
		assert_true(get_learned(p->src, &row));
		assert_true(now_ns() - row.asked < MZ_LEASE_NS);
		assert_int_equal(sent_to(p->src), 3);
		row.network = 100;
		row.asked -= 2 * MZ_LEASE_NS;
		row_put(MZ_TABLE_learned, &key, &row);
		assert_int_equal(sent_to(p->src), 3);
		put_vpc(VNI, MZ_VPC_DIRECT | MZ_VPC_DIVIDE, LIST(THERE));
		assert_int_equal(sent_to(p->src), 2); /* it divides no more */
		put_vpc(VNI, MZ_VPC_DIRECT | MZ_VPC_DIVIDE, LIST(DIVIDER));
	}
}

int test_undivided(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup(f, plane_setup_divided)
		TEST(who_is_attested_may_enter),
		TEST(who_bounces_for_another_network_asks_its_own),
		TEST(a_neighbour_of_another_network_is_learned),
		TEST(a_divider_that_bounces_attests),
		TEST(a_divider_that_was_not_told_takes_no_ones_place),
		TEST(by_a_divider_only_the_divider_may_enter),
		TEST(who_answered_may_enter),
		TEST(what_moved_is_given_back),
		TEST(a_way_of_others_is_asked_for_again),
#undef TEST
	};

	return cmocka_run_group_tests_name("undivided", tests, NULL, NULL);
}
