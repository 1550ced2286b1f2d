// SPDX-License-Identifier: Apache-2.0
/* Rows that tests put into the tables, and the world that is there before each: plane.h. */
#include "plane.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define LO	1
#define SECOND	1000000000ULL

static struct mz_replicas replicas(const char *const hosts[], uint32_t n)
{
	struct mz_replicas set = { .n = n };

	for (uint32_t i = 0; i < n; i++)
		set.addrs[i] = addr(hosts[i]);
	return set;
}

void put_vpc(uint32_t vni, uint32_t flags, const char *const dividers[], uint32_t n)
{
	struct mz_vpc vpc = { .flags = flags, .dividers = replicas(dividers, n) };

	row_put(MZ_TABLE_vpc, &vni, &vpc);
}

void put_network(uint64_t network, const char *const bouncers[], uint32_t n)
{
	struct mz_network_key key = { .network = network };
	struct mz_network row = { .vni = VNI, .bouncers = replicas(bouncers, n) };

	row_put(MZ_TABLE_network, &key, &row);
}

void put_location(const char *ip, uint64_t network, const char *host)
{
	put_attested(ip, network, host, 0);
}

void put_local(const char *ip, uint64_t network, const char *mac, uint16_t mtu)
{
	struct mz_vni_addr key = { .vni = VNI, .addr = addr(ip) };
	struct mz_local row = { .network = network, .ifindex = LO, .mtu = mtu };

	put_mac(row.mac, mac);
	row_put(MZ_TABLE_local, &key, &row);
}

void delete_local(const char *ip)
{
	struct mz_vni_addr key = { .vni = VNI, .addr = addr(ip) };

	row_delete(MZ_TABLE_local, &key);
}

void put_generation(const char *ip, uint32_t generation)
{
	struct mz_vni_addr key = { .vni = VNI, .addr = addr(ip) };
	struct mz_local row;

	row_get(MZ_TABLE_local, &key, &row);
	row.generation = generation;
	row_put(MZ_TABLE_local, &key, &row);
}

void put_attested(const char *ip, uint64_t network, const char *host, uint32_t generation)
{
	struct mz_vni_addr key = { .vni = VNI, .addr = addr(ip) };
	struct mz_location row = { .network = network,
				   .host = addr(host),
				   .generation = generation };

	row_put(MZ_TABLE_location, &key, &row);
}

void put_prefix(const char *prefix, unsigned int len, uint64_t network)
{
	struct mz_prefix_key key = { .prefixlen = 32 + len,
				     .vni_be = htonl(VNI),
				     .prefix = addr(prefix) };
	struct mz_route row = { .network = network };

	row_put(MZ_TABLE_prefix, &key, &row);
}

void put_routes(void)
{
	put_prefix("10.0.0.0", 120, 100);
	put_prefix("10.0.1.0", 120, 200);
	put_prefix("fd00:a::", 64, 100);
	put_prefix("fd00:b::", 64, 200);
}

static void put_port(void)
{
	uint32_t ifindex = LO;
	struct mz_port port = {
		.network = 100,
		.vni = VNI,
		.ip4 = addr(PORT_IPV4),
		.ip6 = addr(PORT_IPV6),
		.gateway4 = addr("10.0.0.254"),
		.gateway6 = addr("fd00:a::fe"),
		.prefix_len4 = 120,
		.prefix_len6 = 64,
	};

	put_mac(port.mac, PORT_MAC);
	row_put(MZ_TABLE_port, &ifindex, &port);
}

static void put_droplets(void)
{
	for (int i = 1; i <= 6; i++) {
		char ip[32], mac[32];
		struct mz_droplet droplet = {};
		struct mz_nexthop nexthop = { .ways[0].ifindex = LO };
		struct mz_addr key;

		snprintf(ip, sizeof(ip), "192.168.50.%d", i);
		snprintf(mac, sizeof(mac), "02:aa:00:00:00:%02x", i);
		key = addr(ip);
		row_put(MZ_TABLE_droplet, &key, &droplet);
		put_mac(nexthop.ways[0].dst_mac, mac);
		put_mac(nexthop.ways[0].src_mac, SELF_MAC);
		if (i != 1)
			row_put(MZ_TABLE_nexthop, &key, &nexthop);
	}
}

int plane_setup(void **state)
{
	plane_use_old_kernel(false);
	plane_empty();
	put_droplets();
	put_vpc(VNI, 0, LIST("192.168.50.3"));
	put_network(100, LIST("192.168.50.2"));
	put_network(200, LIST("192.168.50.4"));
	put_port();
	put_local(PORT_IPV4, 100, PORT_MAC, 0);
	put_local(PORT_IPV6, 100, PORT_MAC, 0);
	put_local("10.0.0.4", 100, MAC_4, 0);
	put_local("fd00:a::4", 100, MAC_4, 0);
	put_local("10.0.1.4", 200, MAC_1_4, 0);
	put_local("fd00:b::4", 200, MAC_1_4, 0);
	return 0;
}

uint64_t now_ns(void)
{
	struct timespec t;

	assert_int_equal(clock_gettime(CLOCK_MONOTONIC_COARSE, &t), 0);
	return t.tv_sec * SECOND + t.tv_nsec;
}

struct mz_vni_addr endpoint(const char *ip)
{
	return (struct mz_vni_addr){ .vni = VNI, .addr = addr(ip) };
}

struct mz_learned put_learned(const char *ip, const char *host, uint32_t generation,
			      uint32_t flags, unsigned int percent)
{
	struct mz_vni_addr key = endpoint(ip);
	struct mz_learned row = { .host = addr(host),
				  .generation = generation,
				  .flags = flags,
				  .asked = now_ns() - 10 * SECOND,
				  .asked_bouncers = now_ns() >> MZ_LEARNED_SHIFT,
				  .confirmed = now_ns() - MZ_LEASE_NS / 100 * percent };

	row_put(MZ_TABLE_learned, &key, &row);
	return row;
}

bool get_learned(const char *ip, struct mz_learned *ret_row)
{
	struct mz_vni_addr key = endpoint(ip);

	return row_find(MZ_TABLE_learned, &key, ret_row);
}

void put_dead(const char *host, int seconds)
{
	struct mz_addr key = addr(host);
	struct mz_dead row = { .until = now_ns() + seconds * SECOND, .misses = 3 };

	row_put(MZ_TABLE_dead, &key, &row);
}

void put_moved(const char *ip, const char *host, uint32_t generation)
{
	struct mz_vni_addr key = endpoint(ip);
	struct mz_moved row = { .host = addr(host), .generation = generation };

	row_put(MZ_TABLE_moved, &key, &row);
}
