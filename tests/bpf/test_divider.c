// SPDX-License-Identifier: Apache-2.0
/*
 * The direct path in a VPC that divides: a divider stands for both ends of a flow between networks,
 * and a destination's host lets in only whom somebody proved to be of its network.
 *
 *	10.0.0.9 on .5, network 100 --> bouncer .2 --> divider --> bouncer .4 --> 10.0.1.9 on .6
 */
#include "learning.h"

#include <string.h>

#include <linux/pkt_cls.h>

#define THERE THIRD /* where the destination is */

static uint64_t started; /* the test */

static int setup(void **state)
{
	int r = plane_setup_direct(state);

	started = now_ns();
	put_vpc(VNI, MZ_VPC_DIRECT | MZ_VPC_DIVIDE, LIST(DIVIDER));
	return r;
}

static int setup_divider(void **state)
{
	int r = setup(state);

	put_vpc(VNI, MZ_VPC_DIRECT | MZ_VPC_DIVIDE, LIST(SELF));
	put_routes();
	return r;
}

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

/* Its answer would be taken for that of the destination's own host. */
static void who_divides_no_more_passes_nothing_on(void **state)
{
	EACH_PAIR(p) {
		struct rts rts = expect_relayed(BOUNCER, p, BOUNCER_200, COUNT(learn));
		struct frame in = answer_to(&rts, p, THERE, 0);

		put_vpc(VNI, MZ_VPC_DIRECT | MZ_VPC_DIVIDE, LIST(DIVIDER));
		expect_consumed(&in, COUNT(learn));
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

static void expect_given_back(const char *from, const char *src, const char *dst)
{
	struct frame inner = inner_from(src, dst), in = tunnelled(from, &inner);
	struct frame out = forwarded(from, &inner);

	struct result result;

	mark_returned(&out);
	plane_run(TRANSIT, &in, &result); /* XDP leaves what might be delivered */
	assert_result_sent(TRANSIT, &in, &result, &out, COUNT(forward) | COUNT(give_back));
}

static void expect_let_in(const char *from, const char *src, const char *dst)
{
	struct frame inner = inner_from(src, dst), in = tunnelled(from, &inner);
	struct frame out = delivered(MAC_4, &inner);

	expect_sent(TRANSIT, &in, &out, COUNT(deliver));
}

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

		expect_sent_both(&in, &out, &here,
				 COUNT(deliver) | COUNT(learn) | COUNT(here));
		expect_learned(p->dst, &row, row.confirmed);
		row.confirmed -= MZ_LEASE_NS; /* it is better than none */
		row_put(MZ_TABLE_learned, &key, &row);
		plane_run(TRANSIT, &in, &(struct result){});
		assert_true(get_learned(p->dst, &row));
		assert_memory_equal(&row.host, &(struct mz_addr[]){ addr(THIRD) }, 16);
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
		expect_consumed(&in, COUNT(learn));
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

/* Of the VPC's dividers, and of network 200's bouncers, the last ones are not used. */
static void put_unused_dividers(uint8_t n_ready, uint8_t n_known)
{
	uint32_t vni = VNI;
	struct mz_vpc row;

	row_get(MZ_TABLE_vpc, &vni, &row);
	row.dividers.n += row.dividers.n_ready + row.dividers.n_known - n_ready - n_known;
	row.dividers.n_ready = n_ready;
	row.dividers.n_known = n_known;
	row_put(MZ_TABLE_vpc, &vni, &row);
}

static void put_unused_bouncers(uint8_t n_ready, uint8_t n_known)
{
	struct mz_network_key key = { .network = 200 };
	struct mz_network row;

	row_get(MZ_TABLE_network, &key, &row);
	row.bouncers.n += row.bouncers.n_ready + row.bouncers.n_known - n_ready - n_known;
	row.bouncers.n_ready = n_ready;
	row.bouncers.n_known = n_known;
	row_put(MZ_TABLE_network, &key, &row);
}

static void who_is_not_used_is_believed(void **state)
{
	EACH_PAIR(p) {
		put_vpc(VNI, MZ_VPC_DIRECT | MZ_VPC_DIVIDE, LIST(DIVIDER));
		expect_given_back(SOURCE, p->dst, p->here);
		expect_given_back(THERE, p->dst, p->here);
		put_vpc(VNI, MZ_VPC_DIRECT | MZ_VPC_DIVIDE, LIST(DIVIDER, SOURCE, THERE));
		put_unused_dividers(1, 1);
		expect_let_in(SOURCE, p->dst, p->here);
		expect_let_in(THERE, p->dst, p->here);
		put_network(100, LIST(BOUNCER));
		expect_let_in(BOUNCER, p->dst, p->here); /* a bouncer of its network, as ever */
	}
}

/* Neither for a flow that finds any divider, nor for one that had learned of that one. */
static void who_is_not_used_is_not_chosen(void **state)
{
	put_vpc(VNI, MZ_VPC_DIRECT | MZ_VPC_DIVIDE, LIST(DIVIDER, SOURCE, THERE));
	put_unused_dividers(1, 1);
	EACH_PAIR(p) {
		struct mz_vni_addr key = endpoint(p->dst);
		struct mz_learned row = put_learned(p->dst, BOUNCER_200, 7, MZ_LEARNED_RTS, 10);
		bool is_ipv6 = p != pairs;

		row.network = 200;
		row.asked = now_ns();
		row_put(MZ_TABLE_learned, &key, &row);
		for (uint16_t port = 1; port <= 20; port++) {
			struct frame in = from_port(p->dst), on_link = after_hop(&in), out;

			put16(in.bytes + ETH + (is_ipv6 ? 40 : 20), port);
			put16(on_link.bytes + ETH + (is_ipv6 ? 40 : 20), port);
			out = encapsulated(DIVIDER, &on_link);
			expect_sent(AGENT, &in, &out, COUNT(encapsulate));
		}
		row.host = addr(SOURCE);
		row.network = 0;
		row_put(MZ_TABLE_learned, &key, &row);
		for (int is_used = 1; is_used >= 0; is_used--) {
			struct frame in = from_port(p->dst);
			struct result result;

			put_unused_dividers(is_used ? 0 : 1, 1);
			plane_run(AGENT, &in, &result); /* with an RTS or not */
			assert_int_equal(result.out.bytes[5], is_used ? 5 : 2);
		}
	}
}

/* This host is ready, then known: packets reach it that were sent by an older row. */
static void a_divider_that_is_ready_divides(void **state)
{
	EACH_PAIR(p) {
		struct frame inner = inner_from(p->src, p->dst), in = tunnelled(BOUNCER, &inner);
		struct frame out = forwarded(BOUNCER_200, &inner);

		put_vpc(VNI, MZ_VPC_DIRECT | MZ_VPC_DIVIDE, LIST(DIVIDER, SELF));
		put_unused_dividers(1, 0);
		expect_sent(TRANSIT, &in, &out, COUNT(forward) | COUNT(divide));
		put_vpc(VNI, MZ_VPC_DIRECT | MZ_VPC_DIVIDE, LIST(DIVIDER, SELF));
		put_unused_dividers(0, 1);
		expect_given_back(BOUNCER, p->src, p->dst);
	}
}

/* It may have sent the packet as any host does, and a divider that is used may not. */
static void what_one_that_is_not_used_sends_is_divided(void **state)
{
	EACH_PAIR(p) {
		struct frame inner = inner_from(p->src, p->here_200);
		struct frame in = tunnelled(DIVIDER, &inner), out = delivered(MAC_1_4, &inner);

		put_vpc(VNI, MZ_VPC_DIRECT | MZ_VPC_DIVIDE, LIST(SELF, DIVIDER));
		expect_sent(TRANSIT, &in, &out, COUNT(deliver));
		put_unused_dividers(1, 0);
		expect_sent(TRANSIT, &in, &out, COUNT(deliver) | COUNT(divide));
		put_vpc(VNI, MZ_VPC_DIRECT | MZ_VPC_DIVIDE, LIST(SELF, DIVIDER));
		put_unused_dividers(0, 1);
		expect_sent(TRANSIT, &in, &out, COUNT(deliver) | COUNT(divide));
		/* By who bounces for the source's network, if no divider is here. */
		put_vpc(VNI, MZ_VPC_DIRECT | MZ_VPC_DIVIDE, LIST(BOUNCER, DIVIDER));
		put_unused_dividers(0, 1);
		expect_sent(TRANSIT, &in, &out, COUNT(deliver));
		put_location(p->src, 100, DIVIDER);
		out = forwarded(BOUNCER, &inner);
		expect_sent(TRANSIT, &in, &out, COUNT(forward));
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

/* Its table is full, but nobody need believe yet what it sends. */
static void a_bouncer_that_is_known_asks_another(void **state)
{
	EACH_PAIR(p) {
		const char *src = p == pairs ? "10.0.1.8" : "fd00:b::8";
		struct frame inner = inner_from(src, p->dst), in = tunnelled(SOURCE, &inner);
		struct frame out = forwarded(THERE, &inner);

		put_location(src, 200, SOURCE);
		put_location(p->dst, 200, THERE);
		put_network(200, LIST(BOUNCER_200, SELF));
		put_unused_bouncers(1, 0);
		expect_sent(TRANSIT, &in, &out, COUNT(forward) | COUNT(bounce));
		put_network(200, LIST(BOUNCER_200, SELF));
		put_unused_bouncers(0, 1);
		out = forwarded(BOUNCER_200, &inner);
		expect_sent(TRANSIT, &in, &out, COUNT(forward));
		in = tunnelled(BOUNCER_200, &inner); /* which knows no better */
		out = forwarded(THERE, &inner);
		expect_sent(TRANSIT, &in, &out, COUNT(forward) | COUNT(bounce));
	}
}

int test_divider(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup(f, setup_divider)
		TEST(a_divider_stands_for_both_ends),
		TEST(a_divider_passes_on_that_nobody_has_it),
		TEST(a_divider_that_knows_better_tells_nobody_nothing),
		TEST(who_divides_no_more_passes_nothing_on),
		TEST(a_divider_hears_itself_that_nobody_has_it),
		TEST(a_divider_that_bounces_stands_between_networks),
		TEST(a_divider_believes_bouncers_only),
		TEST(what_nobody_has_is_said),
		TEST(where_none_must_be_passed_a_divider_is_none),
		TEST(a_divider_with_the_destination_still_divides),
		TEST(a_divider_gets_back_what_it_sent),
		TEST(a_divider_that_is_ready_divides),
		TEST(what_one_that_is_not_used_sends_is_divided),
		TEST(a_divider_asks_back),
		TEST(a_returned_rts_of_no_host_is_nothing),
#undef TEST
#define TEST(f) cmocka_unit_test_setup(f, setup)
		TEST(who_is_attested_may_enter),
		TEST(a_divider_that_bounces_attests),
		TEST(a_divider_that_was_not_told_takes_no_ones_place),
		TEST(by_a_divider_only_the_divider_may_enter),
		TEST(who_answered_may_enter),
		TEST(what_moved_is_given_back),
		TEST(who_is_not_used_is_believed),
		TEST(who_is_not_used_is_not_chosen),
		TEST(a_bouncer_that_is_known_asks_another),
		TEST(a_way_of_others_is_asked_for_again),
#undef TEST
	};

	return cmocka_run_group_tests_name("divider", tests, NULL, NULL);
}
