/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who sends, and may it say so? The port of the device is the truth; whatever the endpoint writes
 * into its packets must agree with it.
 */
#pragma once

#include "parse_inner.h"

/* Sets port, vni. */
static __always_inline int find_port(struct mz_pkt *p)
{
	POINT(p, agent);
	p->port = find_cached_port(p);
	if (!p->port)
		return DROP(no_port);
	p->f->vni = p->port->vni;
	return ctx_has_vlan(p->ctx) ? DROP(inner_protocol) : 0;
}

/*
 * A checksum that is still to be written may lie behind what is judged here only: ports, or an ICMP
 * type. An endpoint says where (PACKET_VNET_HDR, virtio), and knows the sum that will be there: it
 * could change its own address after it was checked.
 */
static __always_inline int check_checksum(struct mz_pkt *p)
{
	bool is_icmp = p->f->ip_proto == PROTO_ICMP || p->f->ip_proto == PROTO_ICMPV6;
	__s32 off = ctx_csum_pending(p->ctx);

	return off >= 0 && (__u32)off < p->f->l4 + (is_icmp ? 2 : 4) ? DROP(inner_malformed) : 0;
}

static __always_inline int check_mac(struct mz_pkt *p)
{
	const struct ethhdr *eth = mz_at(p, p->f->inner_eth, sizeof(*eth));

	if (!eth)
		return DROP(inner_malformed);
	return mac_equal(eth->h_source, p->port->mac) ? 0 : DROP(spoofed_mac);
}

/*
 * Broadcast and multicast by MAC, and all that is not for the overlay; then the sender's address.
 */
static __always_inline int check_source(struct mz_pkt *p)
{
	const struct ethhdr *eth = mz_at(p, p->f->inner_eth, sizeof(*eth));
	int r;

	if (!eth)
		return DROP(inner_malformed);
	if (eth->h_dest[0] & 1)
		return DROP(multicast);
	r = check_carried(p);
	if (r)
		return r;
	if (!addr_is(&p->f->src, &p->port->ip4) && !addr_is(&p->f->src, &p->port->ip6))
		return DROP(spoofed_ip);
	if (addr_equal(&p->f->dst, &p->port->ip4) || addr_equal(&p->f->dst, &p->port->ip6))
		return DROP(own_address);
	return 0;
}
