// SPDX-License-Identifier: Apache-2.0
/*
 * The direct path in a VPC that divides: a divider stands for both ends of a flow between networks.
 */
#include "divided.h"

#include <string.h>

#include <linux/pkt_cls.h>

/*
 * The RTS that came goes on as this host's; with COUNT(here) it is answered, too. Returns this
 * host's.
 */
static struct rts expect_relayed(const char *from, const struct pair *p, const char *to,
				 unsigned int counters)
{
	struct frame in = with_rts(from, p->src, p->dst, &rts_of_source), out;
	struct frame inner = inner_from(p->src, p->dst);
	struct frame here = here_for(SOURCE, p->dst, p->src, 0, 0);
	struct rts rts = rts_of_source;
	struct options o;
	struct result result;

	plane_run(TRANSIT, &in, &result);
	rts.host = SELF;
	if (!(counters & COUNT(learn))) /* nobody attested it */
		rts.generation = rts.group = 0;
	cookie_of(data_of(&result), rts.cookie);
	o = option_rts(&rts);
	out = forwarded_with(to, &inner, &o);
	counters |= COUNT(forward) | COUNT(divide);
	if (counters & COUNT(here))
		assert_result_both(&in, &result, &out, &here, counters);
	else
		assert_result_sent(TRANSIT, &in, &result, &out, counters);
	assert_memory_not_equal(rts.cookie, rts_of_source.cookie, COOKIE_SIZE);
	return rts;
}

/* What the destination's host answers it. */
static struct frame answer_to(const struct rts *rts, const struct pair *p, const char *from,
			      uint32_t flags)
{
	struct here here = {
		.address = p->dst, .peer = p->src, .generation = 9, .flags = flags
	};
	struct options o;

	memcpy(here.cookie, rts->cookie, COOKIE_SIZE);
	o = option_here(&here);
	return control_from(from, &o);
}

static void a_divider_stands_for_both_ends(void **state)
{
	EACH_PAIR(p) {
		struct frame inner = inner_from(p->src, p->dst), in, out;
		struct frame here = here_for(SOURCE, p->dst, p->src, 0, 0);
		struct rts rts = expect_relayed(BOUNCER, p, BOUNCER_200, COUNT(learn));

		expect_new(p->src, SOURCE, 0, 5, MZ_LEARNED_RTS, started);
		in = answer_to(&rts, p, THERE, 0);
		expect_consumed_and_told(&in, &here, COUNT(learn) | COUNT(here));
		expect_new(p->dst, THERE, 0, 9, MZ_LEARNED_HERE, started);
		expect_consumed(&in, COUNT(learn)); /* whoever asked has heard of it */
		in = tunnelled(SOURCE, &inner);
		out = forwarded(THERE, &inner);
		expect_sent(TRANSIT, &in, &out, COUNT(forward) | COUNT(divide) | COUNT(direct));
		/* And back: as the divider of both, without asking a bouncer. */
		inner = inner_from(p->dst, p->src);
		in = tunnelled(THERE, &inner);
		out = forwarded(SOURCE, &inner);
		expect_sent(TRANSIT, &in, &out, COUNT(forward) | COUNT(divide) | COUNT(direct));
		/* What it knows, it says at once. */
		plane_forget();
		(void)expect_relayed(BOUNCER, p, THERE,
				     COUNT(learn) | COUNT(direct) | COUNT(here));
	}
}

/* It does not stand for who does not exist: the bouncer's word goes to who asked, once. */
static void a_divider_passes_on_that_nobody_has_it(void **state)
{
	put_vpc(VNI, MZ_VPC_DIRECT | MZ_VPC_DIVIDE, LIST(SELF, THIRD));
	EACH_PAIR(p) {
		struct frame here = here_for(SOURCE, p->dst, p->src, 0, MZ_HERE_NOBODY), in;
		struct frame inner = inner_from(p->src, p->dst);
		struct rts rts = expect_relayed(BOUNCER, p, BOUNCER_200, COUNT(learn));
		struct options o = option_rts(&rts);
		struct mz_learned row;

		in = tunnelled_with(BOUNCER_200, &inner, &o);
		mark_returned(&in);
		expect_dropped_and_told(&in, MZ_DROP_no_endpoint, &here, COUNT(here));
		expect_drop_by_tc(&in, MZ_DROP_no_endpoint);
		assert_false(get_learned(p->dst, &row));
		/* As a divider says, which was asked on the way. */
		plane_forget();
		rts = expect_relayed(BOUNCER, p, BOUNCER_200, COUNT(learn));
		in = answer_to(&rts, p, THIRD, MZ_HERE_NOBODY);
		expect_consumed_and_told(&in, &here, COUNT(here));
		expect_consumed(&in, 0);
	}
}

/* Late words of a bouncer, and of one that nobody need ask. */
static void a_divider_that_knows_better_tells_nobody_nothing(void **state)
{
	EACH_PAIR(p) {
		struct frame inner = inner_from(p->src, p->dst);
		struct frame in = tunnelled(BOUNCER_200, &inner);

		(void)expect_relayed(BOUNCER, p, BOUNCER_200, COUNT(learn));
		put_learned(p->dst, THERE, 7, MZ_LEARNED_HERE, 10);
		mark_returned(&in);
		expect_drop_by_tc(&in, MZ_DROP_no_endpoint);
	}
}

/*
 * Its answer would be taken for that of the destination's own host; and it would itself take for
 * proven what it asked as a divider.
 */
static void who_divides_no_more_hears_no_answer(void **state)
{
	EACH_PAIR(p) {
		struct rts rts = expect_relayed(BOUNCER, p, BOUNCER_200, COUNT(learn));
		struct frame in = answer_to(&rts, p, THERE, 0);
		struct mz_learned row;

		put_vpc(VNI, MZ_VPC_DIRECT | MZ_VPC_DIVIDE, LIST(DIVIDER));
		expect_drop_by_tc(&in, MZ_DROP_here_cookie);
		assert_false(get_learned(p->dst, &row));
		put_vpc(VNI, MZ_VPC_DIRECT | MZ_VPC_DIVIDE, LIST(SELF));
	}
}

/* Its own endpoints end what they send there, as on every host. */
static void a_divider_hears_itself_that_nobody_has_it(void **state)
{
	EACH_PAIR(p) {
		struct frame packet = from_port(p->dst), inner = after_hop(&packet), in;
		struct result result;

		plane_run(AGENT, &packet, &result);
		assert_int_equal(result.counters[MZ_COUNT_introduce].packets, 1);
		in = tunnelled(BOUNCER_200, &inner);
		mark_returned(&in);
		expect_drop_by_tc(&in, MZ_DROP_no_endpoint);
		expect_drop(AGENT, &packet, MZ_DROP_nobody);
	}
}

/* As a bouncer it has no row any more, but knows where it is: it stands between all the same. */
static void a_divider_that_bounces_stands_between_networks(void **state)
{
	put_network(200, LIST(SELF));
	EACH_PAIR(p) {
		put_learned(p->dst, THERE, 7, MZ_LEARNED_HERE, 10);
		(void)expect_relayed(BOUNCER, p, THERE,
				     COUNT(learn) | COUNT(direct) | COUNT(here));
	}
}

/* Straight from its host it may be a lie, and is answered to it alone, by who knows already. */
static void a_divider_believes_bouncers_only(void **state)
{
	struct mz_learned row;

	EACH_PAIR(p) {
		struct frame in = with_rts(THERE, p->src, p->dst, &rts_of_source), out;
		struct frame inner = inner_from(p->src, p->dst);
		struct options o = option_none(&rts_of_source);
		struct rts rts;

		out = forwarded_with(BOUNCER_200, &inner, &o);
		expect_sent(TRANSIT, &in, &out,
			    COUNT(forward) | COUNT(divide) | COUNT(rts_source));
		in = with_rts(BOUNCER_200, p->src, p->dst, &rts_of_source); /* not of the source */
		expect_sent(TRANSIT, &in, &out,
			    COUNT(forward) | COUNT(divide) | COUNT(rts_source));
		rts = expect_relayed(SOURCE, p, BOUNCER_200, 0);
		assert_false(get_learned(p->src, &row));
		in = answer_to(&rts, p, THERE, 0);
		expect_consumed(&in, COUNT(learn));
		(void)expect_relayed(SOURCE, p, THERE, COUNT(direct) | COUNT(here));
	}
}

static void what_nobody_has_is_said(void **state)
{
	struct frame in = with_rts(BOUNCER, "10.0.0.9", "10.0.2.2", &rts_of_source), inner;
	struct frame here = here_for(SOURCE, "10.0.2.2", "10.0.0.9", 0, MZ_HERE_NOBODY);

	expect_dropped_and_told(&in, MZ_DROP_no_route, &here, COUNT(here));
	put_network(200, LIST(SELF));
	EACH_PAIR(p) {
		in = with_rts(BOUNCER, p->src, p->dst, &rts_of_source);
		here = here_for(SOURCE, p->dst, p->src, 0, MZ_HERE_NOBODY);
		expect_dropped_and_told(&in, MZ_DROP_no_endpoint, &here,
					COUNT(here) | COUNT(divide));
		inner = inner_from(p->src, p->dst);
		in = tunnelled(BOUNCER, &inner);
		expect_drop(TRANSIT, &in, MZ_DROP_no_endpoint);
	}
}

static void where_none_must_be_passed_a_divider_is_none(void **state)
{
	struct mz_learned row;

	put_vpc(VNI, MZ_VPC_DIRECT, LIST(SELF));
	EACH_PAIR(p) {
		struct frame in = with_rts(BOUNCER, p->src, p->dst, &rts_of_source), out;
		struct frame inner = inner_from(p->src, p->dst);
		struct options o = option_rts(&rts_of_source);

		out = forwarded_with(BOUNCER_200, &inner, &o);
		expect_sent(TRANSIT, &in, &out, COUNT(forward) | COUNT(divide));
		assert_false(get_learned(p->src, &row));
	}
}

/* Whoever has the destination divides first: nobody is proven to be of its network by that. */
static void a_divider_with_the_destination_still_divides(void **state)
{
	EACH_PAIR(p) {
		struct frame in = with_rts(BOUNCER, p->src, p->here_200, &rts_of_source), out;
		struct frame inner = inner_from(p->src, p->here_200);
		struct frame here = here_for(SOURCE, p->here_200, p->src, 0, 0);

		out = delivered(MAC_1_4, &inner);
		expect_sent_both(&in, &out, &here,
				 COUNT(deliver) | COUNT(divide) | COUNT(here) | COUNT(learn));
		expect_new(p->src, SOURCE, 0, 5, MZ_LEARNED_RTS, started);
		in = tunnelled(SOURCE, &inner);
		expect_sent(TRANSIT, &in, &out, COUNT(deliver) | COUNT(divide));
	}
}

static void a_divider_gets_back_what_it_sent(void **state)
{
	EACH_PAIR(p) {
		struct frame inner = inner_from(p->src, p->dst), in = tunnelled(THERE, &inner);
		struct frame out = forwarded(BOUNCER_200, &inner);
		struct mz_learned before = put_learned(p->dst, THERE, 7, MZ_LEARNED_HERE, 10), row;

		mark_returned(&in);
		expect_sent(TRANSIT, &in, &out,
			    COUNT(forward) | COUNT(send_again) | COUNT(divide));
		assert_true(get_learned(p->dst, &row));
		before.flags |= MZ_LEARNED_STALE;
		assert_memory_equal(&row, &before, sizeof(row));
	}
}

/* It asks itself; and what it was told before it divided leads no way round by another one. */
static void a_divider_goes_by_no_other(void **state)
{
	put_vpc(VNI, MZ_VPC_DIRECT | MZ_VPC_DIVIDE, LIST(SELF, DIVIDER));
	EACH_PAIR(p) {
		struct frame inner = inner_from(p->src, p->dst), in = tunnelled(SOURCE, &inner);
		struct frame out = forwarded(BOUNCER_200, &inner);
		struct options o = option_stale(p->dst, 0);
		struct frame stale = control_to(SOURCE, &o, 0);
		struct rts rts = rts_of_source;
		struct mz_learned row;

		put_learned(p->dst, DIVIDER, 7, MZ_LEARNED_RTS | MZ_LEARNED_BY, 10);
		expect_sent_both(&in, &out, &stale,
				 COUNT(forward) | COUNT(divide) | COUNT(stale));
		rts.host = DIVIDER;
		in = with_rts(DIVIDER, p->src, p->own, &rts);
		plane_run(TRANSIT, &in, &(struct result){});
		assert_false(get_learned(p->src, &row));
		/* The other one has the destination itself. */
		rts = expect_relayed(BOUNCER, p, BOUNCER_200, COUNT(learn));
		in = answer_to(&rts, p, DIVIDER, 0);
		plane_run(TRANSIT, &in, &(struct result){});
		expect_new(p->dst, DIVIDER, 0, 9, MZ_LEARNED_HERE, started);
	}
}

/* Who sends by it does not know of a tombstone here. */
static void a_divider_asks_back(void **state)
{
	EACH_PAIR(p) {
		struct frame inner = inner_from(p->src, p->dst), in = tunnelled(SOURCE, &inner);
		struct options o = option_stale(p->dst, 0);
		struct frame out = forwarded(BOUNCER_200, &inner);
		struct frame stale = control_to(SOURCE, &o, 0);

		put_learned(p->dst, THERE, 7, MZ_LEARNED_HERE | MZ_LEARNED_STALE, 10);
		put_moved(p->dst, THERE, 6);
		expect_sent_both(&in, &out, &stale,
				 COUNT(forward) | COUNT(divide) | COUNT(stale));
	}
}

/* Nobody judged the RTS of what came back: it names no host, and none is forgotten for it. */
static void a_returned_rts_of_no_host_is_nothing(void **state)
{
	struct frame inner = inner_from("10.0.0.9", "10.0.1.9"), in, out;
	struct rts rts = rts_of_source;

	rts.host = frame_underlay_is_ipv6() ? "192.0.2.2" : "::192.168.50.2"; /* as .2 ends */
	in = with_rts(SOURCE, "10.0.0.9", "10.0.2.2", &rts);
	mark_returned(&in);
	expect_drop_by_tc(&in, MZ_DROP_no_route);
	in = tunnelled(BOUNCER, &inner);
	out = forwarded(BOUNCER_200, &inner);
	expect_sent(TRANSIT, &in, &out, COUNT(forward) | COUNT(divide));
}

int test_divider(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup(f, plane_setup_divider)
		TEST(a_divider_stands_for_both_ends),
		TEST(a_divider_passes_on_that_nobody_has_it),
		TEST(a_divider_that_knows_better_tells_nobody_nothing),
		TEST(who_divides_no_more_hears_no_answer),
		TEST(a_divider_hears_itself_that_nobody_has_it),
		TEST(a_divider_that_bounces_stands_between_networks),
		TEST(a_divider_believes_bouncers_only),
		TEST(what_nobody_has_is_said),
		TEST(where_none_must_be_passed_a_divider_is_none),
		TEST(a_divider_with_the_destination_still_divides),
		TEST(a_divider_gets_back_what_it_sent),
		TEST(a_divider_goes_by_no_other),
		TEST(a_divider_asks_back),
		TEST(a_returned_rts_of_no_host_is_nothing),
#undef TEST
	};

	return cmocka_run_group_tests_name("divider", tests, NULL, NULL);
}
