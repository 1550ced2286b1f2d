// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What bench/programs runs around and beside the real programs. A test run hands the packet that a
 * program left to its next run, so a wrapper undoes the change, writes the next destination, and
 * calls the program by a tail call.
 */
#include "bpf.h"

#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/udp.h>

#define FRAME_MAX 128

/* The frame as it was, and where the last four bytes of the inner destination are in it. */
const volatile __u64 frame[FRAME_MAX / 8];
const volatile __u32 frame_size;
const volatile __u32 dst_offset;
const volatile __u32 first_dst; /* host order; destinations are this one and those behind it */
const volatile __u32 dst_mask;	/* their number, a power of two, less one */

__u32 turn;
__u64 undo_ns;	/* of all runs of undo_timed */
__u64 clock_ns; /* reading the clock costs that much of it */
__u64 n_undone;

#define TARGET(name)                                  \
	struct {                                      \
		__uint(type, BPF_MAP_TYPE_PROG_ARRAY); \
		__uint(max_entries, 1);               \
		__type(key, __u32);                   \
		__type(value, __u32);                 \
	} name SEC(".maps")
TARGET(target);
TARGET(target_xdp);

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32); /* the table's inner map; set before it is loaded */
} rows SEC(".maps");

static __always_inline int restore(void *data, void *end)
{
	__be32 dst;

	if (data + FRAME_MAX > end)
		return -1;
#pragma unroll
	for (__u32 i = 0; i < FRAME_MAX / 8; i++)
		((__u64 *)data)[i] = frame[i];
	turn = turn * 1664525 + 1013904223;
	dst = bpf_htonl(first_dst + (turn >> 8 & dst_mask));
	if (dst_offset > FRAME_MAX - sizeof(dst))
		return -1;
	__builtin_memcpy(data + dst_offset, &dst, sizeof(dst));
	return 0;
}

static __always_inline int restore_skb(struct __sk_buff *ctx)
{
	__s32 growth = (__s32)frame_size - (__s32)ctx->len;

	if (growth &&
	    bpf_skb_adjust_room(ctx, growth, BPF_ADJ_ROOM_MAC, BPF_F_ADJ_ROOM_FIXED_GSO))
		return -1;
	return restore((void *)(long)ctx->data, (void *)(long)ctx->data_end);
}

static __always_inline int restore_xdp(struct xdp_md *ctx)
{
	return restore((void *)(long)ctx->data, (void *)(long)ctx->data_end);
}

#define UNDO(section, name, type, how, where)                                            \
	SEC(section) int name(type *ctx)                                                 \
	{                                                                                \
		if (!how(ctx))                                                           \
			bpf_tail_call(ctx, &where, 0);                                   \
		return -1;                                                               \
	}                                                                                \
	SEC(section) int name##_timed(type *ctx)                                         \
	{                                                                                \
		__u64 first = bpf_ktime_get_ns(), second = bpf_ktime_get_ns();           \
											\
		if (how(ctx))                                                            \
			return -1;                                                       \
		undo_ns += bpf_ktime_get_ns() - second;                                  \
		clock_ns += second - first;                                              \
		n_undone++;                                                              \
		bpf_tail_call(ctx, &where, 0);                                           \
		return -1;                                                               \
	}
UNDO("tc", undo, struct __sk_buff, restore_skb, target)
UNDO("xdp.frags", undo_xdp, struct xdp_md, restore_xdp, target_xdp)

/* Packets of sockets carry the hash of their flow; nobody gives them one in a test run. */
SEC("tc")
int hash(struct __sk_buff *ctx)
{
	(void)bpf_get_hash_recalc(ctx);
	bpf_tail_call(ctx, &target, 0);
	return -1;
}

struct headers {
	struct ethhdr eth;
	struct iphdr ip;
	struct udphdr udp;
	struct mz_geneve geneve;
	struct ethhdr inner_eth;
	struct iphdr inner_ip;
} __attribute__((packed, aligned(2)));

/* What any overlay must do: parse as far as the inner destination, and look it up. */
static __always_inline bool is_found(const void *data, const void *end)
{
	const struct headers *h = data;
	struct mz_vni_addr key = {};
	__u32 slot = 0;
	void *table;

	if ((void *)(h + 1) > end || h->eth.h_proto != bpf_htons(ETH_P_IP) || h->ip.ihl != 5 ||
	    h->ip.protocol != 17 || h->udp.dest != bpf_htons(MZ_GENEVE_PORT) ||
	    h->geneve.version_optlen || h->inner_eth.h_proto != bpf_htons(ETH_P_IP))
		return false;
	key.vni = bpf_ntohl(h->geneve.vni_be) >> 8;
	key.addr.words_be[2] = bpf_htonl(0xffff);
	key.addr.words_be[3] = h->inner_ip.daddr;
	table = bpf_map_lookup_elem(&rows, &slot);
	return table && bpf_map_lookup_elem(table, &key);
}

SEC("tc")
int empty(struct __sk_buff *ctx)
{
	return TC_ACT_REDIRECT;
}

SEC("xdp.frags")
int empty_xdp(struct xdp_md *ctx)
{
	return XDP_TX;
}

SEC("tc")
int reference(struct __sk_buff *ctx)
{
	return is_found((void *)(long)ctx->data, (void *)(long)ctx->data_end) ? TC_ACT_REDIRECT :
										 TC_ACT_SHOT;
}

SEC("xdp.frags")
int reference_xdp(struct xdp_md *ctx)
{
	return is_found((void *)(long)ctx->data, (void *)(long)ctx->data_end) ? XDP_TX : XDP_DROP;
}

/* Back to where it came from, as plainly as can be. */
SEC("xdp.frags")
int reflect(struct xdp_md *ctx)
{
	struct ethhdr *eth = (void *)(long)ctx->data;
	__u8 mac[ETH_ALEN];

	if ((void *)(eth + 1) > (void *)(long)ctx->data_end)
		return XDP_DROP;
	__builtin_memcpy(mac, eth->h_dest, ETH_ALEN);
	__builtin_memcpy(eth->h_dest, eth->h_source, ETH_ALEN);
	__builtin_memcpy(eth->h_source, mac, ETH_ALEN);
	return XDP_TX;
}

/* At the other end of the device. */
SEC("xdp.frags")
int sink(struct xdp_md *ctx)
{
	return XDP_DROP;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
