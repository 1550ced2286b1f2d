/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cookies that this host's programs give, computed a second time: by base/siphash.h, over
 * bytes, with the key that plane.c gives them.
 */
#pragma once

#include "option.h"
#include "mizar/tables.h"

#define COOKIE_SECRET { 0x0706050403020100, 0x0f0e0d0c0b0a0908 }

#define COOKIE_SPAN (1ULL << 33) /* ns that one is given for */

/* Of a question about dst, asked for src, as a divider or not; when: by now_ns(). */
void cookie_make(uint32_t vni, bool divides, const struct mz_addr *dst, const struct mz_addr *src,
		 uint64_t when, uint8_t ret_cookie[COOKIE_SIZE]);
