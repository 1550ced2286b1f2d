// SPDX-License-Identifier: Apache-2.0
#include "cookie.h"

#include <string.h>

#include "base/siphash.h"

/* The programs take an address as two numbers of two words each. */
static void put_address(uint8_t to[static 16], const struct mz_addr *a)
{
	for (size_t i = 0; i < 16; i += 8) {
		memcpy(to + i, a->bytes + i + 4, 4);
		memcpy(to + i + 4, a->bytes + i, 4);
	}
}

void cookie_make(uint32_t vni, bool divides, const struct mz_addr *dst, const struct mz_addr *src,
		 uint64_t when, uint8_t ret_cookie[COOKIE_SIZE])
{
	static const struct mz_siphash_key key = { COOKIE_SECRET };
	uint8_t question[40];
	uint32_t span = when / COOKIE_SPAN, role = vni | (divides ? 1U << 31 : 0);
	uint64_t cookie;

	memcpy(question, &role, 4);
	memcpy(question + 4, &span, 4);
	put_address(question + 8, dst);
	put_address(question + 24, src);
	cookie = mz_siphash(&key, question, sizeof(question));
	memcpy(ret_cookie, &cookie, COOKIE_SIZE);
}
