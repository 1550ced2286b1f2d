/* SPDX-License-Identifier: Apache-2.0 */
/* The compact index beside an array that remembers all; SipHash beside its published vectors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/siphash.h"
#include "store/index.h"

/*
 * vectors_sip64 and vectors_sip128 of the reference implementation: key 00 01 .. 0f, messages "",
 * 00, 00 01, ...
 */
static void siphash_vectors(void **state)
{
	static const struct mz_siphash_key key = { { 0x0706050403020100, 0x0f0e0d0c0b0a0908 } };
	static const struct {
		size_t size;
		uint64_t hash, wide[2];
	} cases[] = {
		{ 0, 0x726fdb47dd0e0e31, { 0xe6a825ba047f81a3, 0x930255c71472f66d } },
		{ 1, 0x74f839c593dc67fd, { 0x44af996bd8c187da, 0x45fc229b11597634 } },
		{ 7, 0xab0200f58b01d137, { 0x53c1dbd8beebf1a1, 0x3982f01fa64ab8c0 } },
		{ 8, 0x93f5f5799a932462, { 0x61f55862baa9623b, 0xb49714f364e2830f } },
		{ 15, 0xa129ca6149be45e5, { 0x11a8b03399e99354, 0xd9c3cf970fec087e } },
	};
	uint8_t message[16];

	for (size_t i = 0; i < sizeof(message); i++)
		message[i] = i;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t wide[2];

		assert_int_equal(mz_siphash(&key, message, cases[i].size), cases[i].hash);
		mz_siphash128(&key, message, cases[i].size, wide);
		assert_int_equal(wide[0], cases[i].wide[0]);
		assert_int_equal(wide[1], cases[i].wide[1]);
	}
}

#define N_KEYS 30000

static uint64_t random64(uint64_t *seed)
{
	uint64_t x = *seed += 0x9e3779b97f4a7c15;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return x ^ x >> 31;
}

static void check_all(const struct mz_index *index, uint64_t (*keys)[2], const uint64_t *values)
{
	size_t n = 0, n_used = 0;

	for (size_t i = 0; i < N_KEYS; i++) {
		assert_int_equal(mz_index_get(index, keys[i]), values[i]);
		n += values[i] != 0;
	}
	for (size_t i = 0; i < MZ_INDEX_N_PARTITIONS; i++)
		n_used += index->partitions[i].n_used;
	assert_int_equal(n_used, n);
}

/* narrow: keys that all fall into a few neighbouring slots of one partition. */
static void churn(unsigned int n_words, int narrow)
{
	static uint64_t keys[N_KEYS][2], values[N_KEYS];
	struct mz_index index;
	uint64_t seed = n_words + narrow;

	mz_index_init(&index, n_words);
	memset(values, 0, sizeof(values));
	for (size_t i = 0; i < N_KEYS; i++) {
		keys[i][0] = narrow ? (i / 4) << 16 | 0x7fULL << 54 : random64(&seed);
		keys[i][1] = i % 4; /* the first words of pairs agree when narrow */
		if (n_words == 1)
			keys[i][0] += i % 4;
	}
	for (size_t step = 0; step < (narrow ? 4000 : 200000); step++) {
		size_t i = random64(&seed) % (narrow ? 400 : N_KEYS);

		if (random64(&seed) % 5 < 3) {
			values[i] = step + 1;
			assert_int_equal(mz_index_set(&index, keys[i], values[i]), 0);
		} else {
			values[i] = 0;
			mz_index_remove(&index, keys[i]);
		}
		if (step % (narrow ? 100 : 20000) == 0)
			check_all(&index, keys, values);
	}
	check_all(&index, keys, values);
	mz_index_fini(&index);
}

static void narrow_keys(void **state)
{
	churn(1, 0);
	churn(1, 1);
}

static void wide_keys(void **state)
{
	churn(2, 0);
	churn(2, 1);
}

static void compact(void **state)
{
	struct mz_index index;
	size_t n_slots = 0;
	uint64_t seed = 7;

	mz_index_init(&index, 1);
	for (uint64_t i = 1; i <= 200000; i++) {
		uint64_t key = random64(&seed);

		assert_int_equal(mz_index_set(&index, &key, i), 0);
	}
	for (size_t i = 0; i < MZ_INDEX_N_PARTITIONS; i++)
		n_slots += index.partitions[i].n_slots;
	assert_in_range(n_slots, 200000 * 8 / 7, 200000 * 3 / 2);
	mz_index_fini(&index);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(siphash_vectors),
		cmocka_unit_test(narrow_keys),
		cmocka_unit_test(wide_keys),
		cmocka_unit_test(compact),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
