/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The hop between networks: the agent is the gateway of its endpoint, and takes one from the TTL of
 * what leaves the endpoint's link, wherever the destination is. Nobody else on the way does.
 */
#pragma once

#include "agent.h"
#include "ip.h"

/* Reads src, dst, ttl, tos; sets ttl. */
static __always_inline int take_hop(struct mz_pkt *p)
{
	bool is_ipv6 = p->f->eth_proto_be == bpf_htons(ETH_P_IPV6);
	__u32 len = is_ipv6 ? p->port->prefix_len6 : p->port->prefix_len4;

	if (addr_same_prefix(&p->f->src, &p->f->dst, len))
		return 0;
	if (p->f->ttl <= 1)
		return DROP(inner_ttl);
	p->f->ttl--;
	return inner_rewrite(p, is_ipv6, p->f->tos, p->f->ttl);
}
