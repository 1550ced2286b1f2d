/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The way to another host: the outer Ethernet header and the device, from a row that follows the
 * kernel's routes and neighbours, or from the kernel itself.
 */
#pragma once

#include "parse_outer.h"
#include "route.h"

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
	if (!ctx_can_send(p->ctx, ret->nexthop, growth))
		return MZ_PASS;
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
