/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Changes to an IP header on its way: traffic class and TTL, with the checksums that follow, and
 * the ECN of an outer header that goes into an inner one (RFC 6040).
 */
#pragma once

#include <linux/ip.h>
#include <linux/ipv6.h>

#include "cursor.h"

#define ECN_MASK    3
#define ECN_NOT_ECT 0
#define ECN_ECT1    1
#define ECN_ECT0    2
#define ECN_CE	    3

static __always_inline __u16 csum_fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return ~((sum & 0xffff) + (sum >> 16));
}

/* RFC 1624: the checksum of a header in which one 16-bit word changes. */
static __always_inline __u16 csum_replace(__u16 check, __u16 from, __u16 to)
{
	return csum_fold((__u16)~check + (__u16)~from + to);
}

/* What a checksum gets when one word of the header becomes another; words of 32 bits add up too. */
static __always_inline __u64 csum_change(__be32 from, __be32 to)
{
	return (__u64)(__u32)~from + to;
}

/* For ctx_csum_follow(). */
static __always_inline __u32 csum_fold_32(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	return sum + (sum >> 32);
}

static __always_inline __u16 csum_fold_long(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	return csum_fold(sum);
}

static __always_inline void ipv4_rewrite(struct iphdr *ip, __u8 tos, __u8 ttl)
{
	__u16 check = ip->check;

	check = csum_replace(check, bpf_htons(ip->tos), bpf_htons(tos));
	check = csum_replace(check, bpf_htons(ip->ttl << 8), bpf_htons(ttl << 8));
	ip->check = check;
	ip->tos = tos;
	ip->ttl = ttl;
}

/* The traffic class lies across the first two bytes. */
static __always_inline void ipv6_rewrite(struct mz_pkt *p, struct ipv6hdr *ip, __u8 tos, __u8 ttl)
{
	__be32 *words = (__be32 *)ip;
	__be32 old[2] = { words[0], words[1] };
	__be32 new[2];

	new[0] = (old[0] & ~bpf_htonl(0x0ff00000)) | bpf_htonl((__u32)tos << 20);
	new[1] = (old[1] & ~bpf_htonl(0xff)) | bpf_htonl(ttl);
	words[0] = new[0];
	words[1] = new[1];
	ctx_csum_follow(p->ctx, bpf_csum_diff(old, sizeof(old), new, sizeof(new), 0));
}

static __always_inline int inner_rewrite(struct mz_pkt *p, bool is_ipv6, __u8 tos, __u8 ttl)
{
	void *ip = mz_at(p, p->f->inner, is_ipv6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr));

	if (!ip)
		return DROP(inner_malformed);
	if (is_ipv6)
		ipv6_rewrite(p, ip, tos, ttl);
	else
		ipv4_rewrite(ip, tos, ttl);
	return 0;
}

/* RFC 6040, figure 4: the inner traffic class after decapsulation, or a drop. */
static __always_inline int ecn_decapsulate(__u8 outer_tos, __u8 inner_tos)
{
	__u8 outer = outer_tos & ECN_MASK, inner = inner_tos & ECN_MASK;

	if (outer == ECN_CE && inner == ECN_NOT_ECT)
		return DROP(ecn);
	if (outer == ECN_CE || (outer == ECN_ECT1 && inner == ECN_ECT0))
		return (inner_tos & ~ECN_MASK) | outer;
	return inner_tos;
}
