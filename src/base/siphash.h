/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SipHash-2-4 (Aumasson and Bernstein, 2012), with 64 bits of output, or 128 (the reference
 * implementation's double-width variant). Who does not know the key can neither foretell a hash nor
 * make two collide: tenants choose the names that the store hashes.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct mz_siphash_key {
	uint64_t words[2]; /* of the 16 key bytes, little-endian */
};

uint64_t mz_siphash(const struct mz_siphash_key *key, const void *data, size_t size);
void mz_siphash128(const struct mz_siphash_key *key, const void *data, size_t size,
		   uint64_t ret_hash[static 2]);
