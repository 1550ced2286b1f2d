/* SPDX-License-Identifier: Apache-2.0 */
#include <endian.h>
#include <stdbool.h>
#include <string.h>

#include "base/siphash.h"

#define WIDE 0xee /* what 128 bits are hashed with */

static inline uint64_t rotate(uint64_t x, unsigned int bits)
{
	return x << bits | x >> (64 - bits);
}

static void rounds(uint64_t v[static 4], unsigned int n_rounds)
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

static void absorb(uint64_t v[static 4], uint64_t word)
{
	v[3] ^= word;
	rounds(v, 2);
	v[0] ^= word;
}

static uint64_t squeeze(uint64_t v[static 4])
{
	rounds(v, 4);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static void absorb_all(uint64_t v[static 4], const struct mz_siphash_key *key, bool is_wide,
		       const void *data, size_t size)
{
	const uint8_t *bytes = data;
	uint64_t word = 0;
	size_t left;

	v[0] = 0x736f6d6570736575 ^ key->words[0];
	v[1] = 0x646f72616e646f6d ^ key->words[1] ^ (is_wide ? WIDE : 0);
	v[2] = 0x6c7967656e657261 ^ key->words[0];
	v[3] = 0x7465646279746573 ^ key->words[1];
	for (left = size; left >= 8; left -= 8, bytes += 8) {
		memcpy(&word, bytes, 8);
		absorb(v, le64toh(word));
	}
	word = 0;
	if (left)
		memcpy(&word, bytes, left);
	absorb(v, le64toh(word) | (uint64_t)size << 56);
}

uint64_t mz_siphash(const struct mz_siphash_key *key, const void *data, size_t size)
{
	uint64_t v[4];

	absorb_all(v, key, false, data, size);
	v[2] ^= 0xff;
	return squeeze(v);
}

void mz_siphash128(const struct mz_siphash_key *key, const void *data, size_t size,
		   uint64_t ret_hash[static 2])
{
	uint64_t v[4];

	absorb_all(v, key, true, data, size);
	v[2] ^= WIDE;
	ret_hash[0] = squeeze(v);
	v[1] ^= 0xdd;
	ret_hash[1] = squeeze(v);
}
