/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Encapsulate: a packet of an endpoint gets the outer headers. The outer source port, which holds
 * the flow's entropy, is made here and kept on the way.
 *
 *	outer Ethernet | outer IPv4 | UDP | Geneve | inner Ethernet | inner packet
 */
#pragma once

#include "ip.h"
#include "parse_geneve.h"
#include "way.h"

#define TUNNEL_PORT_MIN 32768 /* 15 bits of the flow's hash above it */

#define TUNNEL_SIZE (ETH_HLEN + MZ_ENCAP_SIZE_IPV4)

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
	__u32 size = ctx_len(p->ctx) - ETH_HLEN;

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
