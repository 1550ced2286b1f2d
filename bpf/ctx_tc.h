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

#include <bpf/bpf_core_read.h>

#include "maps.h"

/* Members of the kernel's own sk_buff, found by name when the program is loaded. */
struct sk_buff___mz {
	__u16 csum_start, csum_offset;
	__u16 mac_header; /* at our hooks the frame begins here; both from the buffer's start */
	__u8 ip_summed : 2;
} __attribute__((preserve_access_index));

#define CTX_CHECKSUM_PARTIAL 3 /* linux/skbuff.h */

/* Linux 6.3; absent from older headers. */
#define CTX_DECAP_L3_IPV4 (1ULL << 7)
#define CTX_DECAP_L3_IPV6 (1ULL << 8)

/* A test of the test of offloads leaves it out. */
#ifndef CTX_FIXED_GSO
#define CTX_FIXED_GSO BPF_F_ADJ_ROOM_FIXED_GSO
#endif

#define CTX_PACKET_HOST 0 /* PACKET_HOST of linux/if_packet.h */

#define mz_ctx __sk_buff

/* Not TC_ACT_OK: other programs on the device may want the packet too. */
#define CTX_PASS    TC_ACT_UNSPEC
#define CTX_DROP    TC_ACT_SHOT
/* Counters that can be reached from this hook. */
#define CTX_POINTS  ~0ULL
#define CTX_IS_LAST 1 /* what passes here is the host's */

int mz_error(struct mz_ctx *ctx);
int mz_introduced(struct mz_ctx *ctx);
int mz_returned(struct mz_ctx *ctx);
int mz_control(struct mz_ctx *ctx);
int mz_control_send(struct mz_ctx *ctx);

/* Programs that others go on to. User space pins it: without a holder, the kernel empties it. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, CTX_N_TAILS);
	__uint(key_size, sizeof(__u32));
	__array(values, int(struct mz_ctx *ctx));
} tail SEC(".maps") = {
	.values = {
		[CTX_TAIL_ERROR] = (void *)&mz_error,
		[CTX_TAIL_INTRODUCED] = (void *)&mz_introduced,
		[CTX_TAIL_RETURNED] = (void *)&mz_returned,
		[CTX_TAIL_CONTROL] = (void *)&mz_control,
		[CTX_TAIL_CONTROL_SEND] = (void *)&mz_control_send,
	},
};

/* The verifier wants each member read by its offset: the compiler may not keep their addresses. */
static __always_inline void *ctx_data(const struct mz_ctx *ctx)
{
	barrier_var(ctx);
	return (void *)(long)ctx->data;
}

static __always_inline void *ctx_data_end(const struct mz_ctx *ctx)
{
	barrier_var(ctx);
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

/* Payload of a segment behind the headers of layer 4. */
static __always_inline __u32 ctx_gso_size(const struct mz_ctx *ctx)
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
	__u64 flags = CTX_FIXED_GSO | BPF_F_ADJ_ROOM_ENCAP_L4_UDP |
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

static __always_inline int ctx_load(struct mz_ctx *ctx, __u32 off, void *to, __u32 size)
{
	return bpf_skb_load_bytes(ctx, off, to, size);
}

/* The flow is another one after this. */
static __always_inline int ctx_store_all(struct mz_ctx *ctx, const void *from, __u32 size)
{
	return bpf_skb_store_bytes(ctx, 0, from, size, BPF_F_INVALIDATE_HASH);
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

/* Of sk_buff, from ip_summed on, where the rest that is asked for lies as well: reads are dear. */
struct ctx_window {
	const void *skb;
	__u32 start;
	__u8 bytes[64] __attribute__((aligned(8)));
};

/* off: in sk_buff; known when the program is loaded, and so is which way it goes. */
static __always_inline __u16 ctx_window_u16(const struct ctx_window *window, __u32 off)
{
	__u32 inside = off - window->start;
	__u16 value = 0;

	if (inside <= sizeof(window->bytes) - sizeof(value))
		return *(const __u16 *)(window->bytes + inside);
	(void)bpf_probe_read_kernel(&value, sizeof(value), window->skb + off); /* never fails */
	return value;
}

/*
 * Where the kernel, or the NIC, has yet to write a checksum, as its sender told it: an offset;
 * negative: nowhere.
 */
static __always_inline __s32 ctx_csum_pending(struct mz_ctx *ctx)
{
	const struct sk_buff___mz *skb = (const void *)ctx;
	struct ctx_window window = {
		.skb = skb,
		.start = __CORE_RELO(skb, ip_summed, BYTE_OFFSET),
	};
	__u64 ip_summed;

	if (bpf_probe_read_kernel(window.bytes, sizeof(window.bytes), window.skb + window.start))
		return 0; /* never; and nobody's place for a checksum */
	ip_summed = (__u64)window.bytes[0] << __CORE_RELO(skb, ip_summed, LSHIFT_U64);
	if (ip_summed >> __CORE_RELO(skb, ip_summed, RSHIFT_U64) != CTX_CHECKSUM_PARTIAL)
		return -1;
	return ctx_window_u16(&window, bpf_core_field_offset(skb->csum_start)) +
	       ctx_window_u16(&window, bpf_core_field_offset(skb->csum_offset)) -
	       ctx_window_u16(&window, bpf_core_field_offset(skb->mac_header));
}

/* Whether the hook can send by this row (NULL: there is none): tc can, or finds another way. */
static __always_inline bool ctx_can_send(struct mz_ctx *ctx, const struct mz_way *way)
{
	return true;
}

/* MTU of a device; zero: there is no such device. */
static __always_inline __u32 ctx_mtu(struct mz_ctx *ctx, __u32 ifindex)
{
	__u32 mtu = 0;

	(void)bpf_check_mtu(ctx, ifindex, &mtu, 0, 0); /* whatever it thinks of the packet */
	return mtu;
}

/*
 * What becomes of the packet now has nothing to do with what it was: an unfinished checksum of the
 * old one, whose place the kernel keeps, would be written into the new one, and a super-packet be
 * cut. The kernel forgets the checksum when its bytes are gone: so room for the new packet is made
 * behind, then the old one taken away in front.
 */
#define CTX_RENEW  1536 /* taken away: more than is before a checksum */
#define CTX_CUT	   256	/* the same, where bytes are dear */
#define CTX_CHUNK  4000 /* what the kernel takes away at once, at most 4095 */
#define CTX_CHUNKS 18	/* of the longest super-packet */

/*
 * Whether a packet can grow and shrink behind; one that can is no super-packet any more. The kernel
 * refuses it for what it knows as a tunnel packet: an endpoint's own, or one that came from a
 * virtual device as it was sent.
 */
static __always_inline bool ctx_can_resize(struct mz_ctx *ctx)
{
	return !ctx_resize(ctx, ctx->len);
}

struct ctx_shrink {
	struct mz_ctx *ctx;
	__u32 size; /* bytes of the frame that stay */
	bool to_ipv6;
};

/* Of bpf_loop(), which the verifier follows once. 1: the last one. */
static long ctx_shrink_once(__u32 i, struct ctx_shrink *s)
{
	__u32 rest = s->ctx->len - s->size;

	if (s->ctx->len <= s->size)
		return 1;
	return ctx_decapsulate(s->ctx, rest > CTX_CHUNK ? CTX_CHUNK : rest, s->to_ipv6, false) != 0;
}

static __always_inline int ctx_shrink(struct mz_ctx *ctx, __u32 size, bool to_ipv6)
{
	struct ctx_shrink shrink = { .ctx = ctx, .size = size, .to_ipv6 = to_ipv6 };

	(void)bpf_loop(CTX_CHUNKS, ctx_shrink_once, &shrink, 0); /* its result is seen below */
	return ctx->len == size ? 0 : -1;
}

/*
 * size: bytes of the new frame; headers: of a tunnel, between the Ethernet header and the inner IP;
 * the last three: as ctx_decapsulate().
 */
static __always_inline int ctx_renew(struct mz_ctx *ctx, __u32 size, __u32 headers,
				     bool can_resize, bool to_ipv6, bool changes_family)
{
	__u32 room = size + headers + CTX_RENEW;

	if (can_resize)
		return ctx_resize(ctx, room) ?:
			       ctx_decapsulate(ctx, room - size, to_ipv6, changes_family);
	if (headers && ctx_decapsulate(ctx, headers, to_ipv6, changes_family))
		return -1;
	return ctx_shrink(ctx, size, to_ipv6);
}

/* Does not return, unless the program is not there. */
static __always_inline void ctx_go_on(struct mz_ctx *ctx, enum ctx_tail tail_slot)
{
	bpf_tail_call(ctx, &tail, tail_slot);
}

/* A copy out of a device; what is left may become another packet. */
static __always_inline void ctx_send_copy(struct mz_ctx *ctx, __u32 ifindex)
{
	ctx->tstamp = 0;
	(void)bpf_clone_redirect(ctx, ifindex, 0); /* lost like any packet that a device refuses */
}

/*
 * A copy that comes in once more by the device that the packet came by, with this mark, which
 * packets from outside have not. It may be lost.
 */
static __always_inline void ctx_receive_copy(struct mz_ctx *ctx, __u32 mark)
{
	__u32 was = ctx->mark;

	ctx->mark = mark;
	(void)bpf_clone_redirect(ctx, ctx->ifindex, BPF_F_INGRESS);
	ctx->mark = was;
}

/* Is it such a copy? It leaves as any other packet. */
static __always_inline bool ctx_take_mark(struct mz_ctx *ctx, __u32 mark)
{
	if (ctx->mark != mark)
		return false;
	ctx->mark = 0;
	return true;
}

/*
 * Room for a small packet of another kind, at least `size` bytes from the start of the frame, of
 * the family to_ipv6. What is behind them is left of the old one, and must be a payload of the
 * new one: a checksum that the kernel has yet to write may lie there. Of longer packets nothing
 * is left, and such a checksum is forgotten with its bytes. No super-packets: they would be cut
 * into segments of the new one.
 */
#define CTX_SMALL 512 /* more than this has headers and payload to spare */

static __always_inline int ctx_become(struct mz_ctx *ctx, __u32 size, bool is_ipv6, bool to_ipv6)
{
	if (ctx->gso_size && ctx_resize(ctx, ctx->len))
		return -1;
	if (is_ipv6 != to_ipv6 &&
	    bpf_skb_change_proto(ctx, bpf_htons(to_ipv6 ? ETH_P_IPV6 : ETH_P_IP), 0))
		return -1;
	if (ctx->len <= CTX_SMALL)
		return bpf_skb_change_head(ctx, size, 0);
	return ctx_shrink(ctx, size, to_ipv6);
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
	if (ctx->pkt_type != CTX_PACKET_HOST)
		(void)bpf_skb_change_type(ctx, CTX_PACKET_HOST); /* cannot fail: it was received */
	return bpf_redirect_peer(ifindex, 0);
}
