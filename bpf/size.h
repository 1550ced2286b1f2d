/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Does the packet fit? A super-packet (GSO) fits if its segments do: the kernel cuts it later.
 */
#pragma once

#include "parse_inner.h"

#define PROTO_TCP	 6
#define TCP_OFF_OFFSET	 12 /* of the byte with the header's length */
#define IPV4_MTU_MIN	 68   /* RFC 791 */
#define IPV6_MTU_MIN	 1280 /* RFC 8200, 5 */

/* What a segment takes from `off` on; zero: not known. Reads l4, ip_proto. */
static __always_inline __u32 segment_size(struct mz_pkt *p, __u32 off)
{
	__u32 size = p->f->l4 - off + ctx_gso_size(p->ctx);
	const __u8 *tcp;

	if (p->f->ip_proto == PROTO_UDP)
		return size + sizeof(struct udphdr);
	if (p->f->ip_proto != PROTO_TCP)
		return 0;
	tcp = mz_at(p, p->f->l4 + TCP_OFF_OFFSET, 1);
	return tcp ? size + (*tcp >> 4) * 4 : 0;
}

/*
 * The sender is told what always fits: less than now, if options take their share one day. IPv6
 * does not go below 1280, where a packet may just do without that share.
 */
static __always_inline int too_big(struct mz_pkt *p, __u32 headers, __u32 mtu)
{
	__u32 min = p->f->eth_proto_be == bpf_htons(ETH_P_IPV6) ? IPV6_MTU_MIN : IPV4_MTU_MIN;
	__u32 taken = headers ? headers + MZ_OPT_BUDGET : 0;

	p->f->mtu = mtu > min + taken ? mtu - taken : min;
	return DROP(too_big);
}

/*
 * off: where the packet starts that will leave, growth: bytes that it gets before, mtu: that of the
 * way (zero: not known). Reads inner.
 */
static __always_inline int check_size(struct mz_pkt *p, __u32 off, __u32 growth, __u32 mtu)
{
	__u32 size = ctx_is_gso(p->ctx) ? segment_size(p, off) : p->f->len - off;

	if (size + growth <= mtu || !mtu)
		return 0;
	return too_big(p, p->f->inner - off + growth, mtu);
}
