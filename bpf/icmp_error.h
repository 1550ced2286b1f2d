/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ICMP errors to the sender of a packet that was dropped: too big (RFC 792, RFC 1191, RFC 4443 3.2)
 * and out of hops (RFC 792, RFC 4443 3.3). The packet is turned into its error, which is then
 * routed by the same stages as any other.
 *
 *	agent's:   from the endpoint's gateway, straight back into the endpoint
 *	transit's: the sender is on another host. It comes from the destination's address, as its
 *		   answer would: by that, each host on the way finds the next one (a gateway's
 *		   address is in no table), and checks it like any packet
 *
 * This is a program of its own, entered by a tail call: good packets pay nothing for it.
 */
#pragma once

#include "answer.h"
#include "bucket.h"
#include "path_mtu.h"

#define ERROR_TTL     64
#define ERROR_QUOTE_IPV4 (576 - 20 - 8)	  /* RFC 1812, 4.3.2.3 */
#define ERROR_QUOTE_IPV6 (1280 - 40 - 8)  /* RFC 4443, 2.4 (c) */
#define CSUM_CHUNK    512		  /* what bpf_csum_diff() takes at once */

#define ERROR_MAX 2048

#define ICMP_TIME_EXCEEDED   11
#define ICMPV6_TIME_EXCEEDED 3

/* One a 10 ms for each sender, 50 in a row; few senders share a bucket. */
#define ERROR_BUCKETS	  4096
#define ERROR_INTERVAL_NS 10000000ULL
#define ERROR_BURST	  50

/* The error in the making, and what is known of its cause. */
struct error {
	__u8 pad[2];
	struct ethhdr eth;
	union {
		struct {
			struct iphdr ip;
			struct icmp icmp;
			__u8 quote[5 * CSUM_CHUNK];
		} v4;
		struct {
			struct ipv6hdr ip;
			struct icmp icmp;
			__u8 quote[5 * CSUM_CHUNK];
		} v6;
	};
	__u32 reason; /* enum mz_drop */
	__u32 mtu;
	__u32 off;    /* where the packet starts, */
	__u32 quote;  /* and how much of it is quoted */
	bool is_ipv6;
	bool is_agents;
	bool can_resize;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct error);
} error_room SEC(".maps");

static __always_inline struct error *find_error(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&error_room, &zero);
}

/* When the sender's errors would all have been paid for, at one per interval (ns). */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, ERROR_BUCKETS);
	__type(key, __u32);
	__type(value, __u64);
} error_bucket SEC(".maps");

/* Sets vni, inner_eth, and what the packet's own headers say, as far as they go. */
static __always_inline int error_parse(struct mz_pkt *p, struct error *e)
{
	__u32 inner_eth = p->f->inner_eth, vni = p->f->vni;
	bool is_tunneled = p->f->is_tunneled;
	int r;

	e->reason = -p->f->verdict;
	e->mtu = p->f->mtu;
	e->is_agents = !is_tunneled;
	facts_reset(p);
	p->f->is_error = true;
	p->f->is_tunneled = is_tunneled;
	p->f->inner_eth = inner_eth;
	p->f->vni = vni;
	r = parse_frame(p);
	r = r ?: parse_inner(p);
	r = r ?: parse_extensions(p);
	if (r)
		return MZ_ABSORBED; /* its drop is counted already */
	e->is_ipv6 = p->f->eth_proto_be == bpf_htons(ETH_P_IPV6);
	e->off = p->f->inner;
	return 0;
}

/* A fragment that is not the first has no ports for its sender to know it by. */
static __always_inline bool is_later_fragment(struct mz_pkt *p, struct error *e)
{
	const struct iphdr *ip;

	if (e->is_ipv6)
		return p->f->ip_proto == PROTO_FRAGMENT; /* where parse_extensions() stopped */
	ip = mz_at(p, p->f->inner, sizeof(*ip));
	return !ip || ip->frag_off & bpf_htons(IPV4_OFFSET);
}

/* Of ICMP, only what asks and answers deserves an error. */
static __always_inline bool is_icmp_error(struct mz_pkt *p, struct error *e)
{
	const struct icmp *icmp;

	if (p->f->ip_proto != (e->is_ipv6 ? PROTO_ICMPV6 : PROTO_ICMP))
		return false;
	icmp = mz_at(p, p->f->l4, sizeof(*icmp));
	if (!icmp)
		return true;
	if (e->is_ipv6)
		return icmp->type < 128 || icmp->type == 137;
	return icmp->type != 0 && icmp->type != 8 && (icmp->type < 13 || icmp->type > 18);
}

static __always_inline bool is_paid_for(struct mz_pkt *p)
{
	__u32 key = mz_hash_addr(secret_mix(p->f->vni), &p->f->src) % ERROR_BUCKETS;
	__u64 *bucket = bpf_map_lookup_elem(&error_bucket, &key);

	return bucket && bucket_take(bucket, bpf_ktime_get_ns(), ERROR_INTERVAL_NS, ERROR_BURST);
}

/* RFC 1122, 3.2.2; RFC 4443, 2.4 (e) and (f). Destinations are unicast, or it would not be here. */
static __always_inline int error_allowed(struct mz_pkt *p, struct error *e)
{
	if (addr_is_link_local(&p->f->src) || addr_is_multicast(&p->f->src) ||
	    is_later_fragment(p, e) || is_icmp_error(p, e))
		return MZ_ABSORBED;
	if (is_paid_for(p))
		return 0;
	POINT(p, icmp_limit);
	return MZ_ABSORBED;
}

/* Sets can_resize, quote: as much of the packet as is allowed, or as can be spared. */
static __always_inline int error_quote(struct mz_pkt *p, struct error *e)
{
	__u32 max = e->is_ipv6 ? ERROR_QUOTE_IPV6 : ERROR_QUOTE_IPV4;
	__u32 size = (ctx_is_gso(p->ctx) ? p->f->len : p->f->end) - p->f->inner;
	__u32 headers = sizeof(struct icmp) +
			(e->is_ipv6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr));
	__u8 *quote = e->is_ipv6 ? e->v6.quote : e->v4.quote;

	e->can_resize = ctx_can_resize(p->ctx);
	if (!e->can_resize && size < headers + CTX_CUT + headers)
		return MZ_ABSORBED;
	if (!e->can_resize)
		size -= headers + CTX_CUT;
	if (size > max)
		size = max;
	if (!size)
		return MZ_ABSORBED;
	size = size_seen(size, ERROR_MAX);
	if (ctx_load(p->ctx, p->f->inner, quote, size))
		return MZ_ABSORBED;
	/* For a sum of words. */
	quote[size] = quote[size + 1] = quote[size + 2] = 0;
	e->quote = size;
	return 0;
}

/* The checksum of the error, its quote included; sum: that of a pseudo header. */
static __always_inline __be16 error_checksum(const void *icmp, __u32 quote, __s64 sum)
{
	__u32 size = sizeof(struct icmp) + ((quote + 3) & ~3U);

	for (__u32 i = 0; i < 3; i++) {
		__u32 n = size > CSUM_CHUNK ? CSUM_CHUNK : size;

		if (!n)
			break;
		sum = bpf_csum_diff(NULL, 0, (__be32 *)(icmp + i * CSUM_CHUNK),
				    size_seen(n, CSUM_CHUNK), sum);
		size -= n;
	}
	return csum_fold(sum);
}

static __always_inline void write_error_ipv4(struct mz_pkt *p, struct error *e)
{
	bool is_too_big = e->reason == MZ_DROP_too_big;
	struct iphdr *ip = &e->v4.ip;
	struct icmp *icmp = &e->v4.icmp;

	*ip = (struct iphdr){
		.version = 4,
		.ihl = 5,
		.tot_len = bpf_htons(sizeof(*ip) + sizeof(*icmp) + e->quote),
		.ttl = ERROR_TTL,
		.protocol = PROTO_ICMP,
		.saddr = p->f->src.words_be[3],
		.daddr = p->f->dst.words_be[3],
	};
	ip->check = csum_fold(bpf_csum_diff(NULL, 0, (__be32 *)ip, sizeof(*ip), 0));
	*icmp = (struct icmp){
		.type = is_too_big ? ICMP_UNREACHABLE : ICMP_TIME_EXCEEDED,
		.code = is_too_big ? ICMP_FRAG_NEEDED : 0,
		.rest_be = is_too_big ? bpf_htonl(e->mtu) : 0,
	};
	icmp->check_be = error_checksum(icmp, e->quote, 0);
}

static __always_inline void write_error_ipv6(struct mz_pkt *p, struct error *e)
{
	bool is_too_big = e->reason == MZ_DROP_too_big;
	struct ipv6hdr *ip = &e->v6.ip;
	struct icmp *icmp = &e->v6.icmp;
	__u32 size = sizeof(*icmp) + e->quote;
	__s64 sum = bpf_htonl(size + PROTO_ICMPV6); /* no carry gets lost */

	*ip = (struct ipv6hdr){
		.version = 6,
		.payload_len = bpf_htons(size),
		.nexthdr = PROTO_ICMPV6,
		.hop_limit = ERROR_TTL,
	};
	__builtin_memcpy(&ip->saddr, &p->f->src, sizeof(p->f->src));
	__builtin_memcpy(&ip->daddr, &p->f->dst, sizeof(p->f->dst));
	*icmp = (struct icmp){
		.type = is_too_big ? ICMPV6_PACKET_TOO_BIG : ICMPV6_TIME_EXCEEDED,
		.rest_be = is_too_big ? bpf_htonl(e->mtu) : 0,
	};
	sum = bpf_csum_diff(NULL, 0, (__be32 *)&ip->saddr, 2 * sizeof(struct mz_addr), sum);
	icmp->check_be = error_checksum(icmp, e->quote, sum);
}

/* Turns the addresses round; the agent speaks as the gateway, if the endpoint has one. */
static __always_inline int error_address(struct mz_pkt *p, struct error *e)
{
	const struct mz_addr *gateway;
	struct mz_addr sender = p->f->src;
	__u32 ifindex = ctx_ifindex(p->ctx);

	p->f->src = p->f->dst;
	p->f->dst = sender;
	if (!e->is_agents)
		return 0;
	p->port = table_lookup(port, &ifindex);
	if (!p->port)
		return MZ_ABSORBED;
	gateway = e->is_ipv6 ? &p->port->gateway6 : &p->port->gateway4;
	if (!addr_is_zero(gateway))
		p->f->src = *gateway;
	return 0;
}

/* The packet becomes the error: a frame as an endpoint sends it. Sets src, dst, tos, end, inner. */
static __always_inline int error_write(struct mz_pkt *p, struct error *e)
{
	struct ethhdr *eth = &e->eth;
	__u32 size = ETH_HLEN + sizeof(struct icmp) + e->quote;
	int r = error_address(p, e);

	if (r)
		return r;
	if (e->is_ipv6)
		write_error_ipv6(p, e);
	else
		write_error_ipv4(p, e);
	mac_set_virtual(eth->h_source);
	mac_set_virtual(eth->h_dest);
	if (p->port)
		mac_set(eth->h_dest, p->port->mac);
	eth->h_proto = p->f->eth_proto_be;
	size += e->is_ipv6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr);
	if (ctx_renew(p->ctx, size, e->off - ETH_HLEN, e->can_resize, e->is_ipv6,
		      p->f->is_tunneled && e->is_ipv6 != underlay_is_ipv6()))
		return MZ_ABSORBED;
	if (ctx_store_all(p->ctx, eth, size_seen(size, ERROR_MAX)))
		return MZ_ABSORBED;
	POINT(p, icmp_error);
	p->f->is_tunneled = false;
	p->f->inner_eth = 0;
	p->f->inner = ETH_HLEN;
	p->f->end = size;
	p->f->len = size;
	p->f->tos = 0;
	return 0;
}

/* To an endpoint of this host that sent the packet: nobody else is asked. */
static __always_inline int error_answer(struct mz_pkt *p, struct error *e)
{
	if (!e->is_agents)
		return 0;
	p->f->action = ctx_send(p->ctx, ctx_ifindex(p->ctx));
	return MZ_SENT;
}

/* As the destination's answer would go: from its own host, or from one on the way to it. */
static __always_inline int error_route(struct mz_pkt *p)
{
	struct mz_vni_addr key = { .vni = p->f->vni, .addr = p->f->src };
	const struct mz_local *row = table_lookup(local, &key);
	__u32 ifindex = row ? row->ifindex : 0;

	p->port = ifindex ? table_lookup(port, &ifindex) : NULL;
	return p->port ? route_agent(p) : route_transit(p);
}

