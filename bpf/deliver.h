/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Deliver: out of the tunnel, if it came by one, with the MACs that the endpoint expects, and into
 * its device.
 */
#pragma once

#include "ip.h"
#include "route.h"

/* Networks are routed: one hop between them. Reads inner, tos, outer_tos. */
static __always_inline int deliver_rewrite(struct mz_pkt *p)
{
	bool is_ipv6 = p->eth_proto_be == bpf_htons(ETH_P_IPV6);
	bool is_routed = !addr_same_prefix(&p->src, &p->dst, p->local->prefix_len);
	int tos = p->is_tunneled ? ecn_decapsulate(p->outer_tos, p->tos) : p->tos;
	void *header = mz_at(p, p->inner, is_ipv6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr));
	__u8 ttl;

	if (tos < 0)
		return tos;
	if (!header)
		return DROP(inner_malformed);
	if (!is_routed && tos == p->tos)
		return 0;
	ttl = is_ipv6 ? ((struct ipv6hdr *)header)->hop_limit : ((struct iphdr *)header)->ttl;
	if (is_routed && ttl <= 1)
		return DROP(inner_ttl);
	ttl -= is_routed;
	if (is_ipv6)
		ipv6_rewrite(p, header, tos, ttl);
	else
		ipv4_rewrite(header, tos, ttl);
	return 0;
}

/* Removes the tunnel and writes the MACs: the packet is the endpoint's. */
static __always_inline int deliver_unpack(struct mz_pkt *p)
{
	bool is_ipv6 = p->eth_proto_be == bpf_htons(ETH_P_IPV6);
	struct ethhdr *eth;

	if (p->is_tunneled && ctx_decapsulate(p->ctx, p->inner - ETH_HLEN, is_ipv6,
					      is_ipv6 != underlay_is_ipv6()))
		return DROP(decapsulate);
	p->end = sizeof(*eth);
	eth = mz_at(p, 0, sizeof(*eth));
	if (!eth)
		return DROP(decapsulate);
	mac_set(eth->h_dest, p->local->mac);
	mac_set_virtual(eth->h_source);
	eth->h_proto = p->eth_proto_be;
	return 0;
}

static __always_inline int deliver(struct mz_pkt *p)
{
	__s32 growth = p->is_tunneled ? ETH_HLEN - (__s32)p->inner : 0;
	bool is_peer;
	__u32 ifindex;
	int r;

	if (p->next != MZ_TO_DELIVER)
		return 0;
	if (!p->local)
		return DROP(not_here);
	ifindex = p->local->ifindex;
	is_peer = p->local->flags & MZ_PORT_PEER;
	if (!is_peer && ctx_too_big(p->ctx, ifindex, growth))
		return DROP(too_big);
	r = deliver_rewrite(p);
	r = r ?: deliver_unpack(p);
	if (r)
		return r;
	POINT(p, deliver);
	p->action = is_peer ? ctx_send_peer(p->ctx, ifindex) : ctx_send(p->ctx, ifindex);
	return MZ_SENT;
}
