/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The packet of the endpoint: Ethernet, then IPv4 or IPv6. Only what the agent asks for needs the
 * headers behind IP; a packet that comes by a tunnel was looked at by its sender's agent.
 */
#pragma once

#include <linux/ipv6.h>

#include "extensions.h"
#include "parse_outer.h"

/* Reads inner_eth; sets inner, eth_proto_be, judged_before. */
static __always_inline int parse_frame(struct mz_pkt *p)
{
	const struct ethhdr *eth = mz_at(p, p->f->inner_eth, sizeof(*eth));

	if (!eth)
		return DROP(inner_malformed);
	p->f->inner = p->f->inner_eth + ETH_HLEN;
	p->f->eth_proto_be = eth->h_proto;
	if (p->f->is_tunneled)
		p->f->judged_before = mac_get_network(eth->h_source);
	/* The agent alone speaks ARP. */
	if (eth->h_proto == bpf_htons(ETH_P_ARP) && !p->f->is_tunneled)
		return 0;
	if (eth->h_proto != bpf_htons(ETH_P_IP) && eth->h_proto != bpf_htons(ETH_P_IPV6))
		return DROP(inner_protocol);
	return eth->h_dest[0] & 1 && p->f->is_tunneled ? DROP(multicast) : 0;
}

/*
 * Is a super-packet that came by a tunnel one packet? Tunnel packets that UDP GRO or GSO has made
 * into one have those of other tenants behind the first. UDP lengths hold 16 bits: longer ones
 * cannot be such. A kernel that merges tunnel packets may have taken options for the packet: then
 * the checksum that it has yet to write is among them.
 */
static __always_inline bool is_one_packet(struct mz_pkt *p, __u32 size)
{
	__u32 rest = p->f->end - p->f->inner;
	__s32 off = ctx_csum_pending(p->ctx);

	return (size == rest || rest > 0xffff) && (off < 0 || off > (__s32)p->f->inner);
}

/* Cuts `end` to what the IP header admits, or finds that it lies. */
static __always_inline int parse_inner_length(struct mz_pkt *p, __u32 size)
{
	if (ctx_is_gso(p->ctx))
		return p->f->is_tunneled && !is_one_packet(p, size) ? DROP(inner_malformed) : 0;
	if (p->f->inner + size > p->f->end)
		return DROP(inner_malformed);
	p->f->end = p->f->inner + size;
	return 0;
}

static __always_inline int parse_inner_ipv4(struct mz_pkt *p)
{
	const struct iphdr *ip = mz_at(p, p->f->inner, sizeof(*ip));
	__u32 size, header;

	if (!ip || ip->version != 4 || ip->ihl < 5)
		return DROP(inner_malformed);
	header = ip->ihl * 4;
	size = bpf_ntohs(ip->tot_len);
	p->f->src = addr_from_ipv4(ip->saddr);
	p->f->dst = addr_from_ipv4(ip->daddr);
	p->f->tos = ip->tos;
	p->f->ttl = ip->ttl;
	p->f->ip_proto = ip->protocol;
	p->f->is_fragment = ip->frag_off & bpf_htons(IPV4_MF | IPV4_OFFSET);
	p->f->l4 = p->f->inner + header;
	if (p->f->l4 > p->f->end || (size < header && !ctx_is_gso(p->ctx)))
		return DROP(inner_malformed);
	return parse_inner_length(p, size);
}

static __always_inline int parse_inner_ipv6(struct mz_pkt *p)
{
	const struct ipv6hdr *ip = mz_at(p, p->f->inner, sizeof(*ip));

	if (!ip || ip->version != 6)
		return DROP(inner_malformed);
	__builtin_memcpy(&p->f->src, &ip->saddr, sizeof(p->f->src));
	__builtin_memcpy(&p->f->dst, &ip->daddr, sizeof(p->f->dst));
	p->f->tos = ip->priority << 4 | ip->flow_lbl[0] >> 4;
	p->f->ttl = ip->hop_limit;
	p->f->ip_proto = ip->nexthdr;
	p->f->l4 = p->f->inner + sizeof(*ip);
	/* In the tables a mapped address is IPv4's: never on the wire (RFC 4291, 2.5.5.2). */
	if (addr_is_ipv4(&p->f->src) || addr_is_ipv4(&p->f->dst))
		return DROP(inner_malformed);
	return parse_inner_length(p, sizeof(*ip) + bpf_ntohs(ip->payload_len));
}

/* Reads inner, eth_proto_be; sets src, dst, tos, ttl, ip_proto, l4, is_fragment, end. */
static __always_inline int parse_inner(struct mz_pkt *p)
{
	bool is_ipv6 = p->f->eth_proto_be == bpf_htons(ETH_P_IPV6);

	return is_ipv6 ? parse_inner_ipv6(p) : parse_inner_ipv4(p);
}

/* Sets ip_proto, l4, is_fragment to those of what IPv6 extension headers carry. */
static __always_inline int parse_extensions(struct mz_pkt *p)
{
	return p->f->eth_proto_be == bpf_htons(ETH_P_IPV6) ? follow_extensions(p) : 0;
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
	if (addr_is_multicast(&p->f->dst))
		return DROP(multicast);
	if (addr_is_link_local(&p->f->dst) || addr_is_link_local(&p->f->src))
		return DROP(link_local);
	return 0;
}
