/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the direct path have in common: who talks, what is said, what is learned. */
#pragma once

#include "plane.h"

/* Addresses of either family. Of network 100, and on other hosts, unless they say so. */
struct pair {
	const char *own, *here;	     /* on this host */
	const char *dst, *here_200;  /* of network 200; the other one here */
	const char *src, *there, *gone, *remote, *other;
};
extern const struct pair pairs[2];
#define EACH_PAIR(p) for (const struct pair *p = pairs; p < pairs + 2; p++)

/* As the source's host SOURCE sends it. */
extern const struct rts rts_of_source;

int plane_setup_direct(void **state); /* plane_setup() with a direct path, and nothing asked yet */

/* A packet with an RTS; from: the outer source. */
struct frame with_rts(const char *from, const char *src, const char *dst, const struct rts *rts);
/* The HERE that answers rts_of_source. */
struct frame here_for(const char *host, const char *address, const char *peer,
		      uint32_t generation, uint32_t flags);

/* The row, whole, but for when it was asked; it was confirmed between then and now. */
void expect_learned(const char *ip, const struct mz_learned *expected, uint64_t then);
/* The same of a row that was not there before. */
void expect_new(const char *ip, const char *host, uint64_t network, uint32_t generation,
		uint32_t flags, uint64_t then);
