/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Forward: a packet that came by a tunnel goes on to another host. It keeps its outer headers, with
 * this host as their source and one taken from the TTL.
 */
#pragma once

#include "ip.h"
#include "parse_geneve.h"
#include "way.h"

/* The header may have options: it is changed, not made anew. */
static __always_inline void forward_ipv4(struct mz_pkt *p, struct iphdr *ip)
{
	__be32 src = mz_config.self.words_be[3], dst = p->f->host.words_be[3];
	__u64 sum = (__u16)~ip->check;

	sum += csum_change(ip->saddr, src) + csum_change(ip->daddr, dst);
	sum += csum_change(bpf_htons(p->f->outer_ttl << 8), bpf_htons((p->f->outer_ttl - 1) << 8));
	ip->check = csum_fold_long(sum);
	ip->ttl = p->f->outer_ttl - 1;
	ip->saddr = src;
	ip->daddr = dst;
}

static __always_inline void forward_ipv6(struct mz_pkt *p, struct ipv6hdr *ip)
{
	struct mz_addr new[2] = { self_addr(), p->f->host };

	ipv6_rewrite(p, ip, p->f->outer_tos, p->f->outer_ttl - 1);
	ctx_csum_follow(p->ctx, bpf_csum_diff((__be32 *)&ip->saddr, sizeof(new), (__be32 *)new,
					      sizeof(new), 0));
	__builtin_memcpy(&ip->saddr, new, sizeof(new));
}

/* An RTS that nobody vouches for: nobody may answer it either, so its cookie goes, too. */
static __always_inline int forward_void(struct mz_pkt *p)
{
	struct mz_opt_rts *rts = mz_at(p, p->f->rts, sizeof(*rts));
	__be32 old[3], new[3] = {};

	if (!rts)
		return DROP(geneve_options);
	__builtin_memcpy(old, &rts->opt, sizeof(rts->opt));
	__builtin_memcpy(old + 1, rts->cookie, sizeof(rts->cookie));
	rts->opt.type = MZ_OPT_NONE;
	__builtin_memset(rts->cookie, 0, sizeof(rts->cookie));
	__builtin_memcpy(new, &rts->opt, sizeof(rts->opt));
	ctx_csum_follow(p->ctx, bpf_csum_diff(old, sizeof(old), new, sizeof(new), 0));
	return 0;
}

/* What came back is as it was before; what goes back says so. */
static __always_inline int forward_geneve(struct mz_pkt *p)
{
	struct mz_geneve *geneve;
	__be32 old;

	if (is(p, MZ_GIVES_BACK) || is(p, MZ_RETURNED)) {
		geneve = mz_at(p, p->f->geneve, sizeof(*geneve));
		if (!geneve)
			return DROP(outer_malformed);
		old = *(__be32 *)geneve;
		geneve->eth_proto_be =
			bpf_htons(is(p, MZ_GIVES_BACK) ? MZ_GENEVE_RETURNED : GENEVE_ETHERNET);
		ctx_csum_follow(p->ctx, bpf_csum_diff(&old, sizeof(old), (__be32 *)geneve,
						      sizeof(old), 0));
	}
	return p->f->rts && is(p, MZ_STRIPS) ? forward_void(p) : 0;
}

/*
 * What this host thinks of it, in place of what its sender thought; a host that gives it back has
 * not judged. The Ethernet type lies in the same words.
 */
static __always_inline int forward_judged(struct mz_pkt *p)
{
	__be32 *words, old[2];
	struct ethhdr *eth;

	if (is(p, MZ_GIVES_BACK) || p->f->judged_before == network_in_mac(p->f->judged))
		return 0;
	eth = mz_at(p, p->f->inner_eth, sizeof(*eth));
	if (!eth)
		return DROP(inner_malformed);
	words = (__be32 *)eth->h_source;
	__builtin_memcpy(old, words, sizeof(old));
	mac_set_network(eth->h_source, p->f->judged);
	ctx_csum_follow(p->ctx, csum_fold_32(csum_change(old[0], words[0]) +
					     csum_change(old[1], words[1])));
	return 0;
}

/* The UDP checksum holds addresses that change: it goes. */
static __always_inline int forward_udp(struct mz_pkt *p)
{
	struct udphdr *udp = mz_at(p, p->f->geneve - sizeof(*udp), sizeof(*udp));
	__be32 check;

	if (!udp)
		return DROP(outer_malformed);
	check = udp->check;
	if (!check)
		return 0;
	udp->check = 0;
	ctx_csum_follow(p->ctx, bpf_csum_diff(&check, sizeof(check), NULL, 0, 0));
	return 0;
}

/* Reads outer, outer_tos, outer_ttl, host. */
static __always_inline int forward_ip(struct mz_pkt *p)
{
	bool is_ipv6 = underlay_is_ipv6();
	void *ip = mz_at(p, p->f->outer, is_ipv6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr));

	if (!ip)
		return DROP(outer_malformed);
	if (is_ipv6)
		forward_ipv6(p, ip);
	else
		forward_ipv4(p, ip);
	return 0;
}

static __always_inline int forward_ethernet(struct mz_pkt *p, const struct way *way)
{
	struct ethhdr *eth = mz_at(p, 0, sizeof(*eth));

	if (!eth)
		return DROP(outer_malformed);
	write_ethernet(eth, way);
	return 0;
}

static __always_inline int forward(struct mz_pkt *p)
{
	struct way way;
	int r;

	if (p->f->outer_ttl <= 1)
		return DROP(hop_limit);
	r = find_way(p, 0, &way);
	r = r ?: forward_ip(p);
	r = r ?: forward_udp(p);
	r = r ?: forward_geneve(p);
	r = r ?: forward_judged(p);
	r = r ?: forward_ethernet(p, &way);
	if (r)
		return r;
	POINT(p, forward);
	return send(p, &way);
}
