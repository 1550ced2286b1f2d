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

static __always_inline int deliver(struct mz_pkt *p)
{
	bool is_ipv6 = p->eth_proto_be == bpf_htons(ETH_P_IPV6);
	/*
	 * The kernel hands over as the family that it believes in; a device's other end looks anew.
	 *
	 */
	bool is_peer, is_known = !p->is_tunneled || !is_ipv6 || mz_config.decap_flags_ok;
	struct ethhdr *eth;
	int r;

	if (p->next != MZ_TO_DELIVER)
		return 0;
	if (!p->local)
		return DROP(not_here);
	r = deliver_rewrite(p);
	if (r)
		return r;
	if (p->is_tunneled && ctx_decapsulate(p->ctx, p->inner - ETH_HLEN, is_ipv6))
		return DROP(decapsulate);
	p->end = sizeof(*eth);
	eth = mz_at(p, 0, sizeof(*eth));
	if (!eth)
		return DROP(decapsulate);
	mac_set(eth->h_dest, p->local->mac);
	mac_set_virtual(eth->h_source);
	eth->h_proto = p->eth_proto_be;

	POINT(p, deliver);
	is_peer = is_known && p->local->flags & MZ_PORT_PEER;
	p->action = is_peer ? ctx_send_peer(p->ctx, p->local->ifindex)
			    : ctx_send(p->ctx, p->local->ifindex);
	return MZ_SENT;
}
