// SPDX-License-Identifier: Apache-2.0
/*
 * Where a packet must go, by docs/architecture.md ("A packet"): the same decisions as in bpf/,
 * written a second time for plain arrays, with no regard for speed, so that the two can be
 * compared.
 */
#include "fuzz_model.h"

static bool is_among(const struct mz_replicas *set, unsigned int n, const struct mz_addr *host)
{
	for (unsigned int i = 0; i < n; i++)
		if (same(&set->addrs[i], host))
			return true;
	return false;
}

/* Used or not, it is believed. */
bool model_is_in(const struct mz_replicas *set, const struct mz_addr *host)
{
	return is_among(set, set->n + set->n_ready + set->n_known, host);
}

bool model_is_used(const struct mz_replicas *set, const struct mz_addr *host)
{
	return is_among(set, set->n, host);
}

/* Acts, used or not. */
static bool has_self(const struct view *v, const struct mz_replicas *set)
{
	return is_among(set, set->n + set->n_ready, &v->world->hosts[0].addr);
}

bool model_divides(const struct view *v)
{
	return has_self(v, &v->vpc->row.dividers);
}

/* What tables say of an address: nothing, mostly, where no endpoint has it. */
struct world_addr *model_addr(const struct view *v, const struct mz_addr *a)
{
	struct world *world = v->world;

	for (unsigned int i = 0; i < world->n_addrs; i++)
		if (world->addrs[i].vni == v->vni && same(&world->addrs[i].addr, a))
			return &world->addrs[i];
	assert_in_range(world->n_addrs, N_ADDRS, N_ADDRS + N_STRANGERS - 1);
	world->addrs[world->n_addrs] = (struct world_addr){ .vni = v->vni, .addr = *a };
	return &world->addrs[world->n_addrs++];
}

static const struct world_addr *find_location(const struct view *v, const struct mz_addr *a)
{
	const struct world_addr *found = model_addr(v, a);

	return found->has_location ? found : NULL;
}

/* The set of bouncers that serves the destination, or NULL. */
static const struct mz_replicas *find_bouncers(const struct view *v, uint64_t id)
{
	for (unsigned int i = 0; i < N_NETWORKS; i++) {
		const struct world_network *network = &v->world->networks[i];
		uint32_t slot = 0;

		if (network->network != id || !network->exists[0])
			continue;
		if (network->slots[0].slot_bits)
			slot = mz_slot(v->vni, &v->dst, network->slots[0].slot_bits);
		return network->exists[slot] ? &network->slots[slot].bouncers : NULL;
	}
	return NULL;
}

bool model_is_from_bouncer(const struct view *v, uint64_t network)
{
	const struct mz_replicas *set = find_bouncers(v, network);

	return set && model_is_in(set, &v->outer_src);
}

bool model_is_from_used_bouncer(const struct view *v, uint64_t network)
{
	const struct mz_replicas *set = find_bouncers(v, network);

	return set && model_is_used(set, &v->outer_src);
}

bool model_bounces(const struct view *v, uint64_t network)
{
	const struct mz_replicas *set = find_bouncers(v, network);

	return set && has_self(v, set);
}

uint64_t model_route(const struct view *v, const struct mz_addr *a)
{
	const struct world_addr *exact = model_addr(v, a);
	const struct world_prefix *best = NULL;

	if (exact->is_member)
		return exact->member.network;
	for (unsigned int i = 0; i < v->world->n_prefixes; i++) {
		const struct world_prefix *prefix = &v->world->prefixes[i];

		if (prefix->vni == v->vni &&
		    in_prefix(a, &prefix->prefix, prefix->prefix_len) &&
		    (!best || prefix->prefix_len > best->prefix_len))
			best = prefix;
	}
	return best ? best->network : 0;
}

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

static bool tunnel_to(struct view *v, const struct mz_addr *to)
{
	return v->is_tunneled ? forward(v, to) : encapsulate(v, to);
}

/* Not a dead one, as long as another is alive. */
static struct mz_addr choose_one(const struct view *v, const struct mz_replicas *set)
{
	struct mz_replicas alive = {};

	for (uint32_t i = 0; i < set->n; i++)
		if (!model_host_is_dead(v, &set->addrs[i]))
			alive.addrs[alive.n++] = set->addrs[i];
	if (!alive.n)
		alive = *set;
	return alive.addrs[v->choice_host % alive.n];
}

static bool tunnel_to_one(struct view *v, const struct mz_replicas *set)
{
	struct mz_addr to = choose_one(v, set);

	return tunnel_to(v, &to);
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

static bool deliver(struct view *v)
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
	if (v->is_tunneled && v->packet->is_gso)
		return DROP(v, decapsulate); /* a kind that the kernel does not tunnel */
	memcpy(out->bytes, row->mac, 6);
	put_mac(out->bytes + 6, VIRTUAL_MAC);
	rewrite_ip(v, ETH, tos, v->ttl);
	return sent(v, COUNT(deliver));
}

static bool back_to_sender(struct view *v)
{
	v->gives_back = true;
	v->out->counters |= COUNT(give_back);
	return tunnel_to(v, &v->outer_src);
}

static bool to_location(struct view *v, const struct world_addr *location)
{
	if (v->was_divided && same(&location->location.host, &v->outer_src))
		return back_to_sender(v);
	v->out->counters |= COUNT(bounce);
	if (same(&location->location.host, &v->world->hosts[0].addr))
		return deliver(v);
	return tunnel_to(v, &location->location.host);
}

static bool divide(struct view *v)
{
	uint64_t network = model_route(v, &v->dst);
	const struct mz_replicas *bouncers;
	const struct world_addr *location;

	if (!network)
		return DROP(v, no_route);
	v->out->counters |= COUNT(divide);
	v->judged = network;
	if (v->local && v->local->local.network == network)
		return deliver(v);
	if (model_is_direct_by_divider(v) && model_use_learned(v, model_addr(v, &v->dst))) {
		v->is_direct = true;
		return tunnel_to(v, &v->to);
	}
	if (!(v->vpc->row.flags & MZ_VPC_DIVIDE) && !v->is_returned && v->is_tunneled &&
	    model_is_from_bouncer(v, network))
		return DROP(v, no_endpoint); /* who sent it would have it */
	bouncers = find_bouncers(v, network);
	if (!bouncers || !bouncers->n)
		return DROP(v, no_network);
	if (!has_self(v, bouncers))
		return tunnel_to_one(v, bouncers);
	location = find_location(v, &v->dst);
	return location ? to_location(v, location) : DROP(v, no_endpoint);
}

static bool to_divider(struct view *v)
{
	if (v->was_divided)
		return DROP(v, no_endpoint);
	if (has_self(v, &v->vpc->row.dividers))
		return divide(v);
	if (!v->vpc->row.dividers.n)
		return DROP(v, no_divider);
	return tunnel_to_one(v, &v->vpc->row.dividers);
}

/* Who bounces for the source sends on what it does not know; but not what another of them sent. */
static bool is_bouncer_of_source(const struct view *v)
{
	const struct world_addr *src = find_location(v, &v->src);

	return src && (same(&src->location.host, &v->outer_src) ||
		       !model_is_from_bouncer(v, src->location.network));
}

bool model_was_judged(const struct view *v, uint64_t network)
{
	return !v->is_returned && v->judged_before == network;
}

/* "VPC with divide" in docs/architecture.md. */
bool model_may_enter(struct view *v, uint64_t network)
{
	const struct world_addr *src;

	if (!(v->vpc->row.flags & MZ_VPC_DIVIDE))
		return true;
	if (v->port)
		return v->port->row.network == network;
	if (v->sender_network == network)
		return true;
	if (model_was_judged(v, network) &&
	    (v->is_from_divider || model_is_from_bouncer(v, network)))
		return true;
	src = find_location(v, &v->src);
	return src && src->location.network == network;
}

/* Who has the row, but not the role, asks one that has. */
static bool bounce(struct view *v)
{
	const struct world_addr *location = find_location(v, &v->dst);
	const struct mz_replicas *bouncers;
	struct mz_addr other;

	if (!location || !model_may_enter(v, location->location.network))
		return to_divider(v);
	v->judged = location->location.network;
	bouncers = find_bouncers(v, location->location.network);
	if (!(v->vpc->row.flags & MZ_VPC_DIVIDE) || !bouncers || !bouncers->n ||
	    has_self(v, bouncers))
		return to_location(v, location);
	other = choose_one(v, bouncers);
	return same(&other, &v->outer_src) ? to_location(v, location) : tunnel_to(v, &other);
}

bool model_find_roles(struct view *v)
{
	static const struct world_vpc nowhere;
	const struct world_addr *dst = model_addr(v, &v->dst);

	for (unsigned int i = 0; i < N_VPCS; i++)
		if (v->world->vpcs[i].exists && v->world->vpcs[i].vni == v->vni)
			v->vpc = &v->world->vpcs[i];
	v->has_no_vpc = !v->vpc;
	if (v->has_no_vpc && (v->packet->hook == AGENT || v->control))
		return DROP(v, no_vpc);
	if (v->has_no_vpc)
		v->vpc = &nowhere;
	v->is_from_divider = v->is_tunneled && !v->is_returned &&
			     model_is_in(&v->vpc->row.dividers, &v->outer_src);
	v->was_divided = v->is_from_divider && v->judged_before;
	v->local = dst->is_local && dst->local.ifindex ? dst : NULL;
	return GO_ON;
}

static bool route_agent(struct view *v)
{
	const struct mz_replicas *bouncers;

	if (v->route == TO_TUNNEL)
		return tunnel_to(v, &v->to);
	if (v->local && model_may_enter(v, v->local->local.network))
		return deliver(v);
	if (has_self(v, &v->vpc->row.dividers))
		return divide(v);
	if (v->local)
		return to_divider(v);
	if (find_location(v, &v->dst))
		return bounce(v);
	bouncers = find_bouncers(v, v->port->row.network);
	if (!bouncers || !bouncers->n)
		return DROP(v, no_network);
	return has_self(v, bouncers) ? bounce(v) : tunnel_to_one(v, bouncers);
}

bool model_to_dividers(struct view *v)
{
	if (!v->vpc->row.dividers.n)
		return DROP(v, no_divider);
	return tunnel_to_one(v, &v->vpc->row.dividers);
}

bool model_route_agent(struct view *v)
{
	return model_find_direct(v) || route_agent(v);
}

/* To the host that sent it, once; where that cannot be, it ends. */
static bool give_back(struct view *v, enum mz_drop reason)
{
	if (v->is_returned || !(v->has_no_vpc || model_is_direct(v)))
		return drop(v, reason);
	return back_to_sender(v);
}

/* What came back goes as it would from its endpoint, or from this divider. */
static bool send_again(struct view *v)
{
	const struct world_addr *src = model_addr(v, &v->src);

	if (v->has_no_vpc)
		return DROP(v, no_vpc);
	if (model_check_returned(v))
		return DONE;
	v->out->counters |= COUNT(send_again);
	for (unsigned int i = 0; i < N_PORTS; i++)
		if (src->is_local && v->world->ports[i].exists &&
		    v->world->ports[i].ifindex == src->local.ifindex)
			v->port = &v->world->ports[i];
	if (v->port)
		return model_route_agent(v);
	if (v->route == TO_LOCATION)
		return bounce(v);
	return model_divides(v) ? divide(v) : DROP(v, stale_sender);
}

bool model_route_transit(struct view *v)
{
	const struct mz_moved *moved;

	model_confirm(v);
	model_attest(v);
	if (v->is_returned)
		return send_again(v);
	if (model_introduced(v))
		return DONE;
	if (v->local && !v->has_no_vpc && model_may_enter(v, v->local->local.network))
		return deliver(v);
	if (v->has_no_vpc)
		return give_back(v, MZ_DROP_no_vpc);
	moved = model_moved(v);
	if (find_location(v, &v->dst))
		return bounce(v);
	if (!v->was_divided && (model_divides(v) || is_bouncer_of_source(v)))
		return to_divider(v);
	if (moved && !(v->vpc->row.flags & MZ_VPC_DIVIDE) && !is_self(v, &moved->host)) {
		v->out->counters |= COUNT(moved);
		v->judged = v->judged_before;
		return tunnel_to(v, &moved->host);
	}
	if (v->is_from_divider)
		return give_back(v, MZ_DROP_no_endpoint);
	return give_back(v, v->local ? MZ_DROP_not_divided : MZ_DROP_not_here);
}
