/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Is it a tunnel packet, and for us? Until that is certain the packet is the host's and passes;
 * from then on it is ours, and is consumed or dropped here.
 */
#pragma once

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

#include "addr.h"
#include "cache.h"
#include "extensions.h"
#include "maps.h"

#define IPV4_DF	    0x4000
#define IPV4_MF	    0x2000
#define IPV4_OFFSET 0x1fff
#define PROTO_ICMP  1

/* What an outer IP header says, whatever its family. */
struct outer {
	struct mz_addr dst;
	__u32 udp; /* offset */
	__u32 end; /* as the length field says */
	bool is_fragment;
	bool has_extensions; /* of IPv6; options of IPv4 are stepped over */
};

/* Sets outer_src, outer_tos, outer_ttl. */
static __always_inline int parse_outer_ipv4(struct mz_pkt *p, struct outer *ret)
{
	const struct iphdr *ip = mz_at(p, p->f->outer, sizeof(*ip));
	__u16 fragment;

	if (!ip || ip->version != 4 || ip->ihl < 5 || ip->protocol != PROTO_UDP)
		return MZ_PASS;
	fragment = bpf_ntohs(ip->frag_off);
	if (fragment & IPV4_OFFSET)
		return MZ_PASS; /* no ports; the first fragment is judged below */
	ret->dst = addr_from_ipv4(ip->daddr);
	ret->udp = p->f->outer + ip->ihl * 4;
	ret->end = p->f->outer + bpf_ntohs(ip->tot_len);
	ret->is_fragment = fragment & IPV4_MF;
	p->f->outer_src = addr_from_ipv4(ip->saddr);
	p->f->outer_tos = ip->tos;
	p->f->outer_ttl = ip->ttl;
	return 0;
}

/* Sets outer_src, outer_tos, outer_ttl; for extension headers also ip_proto, l4, is_fragment. */
static __always_inline int parse_outer_ipv6(struct mz_pkt *p, struct outer *ret)
{
	const struct ipv6hdr *ip = mz_at(p, p->f->outer, sizeof(*ip));

	if (!ip || ip->version != 6)
		return MZ_PASS;
	__builtin_memcpy(&ret->dst, &ip->daddr, sizeof(ret->dst));
	__builtin_memcpy(&p->f->outer_src, &ip->saddr, sizeof(p->f->outer_src));
	ret->udp = p->f->outer + sizeof(*ip);
	ret->end = ret->udp + bpf_ntohs(ip->payload_len);
	p->f->outer_tos = ip->priority << 4 | ip->flow_lbl[0] >> 4;
	p->f->outer_ttl = ip->hop_limit;
	if (ip->nexthdr == PROTO_UDP)
		return 0;
	p->f->ip_proto = ip->nexthdr;
	p->f->l4 = ret->udp;
	if (follow_extensions(p) || p->f->ip_proto != PROTO_UDP)
		return MZ_PASS;
	ret->udp = p->f->l4;
	ret->is_fragment = p->f->is_fragment;
	ret->has_extensions = true;
	return 0;
}

/* Sets end to that of the UDP datagram, which must lie inside its IP packet. */
static __always_inline int parse_outer_lengths(struct mz_pkt *p, const struct outer *outer,
					       __u32 udp_len)
{
	if (ctx_is_gso(p->ctx))
		return 0;
	if (outer->end > p->f->end || udp_len < sizeof(struct udphdr) ||
	    outer->udp + udp_len > outer->end)
		return DROP(outer_malformed);
	p->f->end = outer->udp + udp_len;
	return 0;
}

/* Sets outer, outer_*, flow_hash, end, and inner_eth to the Geneve header. */
static __always_inline int parse_outer(struct mz_pkt *p)
{
	const struct ethhdr *eth = mz_at(p, 0, sizeof(*eth));
	const struct udphdr *udp;
	struct outer outer = {};
	int r;

	if (!eth || eth->h_proto != underlay_eth_proto_be() || ctx_has_vlan(p->ctx))
		return MZ_PASS;
	p->f->outer = ETH_HLEN;
	r = underlay_is_ipv6() ? parse_outer_ipv6(p, &outer) : parse_outer_ipv4(p, &outer);
	if (r)
		return r;
	udp = mz_at(p, outer.udp, sizeof(*udp));
	if (!udp || udp->dest != mz_config.port_be || !host_is_self(&outer.dst))
		return MZ_PASS;

	POINT(p, transit);
	p->f->is_tunneled = true;
	p->f->flow_hash = udp->source;
	p->f->inner_eth = outer.udp + sizeof(*udp);
	if (outer.is_fragment)
		return DROP(outer_fragment);
	if (outer.has_extensions)
		return DROP(outer_extension);
	return parse_outer_lengths(p, &outer, bpf_ntohs(udp->len));
}

/* From a host that we know? Our own address never comes in from outside. */
static __always_inline int check_host(struct mz_pkt *p)
{
	const struct cached_host *host = find_host(p->f->epoch, &p->f->outer_src);

	return host && host->is_droplet && !host_is_self(&p->f->outer_src) ? 0 : DROP(unknown_host);
}
