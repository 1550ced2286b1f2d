// SPDX-License-Identifier: Apache-2.0
#include "cookie.h"

#include <assert.h>
#include <string.h>
#include <time.h>

#define TIME_SHIFT 33 /* of ns */

static uint64_t word_at(const uint8_t *bytes, size_t size)
{
	uint64_t word = 0;

	for (size_t i = 0; i < size && i < 8; i++)
		word |= (uint64_t)bytes[i] << 8 * i;
	return word;
}

static uint64_t rotate(uint64_t value, unsigned int n)
{
	return value << n | value >> (64 - n);
}

static void mix(uint64_t v[4], unsigned int n_rounds)
{
	while (n_rounds--) {
		v[0] += v[1];
		v[1] = rotate(v[1], 13) ^ v[0];
		v[0] = rotate(v[0], 32);
		v[2] += v[3];
		v[3] = rotate(v[3], 16) ^ v[2];
		v[0] += v[3];
		v[3] = rotate(v[3], 21) ^ v[0];
		v[2] += v[1];
		v[1] = rotate(v[1], 17) ^ v[2];
		v[2] = rotate(v[2], 32);
	}
}

uint64_t siphash(const uint64_t key[2], const uint8_t *bytes, size_t size)
{
	static const char start[] = "uespemosmodnarodarenegylsetybdet"; /* as it lies */
	uint64_t v[4];

	for (size_t i = 0; i < 4; i++)
		v[i] = word_at((const uint8_t *)start + 8 * i, 8) ^ key[i & 1];
	for (size_t i = 0; i <= size / 8; i++) {
		uint64_t word = word_at(bytes + 8 * i, size - 8 * i);

		if (i == size / 8)
			word |= (uint64_t)size << 56;
		v[3] ^= word;
		mix(v, 2);
		v[0] ^= word;
	}
	v[2] ^= 0xff;
	mix(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* The programs take an address as two numbers of two words each. */
static void put_address(uint8_t to[static 16], const struct mz_addr *a)
{
	for (size_t i = 0; i < 16; i += 8) {
		memcpy(to + i, a->bytes + i + 4, 4);
		memcpy(to + i + 4, a->bytes + i, 4);
	}
}

void cookie_make(uint32_t vni, const struct mz_addr *dst, const struct mz_addr *src,
		 unsigned int n_ago, uint8_t ret_cookie[COOKIE_SIZE])
{
	static const uint64_t key[2] = COOKIE_SECRET;
	uint8_t question[40];
	struct timespec t;
	uint32_t span;
	uint64_t cookie;
	int r = clock_gettime(CLOCK_MONOTONIC_COARSE, &t);

	assert(r == 0);
	span = ((uint64_t)t.tv_sec * 1000000000 + t.tv_nsec) >> TIME_SHIFT;
	span -= n_ago;
	memcpy(question, &vni, 4);
	memcpy(question + 4, &span, 4);
	put_address(question + 8, dst);
	put_address(question + 24, src);
	cookie = siphash(key, question, sizeof(question));
	memcpy(ret_cookie, &cookie, COOKIE_SIZE);
}
