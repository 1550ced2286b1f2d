/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ARP (RFC 826), answered by the agent: every neighbour has the virtual MAC. Probes (sender address
 * 0, RFC 5227) and questions for the asker's own address get no answer: an answer would be a
 * conflict.
 */
#pragma once

#include "answer.h"

#define ARP_ETHERNET 1
#define ARP_REQUEST  1
#define ARP_REPLY    2

struct arp {
	__be16 hardware_be, protocol_be;
	__u8 hardware_len, protocol_len;
	__be16 op_be;
	__u8 sender_mac[6];
	__be32 sender_be;
	__u8 target_mac[6];
	__be32 target_be;
} __attribute__((packed));

static __always_inline int answer_arp_request(struct mz_pkt *p, struct ethhdr *eth, struct arp *arp)
{
	__be32 target_be = arp->target_be;

	answer_ethernet(p, eth);
	arp->op_be = bpf_htons(ARP_REPLY);
	mac_set(arp->target_mac, p->port->mac);
	arp->target_be = arp->sender_be;
	mac_set_virtual(arp->sender_mac);
	arp->sender_be = target_be;
	return answer(p);
}

static __always_inline int answer_arp(struct mz_pkt *p)
{
	struct mz_addr sender, target;
	struct ethhdr *eth;
	struct arp *arp;

	if (p->f->eth_proto_be != bpf_htons(ETH_P_ARP))
		return 0;
	eth = mz_at(p, p->f->inner_eth, sizeof(*eth) + sizeof(*arp));
	if (!eth)
		return DROP(inner_malformed);
	arp = (struct arp *)(eth + 1);
	if (arp->hardware_be != bpf_htons(ARP_ETHERNET) ||
	    arp->protocol_be != bpf_htons(ETH_P_IP) || arp->hardware_len != 6 ||
	    arp->protocol_len != 4)
		return DROP(inner_malformed);
	sender = addr_from_ipv4(arp->sender_be);
	target = addr_from_ipv4(arp->target_be);
	if (!mac_equal(arp->sender_mac, p->port->mac) ||
	    (arp->sender_be && !addr_equal(&sender, &p->port->ip4)))
		return DROP(spoofed_neighbour);
	if (arp->op_be != bpf_htons(ARP_REQUEST) || !arp->sender_be ||
	    addr_equal(&target, &p->port->ip4))
		return absorb(p);
	if (addr_is_link_local(&target) || addr_is_multicast(&target))
		return DROP(link_local);
	return answer_arp_request(p, eth, arp);
}
