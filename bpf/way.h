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

/* The way out: one of a row that follows the kernel's routes, or, without has_row, the kernel's. */
struct way {
	struct mz_way out;
	bool has_row;
};

#define FIB_IPV4 2 /* AF_INET, AF_INET6 */
#define FIB_IPV6 10

/*
 * Says the kernel for certain that there is no route? Where it does not forward, it does not say.
 */
static __always_inline bool is_unreachable(struct mz_ctx *ctx, const struct mz_addr *host)
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
		__builtin_memcpy(fib.ipv6_dst, host, sizeof(*host));
	} else {
		fib.ipv4_src = self.words_be[3];
		fib.ipv4_dst = host->words_be[3];
	}
	r = bpf_fib_lookup(ctx, &fib, sizeof(fib), BPF_FIB_LOOKUP_OUTPUT);
	return r == BPF_FIB_LKUP_RET_BLACKHOLE || r == BPF_FIB_LKUP_RET_UNREACHABLE ||
	       r == BPF_FIB_LKUP_RET_PROHIBIT || r == BPF_FIB_LKUP_RET_NOT_FWDED;
}

/* One of the host's ways, always the same one for a flow. */
static __always_inline const struct mz_way *choose_way(const struct mz_nexthop *row,
						       __u32 flow_hash)
{
	__u32 shift = flow_hash % MZ_WAY_SLOTS * MZ_WAY_BITS;

	return row ? &row->ways[row->slots >> shift & (MZ_WAYS_MAX - 1)] : NULL;
}

/*
 * Each way takes it: devices of tunnels have at least 1280, and no path is believed to take less
 * than 576, so nobody need be asked.
 */
static __always_inline bool is_small(struct mz_pkt *p, __s32 growth)
{
	return !ctx_is_gso(p->ctx) && p->f->len + growth <= ETH_HLEN + PATH_MTU_MIN_IPV4;
}

/* growth: bytes that the packet gets on the way; what does not grow fits the device it came by. */
static __always_inline int check_way(struct mz_pkt *p, __s32 growth, __u32 ifindex,
				     const struct mz_nexthop *row)
{
	bool asks = growth || ifindex != ctx_ifindex(p->ctx);
	__u32 mtu;
	int r;

	if (is_small(p, growth))
		return 0;
	mtu = way_mtu(p->ctx, row, asks ? ifindex : 0);
	r = check_size(p, p->f->is_tunneled ? p->f->outer : p->f->inner, growth, mtu);
	return r && !CTX_IS_LAST ? MZ_PASS : r;
}

/* Reads host, flow_hash. growth: bytes that the packet gets on the way. */
static __always_inline int find_way(struct mz_pkt *p, __s32 growth, struct way *ret)
{
	const struct cached_host *host = find_host(p->f->epoch, &p->f->host);
	const struct mz_nexthop *row = host && host->has_nexthop ? &host->nexthop : NULL;
	const struct mz_way *way = choose_way(row, p->f->flow_hash);

	*ret = (struct way){ .out.ifindex = mz_config.ifindex };
	if (!ctx_can_send(p->ctx, way))
		return MZ_PASS;
	if (way) {
		ret->out = *way;
		ret->has_row = true;
	}
	if (!ret->out.ifindex || (!way && is_unreachable(p->ctx, &p->f->host)))
		return DROP(no_nexthop);
	return check_way(p, growth, ret->out.ifindex, row);
}

static __always_inline void write_ethernet(struct ethhdr *eth, const struct way *way)
{
	__builtin_memset(eth, 0, 2 * ETH_ALEN);
	if (way->has_row) {
		mac_set(eth->h_dest, way->out.dst_mac);
		mac_set(eth->h_source, way->out.src_mac);
	}
	eth->h_proto = underlay_eth_proto_be();
}

static __always_inline int send(struct mz_pkt *p, const struct way *way)
{
	if (way->has_row && is(p, MZ_ANSWERS)) {
		ctx_send_copy(p->ctx, way->out.ifindex);
		return MZ_COPIED;
	}
	if (way->has_row) {
		p->f->action = ctx_send(p->ctx, way->out.ifindex);
	} else {
		POINT(p, resolve);
		p->f->action = ctx_send_resolve(p->ctx, way->out.ifindex);
	}
	return MZ_SENT;
}
