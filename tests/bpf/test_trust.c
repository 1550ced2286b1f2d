// SPDX-License-Identifier: Apache-2.0
/*
 * Known hosts that lie about locations: what they send back, what nobody attested, and where nobody
 * judges. docs/security.md says what is left to them.
 */
#include "learning.h"

#include <string.h>

#include <linux/pkt_cls.h>

/* A droplet that has no role in the VPC, and says that the source is on it. */
static const struct rts lie = { .host = THIRD, .cookie = { 7, 7 } };

static void bounce_for_both(const struct pair *p)
{
	put_network(100, LIST(SELF));
	put_attested(p->src, 100, SOURCE, 5);
	put_attested(p->there, 100, BOUNCER_200, 6);
}

/* As if this bouncer had sent it there before: it goes on, and nobody vouches for what it says. */
static void what_comes_back_introduces_nobody(void **state)
{
	EACH_PAIR(p) {
		struct frame inner = inner_from(p->src, p->there), in, out;
		struct options o = option_none(&lie);

		bounce_for_both(p);
		in = with_rts(THIRD, p->src, p->there, &lie);
		mark_returned(&in);
		out = forwarded_with(BOUNCER_200, &inner, &o);
		expect_sent(TRANSIT, &in, &out,
			    COUNT(forward) | COUNT(bounce) | COUNT(send_again));
	}
}

/* Nor is anybody told by it that nobody is there. */
static void what_comes_back_is_not_answered(void **state)
{
	struct frame in = with_rts(SOURCE, "10.0.0.9", "10.0.2.2", &lie);

	put_vpc(VNI, MZ_VPC_DIRECT, LIST(SELF));
	mark_returned(&in);
	expect_drop_by_tc(&in, MZ_DROP_no_route);
}

/* A bouncer's word of a host that is none: packets would leave the cluster. */
static void a_host_must_be_a_droplet(void **state)
{
	struct rts rts = rts_of_source;

	rts.host = "192.168.50.99";
	EACH_PAIR(p) {
		struct frame in = with_rts(BOUNCER, p->src, p->here, &rts);
		struct frame inner = inner_from(p->src, p->here), out = delivered(MAC_4, &inner);
		struct mz_learned row;

		expect_sent(TRANSIT, &in, &out, COUNT(deliver) | COUNT(rts_host));
		assert_false(get_learned(p->src, &row));
	}
}

/* What a divider passes on in its own name is only what a bouncer attested. */
static void a_divider_vouches_for_no_generation(void **state)
{
	put_vpc(VNI, MZ_VPC_DIRECT | MZ_VPC_DIVIDE, LIST(SELF));
	put_routes();
	EACH_PAIR(p) {
		struct frame in, inner = inner_from(p->src, p->dst), out;
		struct rts rts = lie, relayed = { .host = SELF };
		struct options o;
		struct result result;

		rts.generation = 0x7fff0000;
		rts.group = 9;
		in = with_rts(THIRD, p->src, p->dst, &rts);
		plane_run(TRANSIT, &in, &result);
		cookie_of(data_of(&result), relayed.cookie);
		o = option_rts(&relayed);
		out = forwarded_with(BOUNCER_200, &inner, &o);
		assert_result_sent(TRANSIT, &in, &result, &out, COUNT(forward) | COUNT(divide));
	}
}

/* While a VPC's direct path is switched, hosts differ: one that learns nothing judges nothing. */
static void where_nobody_judges_no_rts_passes(void **state)
{
	EACH_PAIR(p) {
		struct frame inner = inner_from(p->src, p->dst);
		struct frame in = with_rts(BOUNCER, p->src, p->dst, &rts_of_source), out;
		struct options o = option_none(&rts_of_source);

		put_vpc(VNI, MZ_VPC_DIVIDE, LIST(SELF));
		put_routes();
		out = forwarded_with(BOUNCER_200, &inner, &o);
		expect_sent(TRANSIT, &in, &out, COUNT(forward) | COUNT(divide));
	}
}

/* This bouncer's host has learned where the destination was, and knows by its row where it is. */
static void a_bouncer_that_learned_goes_by_its_row(void **state)
{
	EACH_PAIR(p) {
		struct frame inner = inner_from(p->src, p->there), in = tunnelled(THIRD, &inner);
		struct frame out = forwarded(BOUNCER_200, &inner);
		struct mz_learned row;

		bounce_for_both(p);
		put_learned(p->there, THIRD, 4, MZ_LEARNED_HERE, 10);
		mark_returned(&in);
		expect_sent(TRANSIT, &in, &out,
			    COUNT(forward) | COUNT(bounce) | COUNT(send_again));
		assert_true(get_learned(p->there, &row));
		assert_true(row.flags & MZ_LEARNED_STALE);
		/* And not back to where it came from. */
		put_attested(p->there, 100, THIRD, 7);
		expect_drop_by_tc(&in, MZ_DROP_not_here);
	}
}

/* The divider that sends it had not got it: it is told so, not sent it to come here again. */
static void a_bouncer_gives_a_divider_back_what_is_its(void **state)
{
	put_vpc(VNI, MZ_VPC_DIRECT | MZ_VPC_DIVIDE, LIST(DIVIDER));
	EACH_PAIR(p) {
		struct frame inner = inner_from(p->src, p->there), in = tunnelled(DIVIDER, &inner);

		struct frame out = forwarded(DIVIDER, &inner);

		bounce_for_both(p);
		put_attested(p->there, 100, DIVIDER, 7);
		mark_returned(&out);
		expect_sent(TRANSIT, &in, &out, COUNT(forward) | COUNT(give_back));
	}
}

/* Where a VPC need not divide, a divider is a host like any: who learned it is told. */
static void an_old_host_that_divides_tells(void **state)
{
	put_vpc(VNI, MZ_VPC_DIRECT, LIST(SELF));
	put_routes();
	EACH_PAIR(p) {
		struct frame inner = inner_from(p->src, p->dst), in = tunnelled(SOURCE, &inner);
		struct options o = option_stale(p->dst, 9);
		struct frame out = forwarded(BOUNCER_200, &inner);
		struct frame stale = control_to(SOURCE, &o, 0);

		put_moved(p->dst, THIRD, 9);
		expect_sent_both(&in, &out, &stale,
				 COUNT(forward) | COUNT(divide) | COUNT(stale));
	}
}

/* By then it may have come: a divider delivers what was given back to it. */
static void what_came_meanwhile_is_delivered(void **state)
{
	put_vpc(VNI, MZ_VPC_DIRECT | MZ_VPC_DIVIDE, LIST(SELF));
	put_routes();
	EACH_PAIR(p) {
		struct frame inner = inner_from(p->src, p->here), in = tunnelled(BOUNCER, &inner);
		struct frame out = delivered(MAC_4, &inner);

		mark_returned(&in);
		expect_sent(TRANSIT, &in, &out,
			    COUNT(deliver) | COUNT(divide) | COUNT(send_again));
		in = tunnelled(THIRD, &inner); /* no bouncer of it */
		mark_returned(&in);
		expect_drop_by_tc(&in, MZ_DROP_stale_sender);
	}
}

/* A bouncer on its way out may have lost its rows: another one is asked. */
static void who_is_not_used_need_not_know(void **state)
{
	struct mz_network row = { .vni = VNI, .bouncers = { .n = 1, .n_known = 1 } };
	struct mz_network_key key = { .network = 200 };

	put_vpc(VNI, MZ_VPC_DIRECT | MZ_VPC_DIVIDE, LIST(SELF));
	put_routes();
	row.bouncers.addrs[0] = addr(BOUNCER_200);
	row.bouncers.addrs[1] = addr(THIRD);
	row_put(MZ_TABLE_network, &key, &row);
	EACH_PAIR(p) {
		struct frame inner = inner_from(p->src, p->dst), in = tunnelled(THIRD, &inner);
		struct frame out = forwarded(BOUNCER_200, &inner);

		mark_returned(&in);
		put_learned(p->dst, THIRD, 7, MZ_LEARNED_HERE, 10); /* not there again */
		expect_sent(TRANSIT, &in, &out,
			    COUNT(forward) | COUNT(divide) | COUNT(send_again));
		in = tunnelled(BOUNCER_200, &inner);
		mark_returned(&in);
		expect_drop_by_tc(&in, MZ_DROP_no_endpoint);
	}
}

/* Its word is taken against the way by itself; not against a host that was learned. */
static void a_divider_takes_its_word_back(void **state)
{
	put_vpc(VNI, MZ_VPC_DIRECT | MZ_VPC_DIVIDE, LIST(DIVIDER));
	EACH_PAIR(p) {
		struct here here = { .address = p->dst, .peer = p->own, .flags = MZ_HERE_NOBODY };
		struct frame packet = from_port(p->dst), in;
		struct result result;
		struct options o;

		plane_run(AGENT, &packet, &result);
		cookie_of(&result.out, here.cookie);
		o = option_here(&here);
		in = control_from(DIVIDER, &o);
		put_learned(p->dst, SOURCE, 3, MZ_LEARNED_HERE, 0);
		expect_consumed(&in, 0);
		put_learned(p->dst, DIVIDER, 0, MZ_LEARNED_HERE | MZ_LEARNED_BY, 0);
		expect_consumed(&in, 0);
		expect_drop(AGENT, &packet, MZ_DROP_nobody);
	}
}

/* Each part of a network has bouncers of its own: the destination says which. */
static void nobody_is_the_word_of_the_right_bouncer(void **state)
{
	const struct mz_network whole = { .vni = VNI, .slot_bits = 1,
					  .bouncers = { .n = 1 } };

	EACH_PAIR(p) {
		struct here here = { .address = p->gone, .peer = p->own, .flags = MZ_HERE_NOBODY };
		struct frame packet = from_port(p->gone), in;
		bool is_bouncer;
		struct result result;
		struct options o;

		for (unsigned int i = 0; i < 2; i++) {
			struct mz_network_key key = { .network = 100, .slot = i };
			struct mz_network row = whole;

			row.bouncers.addrs[0] = addr(i ? BOUNCER : THIRD);
			row_put(MZ_TABLE_network, &key, &row);
		}
		plane_run(AGENT, &packet, &result);
		cookie_of(&result.out, here.cookie);
		is_bouncer = result.out.bytes[5] == 2;
		o = option_here(&here);
		in = control_from(is_bouncer ? THIRD : BOUNCER, &o);
		expect_drop_by_tc(&in, MZ_DROP_here_cookie);
		in = control_from(is_bouncer ? BOUNCER : THIRD, &o);
		expect_consumed(&in, 0);
		expect_drop(AGENT, &packet, MZ_DROP_nobody);
	}
}

/* Once in a minute, however well the host that was learned answers. */
static void the_bouncers_are_asked_all_the_same(void **state)
{
	EACH_PAIR(p) {
		struct mz_learned row = put_learned(p->remote, SOURCE, 7, MZ_LEARNED_HERE, 0);
		struct mz_vni_addr key = endpoint(p->remote);
		struct frame in = from_port(p->remote);
		struct result result;

		row.asked = now_ns(); /* straight */
		row.asked_bouncers -= 60;
		row_put(MZ_TABLE_learned, &key, &row);
		plane_run(AGENT, &in, &result);
		assert_int_equal(result.counters[MZ_COUNT_introduce].packets, 1);
		assert_int_equal(result.counters[MZ_COUNT_direct].packets, 0);
		plane_run(AGENT, &in, &result);
		assert_int_equal(result.counters[MZ_COUNT_introduce].packets, 0);
		assert_int_equal(result.counters[MZ_COUNT_direct].packets, 1);
	}
}

int test_trust(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup(f, plane_setup_direct)
		TEST(what_comes_back_introduces_nobody),
		TEST(what_comes_back_is_not_answered),
		TEST(a_host_must_be_a_droplet),
		TEST(a_divider_vouches_for_no_generation),
		TEST(where_nobody_judges_no_rts_passes),
		TEST(a_bouncer_that_learned_goes_by_its_row),
		TEST(a_bouncer_gives_a_divider_back_what_is_its),
		TEST(an_old_host_that_divides_tells),
		TEST(what_came_meanwhile_is_delivered),
		TEST(who_is_not_used_need_not_know),
		TEST(a_divider_takes_its_word_back),
		TEST(nobody_is_the_word_of_the_right_bouncer),
		TEST(the_bouncers_are_asked_all_the_same),
#undef TEST
	};

	return cmocka_run_group_tests_name("trust", tests, NULL, NULL);
}
