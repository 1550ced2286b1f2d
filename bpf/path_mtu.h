/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Path MTU discovery for tunnels (RFC 1191, RFC 8201). A router on the underlay that cannot pass a
 * tunnel packet on says so to this host, whose kernel has no socket to tell. The row of the next
 * hop remembers it for ten minutes, and endpoints are told when they send too much. Only rows that
 * are there are written, and only downwards: a flood of forged messages fills nothing, and ends at
 * the least MTU.
 */
#pragma once

#include "parse_inner.h"

#define PATH_MTU_SECONDS  600
#define PATH_MTU_MIN_IPV4 576 /* what every host takes (RFC 791); IPv6: 1280 */
#define PATH_MTU_MIN_IPV6 1280

#define ICMP_UNREACHABLE    3
#define ICMP_FRAG_NEEDED    4 /* code */
#define ICMPV6_PACKET_TOO_BIG 2

#define TUNNEL_PORT_MIN 32768 /* 15 bits of the flow's hash above it */

/* An ICMP error: behind its header comes the start of the packet that it is about. */
struct icmp {
	__u8 type, code;
	__be16 check_be;
	__be32 rest_be; /* of too big: the MTU of the next hop */
};

struct quoted_ipv4 {
	struct icmp icmp;
	struct iphdr ip; /* ours has no options */
	struct udphdr udp;
};

struct quoted_ipv6 {
	struct icmp icmp;
	struct ipv6hdr ip;
	struct udphdr udp;
};

static __always_inline __u32 boot_seconds(void)
{
	return bpf_ktime_get_boot_ns() / 1000000000;
}

static __always_inline bool path_mtu_holds(const struct mz_nexthop *nexthop)
{
	return nexthop->path_mtu && nexthop->path_mtu_until > boot_seconds();
}

/*
 * What the way to a host takes: its device (0: it need not be asked), and the path behind it
 * (nexthop or NULL). 0: not known.
 */
static __always_inline __u32 way_mtu(struct mz_ctx *ctx, const struct mz_nexthop *nexthop,
				     __u32 ifindex)
{
	__u32 mtu = ifindex ? ctx_mtu(ctx, ifindex) : 0;

	if (nexthop && path_mtu_holds(nexthop) && (nexthop->path_mtu < mtu || !mtu))
		return nexthop->path_mtu;
	return mtu;
}

static __always_inline bool is_our_udp(const struct udphdr *udp)
{
	return udp->dest == mz_config.port_be && bpf_ntohs(udp->source) >= TUNNEL_PORT_MIN;
}

/* A message about one of our packets (RFC 5927): whose, and the MTU; zero: it is not. */
static __always_inline __u32 quoted_ipv4(struct mz_pkt *p, struct mz_addr *ret_host)
{
	const struct iphdr *ip = mz_at(p, ETH_HLEN, sizeof(*ip));
	const struct quoted_ipv4 *quoted;
	struct mz_addr src;
	__u32 mtu;

	if (!ip || ip->protocol != PROTO_ICMP || ip->frag_off & bpf_htons(IPV4_MF | IPV4_OFFSET))
		return 0;
	src = addr_from_ipv4(ip->daddr);
	quoted = mz_at(p, ETH_HLEN + ip->ihl * 4, sizeof(*quoted));
	if (!host_is_self(&src) || !quoted || quoted->icmp.type != ICMP_UNREACHABLE ||
	    quoted->icmp.code != ICMP_FRAG_NEEDED || quoted->ip.version != 4 ||
	    quoted->ip.ihl != 5 || quoted->ip.protocol != PROTO_UDP || !is_our_udp(&quoted->udp))
		return 0;
	src = addr_from_ipv4(quoted->ip.saddr);
	*ret_host = addr_from_ipv4(quoted->ip.daddr);
	mtu = bpf_ntohl(quoted->icmp.rest_be) & 0xffff;
	/* A super-packet's length may be zero. */
	if (!host_is_self(&src) || !(quoted->ip.frag_off & bpf_htons(IPV4_DF)) ||
	    mtu >= ((bpf_ntohs(quoted->ip.tot_len) - 1) & 0xffff) + 1)
		return 0;
	return mtu > PATH_MTU_MIN_IPV4 ? mtu : PATH_MTU_MIN_IPV4;
}

static __always_inline __u32 quoted_ipv6(struct mz_pkt *p, struct mz_addr *ret_host)
{
	const struct ipv6hdr *ip = mz_at(p, ETH_HLEN, sizeof(*ip) + sizeof(struct quoted_ipv6));
	const struct quoted_ipv6 *quoted = (const void *)(ip + 1);
	__u32 mtu;

	if (!ip || ip->nexthdr != PROTO_ICMPV6 ||
	    !host_is_self((const struct mz_addr *)&ip->daddr) ||
	    quoted->icmp.type != ICMPV6_PACKET_TOO_BIG || quoted->icmp.code ||
	    quoted->ip.nexthdr != PROTO_UDP || !is_our_udp(&quoted->udp) ||
	    !host_is_self((const struct mz_addr *)&quoted->ip.saddr))
		return 0;
	__builtin_memcpy(ret_host, &quoted->ip.daddr, sizeof(*ret_host));
	mtu = bpf_ntohl(quoted->icmp.rest_be);
	return mtu > PATH_MTU_MIN_IPV6 ? mtu : PATH_MTU_MIN_IPV6;
}

/* Of what passes to the host's stack: it gets the message too. */
static __always_inline void heed_router(struct mz_pkt *p, int verdict)
{
	const struct ethhdr *eth;
	struct mz_nexthop *row;
	struct mz_addr host;
	__u32 mtu;

	if (verdict != MZ_PASS || p->f->is_tunneled)
		return;
	eth = mz_at(p, 0, sizeof(*eth));
	if (!eth || eth->h_proto != underlay_eth_proto_be() || ctx_has_vlan(p->ctx))
		return;
	mtu = underlay_is_ipv6() ? quoted_ipv6(p, &host) : quoted_ipv4(p, &host);
	row = mtu ? table_lookup(nexthop, &host) : NULL;
	if (!row || (path_mtu_holds(row) && row->path_mtu <= mtu))
		return;
	row->path_mtu_until = boot_seconds() + PATH_MTU_SECONDS;
	row->path_mtu = mtu;
	raise_epoch();
	POINT(p, path_mtu);
}
