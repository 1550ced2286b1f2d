/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Tunnel: to another host. A packet of an endpoint gets the outer headers; one that came by a
 *tunnel keeps them, with this host as its source and one taken from the TTL. The outer source port,
 *which holds the flow's entropy, is made once and kept.
 *
 *	outer Ethernet | outer IPv4 | UDP | Geneve | inner Ethernet | inner packet
 */
#pragma once

#include "ip.h"
#include "parse_geneve.h"
#include "parse_outer.h"
#include "route.h"

#define TUNNEL_PORT_MIN 32768 /* 15 bits of the flow's hash above it */

#define TUNNEL_SIZE (ETH_HLEN + MZ_ENCAP_SIZE_IPV4)

/* The way out: a row that follows the kernel's routes, or the kernel itself. */
struct way {
	const struct mz_nexthop *nexthop;
	__u32 ifindex;
};

/*
 * Says the kernel for certain that there is no route? Where it does not forward, it does not say.
 */
static __always_inline bool is_unreachable(struct mz_pkt *p)
{
	struct bpf_fib_lookup fib = {
		.family = 2, /* AF_INET */
		.l4_protocol = PROTO_UDP,
		.ifindex = mz_config.ifindex,
		.ipv4_src = mz_config.self.words_be[3],
		.ipv4_dst = p->host.words_be[3],
	};
	long r = bpf_fib_lookup(p->ctx, &fib, sizeof(fib), BPF_FIB_LOOKUP_OUTPUT);

	return r == BPF_FIB_LKUP_RET_BLACKHOLE || r == BPF_FIB_LKUP_RET_UNREACHABLE ||
	       r == BPF_FIB_LKUP_RET_PROHIBIT || r == BPF_FIB_LKUP_RET_NOT_FWDED;
}

/* Reads host. growth: bytes that the packet gets on the way. */
static __always_inline int find_way(struct mz_pkt *p, __s32 growth, struct way *ret)
{
	ret->nexthop = table_lookup(nexthop, &p->host);
	ret->ifindex = ret->nexthop ? ret->nexthop->ifindex : mz_config.ifindex;
	if (!ret->ifindex || (!ret->nexthop && is_unreachable(p)))
		return DROP(no_nexthop);
	return ctx_too_big(p->ctx, ret->ifindex, growth) ? DROP(too_big) : 0;
}

static __always_inline void write_ethernet(struct ethhdr *eth, const struct way *way)
{
	__builtin_memset(eth, 0, 2 * ETH_ALEN);
	if (way->nexthop) {
		mac_set(eth->h_dest, way->nexthop->dst_mac);
		mac_set(eth->h_source, way->nexthop->src_mac);
	}
	eth->h_proto = bpf_htons(ETH_P_IP);
}

static __always_inline int send(struct mz_pkt *p, const struct way *way)
{
	if (way->nexthop) {
		p->action = ctx_send(p->ctx, way->ifindex);
	} else {
		POINT(p, resolve);
		p->action = ctx_send_resolve(p->ctx, way->ifindex);
	}
	return MZ_SENT;
}

/* Length fields hold 16 bits; those of a longer super-packet are written per segment. */
static __always_inline __be16 length_be(__u32 size)
{
	return size > 0xffff ? 0 : bpf_htons(size);
}

static __always_inline void write_ip(struct mz_pkt *p, struct iphdr *ip, __u32 size)
{
	*ip = (struct iphdr){
		.version = 4,
		.ihl = 5,
		.tos = p->tos, /* DSCP and ECN: RFC 2983 uniform, RFC 6040 normal mode */
		.tot_len = length_be(size),
		.frag_off = bpf_htons(IPV4_DF),
		.ttl = MZ_OUTER_TTL,
		.protocol = PROTO_UDP,
		.saddr = mz_config.self.words_be[3],
		.daddr = p->host.words_be[3],
	};
	ip->check = csum_fold(bpf_csum_diff(NULL, 0, (__be32 *)ip, sizeof(*ip), 0));
}

static __always_inline void write_headers(struct mz_pkt *p, void *headers, const struct way *way)
{
	struct iphdr *ip = headers + ETH_HLEN;
	struct udphdr *udp = (void *)(ip + 1);
	struct mz_geneve *geneve = (void *)(udp + 1);
	struct ethhdr *inner_eth = (void *)(geneve + 1);
	__u32 size = p->ctx->len - ETH_HLEN;

	_Static_assert(sizeof(*ip) + sizeof(*udp) + sizeof(*geneve) + sizeof(*inner_eth) ==
			       MZ_ENCAP_SIZE_IPV4,
		       "size of the headers");
	write_ethernet(headers, way);
	write_ip(p, ip, size);
	*udp = (struct udphdr){
		.source = bpf_htons(TUNNEL_PORT_MIN + (p->flow_hash >> 17)),
		.dest = mz_config.port_be,
		.len = length_be(size - sizeof(*ip)),
	};
	*geneve = (struct mz_geneve){
		.eth_proto_be = bpf_htons(GENEVE_ETHERNET),
		.vni_be = bpf_htonl(p->vni << 8),
	};
	/* Nobody looks at these: whoever delivers writes its own. */
	mac_set_virtual(inner_eth->h_dest);
	mac_set(inner_eth->h_source, p->port->mac);
	inner_eth->h_proto = p->eth_proto_be;
}

/* Sets flow_hash, from which come the outer source port and the choice among replicas. */
static __always_inline int find_flow(struct mz_pkt *p)
{
	p->flow_hash = ctx_flow_hash(p->ctx);
	return 0;
}

static __always_inline int encapsulate(struct mz_pkt *p)
{
	void *headers;
	struct way way;
	bool is_plain;
	int r = find_way(p, MZ_ENCAP_SIZE_IPV4, &way);

	if (r)
		return r;
	if (ctx_encapsulate(p->ctx, MZ_ENCAP_SIZE_IPV4, BPF_F_ADJ_ROOM_ENCAP_L3_IPV4, &is_plain))
		return DROP(encapsulate);
	if (ctx_segments_too_big(p->ctx, way.ifindex))
		return DROP(too_big);
	if (is_plain && !way.nexthop)
		return DROP(no_nexthop); /* the kernel would resolve the inner destination */
	p->end = TUNNEL_SIZE;
	headers = mz_at(p, 0, TUNNEL_SIZE);
	if (!headers)
		return DROP(encapsulate);
	write_headers(p, headers, &way);
	POINT(p, encapsulate);
	return send(p, &way);
}

/* Reads outer, outer_ttl. The header may have options: it is changed, not made anew. */
static __always_inline int forward_rewrite(struct mz_pkt *p, const struct way *way)
{
	struct iphdr *ip = mz_at(p, p->outer, sizeof(*ip));
	__u32 size;
	__s64 sum;
	__be32 new[2] = { mz_config.self.words_be[3], p->host.words_be[3] };
	struct udphdr *udp;
	struct ethhdr *eth;

	if (!ip)
		return DROP(outer_malformed);
	ipv4_rewrite(ip, ip->tos, p->outer_ttl - 1);
	sum = bpf_csum_diff(&ip->saddr, sizeof(new), new, sizeof(new), (__u16)~ip->check);
	ip->check = csum_fold(sum);
	ip->saddr = new[0];
	ip->daddr = new[1];
	size = ip->ihl * 4;
	udp = mz_at(p, p->outer + size, sizeof(*udp));
	if (!udp)
		return DROP(outer_malformed);
	udp->check = 0;
	eth = mz_at(p, 0, sizeof(*eth));
	if (!eth)
		return DROP(outer_malformed);
	write_ethernet(eth, way);
	return 0;
}

static __always_inline int forward(struct mz_pkt *p)
{
	struct way way;
	int r;

	if (p->outer_ttl <= 1)
		return DROP(hop_limit);
	r = find_way(p, 0, &way);
	r = r ?: forward_rewrite(p, &way);
	if (r)
		return r;
	POINT(p, forward);
	return send(p, &way);
}
