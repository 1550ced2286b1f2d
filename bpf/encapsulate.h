/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Encapsulate: a packet of an endpoint gets the outer headers. The outer source port, which holds
 * the flow's entropy, is made here and kept on the way.
 *
 *	outer Ethernet | outer IPv4 or IPv6 | UDP | Geneve | RTS, if any | inner frame
 */
#pragma once

#include "ask.h"
#include "ip.h"
#include "parse_geneve.h"
#include "way.h"

#define FLOW_LABEL_MASK 0xfffff

/* What the headers of a tunnel take. */
static __always_inline __u32 tunnel_size(void)
{
	return underlay_is_ipv6() ? MZ_ENCAP_SIZE_IPV6 : MZ_ENCAP_SIZE_IPV4;
}

/* Length fields hold 16 bits; those of a longer super-packet are written per segment. */
static __always_inline __be16 length_be(__u32 size)
{
	return size > 0xffff ? 0 : bpf_htons(size);
}

/* size: with the header. */
static __always_inline void write_ipv4(struct mz_pkt *p, struct iphdr *ip, __u32 size)
{
	__be32 *words = (__be32 *)ip;

	*ip = (struct iphdr){
		.version = 4,
		.ihl = 5,
		.tos = p->f->tos, /* DSCP and ECN: RFC 2983 uniform, RFC 6040 normal mode */
		.tot_len = length_be(size),
		.frag_off = bpf_htons(IPV4_DF),
		.ttl = MZ_OUTER_TTL,
		.protocol = PROTO_UDP,
		.saddr = mz_config.self.words_be[3],
		.daddr = p->f->host.words_be[3],
	};
	ip->check = csum_fold_long((__u64)words[0] + words[1] + words[2] + words[3] + words[4]);
}

/* The flow label holds the flow's entropy as well (RFC 6438): nobody needs to reach for UDP. */
static __always_inline void write_ipv6(struct mz_pkt *p, struct ipv6hdr *ip, __u32 size)
{
	struct mz_addr self = self_addr();

	*(__be32 *)ip = bpf_htonl(6U << 28 | (__u32)p->f->tos << 20 |
				  (p->f->flow_hash & FLOW_LABEL_MASK));
	ip->payload_len = length_be(size - sizeof(*ip));
	ip->nexthdr = PROTO_UDP;
	ip->hop_limit = MZ_OUTER_TTL;
	__builtin_memcpy(&ip->saddr, &self, sizeof(self));
	__builtin_memcpy(&ip->daddr, &p->f->host, sizeof(p->f->host));
}

/*
 * The UDP checksum is zero over IPv6 too (RFC 6935): whether the inner one is complete is not to be
 * seen here, and the segments of a super-packet could not have one. All but the options and the
 * inner Ethernet header; size: from the outer IP header on.
 */
static __always_inline void write_outer(struct mz_pkt *p, void *headers, const struct way *way,
					__u32 size)
{
	__u32 ip_size = underlay_is_ipv6() ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
	void *ip = headers + ETH_HLEN;
	struct udphdr *udp = ip + ip_size;
	struct mz_geneve *geneve = (void *)(udp + 1);

	_Static_assert(sizeof(struct iphdr) + sizeof(*udp) + sizeof(*geneve) + ETH_HLEN ==
			       MZ_ENCAP_SIZE_IPV4,
		       "size of the headers");
	_Static_assert(MZ_ENCAP_SIZE_IPV6 - MZ_ENCAP_SIZE_IPV4 ==
			       sizeof(struct ipv6hdr) - sizeof(struct iphdr),
		       "size of the headers");
	write_ethernet(headers, way);
	if (underlay_is_ipv6())
		write_ipv6(p, ip, size);
	else
		write_ipv4(p, ip, size);
	*udp = (struct udphdr){
		.source = bpf_htons(TUNNEL_PORT_MIN + (p->f->flow_hash >> 17)),
		.dest = mz_config.port_be,
		.len = length_be(size - ip_size),
	};
	*geneve = (struct mz_geneve){
		.version_optlen = options_size(p) / 4,
		.eth_proto_be = bpf_htons(GENEVE_ETHERNET),
		.vni_be = bpf_htonl(p->f->vni << 8),
	};
}

static __always_inline int write_rts(struct mz_pkt *p, __u32 off)
{
	struct mz_opt_rts *to, rts;

	make_rts(p, &rts);
	to = mz_at(p, off, sizeof(*to));
	if (!to)
		return DROP(encapsulate);
	__builtin_memcpy(to, &rts, sizeof(rts));
	POINT(p, introduce);
	return 0;
}

static __always_inline int write_headers(struct mz_pkt *p, const struct way *way)
{
	__u32 size = tunnel_size(); /* up to the options: one Ethernet header is before them */
	struct ethhdr *eth;
	void *outer = mz_at(p, 0, size);
	int r;

	if (!outer)
		return DROP(encapsulate);
	write_outer(p, outer, way, ctx_len(p->ctx) - ETH_HLEN);
	if (is(p, MZ_INTRODUCES)) {
		r = write_rts(p, size);
		if (r)
			return r;
		size += sizeof(struct mz_opt_rts);
	}
	eth = mz_at(p, size, sizeof(*eth));
	if (!eth)
		return DROP(encapsulate);
	mac_set_virtual(eth->h_dest); /* nobody looks at it: whoever delivers writes its own */
	mac_set_network(eth->h_source, p->f->judged);
	eth->h_proto = p->f->eth_proto_be;
	return 0;
}

/* Sets flow_hash, from which come the outer source port and the choice among replicas. */
static __always_inline int find_flow(struct mz_pkt *p)
{
	p->f->flow_hash = ctx_flow_hash(p->ctx);
	return 0;
}

static __always_inline int encapsulate(struct mz_pkt *p)
{
	struct way way;
	bool is_plain;
	__u32 size;
	int r = find_way(p, tunnel_size() + options_size(p), &way);

	if (r == DROP(too_big) && is(p, MZ_INTRODUCES)) {
		unmark(p, MZ_INTRODUCES); /* it may be asked another time */
		r = find_way(p, tunnel_size(), &way);
	}
	if (r)
		return r;
	size = tunnel_size() + options_size(p);
	if (ctx_encapsulate(p->ctx, size, underlay_is_ipv6(), &is_plain))
		return DROP(encapsulate);
	if (is_plain && !way.has_row)
		return DROP(no_nexthop); /* the kernel would resolve the inner destination */
	p->f->end = ETH_HLEN + size;
	r = write_headers(p, &way);
	if (r)
		return r;
	POINT(p, encapsulate);
	return send(p, &way);
}
