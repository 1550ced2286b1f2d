// SPDX-License-Identifier: Apache-2.0
/*
 * While dividers and bouncers are replaced: who is known or ready, and not yet or no longer used.
 */
#include "divided.h"

/* The last ones are not used. */
static void set_unused(struct mz_replicas *set, uint8_t n_ready, uint8_t n_known)
{
	set->n += set->n_ready + set->n_known - n_ready - n_known;
	set->n_ready = n_ready;
	set->n_known = n_known;
}

static void put_unused_dividers(uint8_t n_ready, uint8_t n_known)
{
	uint32_t vni = VNI;
	struct mz_vpc row;

	row_get(MZ_TABLE_vpc, &vni, &row);
	set_unused(&row.dividers, n_ready, n_known);
	row_put(MZ_TABLE_vpc, &vni, &row);
}

/* Of network 200. */
static void put_unused_bouncers(uint8_t n_ready, uint8_t n_known)
{
	struct mz_network_key key = { .network = 200 };
	struct mz_network row;

	row_get(MZ_TABLE_network, &key, &row);
	set_unused(&row.bouncers, n_ready, n_known);
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

/* Used or not: it may have sent the packet as any host does. */
static void what_a_divider_did_not_judge_is_divided(void **state)
{
	EACH_PAIR(p) {
		struct frame inner = inner_from(p->src, p->here_200);
		struct frame in, out = delivered(MAC_1_4, &inner);

		for (uint8_t i = 0; i < 3; i++) {
			put_vpc(VNI, MZ_VPC_DIRECT | MZ_VPC_DIVIDE, LIST(SELF, DIVIDER));
			put_unused_dividers(i == 1, i == 2);
			in = tunnelled(DIVIDER, &inner);
			expect_sent(TRANSIT, &in, &out, COUNT(deliver));
			put_judged(&in, 0);
			expect_sent(TRANSIT, &in, &out, COUNT(deliver) | COUNT(divide));
		}
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
		put_judged(&out, 200);
		expect_sent(TRANSIT, &in, &out, COUNT(forward));
		in = tunnelled(BOUNCER_200, &inner); /* which knows no better */
		out = forwarded(THERE, &inner);
		expect_sent(TRANSIT, &in, &out, COUNT(forward) | COUNT(bounce));
	}
}

int test_replace(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup(f, plane_setup_divider)
		TEST(a_divider_that_is_ready_divides),
		TEST(what_a_divider_did_not_judge_is_divided),
#undef TEST
#define TEST(f) cmocka_unit_test_setup(f, plane_setup_divided)
		TEST(who_is_not_used_is_believed),
		TEST(who_is_not_used_is_not_chosen),
		TEST(a_bouncer_that_is_known_asks_another),
#undef TEST
	};

	return cmocka_run_group_tests_name("replace", tests, NULL, NULL);
}
