/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Deliver: out of the tunnel, if it came by one, with the MACs that the endpoint expects, and into
 * its device.
 */
#pragma once

#include "cookie.h"
#include "cut.h"
#include "ip.h"
#include "route.h"
#include "size.h"

/* Congestion that the underlay marked. Reads inner, tos, outer_tos, ttl. */
static __always_inline int deliver_ecn(struct mz_pkt *p)
{
	bool is_ipv6 = p->f->eth_proto_be == bpf_htons(ETH_P_IPV6);
	int tos = ecn_decapsulate(p->f->outer_tos, p->f->tos);

	if (!p->f->is_tunneled || tos == p->f->tos)
		return 0;
	return tos < 0 ? tos : inner_rewrite(p, is_ipv6, tos, p->f->ttl);
}

/* Removes the tunnel and writes the MACs: the packet is the endpoint's. */
static __always_inline int deliver_unpack(struct mz_pkt *p)
{
	bool is_ipv6 = p->f->eth_proto_be == bpf_htons(ETH_P_IPV6);
	struct ethhdr *eth;

	if (p->f->is_tunneled && ctx_decapsulate(p->ctx, p->f->inner - ETH_HLEN, is_ipv6,
					      is_ipv6 != underlay_is_ipv6()))
		return DROP(decapsulate);
	p->f->end = sizeof(*eth);
	eth = mz_at(p, 0, sizeof(*eth));
	if (!eth)
		return DROP(decapsulate);
	mac_set(eth->h_dest, p->local->mac);
	mac_set_virtual(eth->h_source);
	eth->h_proto = p->f->eth_proto_be;
	return 0;
}

/*
 * Is what was read of the destination's row still in it? The kernel gives the memory of a removed
 * row to the next one at once, also while it is being read here: it may have been another tenant's.
 * The epoch rises between the two; if it did, the row is looked up once more.
 */
static __always_inline bool is_still_local(struct mz_pkt *p, __u32 ifindex)
{
	const struct ethhdr *eth = mz_at(p, 0, sizeof(*eth));
	const struct mz_local *row;

	if (epoch_now() == p->f->epoch)
		return true;
	row = lookup_local(p);

	return row && eth && row->ifindex == ifindex && mac_equal(row->mac, eth->h_dest);
}

static __always_inline int deliver(struct mz_pkt *p)
{
	__u32 ifindex, flags;
	int r;

	if (p->f->next != MZ_TO_DELIVER)
		return 0;
	if (!p->local)
		return DROP(not_here);
	ifindex = p->local->ifindex;
	flags = p->local->flags;
	r = cut(p);
	r = r ?: check_size(p, p->f->inner, 0, p->local->mtu);
	r = r ?: deliver_ecn(p);
	if (r)
		return r;
	if (is(p, MZ_ANSWERS)) {
		/* A copy, come again, is what is answered: the packet itself keeps its place. */
		ctx_receive_copy(p->ctx, secret_mark());
		unmark(p, MZ_ANSWERS);
	}
	r = deliver_unpack(p);
	if (r)
		return r;
	if (!is_still_local(p, ifindex))
		return DROP(not_here);
	POINT(p, deliver);
	p->f->action = flags & MZ_PORT_PEER ? ctx_send_peer(p->ctx, ifindex) :
					   ctx_send(p->ctx, ifindex);
	return MZ_SENT;
}
