// SPDX-License-Identifier: Apache-2.0
/* How many slots the ways to a host get, and which of them move when one dies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "host/slots.h"

static unsigned int number(uint64_t slots, unsigned int slot)
{
	return slots >> slot * MZ_WAY_BITS & (MZ_WAYS_MAX - 1);
}

static void assert_shares(const struct mz_slot_way *ways, unsigned int n,
			  const unsigned int expected[MZ_WAYS_MAX])
{
	uint64_t slots = mz_slots_fill(ways, n);
	unsigned int shares[MZ_WAYS_MAX] = {}, i;

	for (i = 0; i < MZ_WAY_SLOTS; i++)
		shares[number(slots, i)]++;
	for (i = 0; i < MZ_WAYS_MAX; i++)
		assert_int_equal(shares[i], expected[i]);
}

static void shares_follow_the_weights(void **state)
{
	static const struct {
		struct mz_slot_way ways[MZ_WAYS_MAX];
		unsigned int n, shares[MZ_WAYS_MAX];
	} cases[] = {
		{ { { 1, true } }, 1, { 32 } },
		{ { { 256, true } }, 1, { 32 } },
		{ { { 1, true }, { 1, true } }, 2, { 16, 16 } },
		{ { { 1, true }, { 3, true } }, 2, { 8, 24 } },
		{ { { 1, true }, { 1, true }, { 1, true } }, 3, { 11, 10, 11 } },
		{ { { 1, true }, { 1, true }, { 1, true }, { 1, true } }, 4, { 8, 8, 8, 8 } },
		{ { { 4, true }, { 2, true }, { 1, true }, { 1, true } }, 4, { 16, 8, 4, 4 } },
		/* Less than a slot is none. */
		{ { { 256, true }, { 1, true } }, 2, { 32 } },
		/* The dead have none, and the living are numbered without them. */
		{ { { 1, false }, { 1, true } }, 2, { 32 } },
		{ { { 1, true }, { 1, false }, { 1, true } }, 3, { 16, 16 } },
		{ { { 1, true }, { 1, false }, { 3, true } }, 3, { 8, 24 } },
		{ { { 1, false }, { 256, false }, { 1, true } }, 3, { 32 } },
	};

	for (unsigned int i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_shares(cases[i].ways, cases[i].n, cases[i].shares);
	assert_true(mz_slots_fill((struct mz_slot_way[]){ { 1, false } }, 1) == 0);
	assert_true(mz_slots_fill(NULL, 0) == 0);
}

static void only_the_slots_of_the_dead_move(void **state)
{
	struct mz_slot_way ways[MZ_WAYS_MAX] = {
		{ 1, true }, { 2, true }, { 1, true }, { 3, true }
	};
	uint64_t all = mz_slots_fill(ways, MZ_WAYS_MAX);

	for (unsigned int dead = 0; dead < MZ_WAYS_MAX; dead++) {
		uint64_t rest;

		ways[dead].is_alive = false;
		rest = mz_slots_fill(ways, MZ_WAYS_MAX);
		for (unsigned int slot = 0; slot < MZ_WAY_SLOTS; slot++) {
			unsigned int was = number(all, slot), is = number(rest, slot);

			if (was != dead)
				assert_int_equal(is, was - (was > dead));
		}
		ways[dead].is_alive = true;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shares_follow_the_weights),
		cmocka_unit_test(only_the_slots_of_the_dead_move),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
