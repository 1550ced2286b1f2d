// SPDX-License-Identifier: Apache-2.0
/*
 * What becomes of an RTS on its way: a bouncer attests it or makes it nothing, the destination's
 * host learns from it and answers, a divider of a VPC that divides puts itself in its place.
 *
 *	10.0.0.9 on .5 (generation 5) --> bouncer .2 --> 10.0.0.4 on .1 (generation 44)
 */
#include "learning.h"

#include <arpa/inet.h>
#include <string.h>
#include <unistd.h>

#include <linux/pkt_cls.h>

static int setup(void **state)
{
	int r = plane_setup_direct(state);

	put_generation("10.0.0.4", 44);
	put_generation("fd00:a::4", 44);
	return r;
}

static void become_bouncer(void)
{
	put_network(100, LIST(SELF));
	EACH_PAIR(p) {
		put_attested(p->src, 100, SOURCE, 5);
		put_attested(p->there, 100, THIRD, 6);
	}
}

/* Turned round, with its RTS as it was (reason 0), or with one that says nothing. */
static void expect_bounced(const char *from, const struct pair *pair, const struct rts *rts,
			   unsigned int reason)
{
	struct frame inner = inner_from(pair->src, pair->there), out;
	struct frame in = with_rts(from, pair->src, pair->there, rts);
	struct options o = reason ? option_none(rts) : option_rts(rts);

	out = forwarded_with(THIRD, &inner, &o);
	expect_sent(TRANSIT, &in, &out, COUNT(forward) | COUNT(bounce) | reason);
}

static void a_bouncer_attests(void **state)
{
	struct rts rts = rts_of_source;
	struct frame inner, in, out;
	struct options o = option_rts(&rts);

	become_bouncer();
	EACH_PAIR(p)
		expect_bounced(SOURCE, p, &rts, 0);
	/* On to a divider, too. */
	inner = inner_from("10.0.0.9", "10.0.1.9");
	in = with_rts(SOURCE, "10.0.0.9", "10.0.1.9", &rts);
	out = forwarded_with(DIVIDER, &inner, &o);
	expect_sent(TRANSIT, &in, &out, COUNT(forward));
}

static void a_bouncer_believes_no_lie(void **state)
{
	become_bouncer();
	EACH_PAIR(p) {
		struct rts rts = rts_of_source;

		rts.host = THIRD; /* as the whole path would be another's */
		expect_bounced(SOURCE, p, &rts, COUNT(rts_host));
		expect_bounced(THIRD, p, &rts, COUNT(rts_host));
		rts = rts_of_source; /* who says it is another host */
		expect_bounced(THIRD, p, &rts, COUNT(rts_host));
		rts.generation = 4;
		expect_bounced(SOURCE, p, &rts, COUNT(rts_generation));
		rts.generation = 6;
		expect_bounced(SOURCE, p, &rts, COUNT(rts_generation));
	}
}

/* A source of another network: its own bouncer vouched, if it comes by a divider. */
static void a_bouncer_of_the_destination_believes_dividers(void **state)
{
	struct rts rts = rts_of_source;

	put_network(100, LIST(SELF));
	EACH_PAIR(p) {
		struct pair pair = *p;

		pair.src = strchr(p->src, ':') ? "fd00:b::9" : "10.0.1.9";
		put_attested(p->there, 100, THIRD, 6);
		expect_bounced(DIVIDER, &pair, &rts, 0);
		expect_bounced(SOURCE, &pair, &rts, COUNT(rts_source));
		expect_bounced(BOUNCER, &pair, &rts, COUNT(rts_source));
	}
}

static void an_rts_is_found_in_any_company(void **state)
{
	static const uint8_t data[8] = { 9, 9, 9, 9, 8, 8, 8, 8 };
	struct rts rts = rts_of_source;

	become_bouncer();
	rts.host = THIRD;
	for (unsigned int i = 0; i < 3; i++) {
		struct options o = {}, expected, rts_only = option_rts(&rts);
		struct frame inner = inner_from(pairs[0].src, pairs[0].there), in, out;
		size_t at;

		for (unsigned int j = 0; j < i; j++)
			option_append(&o, 0x0108, 0x05, data, 4 * j);
		at = o.size;
		option_append(&o, MZ_OPT_CLASS, 0x01, rts_only.bytes + 4, 32);
		option_append(&o, MZ_OPT_CLASS, 0x05, data, sizeof(data)); /* trace */
		option_append(&o, 0x0000, 0x01, data, 4); /* an RTS's type, of another class */
		in = tunnelled_with(SOURCE, &inner, &o);
		expected = o;
		expected.bytes[at + 2] = 0;
		memset(expected.bytes + at + 28, 0, COOKIE_SIZE);
		out = forwarded_with(THIRD, &inner, &expected);
		expect_sent(TRANSIT, &in, &out,
			    COUNT(forward) | COUNT(bounce) | COUNT(rts_host));
	}
}

static void an_rts_must_be_whole_and_alone(void **state)
{
	struct options rts = option_rts(&rts_of_source), o;
	struct frame inner = inner_from(pairs[0].src, pairs[0].here), in;

	for (unsigned int is_bouncer = 0; is_bouncer < 2; is_bouncer++) {
		o = rts;
		option_append(&o, MZ_OPT_CLASS, 0x01, rts.bytes + 4, 32);
		in = tunnelled_with(SOURCE, &inner, &o);
		expect_drop(TRANSIT, &in, MZ_DROP_geneve_options);
		for (size_t size = 0; size <= 64; size += 4) {
			if (size == 32)
				continue;
			o = (struct options){};
			option_append(&o, MZ_OPT_CLASS, 0x01, NULL, size);
			in = tunnelled_with(SOURCE, &inner, &o);
			expect_drop(TRANSIT, &in, MZ_DROP_geneve_options);
		}
		become_bouncer();
		inner = inner_from(pairs[0].src, pairs[0].there);
	}
}

/* Delivered; here: the answer, or NULL. */
static void expect_at_destination(const char *from, const struct pair *p, const struct rts *rts,
				  const struct frame *here, unsigned int counters)
{
	struct frame inner = inner_from(p->src, p->here), out = delivered(MAC_4, &inner);
	struct frame in = with_rts(from, p->src, p->here, rts);

	if (here)
		expect_sent_both(&in, &out, here, COUNT(deliver) | COUNT(here) | counters);
	else
		expect_sent(TRANSIT, &in, &out, COUNT(deliver) | counters);
}

static void expect_answered(const char *from, const struct pair *p, const struct rts *rts,
			    unsigned int counters)
{
	struct frame here = here_for(SOURCE, p->here, p->src, 44, 0);

	expect_at_destination(from, p, rts, &here, counters);
}

static void expect_unanswered(const char *from, const struct pair *p, const struct rts *rts,
			      unsigned int counters)
{
	expect_at_destination(from, p, rts, NULL, counters);
}

static void the_destination_learns_and_answers(void **state)
{
	EACH_PAIR(p) {
		uint64_t then = now_ns();

		expect_answered(BOUNCER, p, &rts_of_source, COUNT(learn));
		expect_new(p->src, SOURCE, 0, 5, MZ_LEARNED_RTS, then);
	}
}

/* Whatever is behind it would overtake a copy, which goes by a queue. */
static void what_is_answered_keeps_its_place(void **state)
{
	EACH_PAIR(p) {
		struct frame in = with_rts(BOUNCER, p->src, p->here, &rts_of_source);
		struct result result;

		plane_run(TRANSIT, &in, &result);
		assert_int_equal(result.counters[MZ_COUNT_here].packets, 1);
		assert_true(result.came_again);
	}
}

/*
 * One in 2 ms, two at once, for each pair. What is not answered is delivered all the same. A slow
 * machine has several tries.
 */
static void an_answer_is_limited(void **state)
{
	EACH_PAIR(p) {
		struct frame inner = inner_from(p->src, p->here), out = delivered(MAC_4, &inner);
		struct frame in = with_rts(BOUNCER, p->src, p->here, &rts_of_source);
		struct result result;

		for (unsigned int i = 0; i < 100; i++) {
			plane_run(TRANSIT, &in, &result);
			if (!result.counters[MZ_COUNT_here].packets)
				break;
		}
		assert_result_sent(TRANSIT, &in, &result, &out,
				   COUNT(deliver) | COUNT(learn) | COUNT(here_limit));
		usleep(5000);
		expect_answered(BOUNCER, p, &rts_of_source, COUNT(learn));
	}
}

/* From its host straight to here: it asks whether the destination still is here. */
static void a_renewal_teaches_nothing(void **state)
{
	struct mz_learned row;

	EACH_PAIR(p) {
		expect_answered(SOURCE, p, &rts_of_source, 0);
		assert_false(get_learned(p->src, &row));
	}
}

static void strangers_introduce_nobody(void **state)
{
	struct mz_learned row;

	EACH_PAIR(p) {
		expect_unanswered(THIRD, p, &rts_of_source, COUNT(rts_source));
		expect_unanswered(BOUNCER_200, p, &rts_of_source, COUNT(rts_source));
		assert_false(get_learned(p->src, &row));
	}
}

static void dividers_introduce(void **state)
{
	EACH_PAIR(p) {
		uint64_t then = now_ns();

		expect_answered(DIVIDER, p, &rts_of_source, COUNT(learn));
		expect_new(p->src, SOURCE, 0, 5, MZ_LEARNED_RTS, then);
	}
}

/* RFC 1982: older or newer is a matter of the shorter way round. */
static void older_generations_are_not_heeded(void **state)
{
	static const struct {
		uint32_t known, told;
		bool is_older;
	} cases[] = { { 6, 5, true },	   { 5, 5, false },	   { 4, 5, false },
		      { 5, 0x80000004, false }, { 5, 0xffffffff, true }, { 0xffffffff, 5, false } };

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct rts rts = rts_of_source;
		struct mz_learned before, row;
		uint64_t then = now_ns();

		plane_forget();
		rts.generation = cases[i].told;
		before = put_learned(pairs[0].src, THIRD, cases[i].known, MZ_LEARNED_RTS, 10);
		if (cases[i].is_older) {
			expect_answered(BOUNCER, &pairs[0], &rts, COUNT(rts_old));
			assert_true(get_learned(pairs[0].src, &row));
			assert_memory_equal(&row, &before, sizeof(row));
			continue;
		}
		expect_answered(BOUNCER, &pairs[0], &rts, COUNT(learn));
		before.before = before.host;
		before.host = addr(SOURCE);
		before.network = 0;
		before.generation = cases[i].told;
		before.group = rts.group;
		before.flags = MZ_LEARNED_RTS;
		expect_learned(pairs[0].src, &before, then);
	}
}

/* The cookie, or here the bouncer, is newer than what nobody confirmed. */
static void what_is_stale_or_over_takes_any_generation(void **state)
{
	struct rts rts = rts_of_source;
	struct mz_learned row;

	rts.generation = 1;
	put_learned(pairs[0].src, THIRD, 6, MZ_LEARNED_HERE, 10); /* which nobody attested */
	expect_answered(BOUNCER, &pairs[0], &rts, COUNT(learn));
	assert_true(get_learned(pairs[0].src, &row));
	assert_int_equal(row.generation, 1);
	assert_int_equal(row.flags, MZ_LEARNED_RTS);
	put_learned(pairs[0].src, THIRD, 6, MZ_LEARNED_HERE, 101);
	expect_answered(BOUNCER, &pairs[0], &rts, COUNT(learn));
	assert_true(get_learned(pairs[0].src, &row));
	assert_int_equal(row.generation, 1);
}

/* Delivered and answered all the same. */
static void a_full_table_is_counted(void **state)
{
	struct mz_learned row;

	plane_limit_learned(2);
	put_learned("10.0.0.71", THIRD, 1, MZ_LEARNED_HERE, 10);
	put_learned("10.0.0.72", THIRD, 1, MZ_LEARNED_HERE, 10);
	expect_answered(BOUNCER, &pairs[0], &rts_of_source, COUNT(learn_full));
	assert_false(get_learned(pairs[0].src, &row));
	assert_true(get_learned("10.0.0.71", &row)); /* nobody makes room for others */
	assert_true(get_learned("10.0.0.72", &row));
	plane_limit_learned(0);
}

/* Who sends from where the row says confirms it: rarely, since it costs a write. */
static void traffic_confirms(void **state)
{
	static const struct {
		const char *from;
		unsigned int percent;
		uint32_t flags;
		bool is_confirmed;
	} cases[] = { { SOURCE, 30, MZ_LEARNED_HERE, true },
		      { SOURCE, 80, MZ_LEARNED_HERE, true },
		      { SOURCE, 101, MZ_LEARNED_HERE, true },
		      { SOURCE, 5, MZ_LEARNED_HERE, false }, /* too soon */
		      { THIRD, 30, MZ_LEARNED_HERE, false },
		      { BOUNCER, 30, MZ_LEARNED_HERE, false },
		      { SOURCE, 30, MZ_LEARNED_HERE | MZ_LEARNED_STALE, false } };

	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(*cases); i++) {
		const struct pair *p = &pairs[i & 1];
		struct frame inner = inner_from(p->src, p->here), out = delivered(MAC_4, &inner);
		struct frame in = tunnelled(cases[i / 2].from, &inner);
		struct mz_learned before = put_learned(p->src, SOURCE, 5, cases[i / 2].flags,
						       cases[i / 2].percent);
		struct mz_learned row;
		uint64_t then = now_ns();

		expect_sent(TRANSIT, &in, &out, COUNT(deliver));
		assert_true(get_learned(p->src, &row));
		if (cases[i / 2].is_confirmed) {
			assert_in_range(row.confirmed, then - COARSE_NS, now_ns());
			before.confirmed = row.confirmed;
		}
		assert_memory_equal(&row, &before, sizeof(row));
	}
}

static void without_direct_path_an_rts_is_nothing(void **state)
{
	struct mz_learned row;

	put_vpc(VNI, 0, LIST(DIVIDER));
	EACH_PAIR(p) {
		expect_unanswered(BOUNCER, p, &rts_of_source, 0);
		assert_false(get_learned(p->src, &row));
	}
}

int test_introduce(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup(f, setup)
		TEST(a_bouncer_attests),
		TEST(a_bouncer_believes_no_lie),
		TEST(a_bouncer_of_the_destination_believes_dividers),
		TEST(an_rts_is_found_in_any_company),
		TEST(an_rts_must_be_whole_and_alone),
		TEST(the_destination_learns_and_answers),
		TEST(what_is_answered_keeps_its_place),
		TEST(an_answer_is_limited),
		TEST(a_renewal_teaches_nothing),
		TEST(strangers_introduce_nobody),
		TEST(dividers_introduce),
		TEST(older_generations_are_not_heeded),
		TEST(what_is_stale_or_over_takes_any_generation),
		TEST(a_full_table_is_counted),
		TEST(traffic_confirms),
		TEST(without_direct_path_an_rts_is_nothing),
#undef TEST
	};

	return cmocka_run_group_tests_name("introduce", tests, NULL, NULL);
}
