/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Addresses and MACs: between packets, where IPv4 has 4 bytes, and the mapped form of the tables.
 */
#pragma once

#include "bpf.h"

static __always_inline struct mz_addr addr_from_ipv4(__be32 ipv4_be)
{
	return (struct mz_addr){ .words_be = { 0, 0, bpf_htonl(0xffff), ipv4_be } };
}

static __always_inline bool addr_is_ipv4(const struct mz_addr *a)
{
	return !(a->words_be[0] | a->words_be[1] | (a->words_be[2] ^ bpf_htonl(0xffff)));
}

static __always_inline bool addr_is_zero(const struct mz_addr *a)
{
	return !(a->words_be[0] | a->words_be[1] | a->words_be[2] | a->words_be[3]);
}

/* 0: they are equal. */
static __always_inline __u32 addr_differs(const struct mz_addr *a, const struct mz_addr *b)
{
	return (a->words_be[0] ^ b->words_be[0]) | (a->words_be[1] ^ b->words_be[1]) |
	       (a->words_be[2] ^ b->words_be[2]) | (a->words_be[3] ^ b->words_be[3]);
}

static __always_inline bool addr_equal(const struct mz_addr *a, const struct mz_addr *b)
{
	return !addr_differs(a, b);
}

/* Whether a is the address that a table's row holds; an absent one is zero there. */
static __always_inline bool addr_is(const struct mz_addr *a, const struct mz_addr *row)
{
	return addr_equal(a, row) && !addr_is_zero(row);
}

/* Word by word: of the whole, clang copies what it knows when it compiles, which is zero. */
static __always_inline struct mz_addr self_addr(void)
{
	return (struct mz_addr){
		.words_be = { mz_config.self.words_be[0], mz_config.self.words_be[1],
			      mz_config.self.words_be[2], mz_config.self.words_be[3] }
	};
}

/*
 * The family of the underlay, from the one word that tells: no host has an address of 0000::/32, in
 * which the mapped ones are (RFC 4291, 2.4). The verifier removes the branch of the other family.
 */
static __always_inline bool underlay_is_ipv6(void)
{
	return mz_config.self.words_be[0];
}

/* Both of the underlay: those of IPv4 differ in the last word only. */
static __always_inline bool host_equal(const struct mz_addr *a, const struct mz_addr *b)
{
	return underlay_is_ipv6() ? addr_equal(a, b) : a->words_be[3] == b->words_be[3];
}

static __always_inline bool host_is_self(const struct mz_addr *host)
{
	struct mz_addr self = self_addr();

	return host_equal(host, &self);
}

static __always_inline __be16 underlay_eth_proto_be(void)
{
	return bpf_htons(underlay_is_ipv6() ? ETH_P_IPV6 : ETH_P_IP);
}

/* Whether a and b agree in their first len bits of 128. */
static __always_inline bool addr_same_prefix(const struct mz_addr *a, const struct mz_addr *b,
					     __u32 len)
{
#pragma unroll
	for (__u32 i = 0; i < 4; i++) {
		__u32 differ = bpf_ntohl(a->words_be[i] ^ b->words_be[i]);
		__u32 bits = len > 32 * (i + 1) ? 32 : len > 32 * i ? len - 32 * i : 0;

		if (bits && differ >> (32 - bits))
			return false;
	}
	return true;
}

static __always_inline bool mac_equal(const __u8 *a, const __u8 *b)
{
	return !((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3]) | (a[4] ^ b[4]) |
		 (a[5] ^ b[5]));
}

static __always_inline void mac_set(__u8 *to, const __u8 *from)
{
	__builtin_memcpy(to, from, 6);
}

/* The network in the source MAC of a tunnelled frame: include/mizar/wire.h. */
static __always_inline __u64 network_in_mac(__u64 network)
{
	return network & ((1ULL << MZ_JUDGED_BITS) - 1);
}

/* Zero: none. */
static __always_inline __u64 mac_get_network(const __u8 *mac)
{
	__u64 network = 0;

#pragma unroll
	for (__u32 i = 1; i < 6; i++)
		network = network << 8 | mac[i];
	return mac[0] == MZ_JUDGED_MAC ? network : 0;
}

static __always_inline void mac_set_network(__u8 *to, __u64 network)
{
	to[0] = MZ_JUDGED_MAC;
#pragma unroll
	for (__u32 i = 1; i < 6; i++)
		to[i] = network >> 8 * (5 - i);
}

static __always_inline void mac_set_virtual(__u8 *to)
{
#pragma unroll
	for (__u32 i = 0; i < 6; i++)
		to[i] = mz_config.virtual_mac[i];
}
