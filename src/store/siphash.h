/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SipHash-2-4 with 128 bits of output (Aumasson and Bernstein, 2012; the reference implementation's
 * double-width variant). Tenants choose the names that are hashed: with a secret key they can
 * neither make entries collide nor fill one partition of an index.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct mz_siphash_key {
	uint64_t words[2]; /* of the 16 key bytes, little-endian */
};

void mz_siphash128(const struct mz_siphash_key *key, const void *data, size_t size,
		   uint64_t ret_hash[static 2]);
