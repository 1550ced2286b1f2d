// SPDX-License-Identifier: Apache-2.0
/*
 * In a VPC that divides a packet says for which network its sender has judged it. Who bounces for
 * a network, or divides, sends other packets as well: of its own endpoints, by old rows or none.
 *
 *	10.0.0.9, network 100, on .4, which bounces for 200 --> here: bounces for 100, and has
 *	10.0.1.4, of network 200
 */
#include "divided.h"

#include <linux/pkt_cls.h>

static int setup(void **state)
{
	int r = plane_setup_divided(state);

	put_network(100, LIST(SELF));
	EACH_PAIR(p)
		put_attested(p->src, 100, BOUNCER_200, 5);
	return r;
}

static struct frame judged(const char *host, const char *src, const char *dst, uint64_t network)
{
	struct frame inner = inner_from(src, dst), frame = tunnelled(host, &inner);

	put_judged(&frame, network);
	return frame;
}

static void expect_to_divider(const struct frame *in, const char *src, const char *dst)
{
	struct frame inner = inner_from(src, dst), out = forwarded(DIVIDER, &inner);
	struct result result;

	plane_run(TRANSIT, in, &result); /* XDP leaves what might be delivered */
	assert_result_sent(TRANSIT, in, &result, &out, COUNT(forward));
}

/* It asks a bouncer of the source's network, as any host does that knows no better. */
static void what_a_bouncers_own_endpoint_sends_is_divided(void **state)
{
	EACH_PAIR(p) {
		struct frame inner = inner_from(p->src, p->here_200);
		struct frame in = judged(BOUNCER_200, p->src, p->here_200, 0);
		struct frame out = delivered(MAC_1_4, &inner);

		expect_to_divider(&in, p->src, p->here_200);
		in = judged(BOUNCER_200, p->src, p->here_200, 100);
		expect_to_divider(&in, p->src, p->here_200);
		in = judged(BOUNCER_200, p->src, p->here_200, 200);
		expect_sent(TRANSIT, &in, &out, COUNT(deliver));
		in = judged(THIRD, p->src, p->here_200, 200); /* anybody can say so */
		put_location(p->src, 100, THIRD);
		expect_to_divider(&in, p->src, p->here_200);
		put_location(p->src, 100, BOUNCER_200);
	}
}

/* It has lost its role with its tables, and others have not heard of it. */
static void what_a_dividers_own_endpoint_sends_is_divided(void **state)
{
	put_vpc(VNI, MZ_VPC_DIRECT | MZ_VPC_DIVIDE, LIST(DIVIDER, BOUNCER));
	put_dead(BOUNCER, 10);
	EACH_PAIR(p) {
		struct frame in = judged(BOUNCER, p->src, p->here_200, 0);

		put_location(p->src, 100, BOUNCER);
		expect_to_divider(&in, p->src, p->here_200);
	}
}

/* Its address was another network's until a moment ago, and a lease holds longer. */
static void the_bouncers_row_counts_for_more_than_a_proof(void **state)
{
	EACH_PAIR(p) {
		struct frame in = judged(BOUNCER_200, p->src, p->here_200, 0);
		struct mz_learned row = put_learned(p->src, BOUNCER_200, 4, MZ_LEARNED_HERE, 10);
		struct mz_vni_addr key = endpoint(p->src);

		row.network = 200;
		row_put(MZ_TABLE_learned, &key, &row);
		expect_to_divider(&in, p->src, p->here_200);
	}
}

/* Nor does it prove of which network its source is. */
static void what_was_not_judged_proves_nothing(void **state)
{
	struct mz_learned row;

	EACH_PAIR(p) {
		struct frame in = with_rts(BOUNCER_200, p->src, p->here_200, &rts_of_source);
		struct result result;

		put_judged(&in, 0);
		plane_run(TRANSIT, &in, &result);
		assert_int_equal(result.counters[MZ_COUNT_deliver].packets, 0);
		assert_false(get_learned(p->src, &row));
	}
}

/* What a host sends on to be judged it does not vouch for, whatever came with it. */
static void nobody_vouches_for_what_others_judged(void **state)
{
	EACH_PAIR(p) {
		struct frame in = judged(BOUNCER_200, p->src, p->dst, 200);

		expect_to_divider(&in, p->src, p->dst);
	}
}

/* Straight within a network it does: the destination's host may have no proof yet, or no more. */
static void the_agent_judges_what_goes_straight(void **state)
{
	put_network(100, LIST(BOUNCER));
	EACH_PAIR(p) {
		struct frame in = from_port(p->src), out = encapsulated(SOURCE, &in);
		struct mz_vni_addr key = endpoint(p->src);
		struct mz_learned row = put_learned(p->src, SOURCE, 7, MZ_LEARNED_HERE, 10);

		row_delete(MZ_TABLE_location, &key);
		row.network = 100;
		row_put(MZ_TABLE_learned, &key, &row);
		put_judged(&out, 100);
		expect_sent(AGENT, &in, &out, COUNT(encapsulate) | COUNT(direct));
		in = from_port(p->dst);
		out = after_hop(&in);
		out = encapsulated(DIVIDER, &out); /* and by a divider not */
		row.host = addr(DIVIDER);
		row.flags |= MZ_LEARNED_BY;
		key = endpoint(p->dst);
		row_put(MZ_TABLE_learned, &key, &row);
		expect_sent(AGENT, &in, &out, COUNT(encapsulate) | COUNT(direct));
	}
}

int test_judged(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup(f, setup)
		TEST(what_a_bouncers_own_endpoint_sends_is_divided),
		TEST(what_a_dividers_own_endpoint_sends_is_divided),
		TEST(the_bouncers_row_counts_for_more_than_a_proof),
		TEST(what_was_not_judged_proves_nothing),
		TEST(nobody_vouches_for_what_others_judged),
		TEST(the_agent_judges_what_goes_straight),
#undef TEST
	};

	return cmocka_run_group_tests_name("judged", tests, NULL, NULL);
}
