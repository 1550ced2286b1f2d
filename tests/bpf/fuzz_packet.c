// SPDX-License-Identifier: Apache-2.0
/*
 * Packets of every kind that a hook may see, with addresses of the world; and the same with random
 * changes.
 */
#include "fuzz.h"
#include "fuzz_mutate.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static const char *const odd_ipv4[] = { "224.0.0.1",  "255.255.255.255", "169.254.1.1",
					"127.0.0.1",  "0.0.0.0",	 "198.51.100.7",
					"10.9.0.1",   "10.0.0.0",	 "10.0.0.254",
					"10.0.1.254", "192.168.50.1",	 "240.0.0.1" };
static const char *const odd_ipv6[] = {
	"ff02::1",	   "ff02::1:ff00:1", "fe80::1",	 "::1",	       "::",
	"2001:db8::7",	   "fd00:9::1",	     "fd00::fe", "fd00:1::fe", "::2",
	"::ffff:10.0.0.1", "fdff::1"
};

/* An address that packets of this family may hold: most of them endpoints'. */
static void random_ip(const struct world *world, bool is_ipv6, char ret[static 46])
{
	const struct world_addr *a = &world->addrs[random_below(N_ADDRS / 2) * 2 + is_ipv6];

	if (random_chance(90))
		(void)world_text(&a->addr, ret);
	else
		(void)snprintf(ret, 46, "%s", is_ipv6 ? PICK(odd_ipv6) : PICK(odd_ipv4));
}

static void mac_text(const uint8_t mac[6], char ret[static 18])
{
	(void)snprintf(ret, 18, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
		       mac[4], mac[5]);
}

/* What stands behind the IP header; returns its protocol. */
static uint8_t random_payload(bool is_ipv6, uint8_t payload[static 400], size_t *ret_size)
{
	static const uint8_t protos[] = { 6, 17, 17, 132, 1, 58, 4, 41, 59, 47 };
	uint8_t proto = random_chance(20) ? (is_ipv6 ? 58 : 1) : PICK(protos);
	size_t size = random_chance(90) ? 8 + random_below(40) : random_below(400);

	random_bytes(payload, size);
	if ((proto == 1 || proto == 58) && size >= 4) {
		static const uint8_t types[] = { 0, 8, 8, 128, 128, 129, 1, 3 };

		payload[0] = PICK(types);
		payload[1] = random_chance(95) ? 0 : random_below(256);
		payload[2] = random_below(256);
	}
	if (proto == 17 && size >= 8) { /* some of them tunnels of the endpoint's own */
		put16(payload + 2, random_chance(20) ? 6081 : random_below(65536));
		put16(payload + 4, size);
	}
	*ret_size = size;
	return proto;
}

/* Extension headers in front of what is there; returns the protocol of the first. */
static uint8_t random_extensions(uint8_t payload[static 400], size_t *size, uint8_t proto)
{
	static const uint8_t kinds[] = { 0, 43, 44, 51, 60, 135 };
	unsigned int n = random_below(8);

	while (n--) {
		uint8_t header[24] = { proto }, kind = PICK(kinds);
		size_t header_size = kind == 44 ? 8 : (1 + random_below(3)) * 8;

		if (*size + header_size > 400)
			break;
		header[1] = kind == 51 ? header_size / 4 - 2 : header_size / 8 - 1;
		if (kind == 44)
			put16(header + 2, random_chance(50) ? 1 : random_below(65536));
		memmove(payload + header_size, payload, *size);
		memcpy(payload, header, header_size);
		*size += header_size;
		proto = kind;
	}
	return proto;
}

static void random_ip_frame(struct frame *frame, bool is_ipv6, const char *dst_mac,
			    const char *src_mac, const char *src, const char *dst)
{
	static const uint8_t ttls[] = { 64, 64, 255, 1, 2 };
	uint8_t payload[400];
	struct ip_spec spec = { .dst_mac = dst_mac, .src_mac = src_mac, .src = src, .dst = dst };

	spec.proto = random_payload(is_ipv6, payload, &spec.payload_size);
	if (is_ipv6 && random_chance(20))
		spec.proto = random_extensions(payload, &spec.payload_size, spec.proto);
	if (!is_ipv6 && random_chance(10))
		spec.n_options = random_below(11) * 4;
	if (!is_ipv6 && random_chance(20))
		spec.fragment = random_below(65536);
	spec.payload = payload;
	spec.tos = random_chance(50) ? 0 : random_below(256);
	spec.ttl = PICK(ttls);
	frame_ip(frame, &spec);
	/* Protocol 0 and TTL 0 are the builder's defaults, not its values. */
	if (is_ipv6 && !spec.proto)
		frame->bytes[ETH + 6] = 0;
}

static void random_arp(const struct world *world, struct frame *frame, const char *mac,
		       const char *own, const char *gateway)
{
	static const char *const macs[] = { BROADCAST, "00:00:00:00:00:00", VIRTUAL_MAC, PORT_MAC };
	char target[46];
	struct arp_spec spec = { .dst_mac = BROADCAST,
				 .src_mac = mac,
				 .op = random_chance(80) ? 1 : random_below(4),
				 .sender_mac = random_chance(90) ? mac : PORT_MAC,
				 .sender = random_chance(80) ? own : PICK(odd_ipv4),
				 .target_mac = PICK(macs),
				 .target = target };

	random_ip(world, false, target);
	if (random_chance(20))
		spec.target = random_chance(50) ? own : gateway;
	frame_arp(frame, &spec);
}

static void random_nd(const struct world *world, struct frame *frame, const char *mac,
		      const char *own, const char *gateway)
{
	static const uint8_t types[] = { 133, 134, 135, 135, 135, 135, 136, 137 };
	static const uint8_t options[] = { 0, 1, 1, 1, 2, 14 };
	char target[46];
	struct nd_spec spec = { .dst_mac = "33:33:ff:00:00:02",
				.src_mac = mac,
				.src = random_chance(85) ? own : PICK(odd_ipv6),
				.dst = "ff02::1:ff00:2",
				.type = PICK(types),
				.code = random_chance(95) ? 0 : 1,
				.hop_limit = random_chance(95) ? 255 : 64,
				.target = target,
				.option = PICK(options),
				.option_mac = random_chance(90) ? mac : PORT_MAC };

	random_ip(world, true, target);
	if (random_chance(20))
		spec.target = random_chance(50) ? own : gateway;
	frame_nd(frame, &spec);
}

/* One that nobody has, as somebody said; if there is one. */
static void nobodys_ip(const struct world *world, uint32_t vni, bool is_ipv6, char ip[static 46])
{
	for (unsigned int i = 0; i < N_ADDRS; i++) {
		const struct world_addr *a = &world->addrs[i];

		if (a->nobody_until && a->vni == vni && (i & 1) == is_ipv6)
			(void)world_text(&a->addr, ip);
	}
}

static void from_endpoint(const struct world *world, struct packet *packet)
{
	const struct world_port *port = &world->ports[random_below(N_PORTS)];
	bool is_ipv6 = random_chance(50);
	const struct mz_addr *own = is_ipv6 ? &port->row.ip6 : &port->row.ip4;
	const struct mz_addr *gateway = is_ipv6 ? &port->row.gateway6 : &port->row.gateway4;
	char mac[18], own_text[46], gateway_text[46], dst[46], src[46];
	struct mz_addr zero = addr(is_ipv6 ? "::" : "0.0.0.0");

	packet->ifindex = port->ifindex;
	mac_text(port->row.mac, mac);
	(void)world_text(own->words_be[0] || own->words_be[3] ? own : &zero, own_text);
	(void)world_text(gateway->words_be[0] || gateway->words_be[3] ? gateway : &zero,
			 gateway_text);
	if (random_chance(10) && is_ipv6) {
		random_nd(world, &packet->frame, mac, own_text, gateway_text);
	} else if (random_chance(10) && !is_ipv6) {
		random_arp(world, &packet->frame, mac, own_text, gateway_text);
	} else {
		random_ip(world, is_ipv6, dst);
		random_ip(world, is_ipv6, src);
		if (random_chance(10))
			nobodys_ip(world, port->row.vni, is_ipv6, dst);
		random_ip_frame(
			&packet->frame, is_ipv6, random_chance(97) ? VIRTUAL_MAC : BROADCAST,
			random_chance(97) ? mac : PORT_MAC, random_chance(92) ? own_text : src,
			random_chance(7) ? gateway_text : dst);
	}
}

static size_t random_options(uint8_t options[static MZ_OPTS_MAX])
{
	size_t size = 0, n = random_below(6);

	for (size_t i = 0; i < n; i++) {
		size_t data = random_below(4) * 4;

		random_bytes(options + size, 4 + data);
		options[size + 2] = random_chance(95) ? random_below(128) : random_below(256);
		options[size + 3] = data / 4;
		size += 4 + data;
	}
	return size;
}

/* Does this host stand between the networks of the VPC, as what others learn? */
static bool divides_directly(const struct world *world, uint32_t vni)
{
	const struct world_vpc *vpc = world->vpcs;
	bool divides = false;

	while (vpc < world->vpcs + N_VPCS && vpc->vni != vni)
		vpc++;
	if (vpc == world->vpcs + N_VPCS)
		return false;
	for (unsigned int i = 0; i < vpc->row.dividers.n + vpc->row.dividers.n_ready; i++)
		divides |= !memcmp(&vpc->row.dividers.addrs[i], &world->hosts[0].addr,
				   sizeof(struct mz_addr));
	return divides && vpc->row.flags == (MZ_VPC_DIRECT | MZ_VPC_DIVIDE);
}

/* As bytes; of this host's cookies one that is good, mostly. */
static void random_cookie(const struct world *world, uint32_t vni, const struct mz_addr *dst,
			  const struct mz_addr *src, uint8_t ret[COOKIE_SIZE])
{
	unsigned int n_ago = random_chance(80) ? random_below(2) : 2;
	bool divides = divides_directly(world, vni) ^ random_chance(10);

	cookie_make(vni, divides, dst, src, now_ns() - n_ago * COOKIE_SPAN, ret);
	if (random_chance(10))
		ret[random_below(COOKIE_SIZE)] ^= 1 << random_below(8);
}

/* Of a host that says where it is, or lies. */
static void append_rts(const struct world *world, struct options *o, const struct mz_addr *from,
		       const struct world_addr *src)
{
	uint8_t data[32];
	const struct mz_addr *host = random_chance(60) ? from : &src->location.host;

	if (random_chance(10))
		host = &world->hosts[random_below(N_HOSTS)].addr;
	memcpy(data, host, 16);
	put32(data + 16, random_chance(80) ? src->location.generation : random_below(6));
	put32(data + 20, random_below(3));
	random_bytes(data + 24, COOKIE_SIZE);
	option_append(o, MZ_OPT_CLASS, MZ_OPT_RTS, data, random_chance(98) ? 32 : 28);
}

static struct options random_control(const struct world *world, const struct world_addr *address,
				     const struct world_addr *peer)
{
	static const uint8_t types[] = { MZ_OPT_HERE, MZ_OPT_HERE, MZ_OPT_STALE, MZ_OPT_ECHO };
	uint8_t data[52], type = PICK(types);
	struct options o = { .flags = MZ_GENEVE_F_CONTROL | MZ_GENEVE_F_CRITICAL };

	memcpy(data, &address->addr, 16);
	memcpy(data + 16, &peer->addr, 16);
	random_cookie(world, address->vni, &address->addr, &peer->addr, data + 32);
	put32(data + 40, random_below(6));
	put32(data + 44, random_below(3));
	put32(data + 48, random_chance(75) ? 0 : MZ_HERE_NOBODY);
	if (type == MZ_OPT_STALE)
		put32(data + 16, random_below(6));
	option_append(&o, MZ_OPT_CLASS, type, data,
		      type == MZ_OPT_HERE    ? 52 :
		      type == MZ_OPT_STALE   ? 20 :
					       8);
	if (random_chance(5))
		o.flags = random_below(256);
	return o;
}

/* Extension headers between the outer IPv6 header and UDP. */
static void extend_outer(struct frame *frame)
{
	uint8_t *ip = frame->bytes + ETH, *udp = ip + 40, headers[400];
	size_t size = 0;

	ip[6] = random_extensions(headers, &size, 17);
	memmove(udp + size, udp, frame->size - ETH - 40);
	memcpy(udp, headers, size);
	put16(ip + 4, (ip[4] << 8 | ip[5]) + size);
	frame->size += size;
}

/* A router says that a packet of ours was too big, or almost says so. */
static void from_router(const struct world *world, struct packet *packet)
{
	bool is_ipv6 = world->is_ipv6;
	uint8_t payload[128] = { is_ipv6 ? 2 : 3, is_ipv6 ? 0 : 4 }, *quote = payload + 8;
	uint8_t *udp = quote + (is_ipv6 ? 40 : 20);
	const struct world_host *to = &world->hosts[random_below(N_HOSTS)];
	char self[46];
	struct ip_spec spec = { .dst_mac = SELF_MAC,
				.src_mac = "02:aa:00:00:00:77",
				.src = is_ipv6 ? "2001:db8::99" : "198.51.100.99",
				.dst = world_text(&world->hosts[0].addr, self),
				.proto = is_ipv6 ? 58 : 1,
				.payload = payload,
				.payload_size = udp + 8 - payload };

	packet->ifindex = WORLD_LO;
	put16(payload + 6, random_below(2000));
	if (is_ipv6) {
		quote[0] = 0x60;
		quote[6] = 17;
		memcpy(quote + 8, &world->hosts[0].addr, 16);
		memcpy(quote + 24, &to->addr, 16);
	} else {
		quote[0] = 0x45;
		put16(quote + 2, random_chance(5) ? 0 : 1000 + random_below(1000));
		put16(quote + 6, 0x4000);
		quote[9] = 17;
		memcpy(quote + 12, world->hosts[0].addr.bytes + 12, 4);
		memcpy(quote + 16, to->addr.bytes + 12, 4);
	}
	put16(udp, random_chance(90) ? 32768 + random_below(32768) : random_below(65536));
	put16(udp + 2, random_chance(95) ? 6081 : random_below(65536));
	frame_ip(&packet->frame, &spec);
}

static void random_outer(const struct world *world, struct tunnel_spec *spec)
{
	if (random_chance(3))
		spec->dst_port = random_below(65535) + 1;
	if (random_chance(5))
		spec->n_ip_options = random_below(11) * 4;
	if (random_chance(5))
		spec->fragment = random_below(65535) + 1;
}

/* Of one VPC and family, mostly endpoints' that have something to do with each other. */
struct talk {
	const struct world_addr *src, *dst;
	const struct mz_addr *from; /* the host that sends it */
};

static struct talk random_talk(const struct world *world)
{
	unsigned int n = N_SUBNETS * N_NUMBERS, vpc = random_below(N_VPCS) * n * 2;
	unsigned int family = random_below(2);
	struct talk talk = { .src = &world->addrs[vpc + random_below(n) * 2 + family],
			     .dst = &world->addrs[vpc + random_below(n) * 2 + family],
			     .from = &world->hosts[random_below(N_HOSTS - 1) + 1].addr };

	if (random_chance(30))
		talk.from = &talk.src->learned.host;
	else if (random_chance(20))
		talk.from = &talk.src->location.host;
	if (random_chance(3))
		talk.from = &world->hosts[0].addr;
	return talk;
}

/*
 * To an address that this host has never heard of, by a bouncer of the source: where this host
 * divides, it has to ask.
 */
static void random_question(const struct world *world, struct talk *talk)
{
	const struct mz_replicas *bouncers;

	for (unsigned int i = 0; i < 50; i++) {
		*talk = random_talk(world);
		if (divides_directly(world, talk->src->vni) && !talk->src->has_location &&
		    !talk->dst->has_location && !talk->dst->is_learned && !talk->dst->is_local)
			break;
	}
	for (unsigned int i = 0; i < N_NETWORKS; i++) {
		bouncers = &world->networks[i].slots[0].bouncers;
		if (world->networks[i].network == talk->src->location.network && bouncers->n)
			talk->from = &bouncers->addrs[random_below(bouncers->n)];
	}
}

static const struct world_addr *find_addr(const struct world *world, uint32_t vni,
					  const struct mz_addr *a)
{
	for (unsigned int i = 0; i < world->n_addrs; i++)
		if (world->addrs[i].vni == vni && !memcmp(&world->addrs[i].addr, a, sizeof(*a)))
			return &world->addrs[i];
	return NULL;
}

/* The pair that a question of this host is about, which waits for its answer, if there is one. */
static bool random_pending(const struct world *world, struct talk *talk)
{
	const struct world_pending *row;

	if (!world->n_pending)
		return false;
	row = &world->pending[random_below(world->n_pending)];
	talk->src = find_addr(world, row->vni, &row->src);
	talk->dst = find_addr(world, row->vni, &row->dst);
	return row->exists && talk->src && talk->dst;
}

static void random_direct(const struct world *world, const struct talk *talk,
			  struct tunnel_spec *spec, struct options *o, bool asks)
{
	if (random_chance(20))
		o->size = random_options(o->bytes);
	if (random_chance(30) || asks)
		append_rts(world, o, talk->from, talk->src);
	if (random_chance(2))
		append_rts(world, o, talk->from, talk->src);
	if (random_chance(5))
		option_append(o, MZ_OPT_CLASS, MZ_OPT_ECHO, NULL, 8);
	if (random_chance(15))
		spec->eth_proto = MZ_GENEVE_RETURNED;
}

/* Of the destination, mostly, as it is here or as a bouncer says. */
static void random_judged(const struct world *world, const struct talk *talk,
			  char ret_mac[static 18])
{
	uint64_t network = random_chance(60) ? talk->dst->local.network
					     : talk->dst->location.network;
	uint8_t mac[6] = { random_chance(95) ? MZ_JUDGED_MAC : 6 };

	if (random_chance(20))
		network = world->networks[random_below(N_NETWORKS)].network;
	if (random_chance(20))
		network = random_chance(90) ? 0 : network + (1ULL << 32);
	mac[1] = network >> 32;
	put32(mac + 2, network);
	mac_text(mac, ret_mac);
}

static void from_underlay(const struct world *world, struct packet *packet)
{
	static const uint8_t ttls[] = { 64, 63, 255, 1, 2 };
	struct talk talk = random_talk(world), pending = talk;
	bool is_pending = random_chance(10) && random_pending(world, &pending);
	bool asks = !is_pending && random_chance(10), is_ipv6;
	char src[46], dst[46], outer_src[46], outer_dst[46] = SELF, judged[18];
	struct options o = {};
	struct frame inner = {};
	struct tunnel_spec spec = { .dst_mac = SELF_MAC,
				    .src_mac = "02:aa:00:00:00:77",
				    .src = outer_src,
				    .dst = outer_dst,
				    .tos = random_chance(50) ? 0 : random_below(256),
				    .ttl = PICK(ttls),
				    .src_port = random_below(65536),
				    .udp_check = random_chance(90) ? 0 : random_below(65536),
				    .eth_proto = is_pending ? MZ_GENEVE_RETURNED : 0 };

	if (is_pending)
		talk = pending;
	if (asks)
		random_question(world, &talk);
	spec.vni = random_chance(97) ? talk.src->vni : random_below(1 << 24);
	is_ipv6 = talk.src->addr.words_be[0];
	packet->ifindex = WORLD_LO;
	(void)world_text(&talk.src->addr, src);
	(void)world_text(&talk.dst->addr, dst);
	if (random_chance(10))
		random_ip(world, is_ipv6, random_chance(50) ? src : dst);
	if (random_chance(is_pending ? 60 : asks ? 0 : 15)) {
		spec.eth_proto = 0;
		o = is_pending ? random_control(world, talk.dst, talk.src) :
				 random_control(world, talk.src, talk.dst);
	} else {
		random_judged(world, &talk, judged);
		random_ip_frame(&inner, is_ipv6, random_chance(97) ? VIRTUAL_MAC : BROADCAST,
				judged, src, dst);
		random_direct(world, &talk, &spec, &o, asks);
	}
	if (spec.eth_proto && random_chance(is_pending ? 10 : 70))
		talk.from = &talk.dst->learned.host;
	(void)world_text(talk.from, outer_src);
	if (random_chance(5))
		(void)world_text(&world->hosts[random_below(N_HOSTS)].addr, outer_dst);
	random_outer(world, &spec);
	spec.flags = o.flags;
	spec.options = o.bytes;
	spec.n_options = o.size;
	frame_tunnel(&packet->frame, &spec, &inner);
	if (world->is_ipv6 && random_chance(5))
		extend_outer(&packet->frame);
}

/* The kernel's test run refuses frames without the whole header that their EtherType promises. */
static bool can_run(const struct frame *frame)
{
	uint16_t proto = frame->bytes[12] << 8 | frame->bytes[13];

	return frame->size > ETH && frame->size >= ETH + (proto == 0x0800   ? 20U
							  : proto == 0x86dd ? 40U
									    : 1U);
}

void packet_random(const struct world *world, struct packet *ret)
{
	do {
		unsigned int n_changes = random_chance(50) ? 0 : random_below(4) + 1;

		memset(ret, 0, sizeof(*ret));
		ret->hook = random_below(N_HOOKS);
		ret->is_gso = ret->hook != XDP && random_chance(3);
		if (ret->hook == AGENT)
			from_endpoint(world, ret);
		else if (random_chance(3))
			from_router(world, ret);
		else
			from_underlay(world, ret);
		if (random_chance(3))
			frame_mutate_end(&ret->frame);
		while (n_changes-- && ret->frame.size)
			frame_mutate(&ret->frame);
	} while (!can_run(&ret->frame));
}
