/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Forward: a packet that came by a tunnel goes on to another host. It keeps its outer headers, with
 * this host as their source and one taken from the TTL.
 */
#pragma once

#include "ip.h"
#include "way.h"

/* Reads outer, outer_ttl. The header may have options: it is changed, not made anew. */
static __always_inline int forward_rewrite(struct mz_pkt *p, const struct way *way)
{
	struct iphdr *ip = mz_at(p, p->outer, sizeof(*ip));
	__u32 size;
	__s64 sum;
	__be32 new[2] = { mz_config.self.words_be[3], p->host.words_be[3] };
	struct udphdr *udp;
	struct ethhdr *eth;

	if (!ip)
		return DROP(outer_malformed);
	ipv4_rewrite(ip, ip->tos, p->outer_ttl - 1);
	sum = bpf_csum_diff(&ip->saddr, sizeof(new), new, sizeof(new), (__u16)~ip->check);
	ip->check = csum_fold(sum);
	ip->saddr = new[0];
	ip->daddr = new[1];
	size = ip->ihl * 4;
	udp = mz_at(p, p->outer + size, sizeof(*udp));
	if (!udp)
		return DROP(outer_malformed);
	udp->check = 0;
	eth = mz_at(p, 0, sizeof(*eth));
	if (!eth)
		return DROP(outer_malformed);
	write_ethernet(eth, way);
	return 0;
}

static __always_inline int forward(struct mz_pkt *p)
{
	struct way way;
	int r;

	if (p->outer_ttl <= 1)
		return DROP(hop_limit);
	r = find_way(p, 0, &way);
	r = r ?: forward_rewrite(p, &way);
	if (r)
		return r;
	POINT(p, forward);
	return send(p, &way);
}
