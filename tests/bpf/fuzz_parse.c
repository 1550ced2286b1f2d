// SPDX-License-Identifier: Apache-2.0
/*
 * What a packet is, by docs/wire-format.md ("What is accepted"). The last step asks fuzz_model.c
 * where it goes.
 */
#include "fuzz_model.h"

/* Several tunnel packets that were merged into one super-packet. */
static bool is_several(const struct view *v, size_t size)
{
	size_t rest = v->end - v->inner - ETH;

	return v->is_tunneled && size != rest && rest <= 0xffff;
}

static bool parse_ipv4(struct view *v)
{
	const uint8_t *ip = at(v, v->inner + ETH);
	size_t start = v->inner + ETH, header, size;

	if (start + 20 > v->end)
		return DROP(v, inner_malformed);
	header = (ip[0] & 15) * 4;
	size = get16(ip + 2);
	if (ip[0] >> 4 != 4 || header < 20 || start + header > v->end)
		return DROP(v, inner_malformed);
	if (!v->packet->is_gso && (size < header || start + size > v->end))
		return DROP(v, inner_malformed);
	if (v->packet->is_gso && is_several(v, size))
		return DROP(v, inner_malformed);
	if (!v->packet->is_gso)
		v->end = start + size;
	v->tos = ip[1];
	v->ttl = ip[8];
	v->proto = ip[9];
	v->is_fragment = get16(ip + 6) & 0x3fff;
	v->src = ipv4_at(ip + 12);
	v->dst = ipv4_at(ip + 16);
	v->l4 = start + header;
	return GO_ON;
}

static bool parse_ipv6(struct view *v)
{
	const uint8_t *ip = at(v, v->inner + ETH);
	size_t start = v->inner + ETH;

	if (start + 40 > v->end || ip[0] >> 4 != 6)
		return DROP(v, inner_malformed);
	v->tos = (ip[0] & 15) << 4 | ip[1] >> 4;
	v->ttl = ip[7];
	v->proto = ip[6];
	v->src = ipv6_at(ip + 8);
	v->dst = ipv6_at(ip + 24);
	v->l4 = start + 40;
	if (is_ipv4(&v->src) || is_ipv4(&v->dst))
		return DROP(v, inner_malformed);
	if (!v->packet->is_gso && v->l4 + get16(ip + 4) > v->end)
		return DROP(v, inner_malformed);
	if (v->packet->is_gso && is_several(v, 40U + get16(ip + 4)))
		return DROP(v, inner_malformed);
	if (!v->packet->is_gso)
		v->end = v->l4 + get16(ip + 4);
	return GO_ON;
}

static bool parse_inner(struct view *v)
{
	return v->eth_proto == 0x0800 ? parse_ipv4(v) : parse_ipv6(v);
}

static bool is_extension(uint8_t proto)
{
	return proto == 0 || proto == 43 || proto == 44 || proto == 51 || proto == 60 ||
	       proto == 135;
}

/* At most six; false: cut short, or more. A later fragment has payload behind its header. */
static bool follow_extensions(struct view *v)
{
	for (int i = 0; is_extension(v->proto); i++) {
		const uint8_t *header = at(v, v->l4);
		uint8_t proto = v->proto;

		if (i == 6 || v->l4 > HEADERS_MAX || v->l4 + 8 > v->end)
			return false;
		v->is_fragment |= proto == 44;
		if (proto == 44 && get16(header + 2) & 0xfff8)
			return true;
		v->proto = header[0];
		v->l4 += proto == 44 ? 8 : proto == 51 ? (header[1] + 2) * 4 : (header[1] + 1) * 8;
	}
	return true;
}

static bool parse_extensions(struct view *v)
{
	return v->eth_proto != 0x86dd || follow_extensions(v) ? GO_ON : DROP(v, extension);
}

static bool check_carried(struct view *v)
{
	if (is_multicast(&v->dst))
		return DROP(v, multicast);
	return is_link_local(&v->dst) || is_link_local(&v->src) ? DROP(v, link_local) : GO_ON;
}

/* Own address, to one that the overlay carries? */
static bool check_source(struct view *v)
{
	const struct mz_port *port = &v->port->row;

	if (at(v, 0)[0] & 1)
		return DROP(v, multicast);
	if (check_carried(v))
		return DONE;
	if (!same(&v->src, &port->ip4) && !same(&v->src, &port->ip6))
		return DROP(v, spoofed_ip);
	return same(&v->dst, &port->ip4) || same(&v->dst, &port->ip6) ? DROP(v, own_address)
								      : GO_ON;
}

/* The agent is the gateway of its endpoint. */
static bool take_hop(struct view *v)
{
	const struct mz_port *port = &v->port->row;

	if (in_prefix(&v->src, &v->dst,
		      v->eth_proto == 0x86dd ? port->prefix_len6 : port->prefix_len4))
		return GO_ON;
	if (v->ttl <= 1)
		return DROP(v, inner_ttl);
	v->ttl--;
	v->has_hopped = true;
	return GO_ON;
}

static bool parse_frame(struct view *v)
{
	if (v->inner + ETH > v->end)
		return DROP(v, inner_malformed);
	v->eth_proto = get16(at(v, v->inner + 12));
	if (v->is_tunneled && at(v, v->inner)[6] == MZ_JUDGED_MAC)
		v->judged_before = (uint64_t)at(v, v->inner)[7] << 32 |
				   get32(at(v, v->inner + 8));
	if (v->eth_proto == 0x0806 && !v->is_tunneled)
		return GO_ON;
	if (v->eth_proto != 0x0800 && v->eth_proto != 0x86dd)
		return DROP(v, inner_protocol);
	return v->is_tunneled && at(v, v->inner)[0] & 1 ? DROP(v, multicast) : GO_ON;
}

static bool agent(struct view *v)
{
	v->out->counters = COUNT(agent);
	for (unsigned int i = 0; i < N_PORTS; i++)
		if (v->world->ports[i].exists && v->world->ports[i].ifindex == v->packet->ifindex)
			v->port = &v->world->ports[i];
	if (!v->port)
		return DROP(v, no_port);
	v->vni = v->port->row.vni;
	if (parse_frame(v))
		return DONE;
	if (memcmp(at(v, 6), v->port->row.mac, 6))
		return DROP(v, spoofed_mac);
	if (v->eth_proto == 0x0806)
		return model_answer_arp(v);
	return parse_inner(v) || parse_extensions(v) || model_answer_nd(v) || check_source(v) ||
	       model_answer_ping(v) || take_hop(v) || model_find_roles(v) || model_route_agent(v);
}

/* What an outer IP header says. */
struct outer {
	struct mz_addr dst;
	size_t end;
	bool is_fragment, has_extensions;
};

/* False: the host's. */
static bool parse_outer_ipv4(struct view *v, struct outer *ret)
{
	const uint8_t *ip = at(v, ETH);

	if (v->end < ETH + 20 || get16(at(v, 12)) != 0x0800 || ip[0] >> 4 != 4 ||
	    (ip[0] & 15) < 5 || ip[9] != PROTO_UDP || get16(ip + 6) & 0x1fff)
		return false;
	v->outer_size = (ip[0] & 15) * 4;
	v->outer_src = ipv4_at(ip + 12);
	v->outer_tos = ip[1];
	v->outer_ttl = ip[8];
	ret->dst = ipv4_at(ip + 16);
	ret->end = ETH + get16(ip + 2);
	ret->is_fragment = get16(ip + 6) & 0x2000;
	return true;
}

static bool parse_outer_ipv6(struct view *v, struct outer *ret)
{
	const uint8_t *ip = at(v, ETH);

	if (v->end < ETH + 40 || get16(at(v, 12)) != 0x86dd || ip[0] >> 4 != 6)
		return false;
	v->l4 = ETH + 40;
	v->proto = ip[6];
	v->outer_src = ipv6_at(ip + 8);
	v->outer_tos = (ip[0] & 15) << 4 | ip[1] >> 4;
	v->outer_ttl = ip[7];
	if (!follow_extensions(v) || v->proto != PROTO_UDP)
		return false;
	v->outer_size = v->l4 - ETH;
	ret->dst = ipv6_at(ip + 24);
	ret->end = ETH + 40 + get16(ip + 4);
	ret->is_fragment = v->is_fragment;
	ret->has_extensions = v->outer_size != 40;
	return true;
}

/* A router's word (RFC 1191, RFC 8201) about a tunnel packet of ours: its MTU, and for whom. */
static uint32_t quoted_ipv4(const struct view *v, struct mz_addr *ret_host)
{
	const uint8_t *ip = at(v, ETH), *icmp = ip + (ip[0] & 15) * 4, *quote = icmp + 8;
	size_t end = ETH + (ip[0] & 15) * 4 + 36;
	struct mz_addr dst = ipv4_at(ip + 16), src = ipv4_at(quote + 12);
	uint32_t mtu = get16(icmp + 6), size = get16(quote + 2);

	if (get16(at(v, 12)) != 0x0800 || end > v->packet->frame.size || ip[9] != PROTO_ICMP ||
	    get16(ip + 6) & 0x3fff || !is_self(v, &dst) || icmp[0] != 3 || icmp[1] != 4 ||
	    quote[0] != 0x45 || quote[9] != PROTO_UDP || !(get16(quote + 6) & 0x4000) ||
	    !is_self(v, &src) || get16(quote + 20) < 32768 || get16(quote + 22) != MZ_GENEVE_PORT)
		return 0;
	*ret_host = ipv4_at(quote + 16);
	return mtu >= (size ? size : 65536U) ? 0 : mtu < 576 ? 576 : mtu;
}

static uint32_t quoted_ipv6(const struct view *v, struct mz_addr *ret_host)
{
	const uint8_t *ip = at(v, ETH), *icmp = ip + 40, *quote = icmp + 8, *udp = quote + 40;
	struct mz_addr dst = ipv6_at(ip + 24), src = ipv6_at(quote + 8);
	uint32_t mtu = (uint32_t)get16(icmp + 4) << 16 | get16(icmp + 6);

	if (get16(at(v, 12)) != 0x86dd || ETH + 40 + 56 > v->packet->frame.size ||
	    ip[6] != PROTO_ICMPV6 || !is_self(v, &dst) || icmp[0] != 2 || icmp[1] ||
	    quote[6] != PROTO_UDP || !is_self(v, &src) || get16(udp) < 32768 ||
	    get16(udp + 2) != MZ_GENEVE_PORT)
		return 0;
	*ret_host = ipv6_at(quote + 24);
	return mtu < 1280 ? 1280 : mtu;
}

/* The host's stack gets the message too. */
static bool heed_router(struct view *v)
{
	struct mz_addr to;
	uint32_t mtu = v->world->is_ipv6 ? quoted_ipv6(v, &to) : quoted_ipv4(v, &to);

	(void)pass(v);
	for (unsigned int i = 0; v->packet->hook == TRANSIT && mtu && i < N_HOSTS; i++) {
		const struct world_host *host = &v->world->hosts[i];
		bool holds = host->ways.path_mtu && host->ways.path_mtu_until > 1;

		if (!same(&host->addr, &to) || !host->has_way ||
		    (holds && host->ways.path_mtu <= mtu))
			continue;
		v->out->counters |= COUNT(path_mtu);
		v->out->heeded_host = i;
		v->out->path_mtu = mtu;
	}
	return DONE;
}

/* Is it for this host's address and port? Sets inner to where Geneve starts. */
static bool parse_outer(struct view *v)
{
	struct outer outer = {};
	const uint8_t *udp;
	size_t udp_end;

	if (!(v->world->is_ipv6 ? parse_outer_ipv6(v, &outer) : parse_outer_ipv4(v, &outer)))
		return heed_router(v);
	udp = at(v, ETH + v->outer_size);
	v->inner = ETH + v->outer_size + 8;
	if (v->inner - 8 > HEADERS_MAX || v->inner > v->end || get16(udp + 2) != MZ_GENEVE_PORT ||
	    !same(&outer.dst, &v->world->hosts[0].addr))
		return pass(v);
	v->out->counters = COUNT(transit);
	if (outer.is_fragment)
		return DROP(v, outer_fragment);
	if (outer.has_extensions)
		return DROP(v, outer_extension);
	if (v->packet->is_gso)
		return GO_ON;
	udp_end = ETH + v->outer_size + get16(udp + 4);
	if (outer.end > v->end || get16(udp + 4) < 8 || udp_end > outer.end)
		return DROP(v, outer_malformed);
	v->end = udp_end;
	return GO_ON;
}

static bool check_host(struct view *v)
{
	for (unsigned int i = 1; i < N_HOSTS; i++)
		if (v->world->hosts[i].is_known && same(&v->world->hosts[i].addr, &v->outer_src))
			return GO_ON;
	return DROP(v, unknown_host);
}

/* Words of data of the options of control packets; 0: it is none. */
static unsigned int control_words(uint8_t type)
{
	return type == MZ_OPT_HERE ? 13 : type == MZ_OPT_STALE ? 5 : type == MZ_OPT_ECHO ? 2 : 0;
}

static bool parse_options(struct view *v, size_t off, size_t end, uint8_t flags)
{
	bool is_control = flags & MZ_GENEVE_F_CONTROL, is_critical = flags & MZ_GENEVE_F_CRITICAL;

	while (off < end) {
		const uint8_t *option = at(v, off);
		uint8_t type = option[2], words = option[3] & 31;
		bool is_ours = get16(option) == MZ_OPT_CLASS;

		if (is_ours && type == MZ_OPT_RTS) {
			if (words != 8 || v->rts)
				return DROP(v, geneve_options);
			v->rts = off;
		} else if (type & MZ_OPT_CRITICAL) {
			if (!is_ours || !control_words(type))
				return DROP(v, geneve_critical);
			if (words != control_words(type))
				return DROP(v, geneve_options);
			if (v->control)
				return DROP(v, geneve_control);
			v->control = off;
		}
		off += 4 + words * 4;
	}
	if (off != end || is_critical != (v->control > 0))
		return DROP(v, geneve_options);
	if (is_control != (v->control > 0) || (is_control && v->rts))
		return DROP(v, geneve_control);
	return GO_ON;
}

static bool parse_geneve(struct view *v)
{
	const uint8_t *geneve = at(v, v->inner);
	size_t off = v->inner + 8;
	uint16_t proto;

	if (off > v->end)
		return DROP(v, outer_malformed);
	if (geneve[0] >> 6)
		return DROP(v, geneve_version);
	v->geneve = v->inner;
	proto = get16(geneve + 2);
	v->is_returned = proto == MZ_GENEVE_RETURNED;
	if (proto != 0x6558 && (!v->is_returned || geneve[1] & MZ_GENEVE_F_CONTROL))
		return DROP(v, geneve_protocol);
	v->vni = (uint32_t)geneve[4] << 16 | geneve[5] << 8 | geneve[6];
	v->inner = off + (geneve[0] & 63) * 4;
	if (v->inner > v->end)
		return DROP(v, geneve_options);
	return parse_options(v, off, v->inner, geneve[1]);
}

static bool transit(struct view *v)
{
	v->is_tunneled = true;
	if (parse_outer(v) || check_host(v) || parse_geneve(v))
		return DONE;
	/* What is rare is tc's alone. */
	if (v->packet->hook == XDP && (v->control || v->rts || v->is_returned))
		return pass(v);
	if (v->control)
		return model_control(v);
	return parse_frame(v) || parse_inner(v) || check_carried(v) || model_find_roles(v) ||
	       model_route_transit(v);
}

void model_forecast(struct world *world, const struct packet *packet, uint64_t now,
		    unsigned int choice, struct forecast *ret)
{
	struct view v = { .world = world,
			  .packet = packet,
			  .now = now,
			  .may_ask = !(choice & 1),
			  .may_answer = !(choice >> 1 & 1),
			  .choice_way = choice / 4 % MZ_WAYS_MAX,
			  .choice_host = choice / 4 / MZ_WAYS_MAX,
			  .end = packet->frame.size,
			  .out = ret };

	memset(ret, 0, offsetof(struct forecast, out.bytes));
	memset((uint8_t *)ret + offsetof(struct forecast, checks), 0,
	       offsetof(struct forecast, message) - offsetof(struct forecast, checks));
	ret->message.exists = false;
	ret->message.port = ret->message.label = 0;
	ret->n_changes = 0;
	ret->nobody = NULL;
	ret->notes = ret->answers = false;
	if (packet->hook == AGENT)
		(void)agent(&v);
	else
		(void)transit(&v);
}
