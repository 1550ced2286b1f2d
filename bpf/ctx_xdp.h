/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The hook's side of the pipeline, for XDP: the same functions as ctx_tc.h, as far as turning a
 * packet round needs them. A packet lies in the driver's memory as it came from the wire: nothing
 * is a super-packet, no checksum is left to be done, and VLAN tags stand in the frame, where they
 * make it another protocol than IP.
 */
#pragma once

#include <linux/if_ether.h>

#include "maps.h"

#define mz_ctx xdp_md

#define CTX_PASS XDP_PASS
#define CTX_DROP XDP_DROP
/* Counters that can be reached from this hook. */
#define CTX_POINTS                                                                               \
	(1ULL << MZ_COUNT_transit | 1ULL << MZ_COUNT_bounce | 1ULL << MZ_COUNT_divide |           \
	 1ULL << MZ_COUNT_forward | 1ULL << MZ_COUNT_turn | 1ULL << MZ_COUNT_direct |             \
	 1ULL << MZ_COUNT_give_back | 1ULL << MZ_COUNT_moved)
/* The tc program comes after: what passes is left to it, also to be counted. */
#define CTX_IS_LAST 0

static __always_inline void *ctx_data(const struct mz_ctx *ctx)
{
	return (void *)(long)ctx->data;
}

/* Of the first buffer: a big packet goes on in others, which no header of ours should reach. */
static __always_inline void *ctx_data_end(const struct mz_ctx *ctx)
{
	return (void *)(long)ctx->data_end;
}

static __always_inline __u32 ctx_len(struct mz_ctx *ctx)
{
	return bpf_xdp_get_buff_len(ctx);
}

static __always_inline __u32 ctx_ifindex(const struct mz_ctx *ctx)
{
	return ctx->ingress_ifindex;
}

/* What does not lie in the first buffer cannot be had here. */
static __always_inline int ctx_pull(struct mz_ctx *ctx, __u32 size)
{
	return -1;
}

static __always_inline bool ctx_is_gso(const struct mz_ctx *ctx)
{
	return false;
}

static __always_inline __u32 ctx_gso_size(const struct mz_ctx *ctx)
{
	return 0;
}

static __always_inline __s32 ctx_csum_pending(struct mz_ctx *ctx)
{
	return -1;
}

static __always_inline bool ctx_has_vlan(const struct mz_ctx *ctx)
{
	return false;
}

/* The NIC's checksum over the whole packet stays with the packet that came. */
static __always_inline void ctx_csum_follow(struct mz_ctx *ctx, __s64 diff)
{
}

/* It must leave where it came in. */
static __always_inline bool ctx_can_send(struct mz_ctx *ctx, const struct mz_way *way)
{
	return way && way->ifindex == ctx_ifindex(ctx);
}

/* It leaves by the device that it came in by, so it fits. */
static __always_inline __u32 ctx_mtu(struct mz_ctx *ctx, __u32 ifindex)
{
	return 0;
}

/* Left to tc, as all that is rare. */
static __always_inline void ctx_go_on(struct mz_ctx *ctx, enum ctx_tail tail_slot)
{
}

static __always_inline void ctx_send_copy(struct mz_ctx *ctx, __u32 ifindex)
{
}

static __always_inline int ctx_send(struct mz_ctx *ctx, __u32 ifindex)
{
	return XDP_TX;
}

/* Never reached: ctx_can_send() wants a next hop. */
static __always_inline int ctx_send_resolve(struct mz_ctx *ctx, __u32 ifindex)
{
	return XDP_ABORTED;
}
