// SPDX-License-Identifier: Apache-2.0
/*
 * How a packet leaves: by which way, if it fits and there is one, and with what headers; or into
 * an endpoint of this host.
 */
#include "fuzz_model.h"

static size_t mtu_of(uint32_t ifindex)
{
	return ifindex == WORLD_LO ? WORLD_LO_MTU : WORLD_MTU;
}

/* What a packet, or each segment of it, takes from the IP header at `off` on; 0: not known. */
static size_t size_from(const struct view *v, size_t off)
{
	size_t size = v->l4 - off + GSO_SIZE;

	if (!v->packet->is_gso)
		return v->packet->frame.size - off;
	if (v->proto == PROTO_UDP)
		return size + 8;
	if (v->proto != 6 || v->l4 + 12 > HEADERS_MAX || v->l4 + 13 > v->end)
		return 0;
	return size + (at(v, v->l4)[12] >> 4) * 4;
}

/* mtu 0: not known. */
static bool is_too_big(size_t size, size_t mtu)
{
	return mtu && size > mtu;
}

/* Of the device (unless the packet came in by it, and does not grow), and of the path behind it. */
static size_t way_mtu(const struct view *v, const struct mz_addr *to, uint32_t ifindex)
{
	bool is_asked = v->packet->hook != XDP && (!v->is_tunneled || ifindex != WORLD_LO);
	size_t mtu = is_asked ? mtu_of(ifindex) : 0;

	for (unsigned int i = 0; i < N_HOSTS; i++) {
		const struct world_host *host = &v->world->hosts[i];
		size_t path_mtu = host->ways.path_mtu_until > 1 ? host->ways.path_mtu : 0;

		if (same(&host->addr, to) && host->has_way && path_mtu && (!mtu || path_mtu < mtu))
			mtu = path_mtu;
	}
	return mtu;
}

const struct mz_nexthop *model_ways(const struct view *v, const struct mz_addr *host)
{
	for (unsigned int i = 0; i < N_HOSTS; i++)
		if (same(&v->world->hosts[i].addr, host) && v->world->hosts[i].has_way)
			return &v->world->hosts[i].ways;
	return NULL;
}

bool model_host_is_dead(const struct view *v, const struct mz_addr *host)
{
	for (unsigned int i = 0; i < N_HOSTS; i++)
		if (same(&v->world->hosts[i].addr, host))
			return v->world->hosts[i].is_dead;
	return false;
}

/* One of the ways that have a slot, or NULL: the host has none. */
static const struct mz_way *choose_way(const struct view *v, const struct mz_addr *to)
{
	for (unsigned int i = 0; i < N_HOSTS; i++) {
		const struct world_host *host = &v->world->hosts[i];
		unsigned int chosen = MZ_WAYS_MAX;

		if (!same(&host->addr, to) || !host->has_way)
			continue;
		for (unsigned int slot = 0; slot < MZ_WAY_SLOTS; slot++) {
			unsigned int way =
				host->ways.slots >> slot * MZ_WAY_BITS & (MZ_WAYS_MAX - 1);

			if (way == v->choice_way || chosen == MZ_WAYS_MAX)
				chosen = way;
		}
		return &host->ways.ways[chosen];
	}
	return NULL;
}

bool model_is_droplet(const struct view *v, const struct mz_addr *host)
{
	for (unsigned int i = 0; i < N_HOSTS; i++)
		if (v->world->hosts[i].is_known && same(&v->world->hosts[i].addr, host))
			return true;
	return false;
}

/* Of an address that a bouncer made up, the kernel may know that there is no way. */
static bool is_worlds(const struct view *v, const struct mz_addr *host)
{
	for (unsigned int i = 0; i < N_HOSTS; i++)
		if (same(&v->world->hosts[i].addr, host))
			return true;
	return false;
}

static bool does_not_fit(const struct view *v, const struct mz_addr *to, size_t growth)
{
	const struct mz_way *way = choose_way(v, to);

	return is_too_big(size_from(v, ETH) + growth,
			  way_mtu(v, to, way ? way->ifindex : WORLD_LO));
}

/* The outer Ethernet header, and whether there is a way at all. */
static bool find_way(struct view *v, const struct mz_addr *to, size_t growth)
{
	static const uint8_t nobody[6];
	const struct mz_way *way = choose_way(v, to);
	uint32_t ifindex = way ? way->ifindex : WORLD_LO;

	/* What does not leave where it came in, or only by the kernel, is left to tc. */
	if (v->packet->hook == XDP && (!way || ifindex != WORLD_LO))
		return pass(v);
	if (!ifindex || (!way && !is_worlds(v, to) && v->choice_way & 1))
		return DROP(v, no_nexthop);
	if (does_not_fit(v, to, growth))
		return v->packet->hook == XDP ? pass(v) : DROP(v, too_big);
	ethernet(v->out, way ? way->dst_mac : nobody, way ? way->src_mac : nobody);
	put16(v->out->out.bytes + 12, v->world->is_ipv6 ? 0x86dd : 0x0800);
	return GO_ON;
}

/* This host and another, as the family writes them. */
static void put_hosts(const struct view *v, uint8_t *at, const struct mz_addr *dst)
{
	size_t size = v->world->is_ipv6 ? 16 : 4;

	memcpy(at, v->world->hosts[0].addr.bytes + 16 - size, size);
	memcpy(at + size, dst->bytes + 16 - size, size);
}

size_t model_outer_ip(const struct view *v, struct frame *frame, const struct mz_addr *to,
		      uint8_t tos, size_t *ret_label)
{
	uint8_t *ip = frame->bytes + ETH;

	if (v->world->is_ipv6) {
		put32(ip, 6U << 28 | (uint32_t)tos << 20);
		put16(ip + 4, frame->size - ETH - 40);
		ip[6] = PROTO_UDP;
		ip[7] = MZ_OUTER_TTL;
		put_hosts(v, ip + 8, to);
		*ret_label = ETH;
		return 40;
	}
	ip[0] = 0x45;
	ip[1] = tos;
	put16(ip + 2, frame->size - ETH);
	put16(ip + 6, 0x4000);
	ip[8] = MZ_OUTER_TTL;
	ip[9] = PROTO_UDP;
	put_hosts(v, ip + 12, to);
	put16(ip + 10, checksum(ip, 20, 0));
	return 20;
}

/* The inner IP header at `off` of what leaves. */
static void rewrite_ip(struct view *v, size_t off, uint8_t tos, uint8_t ttl)
{
	uint8_t *ip = v->out->out.bytes + off;
	uint32_t old_sum;

	if (v->eth_proto == 0x86dd) {
		ip[0] = (ip[0] & 0xf0) | tos >> 4;
		ip[1] = (ip[1] & 0x0f) | tos << 4;
		ip[7] = ttl;
		return;
	}
	old_sum = begin_ipv4(v->out, off);
	ip[1] = tos;
	ip[8] = ttl;
	end_ipv4(v->out, off, old_sum);
}

/* As the source's MAC. */
static void write_judged(const struct view *v, uint8_t *mac)
{
	mac[0] = MZ_JUDGED_MAC;
	mac[1] = v->judged >> 32;
	put32(mac + 2, v->judged);
}

static bool encapsulate(struct view *v, const struct mz_addr *to)
{
	const struct frame *in = &v->packet->frame;
	struct frame *out = &v->out->out;
	size_t encap = v->world->is_ipv6 ? MZ_ENCAP_SIZE_IPV6 : MZ_ENCAP_SIZE_IPV4, ip_size;
	size_t n_options;
	uint8_t *udp, *geneve, *inner;

	if (model_introduce(v))
		return DONE;
	/* Nothing becomes too big by it. */
	if (v->asks && does_not_fit(v, to, encap + sizeof(struct mz_opt_rts)))
		v->asks = false;
	n_options = v->asks ? sizeof(struct mz_opt_rts) : 0;
	memset(out->bytes, 0, ETH + encap + n_options);
	out->size = in->size + encap + n_options;
	if (find_way(v, to, encap + n_options))
		return DONE;
	if (v->packet->is_gso)
		return DROP(v, encapsulate); /* a kind that the kernel does not tunnel */
	ip_size = model_outer_ip(v, out, to, v->tos, &v->out->label);
	udp = out->bytes + ETH + ip_size;
	geneve = udp + 8;
	inner = geneve + 8 + n_options;
	v->out->port = ETH + ip_size;
	put16(udp + 2, MZ_GENEVE_PORT);
	put16(udp + 4, out->size - ETH - ip_size);
	geneve[0] = n_options / 4;
	put16(geneve + 2, 0x6558);
	put32(geneve + 4, v->vni << 8);
	if (v->asks)
		model_write_rts(v, geneve + 8);
	put_mac(inner, VIRTUAL_MAC);
	write_judged(v, inner + 6);
	memcpy(inner + 12, in->bytes + 12, in->size - 12);
	if (v->has_hopped)
		rewrite_ip(v, ETH + encap + n_options, v->tos, v->ttl);
	return sent(v, COUNT(encapsulate) | (v->asks ? COUNT(introduce) : 0) |
			       (choose_way(v, to) ? 0 : COUNT(resolve)));
}

/* Round again, with this host as the source and one taken from the TTL. */
static void turn_ip(struct view *v, const struct mz_addr *to)
{
	uint8_t *ip = v->out->out.bytes + ETH;
	uint32_t old_sum;

	if (v->world->is_ipv6) {
		ip[7]--;
		put_hosts(v, ip + 8, to);
		return;
	}
	old_sum = begin_ipv4(v->out, ETH);
	ip[8]--;
	put_hosts(v, ip + 12, to);
	end_ipv4(v->out, ETH, old_sum);
}

static bool forward(struct view *v, const struct mz_addr *to)
{
	struct frame *out = &v->out->out;

	*out = v->packet->frame;
	model_replace_rts(v, out->bytes);
	if (model_tell_sender(v))
		return DONE;
	if (v->outer_ttl <= 1)
		return DROP(v, hop_limit);
	if (find_way(v, to, 0))
		return DONE;
	turn_ip(v, to);
	put16(out->bytes + v->geneve - 2, 0);
	if (!v->gives_back && v->judged != v->judged_before)
		write_judged(v, out->bytes + v->inner + 6);
	if (v->gives_back || v->is_returned)
		put16(out->bytes + v->geneve + 2, v->gives_back ? MZ_GENEVE_RETURNED : 0x6558);
	if (v->is_void) {
		out->bytes[v->rts + 2] = MZ_OPT_NONE;
		memset(out->bytes + v->rts + 28, 0, COOKIE_SIZE);
	}
	return sent(v, COUNT(forward) | (v->packet->hook == XDP ? COUNT(turn) : 0) |
			       (choose_way(v, to) ? 0 : COUNT(resolve)));
}

/* To who asked, from port to port. */
bool model_echo(struct view *v)
{
	struct frame *out = &v->out->out;
	uint8_t *udp = out->bytes + v->geneve - 8;

	if (v->packet->is_gso)
		return DROP(v, geneve_control);
	if (v->outer_ttl <= 1)
		return DROP(v, hop_limit);
	*out = v->packet->frame;
	if (find_way(v, &v->outer_src, 0))
		return DONE;
	if (get16(udp) == MZ_GENEVE_PORT)
		return DROP(v, geneve_control); /* it would go round for ever */
	put16(udp + 2, get16(udp));
	put16(udp, MZ_GENEVE_PORT);
	turn_ip(v, &v->outer_src);
	return sent(v, COUNT(echo) | (choose_way(v, &v->outer_src) ? 0 : COUNT(resolve)));
}

/* It came back from there. */
static bool is_giver(const struct view *v, const struct mz_addr *host)
{
	return v->is_returned && same(host, &v->outer_src);
}

bool model_tunnel_to(struct view *v, const struct mz_addr *to)
{
	if (is_giver(v, to) && v->judged == v->judged_before)
		return DROP(v, not_here);
	return v->is_tunneled ? forward(v, to) : encapsulate(v, to);
}

struct mz_addr model_choose_one(const struct view *v, const struct mz_replicas *set)
{
	struct mz_replicas alive = {};

	for (uint32_t i = 0; i < set->n; i++)
		if (!model_host_is_dead(v, &set->addrs[i]) && !is_giver(v, &set->addrs[i]))
			alive.addrs[alive.n++] = set->addrs[i];
	if (!alive.n)
		alive = *set;
	return alive.addrs[v->choice_host % alive.n];
}

bool model_tunnel_to_one(struct view *v, const struct mz_replicas *set)
{
	struct mz_addr to = model_choose_one(v, set);

	return model_tunnel_to(v, &to);
}

/* RFC 6040, figure 4; -1: drop. */
static int inner_ecn(unsigned int outer, unsigned int inner)
{
	static const int table[4][4] = {
		/* outer: not-ECT, ECT(1), ECT(0), CE */
		{ 0, 0, 0, -1 }, /* inner not-ECT */
		{ 1, 1, 1, 3 },	 /* ECT(1) */
		{ 2, 1, 2, 3 },	 /* ECT(0) */
		{ 3, 3, 3, 3 },	 /* CE */
	};

	return table[inner][outer];
}

bool model_deliver(struct view *v)
{
	const struct mz_local *row = v->local ? &v->local->local : NULL;
	struct frame *out = &v->out->out;
	uint8_t tos = v->tos;

	if (v->packet->hook == XDP)
		return pass(v); /* into an endpoint goes by tc alone */
	if (!row)
		return DROP(v, not_here);
	out->size = v->packet->frame.size - v->inner;
	memcpy(out->bytes, at(v, v->inner), out->size);
	if (is_too_big(size_from(v, v->inner + ETH), row->mtu))
		return DROP(v, too_big);
	if (v->is_tunneled) {
		int ecn = inner_ecn(v->outer_tos & 3, v->tos & 3);

		if (ecn < 0)
			return DROP(v, ecn);
		tos = (v->tos & ~3) | ecn;
	}
	if (v->is_tunneled && v->packet->is_gso) {
		v->out->message.exists = false; /* nor copy */
		return DROP(v, decapsulate);	/* a kind that the kernel does not tunnel */
	}
	memcpy(out->bytes, row->mac, 6);
	put_mac(out->bytes + 6, VIRTUAL_MAC);
	rewrite_ip(v, ETH, tos, v->ttl);
	return sent(v, COUNT(deliver));
}
