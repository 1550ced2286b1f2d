// SPDX-License-Identifier: Apache-2.0
/* What the agent answers itself: ARP, neighbour discovery, pings of the gateway. */
#include "fuzz_model.h"

/* The virtual MAC says it, to the endpoint. */
static void answer_ethernet(struct view *v)
{
	memcpy(v->out->out.bytes, v->port->row.mac, 6);
	put_mac(v->out->out.bytes + 6, VIRTUAL_MAC);
}

bool model_answer_arp(struct view *v)
{
	static const uint8_t kind[] = { 0, 1, 8, 0, 6, 4 };
	const struct mz_port *port = &v->port->row;
	const uint8_t *arp = at(v, ETH);
	struct mz_addr sender = ipv4_at(arp + 14), target = ipv4_at(arp + 24);
	struct mz_addr zero = addr("0.0.0.0");
	uint8_t *out = v->out->out.bytes + ETH;

	if (v->end < ETH + 28 || memcmp(arp, kind, sizeof(kind)))
		return DROP(v, inner_malformed);
	if (memcmp(arp + 8, port->mac, 6) || (!same(&sender, &zero) && !same(&sender, &port->ip4)))
		return DROP(v, spoofed_neighbour);
	if (get16(arp + 6) != 1 || same(&sender, &zero) || same(&target, &port->ip4))
		return absorb(v);
	if (is_link_local(&target) || is_multicast(&target))
		return DROP(v, link_local);
	v->out->out = v->packet->frame;
	answer_ethernet(v);
	put16(out + 6, 2);
	put_mac(out + 8, VIRTUAL_MAC);
	memcpy(out + 14, target.bytes + 12, 4);
	memcpy(out + 18, port->mac, 6);
	memcpy(out + 24, sender.bytes + 12, 4);
	return sent(v, COUNT(reply));
}

/* A solicited advertisement, with the target's MAC as its option. */
static bool answer_solicitation(struct view *v, const struct mz_addr *target)
{
	struct frame *out = &v->out->out;
	uint8_t *ip = out->bytes + ETH, *nd = ip + 40;

	*out = v->packet->frame;
	out->size = ETH + 40 + 32;
	answer_ethernet(v);
	put16(ip + 4, 32);
	memcpy(ip + 8, target, 16);
	memcpy(ip + 24, &v->src, 16);
	memset(nd, 0, 32);
	nd[0] = 136;
	nd[4] = 0x60 | (same(target, &v->port->row.gateway6) ? 0x80 : 0);
	memcpy(nd + 8, target, 16);
	nd[24] = 2;
	nd[25] = 1;
	put_mac(nd + 26, VIRTUAL_MAC);
	frame_icmp_checksum(out, ETH + 40, true);
	v->out->checks[0] = ETH + 40 + 2;
	return sent(v, COUNT(reply));
}

static bool answer_neighbour(struct view *v, const uint8_t *nd)
{
	const struct mz_port *port = &v->port->row;
	struct mz_addr target = ipv6_at(nd + 8), link_local = addr("fe80::");
	bool is_advertisement = nd[0] == 136;
	bool is_own_target = !is_zero(&target) && same(&target, &port->ip6);
	bool is_own_src = (!is_zero(&v->src) && same(&v->src, &port->ip6)) ||
			  in_prefix(&v->src, &link_local, 10);

	if (v->l4 + 24 > v->end || nd[1])
		return DROP(v, inner_malformed);
	if (!is_own_src && !is_zero(&v->src))
		return DROP(v, spoofed_neighbour);
	if (v->l4 + 32 <= v->end && (nd[24] == 1 || nd[24] == 2) && memcmp(nd + 26, port->mac, 6))
		return DROP(v, spoofed_neighbour);
	if (is_advertisement && !is_own_target && !in_prefix(&target, &link_local, 10))
		return DROP(v, spoofed_neighbour);
	if (is_advertisement || is_own_target || is_zero(&v->src))
		return absorb(v);
	if (is_ipv4(&target) || is_multicast(&target))
		return DROP(v, inner_malformed);
	if (is_link_local(&target) && (is_zero(&target) || !same(&target, &port->gateway6)))
		return DROP(v, link_local);
	return answer_solicitation(v, &target);
}

bool model_answer_nd(struct view *v)
{
	const uint8_t *nd = at(v, v->l4);

	if (v->eth_proto != 0x86dd || v->proto != PROTO_ICMPV6)
		return GO_ON;
	if (v->l4 > HEADERS_MAX || v->l4 >= v->end)
		return DROP(v, extension);
	if (nd[0] < 133 || nd[0] > 137)
		return GO_ON;
	if (v->l4 != ETH + 40)
		return DROP(v, extension); /* RFC 6980 */
	if (at(v, ETH)[7] != 255)
		return DROP(v, inner_malformed);
	if (nd[0] == 133)
		return DROP(v, link_local);
	if (nd[0] != 135 && nd[0] != 136)
		return DROP(v, spoofed_neighbour); /* no endpoint is a router */
	return answer_neighbour(v, nd);
}

bool model_answer_ping(struct view *v)
{
	const struct mz_port *port = &v->port->row;
	bool is_ipv6 = v->eth_proto == 0x86dd;
	const uint8_t *icmp = at(v, v->l4);
	uint8_t *ip = v->out->out.bytes + ETH;
	uint32_t old_sum;

	if (is_zero(&v->dst) ||
	    (!same(&v->dst, &port->gateway4) && !same(&v->dst, &port->gateway6)))
		return GO_ON;
	if (v->l4 > HEADERS_MAX || v->l4 + 8 > v->end || v->is_fragment ||
	    v->proto != (is_ipv6 ? PROTO_ICMPV6 : PROTO_ICMP) || icmp[0] != (is_ipv6 ? 128 : 8) ||
	    icmp[1])
		return DROP(v, gateway);
	v->out->out = v->packet->frame;
	answer_ethernet(v);
	if (is_ipv6) {
		memcpy(ip + 8, &v->dst, 16);
		memcpy(ip + 24, &v->src, 16);
		ip[7] = 64;
	} else {
		old_sum = begin_ipv4(v->out, ETH);
		memcpy(ip + 12, v->dst.bytes + 12, 4);
		memcpy(ip + 16, v->src.bytes + 12, 4);
		ip[8] = 64;
		end_ipv4(v->out, ETH, old_sum);
	}
	v->out->out.bytes[v->l4] = is_ipv6 ? 129 : 0;
	follow(v->out, v->l4 + 2, sum(icmp, 2), sum(v->out->out.bytes + v->l4, 2));
	return sent(v, COUNT(reply));
}
