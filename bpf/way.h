/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The way to another host: the outer Ethernet header and the device, from a row that follows the
 * kernel's routes and neighbours, or from the kernel itself.
 */
#pragma once

#include "parse_outer.h"
#include "path_mtu.h"
#include "route.h"
#include "size.h"

/* The way out: one of a row that follows the kernel's routes, or the kernel itself. */
struct way {
	const struct mz_way *row; /* NULL: the kernel's */
	__u32 ifindex;
};

#define FIB_IPV4 2 /* AF_INET, AF_INET6 */
#define FIB_IPV6 10

/*
 * Says the kernel for certain that there is no route? Where it does not forward, it does not say.
 */
static __always_inline bool is_unreachable(struct mz_pkt *p)
{
	struct bpf_fib_lookup fib = {
		.family = underlay_is_ipv6() ? FIB_IPV6 : FIB_IPV4,
		.l4_protocol = PROTO_UDP,
		.ifindex = mz_config.ifindex,
	};
	struct mz_addr self = self_addr();
	long r;

	if (underlay_is_ipv6()) {
		__builtin_memcpy(fib.ipv6_src, &self, sizeof(self));
		__builtin_memcpy(fib.ipv6_dst, &p->host, sizeof(p->host));
	} else {
		fib.ipv4_src = self.words_be[3];
		fib.ipv4_dst = p->host.words_be[3];
	}
	r = bpf_fib_lookup(p->ctx, &fib, sizeof(fib), BPF_FIB_LOOKUP_OUTPUT);
	return r == BPF_FIB_LKUP_RET_BLACKHOLE || r == BPF_FIB_LKUP_RET_UNREACHABLE ||
	       r == BPF_FIB_LKUP_RET_PROHIBIT || r == BPF_FIB_LKUP_RET_NOT_FWDED;
}

/* One of the host's ways, always the same one for a flow. Reads flow_hash. */
static __always_inline const struct mz_way *choose_way(struct mz_pkt *p,
						       const struct mz_nexthop *row)
{
	__u32 shift = p->flow_hash % MZ_WAY_SLOTS * MZ_WAY_BITS;

	return row ? &row->ways[row->slots >> shift & (MZ_WAYS_MAX - 1)] : NULL;
}

/* Reads host, flow_hash. growth: bytes that the packet gets on the way. */
static __always_inline int find_way(struct mz_pkt *p, __s32 growth, struct way *ret)
{
	const struct cached_host *host = find_host(p->epoch, &p->host);
	const struct mz_nexthop *row = host && host->has_nexthop ? &host->nexthop : NULL;
	__u32 device; /* 0: what came in by it fits */
	int r;

	ret->row = choose_way(p, row);
	if (!ctx_can_send(p->ctx, ret->row, growth))
		return MZ_PASS;
	ret->ifindex = ret->row ? ret->row->ifindex : mz_config.ifindex;
	if (!ret->ifindex || (!ret->row && is_unreachable(p)))
		return DROP(no_nexthop);
	device = growth || ret->ifindex != ctx_ifindex(p->ctx) ? ret->ifindex : 0;
	r = check_size(p, p->is_tunneled ? p->outer : p->inner, growth, way_mtu(p, row, device));
	return r && !CTX_IS_LAST ? MZ_PASS : r;
}

static __always_inline void write_ethernet(struct ethhdr *eth, const struct way *way)
{
	__builtin_memset(eth, 0, 2 * ETH_ALEN);
	if (way->row) {
		mac_set(eth->h_dest, way->row->dst_mac);
		mac_set(eth->h_source, way->row->src_mac);
	}
	eth->h_proto = underlay_eth_proto_be();
}

static __always_inline int send(struct mz_pkt *p, const struct way *way)
{
	if (way->row && is(p, MZ_ANSWERS)) {
		ctx_send_copy(p->ctx, way->ifindex);
		return MZ_COPIED;
	}
	if (way->row) {
		p->action = ctx_send(p->ctx, way->ifindex);
	} else {
		POINT(p, resolve);
		p->action = ctx_send_resolve(p->ctx, way->ifindex);
	}
	return MZ_SENT;
}
