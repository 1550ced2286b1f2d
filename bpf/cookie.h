/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Cookies: what a host gives with a question, and must find in the answer. A keyed hash
 * (SipHash-2-4, Aumasson and Bernstein 2012) of the question and the time, so that nothing need
 * be remembered; the key is this host's alone.
 */
#pragma once

#include "addr.h"
#include "route.h"

#define COOKIE_TIME_SHIFT 33 /* of ns: 8.6 s */

struct siphash {
	__u64 v0, v1, v2, v3;
};

static __always_inline __u64 rotate_left(__u64 value, __u32 bits)
{
	return value << bits | value >> (64 - bits);
}

static __always_inline void sip_round(struct siphash *s)
{
	s->v0 += s->v1;
	s->v2 += s->v3;
	s->v1 = rotate_left(s->v1, 13) ^ s->v0;
	s->v3 = rotate_left(s->v3, 16) ^ s->v2;
	s->v0 = rotate_left(s->v0, 32);
	s->v2 += s->v1;
	s->v0 += s->v3;
	s->v1 = rotate_left(s->v1, 17) ^ s->v2;
	s->v3 = rotate_left(s->v3, 21) ^ s->v0;
	s->v2 = rotate_left(s->v2, 32);
}

static __always_inline void sip_word(struct siphash *s, __u64 word)
{
	s->v3 ^= word;
	sip_round(s);
	sip_round(s);
	s->v0 ^= word;
}

static __always_inline void sip_addr(struct siphash *s, const struct mz_addr *addr)
{
	sip_word(s, (__u64)addr->words_be[0] << 32 | addr->words_be[1]);
	sip_word(s, (__u64)addr->words_be[2] << 32 | addr->words_be[3]);
}

static __always_inline __u32 cookie_time(void)
{
	return bpf_ktime_get_coarse_ns() >> COOKIE_TIME_SHIFT;
}

/* To begin a hash that chooses buckets with: which ones share one is nobody's choice. */
static __always_inline __u32 secret_mix(__u32 vni)
{
	return mz_hash_mix((__u32)mz_config.secret[0], vni);
}

/* Of copies that this host makes for itself; never 0, and nobody else's by accident. */
static __always_inline __u32 secret_mark(void)
{
	return mz_config.secret[1] >> 32 | 1;
}

/* Of a question about dst, asked for src, in a VPC and a role. */
GLOBAL __u64 cookie_for(__u32 role, const struct mz_addr *dst, const struct mz_addr *src,
			__u32 time)
{
	struct siphash s = {
		.v0 = mz_config.secret[0] ^ 0x736f6d6570736575,
		.v1 = mz_config.secret[1] ^ 0x646f72616e646f6d,
		.v2 = mz_config.secret[0] ^ 0x6c7967656e657261,
		.v3 = mz_config.secret[1] ^ 0x7465646279746573,
	};

	if (!dst || !src)
		return 0;
	sip_word(&s, (__u64)time << 32 | role);
	sip_addr(&s, dst);
	sip_addr(&s, src);
	sip_word(&s, 40ULL << 56); /* bytes that were hashed */
	s.v2 ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

/*
 * Who asked as a divider does not hear the answer as the host of an endpoint, nor the other way
 * round: it would know the destination in the wrong way.
 */
#define COOKIE_DIVIDES (1U << 31)

static __always_inline __u32 cookie_role(struct mz_pkt *p)
{
	bool divides = vpc_is_direct_by_divider(p) && replicas_have_self(&p->vpc->dividers);

	return divides ? p->f->vni | COOKIE_DIVIDES : p->f->vni;
}

/* Did this host give it, now or in the time before? */
static __always_inline bool cookie_is_ours(struct mz_pkt *p, __u64 cookie)
{
	__u32 role = cookie_role(p), time = cookie_time();

	return cookie == cookie_for(role, &p->f->dst, &p->f->src, time) ||
	       cookie == cookie_for(role, &p->f->dst, &p->f->src, time - 1);
}
