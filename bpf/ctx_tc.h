/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The hook's side of the pipeline, for tc: everything that a stage does to the packet as the kernel
 * keeps it. Another hook has its own file with the same functions; nothing else names __sk_buff.
 */
#pragma once

#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>

#include "maps.h"

/* Linux 6.3; absent from older headers. */
#define CTX_DECAP_L3_IPV4 (1ULL << 7)
#define CTX_DECAP_L3_IPV6 (1ULL << 8)

#define CTX_PACKET_HOST 0 /* PACKET_HOST of linux/if_packet.h */

#define mz_ctx __sk_buff

/* Not TC_ACT_OK: other programs on the device may want the packet too. */
#define CTX_PASS    TC_ACT_UNSPEC
#define CTX_DROP    TC_ACT_SHOT
#define CTX_IS_LAST 1 /* what passes here is the host's */

static __always_inline void *ctx_data(const struct mz_ctx *ctx)
{
	return (void *)(long)ctx->data;
}

static __always_inline void *ctx_data_end(const struct mz_ctx *ctx)
{
	return (void *)(long)ctx->data_end;
}

static __always_inline __u32 ctx_len(const struct mz_ctx *ctx)
{
	return ctx->len;
}

static __always_inline __u32 ctx_ifindex(const struct mz_ctx *ctx)
{
	return ctx->ifindex;
}

/* Makes the first `size` bytes directly readable; all packet pointers are void afterwards. */
static __always_inline int ctx_pull(struct mz_ctx *ctx, __u32 size)
{
	return bpf_skb_pull_data(ctx, size);
}

/* A super-packet: its length fields may be anything, the kernel writes them per segment. */
static __always_inline bool ctx_is_gso(const struct mz_ctx *ctx)
{
	return ctx->gso_size;
}

static __always_inline bool ctx_has_vlan(const struct mz_ctx *ctx)
{
	return ctx->vlan_present;
}

/* The kernel's hash of the flow, as the sender's socket or the flow dissector sees it. */
static __always_inline __u32 ctx_flow_hash(struct mz_ctx *ctx)
{
	return bpf_get_hash_recalc(ctx);
}

/*
 * Room for `size` bytes behind the Ethernet header, the last 14 of them for the inner one. The
 * kernel learns where the inner packet starts, so super-packets and partial checksums stay whole.
 * A packet that is a tunnel already (an endpoint's own) cannot be told so twice: then the room is
 * made in front, which needs the same bytes written, and `plain` says that the kernel does not see
 * the outer header.
 */
static __always_inline int ctx_encapsulate(struct mz_ctx *ctx, __u32 size, bool is_ipv6,
					   bool *plain)
{
	__u64 flags = BPF_F_ADJ_ROOM_FIXED_GSO | BPF_F_ADJ_ROOM_ENCAP_L4_UDP |
		      BPF_F_ADJ_ROOM_ENCAP_L2(ETH_HLEN) | BPF_F_ADJ_ROOM_ENCAP_L2_ETH |
		      (is_ipv6 ? BPF_F_ADJ_ROOM_ENCAP_L3_IPV6 : BPF_F_ADJ_ROOM_ENCAP_L3_IPV4);
	int r = bpf_skb_adjust_room(ctx, size, BPF_ADJ_ROOM_MAC, flags);

	*plain = r == -114; /* EALREADY */
	return *plain ? bpf_skb_change_head(ctx, size, 0) : r;
}

/*
 * Removes `size` bytes behind the Ethernet header, the outer header of one family among them; the
 * inner one has the other family with `changes_family`. The kernel goes on believing in the outer
 * family unless it is told, which it understands since 6.3; one that does not is led to believe
 * that the outer header is of the inner family first, which makes it longer or shorter.
 */
static __always_inline int ctx_decapsulate(struct mz_ctx *ctx, __u32 size, bool to_ipv6,
					   bool changes_family)
{
	__u64 flags = BPF_F_ADJ_ROOM_FIXED_GSO;
	__s32 longer = sizeof(struct ipv6hdr) - sizeof(struct iphdr);
	int r;

	if (changes_family && mz_config.decap_flags_ok) {
		flags |= to_ipv6 ? CTX_DECAP_L3_IPV6 : CTX_DECAP_L3_IPV4;
	} else if (changes_family) {
		r = bpf_skb_change_proto(ctx, bpf_htons(to_ipv6 ? ETH_P_IPV6 : ETH_P_IP), 0);
		if (r)
			return r;
		size += to_ipv6 ? longer : -longer;
	}
	return bpf_skb_adjust_room(ctx, -(__s32)size, BPF_ADJ_ROOM_MAC, flags);
}

static __always_inline int ctx_resize(struct mz_ctx *ctx, __u32 size)
{
	return bpf_skb_change_tail(ctx, size, 0);
}

/*
 * Follows a change of a 16-bit word in a checksum of layer 4, which may be a partial one that the
 * kernel completes later.
 */
static __always_inline int ctx_csum_replace(struct mz_ctx *ctx, __u32 off, __be16 from_be,
					    __be16 to_be)
{
	return bpf_l4_csum_replace(ctx, off, from_be, to_be, sizeof(to_be));
}

static __always_inline int ctx_store(struct mz_ctx *ctx, __u32 off, const void *from, __u32 size)
{
	return bpf_skb_store_bytes(ctx, off, from, size, 0);
}

/*
 * A checksum that the NIC took over the whole packet must follow bytes that have none of their own.
 *
 */
static __always_inline void ctx_csum_follow(struct mz_ctx *ctx, __s64 diff)
{
	(void)bpf_csum_update(ctx, diff); /* fails where there is no such checksum */
}

/* Whether the hook can send by this row (NULL: there is none): tc can, or finds another way. */
static __always_inline bool ctx_can_send(struct mz_ctx *ctx, const struct mz_way *way,
					 __s32 growth)
{
	return true;
}

/* Whether the packet, grown by `growth`, is too big for a device. The kernel cuts super-packets. */
static __always_inline bool ctx_too_big(struct mz_ctx *ctx, __u32 ifindex, __s32 growth)
{
	__u32 mtu = 0;

	return bpf_check_mtu(ctx, ifindex, &mtu, growth, 0) == BPF_MTU_CHK_RET_FRAG_NEEDED;
}

/*
 * Whether the segments of a super-packet are too big for a device. After encapsulation only: the
 * kernel takes no growth into account here.
 */
static __always_inline bool ctx_segments_too_big(struct mz_ctx *ctx, __u32 ifindex)
{
	__u32 mtu = 0;

	return ctx_is_gso(ctx) && bpf_check_mtu(ctx, ifindex, &mtu, 0, BPF_MTU_CHK_SEGS) ==
					  BPF_MTU_CHK_RET_SEGS_TOOBIG;
}

/* Out of a device. */
static __always_inline int ctx_send(struct mz_ctx *ctx, __u32 ifindex)
{
	ctx->tstamp = 0; /* a departure time of another namespace's clock */
	return bpf_redirect(ifindex, 0);
}

/* Out of a device, the kernel finds the neighbour and writes the Ethernet header. */
static __always_inline int ctx_send_resolve(struct mz_ctx *ctx, __u32 ifindex)
{
	ctx->tstamp = 0;
	return bpf_redirect_neigh(ifindex, NULL, 0, 0);
}

/* Into the namespace at the other end of a device. */
static __always_inline int ctx_send_peer(struct mz_ctx *ctx, __u32 ifindex)
{
	ctx->tstamp = 0;
	/* The MAC that it came with was not that of the device: the other end would not listen. */
	(void)bpf_skb_change_type(ctx, CTX_PACKET_HOST); /* what a device received: cannot fail */
	return bpf_redirect_peer(ifindex, 0);
}
