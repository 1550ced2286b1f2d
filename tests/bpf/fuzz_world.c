// SPDX-License-Identifier: Apache-2.0
/*
 * Worlds: tables in which this host is bouncer, divider, destination or none of it, with rows that
 * are stale or missing here and there, as they are while changes travel.
 */
#include "fuzz.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static const uint32_t vnis[N_VPCS] = { 7, 8, 0x70007 };

uint32_t world_vni(unsigned int vpc)
{
	return vnis[vpc];
}

void world_mac(uint8_t ret[6], unsigned int vpc, unsigned int subnet, unsigned int number)
{
	const uint8_t mac[6] = { 0x02, 0xe0, 0, vpc, subnet, number };

	memcpy(ret, mac, 6);
}

struct world_pending *world_pending(struct world *world, uint32_t vni, const struct mz_addr *dst,
				    const struct mz_addr *src)
{
	for (unsigned int i = 0; i < world->n_pending; i++) {
		struct world_pending *row = &world->pending[i];

		if (row->exists && row->vni == vni && !memcmp(&row->dst, dst, sizeof(*dst)) &&
		    !memcmp(&row->src, src, sizeof(*src)))
			return row;
	}
	return NULL;
}

const char *world_text(const struct mz_addr *addr, char ret[static 46])
{
	bool is_ipv4 =
		!addr->words_be[0] && !addr->words_be[1] && addr->words_be[2] == htonl(0xffff);

	return inet_ntop(is_ipv4 ? AF_INET : AF_INET6, addr->bytes + (is_ipv4 ? 12 : 0), ret, 46);
}

static struct mz_addr endpoint_addr(bool is_ipv6, unsigned int subnet, unsigned int number)
{
	struct mz_addr a = addr(is_ipv6 ? "fd00::" : "10.0.0.0");

	if (is_ipv6)
		a.bytes[3] = subnet;
	else
		a.bytes[14] = subnet;
	a.bytes[15] = number;
	return a;
}

/* Either has an MTU of its own. */
static uint32_t random_device(const struct world *world)
{
	return random_chance(50) ? WORLD_LO : world->ports[random_below(N_PORTS)].ifindex;
}

static struct mz_replicas random_replicas(const struct world *world)
{
	unsigned int n = random_below(10) ? random_below(MZ_REPLICAS_MAX) + 1 : 0;
	unsigned int first = random_below(N_HOSTS);
	struct mz_replicas set = { .n_known = random_chance(20) ? random_below(n + 1) : 0 };

	set.n_ready = random_chance(20) ? random_below(n - set.n_known + 1) : 0;
	set.n = n - set.n_known - set.n_ready;
	/* All different, as the controller's are. What stands behind the end is not in the set. */
	for (unsigned int i = 0; i < MZ_REPLICAS_MAX; i++)
		if (i < n || random_chance(20))
			set.addrs[i] = world->hosts[(first + i) % N_HOSTS].addr;
	return set;
}

/* One way or several; a way has a MAC of its own, and those behind the last have no slot. */
static void random_ways(const struct world *world, uint8_t host, struct mz_nexthop *ret)
{
	unsigned int n = random_chance(50) ? 1 : random_below(MZ_WAYS_MAX) + 1;

	for (uint8_t i = 0; i < n; i++) {
		const uint8_t mac[6] = { 0x02, 0xaa, 0, i, 0, host + 1 };

		memcpy(ret->ways[i].dst_mac, mac, 6);
		put_mac(ret->ways[i].src_mac, SELF_MAC);
		ret->ways[i].ifindex = random_chance(95) ? random_device(world) : 0;
	}
	if (random_chance(20)) { /* for ever, or no longer */
		ret->path_mtu = 576 + random_below(1000);
		ret->path_mtu_until = random_chance(80) ? UINT32_MAX : 1;
	}
	for (unsigned int slot = 0; slot < MZ_WAY_SLOTS; slot++)
		ret->slots |= (uint64_t)random_below(n) << slot * MZ_WAY_BITS;
}

static void random_host(struct world *world, unsigned int i)
{
	struct world_host *host = &world->hosts[i];
	struct mz_droplet droplet = {};

	struct mz_dead dead = { .until = UINT64_MAX };

	host->is_known = random_chance(85);
	host->is_dead = random_chance(8);
	host->has_way = random_chance(90);
	host->ways = (struct mz_nexthop){};
	random_ways(world, i, &host->ways);
	if (host->is_known)
		row_put(MZ_TABLE_droplet, &host->addr, &droplet);
	if (host->has_way)
		row_put(MZ_TABLE_nexthop, &host->addr, &host->ways);
	if (host->is_dead)
		row_put(MZ_TABLE_dead, &host->addr, &dead);
}

static void random_hosts(struct world *world)
{
	for (unsigned int i = 0; i < N_HOSTS; i++) {
		world->hosts[i].addr = addr(SELF);
		world->hosts[i].addr.bytes[15] += i;
	}
	for (unsigned int i = 0; i < N_HOSTS; i++)
		random_host(world, i);
}

static void random_network(struct world *world, struct world_network *network, uint32_t vni)
{
	uint32_t slot_bits = random_chance(70) ? 0 : random_below(2) + 1;

	for (uint32_t slot = 0; slot < 1U << slot_bits; slot++) {
		struct mz_network_key key = { .network = network->network, .slot = slot };
		struct mz_network *row = &network->slots[slot];

		*row = (struct mz_network){ .vni = vni,
					    .slot_bits = slot_bits,
					    .bouncers = random_replicas(world) };
		network->exists[slot] = random_chance(95);
		if (network->exists[slot])
			row_put(MZ_TABLE_network, &key, row);
	}
}

static void add_prefix(struct world *world, uint32_t vni, const struct mz_addr *prefix,
		       uint32_t prefix_len, uint64_t network)
{
	struct mz_prefix_key key = { .prefixlen = 32 + prefix_len,
				     .vni_be = htonl(vni),
				     .prefix = *prefix };
	struct mz_route row = { .network = network };

	world->prefixes[world->n_prefixes++] = (struct world_prefix){
		.vni = vni, .prefix = *prefix, .prefix_len = prefix_len, .network = network
	};
	row_put(MZ_TABLE_prefix, &key, &row);
}

static uint32_t random_flags(void)
{
	return (random_chance(50) ? MZ_VPC_DIVIDE : 0) |
	       (random_chance(DIRECT_PERCENT) ? MZ_VPC_DIRECT : 0);
}

static void random_vpc_row(struct world *world, unsigned int i)
{
	struct world_vpc *vpc = &world->vpcs[i];

	*vpc = (struct world_vpc){ .exists = random_chance(95),
				   .vni = vnis[i],
				   .row = { .flags = random_flags(),
					    .dividers = random_replicas(world) } };
	if (vpc->exists)
		row_put(MZ_TABLE_vpc, &vpc->vni, &vpc->row);
}

static void random_vpc(struct world *world, unsigned int i)
{
	random_vpc_row(world, i);
	for (unsigned int s = 0; s <= N_SUBNETS; s++) {
		struct world_network *network = &world->networks[i * (N_SUBNETS + 1) + s];

		network->network = 100 * (i + 1) + s;
		random_network(world, network, vnis[i]);
		for (unsigned int is_ipv6 = 0; s < N_SUBNETS && is_ipv6 < 2; is_ipv6++) {
			struct mz_addr prefix = endpoint_addr(is_ipv6, s, 0);

			if (random_chance(80))
				add_prefix(world, vnis[i], &prefix, is_ipv6 ? 64 : 120,
					   network->network);
		}
	}
	/* A longer prefix inside the first one: numbers 2 and 3. */
	for (unsigned int is_ipv6 = 0; is_ipv6 < 2; is_ipv6++) {
		struct mz_addr prefix = endpoint_addr(is_ipv6, 0, 2);

		if (random_chance(30))
			add_prefix(world, vnis[i], &prefix, 127, 100 * (i + 1) + 1);
	}
}

/* Fresh, to be asked again, or over; for as long as a world lasts. */
static struct mz_learned random_learned(const struct world *world, uint64_t subnet_id,
					uint64_t group_id)
{
	static const unsigned int percents[] = { 1, 5, 30, 30, 85, 85, 130 };
	const uint64_t networks[] = { 0, 0, subnet_id, subnet_id, group_id };
	struct mz_learned row = {
		.host = world->hosts[random_below(N_HOSTS - 1) + 1].addr,
		.network = networks[random_below(5)],
		.confirmed = now_ns() - MZ_LEASE_NS / 100 * percents[random_below(7)],
		.asked = now_ns() - 10000000000,
		.asked_bouncers = now_ns() >> MZ_LEARNED_SHIFT,
		.generation = random_below(5),
		.group = random_below(3),
		.flags = random_chance(50) ? MZ_LEARNED_RTS : MZ_LEARNED_HERE,
	};

	if (random_chance(40))
		row.before = world->hosts[random_below(N_HOSTS)].addr;
	if (random_chance(15))
		row.flags |= MZ_LEARNED_STALE;
	if (random_chance(30))
		row.flags |= MZ_LEARNED_BY;
	return row;
}

static void random_addr(struct world *world, struct world_addr *a, unsigned int vpc,
			unsigned int subnet, unsigned int number, bool is_ipv6)
{
	uint64_t subnet_id = 100 * (vpc + 1) + subnet, group_id = 100 * (vpc + 1) + N_SUBNETS;
	struct mz_vni_addr key = { .vni = vnis[vpc],
				   .addr = endpoint_addr(is_ipv6, subnet, number) };

	*a = (struct world_addr){ .vni = key.vni, .addr = key.addr };
	a->is_member = random_chance(20);
	a->has_location = random_chance(50);
	a->is_local = random_chance(40);
	a->member.network = random_chance(80) ? group_id : subnet_id;
	a->location.network = random_chance(85) ? subnet_id : group_id;
	a->location.host = world->hosts[random_chance(40) ? 0 : random_below(N_HOSTS)].addr;
	a->local = (struct mz_local){ .network = random_chance(85) ? subnet_id : group_id,
				      .ifindex = random_chance(95) ? random_device(world) : 0,
				      .mtu = random_chance(70) ? 0 : 68 + random_below(1500),
				      .flags = random_chance(50) ? MZ_PORT_PEER : 0 };
	world_mac(a->local.mac, vpc, subnet, number);
	a->local.generation = a->location.generation = random_below(5);
	a->is_learned = random_chance(50);
	a->learned = random_learned(world, subnet_id, group_id);
	a->has_moved = random_chance(10);
	a->moved.host = world->hosts[random_below(N_HOSTS)].addr;
	a->moved.generation = random_below(5);
	if (a->is_learned)
		row_put(MZ_TABLE_learned, &key, &a->learned);
	if (a->has_moved)
		row_put(MZ_TABLE_moved, &key, &a->moved);
	if (a->is_member)
		row_put(MZ_TABLE_member, &key, &a->member);
	if (a->has_location)
		row_put(MZ_TABLE_location, &key, &a->location);
	if (a->is_local)
		row_put(MZ_TABLE_local, &key, &a->local);
}

/* An endpoint of any VPC is on each device; its network is that of its subnet or its group. */
static void random_port(struct world_port *port)
{
	unsigned int vpc = random_below(N_VPCS), subnet = random_below(N_SUBNETS);
	unsigned int number = random_below(N_NUMBERS) + 1;
	static const uint8_t lens[] = { 0, 64, 120, 126, 127, 128 };

	*port = (struct world_port){
		.ifindex = port->ifindex,
		.exists = random_chance(95),
		.row = { .uid = port->ifindex,
			 .network = 100 * (vpc + 1) + (random_chance(85) ? subnet : N_SUBNETS),
			 .vni = vnis[vpc] },
	};
	if (random_chance(90))
		port->row.ip4 = endpoint_addr(false, subnet, number);
	if (random_chance(90))
		port->row.ip6 = endpoint_addr(true, subnet, number);
	if (random_chance(80))
		port->row.gateway4 = endpoint_addr(false, subnet, 254);
	if (random_chance(80))
		port->row.gateway6 = endpoint_addr(true, subnet, 254);
	port->row.prefix_len4 = lens[random_below(6)];
	port->row.prefix_len6 = lens[random_below(6)];
	world_mac(port->row.mac, vpc, subnet, number);
	if (port->exists)
		row_put(MZ_TABLE_port, &port->ifindex, &port->row);
}

void world_random(struct world *world, const uint32_t ifindexes[N_PORTS])
{
	struct world_addr *a = world->addrs;

	plane_empty();
	memset(world, 0, sizeof(*world));
	for (unsigned int i = 0; i < N_PORTS; i++)
		world->ports[i].ifindex = ifindexes[i];
	world->is_ipv6 = random_chance(50);
	plane_underlay(world->is_ipv6);
	plane_use_old_kernel(random_chance(30));
	plane_forget();
	world->n_addrs = N_ADDRS;
	random_hosts(world);
	for (unsigned int v = 0; v < N_VPCS; v++) {
		random_vpc(world, v);
		for (unsigned int s = 0; s < N_SUBNETS; s++)
			for (unsigned int i = 1; i <= N_NUMBERS; i++) {
				random_addr(world, a++, v, s, i, false);
				random_addr(world, a++, v, s, i, true);
			}
	}
	for (unsigned int i = 0; i < N_PORTS; i++)
		random_port(&world->ports[i]);
}

void world_change(struct world *world)
{
	unsigned int vpc = random_below(N_VPCS), host = random_below(N_HOSTS);

	if (random_chance(50)) {
		if (world->vpcs[vpc].exists)
			row_delete(MZ_TABLE_vpc, &world->vpcs[vpc].vni);
		random_vpc_row(world, vpc);
		return;
	}
	if (world->hosts[host].is_known)
		row_delete(MZ_TABLE_droplet, &world->hosts[host].addr);
	if (world->hosts[host].has_way)
		row_delete(MZ_TABLE_nexthop, &world->hosts[host].addr);
	if (world->hosts[host].is_dead)
		row_delete(MZ_TABLE_dead, &world->hosts[host].addr);
	random_host(world, host);
}
