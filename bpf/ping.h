/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The gateway's address answers ping, so that an endpoint can see that its first hop lives. It
 * answers nothing else: there is nobody behind it.
 */
#pragma once

#include "answer.h"
#include "path_mtu.h"

#define ICMP_ECHO_REQUEST   8
#define ICMP_ECHO_ANSWER    0
#define ICMPV6_ECHO_REQUEST 128
#define ICMPV6_ECHO_ANSWER  129
#define PING_TTL	    64

/* Swaps the addresses, which leaves every checksum as it is, and renews the TTL. */
static __always_inline int ping_answer_ipv4(struct mz_pkt *p)
{
	struct iphdr *ip = mz_at(p, p->f->inner, sizeof(*ip));

	if (!ip)
		return DROP(inner_malformed);
	ip->saddr = p->f->dst.words_be[3];
	ip->daddr = p->f->src.words_be[3];
	ipv4_rewrite(ip, ip->tos, PING_TTL);
	return 0;
}

static __always_inline int ping_answer_ipv6(struct mz_pkt *p)
{
	struct ipv6hdr *ip = mz_at(p, p->f->inner, sizeof(*ip));

	if (!ip)
		return DROP(inner_malformed);
	__builtin_memcpy(&ip->saddr, &p->f->dst, sizeof(p->f->dst));
	__builtin_memcpy(&ip->daddr, &p->f->src, sizeof(p->f->src));
	ip->hop_limit = PING_TTL;
	return 0;
}

static __always_inline int answer_ping(struct mz_pkt *p)
{
	bool is_ipv6 = p->f->eth_proto_be == bpf_htons(ETH_P_IPV6);
	__u8 request = is_ipv6 ? ICMPV6_ECHO_REQUEST : ICMP_ECHO_REQUEST;
	__u8 type = is_ipv6 ? ICMPV6_ECHO_ANSWER : ICMP_ECHO_ANSWER;
	const struct icmp *icmp;
	struct ethhdr *eth;
	int r;

	if (!addr_is(&p->f->dst, &p->port->gateway4) && !addr_is(&p->f->dst, &p->port->gateway6))
		return 0;
	icmp = mz_at(p, p->f->l4, sizeof(*icmp));
	if (!icmp || p->f->is_fragment || p->f->ip_proto != (is_ipv6 ? PROTO_ICMPV6 : PROTO_ICMP) ||
	    icmp->type != request || icmp->code)
		return DROP(gateway);
	r = is_ipv6 ? ping_answer_ipv6(p) : ping_answer_ipv4(p);
	if (r)
		return r;
	eth = mz_at(p, p->f->inner_eth, sizeof(*eth));
	if (!eth)
		return DROP(inner_malformed);
	answer_ethernet(p, eth);
	/* The type is the first byte of a 16-bit word of the checksum. */
	(void)ctx_csum_replace(p->ctx, p->f->l4 + offsetof(struct icmp, check_be),
			       bpf_htons(request << 8), bpf_htons(type << 8));
	(void)ctx_store(p->ctx, p->f->l4, &type, sizeof(type));
	return answer(p);
}
