/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Neighbour discovery (RFC 4861), answered by the agent: every neighbour has the virtual MAC. None
 * of it ever leaves the host, whatever it is wrapped in. Duplicate address detection (source ::)
 * and questions for the asker's own address get no answer: an answer would be a conflict.
 */
#pragma once

#include "answer.h"

#define ND_ROUTER_SOLICITATION	   133
#define ND_NEIGHBOUR_SOLICITATION  135
#define ND_NEIGHBOUR_ADVERTISEMENT 136
#define ND_REDIRECT		   137
#define ND_OPTION_SOURCE_MAC	   1
#define ND_OPTION_TARGET_MAC	   2
#define ND_FLAG_ROUTER		   0x80
#define ND_FLAG_SOLICITED	   0x40
#define ND_FLAG_OVERRIDE	   0x20
#define ND_HOP_LIMIT		   255

/* A solicitation or advertisement of a neighbour. */
struct nd {
	__u8 type, code;
	__be16 check_be;
	__u8 flags; /* advertisement */
	__u8 reserved[3];
	struct mz_addr target;
};
struct nd_option {
	__u8 type, length; /* in 8 bytes */
	__u8 mac[6];
};

#define ND_SIZE	      (sizeof(struct nd) + sizeof(struct nd_option))
#define ND_FRAME_SIZE (ETH_HLEN + sizeof(struct ipv6hdr) + ND_SIZE)

/* The packet is not longer than its headers said; what it held is known. */
static __always_inline int answer_solicitation(struct mz_pkt *p, const struct mz_addr *target)
{
	__s64 sum = bpf_htonl(ND_SIZE) + bpf_htonl(PROTO_ICMPV6);
	struct nd_option *option;
	struct ipv6hdr *ip;
	struct nd *nd;
	void *frame;

	if (ctx_resize(p->ctx, ND_FRAME_SIZE))
		return DROP(inner_malformed);
	p->f->end = ND_FRAME_SIZE;
	frame = mz_at(p, 0, ND_FRAME_SIZE);
	if (!frame)
		return DROP(inner_malformed);
	ip = frame + ETH_HLEN;
	nd = (void *)(ip + 1);
	option = (void *)(nd + 1);
	answer_ethernet(p, frame);
	ip->payload_len = bpf_htons(ND_SIZE);
	__builtin_memcpy(&ip->saddr, target, sizeof(*target));
	__builtin_memcpy(&ip->daddr, &p->f->src, sizeof(p->f->src));
	*nd = (struct nd){
		.type = ND_NEIGHBOUR_ADVERTISEMENT,
		.flags = ND_FLAG_SOLICITED | ND_FLAG_OVERRIDE |
			 (addr_equal(target, &p->port->gateway6) ? ND_FLAG_ROUTER : 0),
		.target = *target,
	};
	option->type = ND_OPTION_TARGET_MAC;
	option->length = 1;
	mac_set_virtual(option->mac);
	sum = bpf_csum_diff(NULL, 0, (__be32 *)&ip->saddr, 2 * sizeof(struct mz_addr), sum);
	sum = bpf_csum_diff(NULL, 0, (__be32 *)nd, ND_SIZE, sum);
	nd->check_be = csum_fold(sum);
	return answer(p);
}

/* Does the option, if there is one, name the port's MAC? */
static __always_inline bool nd_option_is_own(struct mz_pkt *p)
{
	const struct nd_option *option = mz_at(p, p->f->l4 + sizeof(struct nd), sizeof(*option));

	return !option ||
	       (option->type != ND_OPTION_SOURCE_MAC && option->type != ND_OPTION_TARGET_MAC) ||
	       mac_equal(option->mac, p->port->mac);
}

static __always_inline bool is_own_ipv6(struct mz_pkt *p, const struct mz_addr *a)
{
	return addr_is(a, &p->port->ip6) || (a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80);
}

static __always_inline int answer_neighbour(struct mz_pkt *p, __u8 type)
{
	const struct nd *nd = mz_at(p, p->f->l4, sizeof(*nd));
	struct mz_addr target;
	bool is_own;

	if (!nd || nd->code)
		return DROP(inner_malformed);
	target = nd->target;
	is_own = addr_is(&target, &p->port->ip6);
	if ((!is_own_ipv6(p, &p->f->src) && !addr_is_zero(&p->f->src)) || !nd_option_is_own(p) ||
	    (type == ND_NEIGHBOUR_ADVERTISEMENT && !is_own_ipv6(p, &target)))
		return DROP(spoofed_neighbour);
	if (type == ND_NEIGHBOUR_ADVERTISEMENT || is_own || addr_is_zero(&p->f->src))
		return absorb(p);
	if (addr_is_ipv4(&target) || addr_is_multicast(&target))
		return DROP(inner_malformed);
	if (addr_is_link_local(&target) && !addr_is(&target, &p->port->gateway6))
		return DROP(link_local);
	return answer_solicitation(p, &target);
}

static __always_inline int answer_nd(struct mz_pkt *p)
{
	const struct ipv6hdr *ip;
	const __u8 *type;
	__u8 nd_type;

	if (p->f->eth_proto_be != bpf_htons(ETH_P_IPV6) || p->f->ip_proto != PROTO_ICMPV6)
		return 0;
	type = mz_at(p, p->f->l4, 1);
	/* In a later fragment (RFC 6980), or too far behind for us, but not for the receiver. */
	if (!type)
		return DROP(extension);
	if (*type < ND_ROUTER_SOLICITATION || *type > ND_REDIRECT)
		return 0;
	nd_type = *type;
	if (p->f->l4 != p->f->inner + sizeof(*ip))
		return DROP(extension);
	ip = mz_at(p, p->f->inner, sizeof(*ip));
	if (!ip || ip->hop_limit != ND_HOP_LIMIT)
		return DROP(inner_malformed);
	if (nd_type == ND_ROUTER_SOLICITATION)
		return DROP(link_local);
	if (nd_type != ND_NEIGHBOUR_SOLICITATION && nd_type != ND_NEIGHBOUR_ADVERTISEMENT)
		return DROP(spoofed_neighbour); /* no endpoint is a router */
	return answer_neighbour(p, nd_type);
}
