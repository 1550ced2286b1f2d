/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The packet of the endpoint: Ethernet, then IPv4 or IPv6. Only what the agent asks for needs the
 * headers behind IP; a packet that comes by a tunnel was looked at by its sender's agent.
 */
#pragma once

#include <linux/ipv6.h>

#include "parse_outer.h"

#define PROTO_HOP_BY_HOP     0
#define PROTO_ROUTING	     43
#define PROTO_FRAGMENT	     44
#define PROTO_AUTHENTICATION 51
#define PROTO_ICMPV6	     58
#define PROTO_DESTINATION    60
#define PROTO_MOBILITY	     135
#define EXTENSIONS_MAX	     6

/* Reads inner_eth; sets inner, eth_proto_be. */
static __always_inline int parse_frame(struct mz_pkt *p)
{
	const struct ethhdr *eth = mz_at(p, p->inner_eth, sizeof(*eth));

	if (!eth)
		return DROP(inner_malformed);
	p->inner = p->inner_eth + ETH_HLEN;
	p->eth_proto_be = eth->h_proto;
	/* The agent alone speaks ARP. */
	if (eth->h_proto == bpf_htons(ETH_P_ARP) && !p->is_tunneled)
		return 0;
	if (eth->h_proto != bpf_htons(ETH_P_IP) && eth->h_proto != bpf_htons(ETH_P_IPV6))
		return DROP(inner_protocol);
	return eth->h_dest[0] & 1 && p->is_tunneled ? DROP(multicast) : 0;
}

/* Cuts `end` to what the IP header admits, or finds that it lies. */
static __always_inline int parse_inner_length(struct mz_pkt *p, __u32 size)
{
	if (ctx_is_gso(p->ctx))
		return 0;
	if (p->inner + size > p->end)
		return DROP(inner_malformed);
	p->end = p->inner + size;
	return 0;
}

static __always_inline int parse_inner_ipv4(struct mz_pkt *p)
{
	const struct iphdr *ip = mz_at(p, p->inner, sizeof(*ip));
	__u32 size, header;

	if (!ip || ip->version != 4 || ip->ihl < 5)
		return DROP(inner_malformed);
	header = ip->ihl * 4;
	size = bpf_ntohs(ip->tot_len);
	p->src = addr_from_ipv4(ip->saddr);
	p->dst = addr_from_ipv4(ip->daddr);
	p->tos = ip->tos;
	p->ttl = ip->ttl;
	p->ip_proto = ip->protocol;
	p->is_fragment = ip->frag_off & bpf_htons(IPV4_MF | IPV4_OFFSET);
	p->l4 = p->inner + header;
	if (p->l4 > p->end || (size < header && !ctx_is_gso(p->ctx)))
		return DROP(inner_malformed);
	return parse_inner_length(p, size);
}

static __always_inline int parse_inner_ipv6(struct mz_pkt *p)
{
	const struct ipv6hdr *ip = mz_at(p, p->inner, sizeof(*ip));

	if (!ip || ip->version != 6)
		return DROP(inner_malformed);
	__builtin_memcpy(&p->src, &ip->saddr, sizeof(p->src));
	__builtin_memcpy(&p->dst, &ip->daddr, sizeof(p->dst));
	p->tos = ip->priority << 4 | ip->flow_lbl[0] >> 4;
	p->ttl = ip->hop_limit;
	p->ip_proto = ip->nexthdr;
	p->l4 = p->inner + sizeof(*ip);
	/* In the tables a mapped address is IPv4's: never on the wire (RFC 4291, 2.5.5.2). */
	if (addr_is_ipv4(&p->src) || addr_is_ipv4(&p->dst))
		return DROP(inner_malformed);
	return parse_inner_length(p, sizeof(*ip) + bpf_ntohs(ip->payload_len));
}

/* Reads inner, eth_proto_be; sets src, dst, tos, ttl, ip_proto, l4, is_fragment, end. */
static __always_inline int parse_inner(struct mz_pkt *p)
{
	return p->eth_proto_be == bpf_htons(ETH_P_IP) ? parse_inner_ipv4(p) : parse_inner_ipv6(p);
}

static __always_inline bool is_extension(__u8 ip_proto)
{
	return ip_proto == PROTO_HOP_BY_HOP || ip_proto == PROTO_ROUTING ||
	       ip_proto == PROTO_FRAGMENT || ip_proto == PROTO_AUTHENTICATION ||
	       ip_proto == PROTO_DESTINATION || ip_proto == PROTO_MOBILITY;
}

/* Follows IPv6 extension headers to what they carry: sets ip_proto, l4, is_fragment. */
static __always_inline int parse_extensions(struct mz_pkt *p)
{
	if (p->eth_proto_be != bpf_htons(ETH_P_IPV6))
		return 0;
	for (int i = 0; i < EXTENSIONS_MAX; i++) {
		const __u8 *header;
		__u32 size;

		if (!is_extension(p->ip_proto))
			return 0;
		header = mz_at(p, p->l4, 8);
		if (!header)
			return DROP(extension);
		size = p->ip_proto == PROTO_FRAGMENT	     ? 8
		       : p->ip_proto == PROTO_AUTHENTICATION ? (header[1] + 2) * 4
							     : (header[1] + 1) * 8;
		if (p->ip_proto == PROTO_FRAGMENT) {
			p->is_fragment = true;
			if (header[2] || header[3] & 0xf8)
				return 0; /* not the first: what follows is payload */
		}
		p->ip_proto = header[0];
		p->l4 += size;
	}
	return is_extension(p->ip_proto) ? DROP(extension) : 0;
}

static __always_inline bool addr_is_multicast(const struct mz_addr *a)
{
	if (addr_is_ipv4(a))
		return a->bytes[12] >= 224; /* 224/4, and 240/4 with the broadcast address */
	return a->bytes[0] == 0xff;
}

/* Link-local, loopback, unspecified: what never leaves a link or a host. */
static __always_inline bool addr_is_link_local(const struct mz_addr *a)
{
	if (addr_is_ipv4(a))
		return (a->bytes[12] == 169 && a->bytes[13] == 254) || a->bytes[12] == 127 ||
		       !a->bytes[12];
	if (a->bytes[0] == 0xfe)
		return (a->bytes[1] & 0xc0) == 0x80;
	return !(a->words_be[0] | a->words_be[1] | a->words_be[2]) && bpf_ntohl(a->words_be[3]) < 2;
}

/* Reads src, dst: are they addresses that the overlay carries? */
static __always_inline int check_carried(struct mz_pkt *p)
{
	if (addr_is_multicast(&p->dst))
		return DROP(multicast);
	if (addr_is_link_local(&p->dst) || addr_is_link_local(&p->src))
		return DROP(link_local);
	return 0;
}
