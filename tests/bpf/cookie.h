/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cookies that this host's programs give, computed a second time: by base/siphash.h, over
 * bytes, with the key that plane.c gives them.
 */
#pragma once

#include "option.h"
#include "mizar/tables.h"

#define COOKIE_SECRET { 0x0706050403020100, 0x0f0e0d0c0b0a0908 }

/* Of a question about dst, asked for src, so many spans of 8.6 s ago. */
void cookie_make(uint32_t vni, const struct mz_addr *dst, const struct mz_addr *src,
		 unsigned int n_ago, uint8_t ret_cookie[COOKIE_SIZE]);
