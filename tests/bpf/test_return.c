// SPDX-License-Identifier: Apache-2.0
/*
 * Direct packets that miss: given back by the host that has not got the destination, sent again by
 * the one that gets them back, sent after an endpoint that moved; and a divider that learns.
 */
#include "learning.h"

#include <arpa/inet.h>
#include <string.h>
#include <unistd.h>

#include <linux/pkt_cls.h>

static struct frame ttl_1(struct frame frame)
{
	take_ttl(&frame, 63);
	return frame;
}

static void what_is_not_here_is_given_back(void **state)
{
	EACH_PAIR(p) {
		struct frame inner = inner_from(p->src, p->gone), in = tunnelled(SOURCE, &inner);
		struct frame out = forwarded(SOURCE, &inner);

		mark_returned(&out);
		expect_sent(TRANSIT, &in, &out, COUNT(forward) | COUNT(give_back));
		in = ttl_1(in);
		expect_drop(TRANSIT, &in, MZ_DROP_hop_limit);
	}
	EACH_PAIR(p) { /* a divider's, a bouncer's */
		struct frame inner = inner_from(p->src, p->gone), in = tunnelled(DIVIDER, &inner);
		struct frame out = forwarded(DIVIDER, &inner);

		mark_returned(&out);
		expect_sent(TRANSIT, &in, &out, COUNT(forward) | COUNT(give_back));
		in = tunnelled(BOUNCER, &inner);
		out = forwarded(BOUNCER, &inner);
		mark_returned(&out);
		expect_sent(TRANSIT, &in, &out, COUNT(forward) | COUNT(give_back));
	}
	put_vpc(VNI, 0, LIST(DIVIDER));
	EACH_PAIR(p) {
		struct frame inner = inner_from(p->src, p->gone), in = tunnelled(SOURCE, &inner);

		expect_drop(TRANSIT, &in, MZ_DROP_not_here);
	}
}

/* As it comes back to who sent it. */
static struct frame returned_inner(const char *host, const struct frame *inner)
{
	struct frame in = tunnelled(host, inner);

	mark_returned(&in);
	return in;
}

static struct frame returned(const char *host, const struct pair *p)
{
	struct frame inner = inner_from(p->own, p->gone);

	return returned_inner(host, &inner);
}

static void what_comes_back_goes_by_the_bouncer(void **state)
{
	EACH_PAIR(p) {
		struct mz_learned before = put_learned(p->gone, SOURCE, 7, MZ_LEARNED_HERE, 10);
		struct mz_learned row;
		struct frame inner = inner_from(p->own, p->gone), in = returned(SOURCE, p);
		struct frame out = forwarded(BOUNCER, &inner);

		expect_sent(TRANSIT, &in, &out, COUNT(forward) | COUNT(send_again));
		assert_true(get_learned(p->gone, &row));
		before.flags |= MZ_LEARNED_STALE;
		assert_memory_equal(&row, &before, sizeof(row));
		/* More of them were on their way. */
		expect_sent(TRANSIT, &in, &out, COUNT(forward) | COUNT(send_again));
		in = ttl_1(in);
		expect_drop_by_tc(&in, MZ_DROP_hop_limit);
	}
}

/* The one before is heard as well, and says nothing about the one that is. */
static void what_comes_back_late_goes_on(void **state)
{
	EACH_PAIR(p) {
		struct mz_learned before = put_learned(p->gone, THIRD, 7, MZ_LEARNED_HERE, 10), row;
		struct frame inner = inner_from(p->own, p->gone), in = returned(SOURCE, p);
		struct frame out = forwarded(THIRD, &inner);
		struct mz_vni_addr key = endpoint(p->gone);

		before.before = addr(SOURCE);
		row_put(MZ_TABLE_learned, &key, &before);
		expect_sent(TRANSIT, &in, &out,
			    COUNT(forward) | COUNT(send_again) | COUNT(direct));
		assert_true(get_learned(p->gone, &row));
		assert_int_equal(row.flags, before.flags);
		assert_memory_equal(&row.host, &before.host, sizeof(row.host));
	}
}

static void others_give_nothing_back(void **state)
{
	EACH_PAIR(p) {
		struct mz_learned before, row;
		struct frame in = returned(SOURCE, p);

		expect_drop_by_tc(&in, MZ_DROP_stale_sender);
		before = put_learned(p->gone, THIRD, 7, MZ_LEARNED_HERE, 10);
		expect_drop_by_tc(&in, MZ_DROP_stale_sender);
		assert_true(get_learned(p->gone, &row));
		assert_memory_equal(&row, &before, sizeof(row));
		in = returned("192.168.50.99", p);
		expect_drop(TRANSIT, &in, MZ_DROP_unknown_host);
	}
}

/* This host bounces, and its row was wrong: nobody else would know better; or it was, until now. */
static void a_bouncer_sends_by_its_present_row(void **state)
{
	EACH_PAIR(p) {
		struct frame inner = inner_from(p->src, p->gone), in = tunnelled(SOURCE, &inner);
		struct frame out = forwarded(THIRD, &inner);

		put_network(100, LIST(SELF));
		put_attested(p->src, 100, THIRD, 3);
		put_attested(p->gone, 100, SOURCE, 4);
		mark_returned(&in);
		expect_drop_by_tc(&in, MZ_DROP_not_here);
		put_learned(p->gone, SOURCE, 4, MZ_LEARNED_HERE, 10); /* it would go to and fro */
		expect_drop_by_tc(&in, MZ_DROP_not_here);
		row_delete(MZ_TABLE_learned, &(struct mz_vni_addr[]){ endpoint(p->gone) });
		put_attested(p->gone, 100, THIRD, 5);
		expect_sent(TRANSIT, &in, &out,
			    COUNT(forward) | COUNT(send_again) | COUNT(bounce));
	}
}

/* Who gave it back is the flow's bouncer, or the only one: another one has it, or nobody. */
static void nobody_gets_again_what_he_gave_back(void **state)
{
	EACH_PAIR(p) {
		struct frame inner = inner_from(p->own, p->gone), in = returned(SOURCE, p);
		struct frame out = forwarded(THIRD, &inner);

		put_judged(&in, 0);
		put_learned(p->gone, SOURCE, 7, MZ_LEARNED_HERE, 10);
		put_network(100, LIST(SOURCE, THIRD));
		expect_sent(TRANSIT, &in, &out, COUNT(forward) | COUNT(send_again));
		put_network(100, LIST(SOURCE));
		expect_drop_by_tc(&in, MZ_DROP_not_here);
		delete_local(p->own); /* of dividers as well */
		put_moved(p->own, THIRD, 9);
		put_vpc(VNI, MZ_VPC_DIRECT, LIST(SOURCE, THIRD));
		expect_sent(TRANSIT, &in, &out, COUNT(forward) | COUNT(send_again));
		put_vpc(VNI, MZ_VPC_DIRECT, LIST(SOURCE));
		expect_drop_by_tc(&in, MZ_DROP_not_here);
	}
}

/* Everybody is sent there by this host: no other way helps, though one is known. */
static void a_bouncer_takes_its_own_word(void **state)
{
	put_vpc(VNI, MZ_VPC_DIRECT | MZ_VPC_DIVIDE, LIST(DIVIDER));
	put_network(200, LIST(SELF));
	EACH_PAIR(p) {
		struct frame inner = inner_from(p->own, p->dst);
		struct frame in = returned_inner(SOURCE, &inner);

		put_attested(p->dst, 200, SOURCE, 7);
		put_learned(p->dst, DIVIDER, 7, MZ_LEARNED_HERE | MZ_LEARNED_BY, 10);
		expect_drop_by_tc(&in, MZ_DROP_not_here);
		put_attested(p->src, 200, THIRD, 7); /* another's, too, which would be divided */
		inner = inner_from(p->src, p->dst);
		in = returned_inner(SOURCE, &inner);
		expect_drop_by_tc(&in, MZ_DROP_not_here);
	}
}

/* As judged it was not divided by the divider that it came to: it is, if this host is none now. */
static void a_divider_may_get_again_what_was_judged(void **state)
{
	EACH_PAIR(p) {
		struct frame inner = inner_from(p->own, p->dst), out = forwarded(DIVIDER, &inner);
		struct frame in = returned_inner(DIVIDER, &inner); /* judged */

		put_vpc(VNI, MZ_VPC_DIRECT | MZ_VPC_DIVIDE, LIST(DIVIDER));
		put_network(100, LIST(SELF));
		put_learned(p->dst, DIVIDER, 7, MZ_LEARNED_HERE, 10);
		expect_sent(TRANSIT, &in, &out, COUNT(forward) | COUNT(send_again));
		put_judged(&in, 0);
		expect_drop_by_tc(&in, MZ_DROP_not_here);
	}
}

/* Of others nobody gives anything back. */
static void what_left_meanwhile_goes_by_a_divider(void **state)
{
	EACH_PAIR(p) {
		struct frame inner = inner_from(p->src, p->gone), out = forwarded(DIVIDER, &inner);
		struct frame in = returned_inner(SOURCE, &inner);

		put_learned(p->gone, SOURCE, 7, MZ_LEARNED_HERE, 10);
		put_vpc(VNI, MZ_VPC_DIRECT, LIST(DIVIDER));
		expect_drop_by_tc(&in, MZ_DROP_stale_sender);
		put_moved(p->src, THIRD, 9);
		expect_sent(TRANSIT, &in, &out, COUNT(forward) | COUNT(send_again));
		put_vpc(VNI, MZ_VPC_DIRECT | MZ_VPC_DIVIDE, LIST(DIVIDER));
		expect_sent(TRANSIT, &in, &out, COUNT(forward) | COUNT(send_again));
		put_vpc(VNI, MZ_VPC_DIRECT, NULL, 0);
		expect_drop_by_tc(&in, MZ_DROP_no_divider);
	}
}

/* It went by this host, which is a divider no more. */
static void what_was_sent_on_goes_by_a_divider(void **state)
{
	uint32_t vni = VNI;
	struct mz_vpc row;

	put_vpc(VNI, MZ_VPC_DIRECT | MZ_VPC_DIVIDE, LIST(DIVIDER, SELF));
	row_get(MZ_TABLE_vpc, &vni, &row);
	row.dividers.n = row.dividers.n_known = 1;
	row_put(MZ_TABLE_vpc, &vni, &row);
	EACH_PAIR(p) {
		struct frame inner = inner_from(p->src, p->gone), out = forwarded(DIVIDER, &inner);
		struct frame in = returned_inner(SOURCE, &inner);

		put_learned(p->gone, SOURCE, 7, MZ_LEARNED_HERE, 10);
		expect_sent(TRANSIT, &in, &out, COUNT(forward) | COUNT(send_again));
	}
}

/* mizard made stale what was learned of it. */
static void what_came_here_meanwhile_is_delivered(void **state)
{
	EACH_PAIR(p) {
		struct frame inner = inner_from(p->own, p->here), out = delivered(MAC_4, &inner);
		struct frame in = returned_inner(SOURCE, &inner);

		expect_drop_by_tc(&in, MZ_DROP_stale_sender);
		put_learned(p->here, SOURCE, 7, MZ_LEARNED_HERE | MZ_LEARNED_STALE, 10);
		expect_sent(TRANSIT, &in, &out, COUNT(deliver) | COUNT(send_again));
		put_vpc(VNI, MZ_VPC_DIRECT | MZ_VPC_DIVIDE, LIST(SELF));
		put_routes(); /* and where this host divides, from others */
		inner = inner_from(p->src, p->here);
		out = delivered(MAC_4, &inner);
		in = returned_inner(SOURCE, &inner);
		expect_sent(TRANSIT, &in, &out,
			    COUNT(deliver) | COUNT(divide) | COUNT(send_again));
		put_vpc(VNI, MZ_VPC_DIRECT, LIST(DIVIDER));
	}
}

/* This host has a bouncer's row of it, which is true, but is none yet: a bouncer vouches. */
static void who_is_no_bouncer_yet_asks_one(void **state)
{
	put_vpc(VNI, MZ_VPC_DIRECT | MZ_VPC_DIVIDE, LIST(DIVIDER));
	EACH_PAIR(p) {
		struct frame inner = inner_from(p->own, p->gone), out = forwarded(BOUNCER, &inner);
		struct frame in = returned(SOURCE, p);

		put_learned(p->gone, SOURCE, 7, MZ_LEARNED_HERE, 10);
		put_attested(p->gone, 100, SOURCE, 7);
		put_judged(&out, 100);
		expect_sent(TRANSIT, &in, &out, COUNT(forward) | COUNT(send_again));
	}
}

static void what_moved_is_sent_after(void **state)
{
	EACH_PAIR(p) {
		struct frame inner = inner_from(p->src, p->gone), in = tunnelled(SOURCE, &inner);
		struct options o = option_stale(p->gone, 9);
		struct frame out = forwarded(THIRD, &inner), stale = control_to(SOURCE, &o, 0);

		put_moved(p->gone, THIRD, 9);
		expect_sent_both(&in, &out, &stale,
				 COUNT(forward) | COUNT(moved) | COUNT(stale));
	}
}

int test_return(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup(f, plane_setup_direct)
		TEST(what_is_not_here_is_given_back),
		TEST(what_comes_back_goes_by_the_bouncer),
		TEST(what_comes_back_late_goes_on),
		TEST(others_give_nothing_back),
		TEST(a_bouncer_sends_by_its_present_row),
		TEST(nobody_gets_again_what_he_gave_back),
		TEST(a_bouncer_takes_its_own_word),
		TEST(a_divider_may_get_again_what_was_judged),
		TEST(what_left_meanwhile_goes_by_a_divider),
		TEST(what_was_sent_on_goes_by_a_divider),
		TEST(what_came_here_meanwhile_is_delivered),
		TEST(who_is_no_bouncer_yet_asks_one),
		TEST(what_moved_is_sent_after),
#undef TEST
	};

	return cmocka_run_group_tests_name("return", tests, NULL, NULL);
}
