// SPDX-License-Identifier: Apache-2.0
/* The rows that the controller of a simulation has put on hosts, or puts there. */
#include "simulate_control.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static const uint32_t vnis[SIM_VPCS] = { 7, 0x70007 };
struct vpc vpcs[SIM_VPCS];
struct sim_endpoint sim_endpoints[SIM_ENDPOINTS];

uint32_t sim_vni(unsigned int vpc)
{
	return vnis[vpc];
}

bool sim_divides(unsigned int vpc)
{
	return vpc == 1;
}

static uint64_t network_id(unsigned int vpc, unsigned int network)
{
	return 100 * (vpc + 1) + network;
}

static unsigned int add(struct mz_replicas *row, unsigned int at, unsigned int hosts)
{
	for (unsigned int host = 0; host < SIM_HOSTS; host++)
		if (hosts & BIT(host))
			row->addrs[at++] = sim_host_addr(host);
	return at;
}

static struct mz_replicas replicas(const struct set *set)
{
	struct mz_replicas row = {};

	row.n = add(&row, 0, set->used);
	row.n_ready = add(&row, row.n, set->ready) - row.n;
	row.n_known = add(&row, row.n + row.n_ready, set->known) - row.n - row.n_ready;
	return row;
}

static unsigned int all_of(const struct set *set)
{
	return set->used | set->ready | set->known | set->holders;
}

bool needs_network(unsigned int host, unsigned int v, unsigned int n)
{
	unsigned int hosts = all_of(&vpcs[v].dividers) | all_of(&vpcs[v].bouncers[n]);

	for (unsigned int i = 0; i < SIM_ENDPOINTS; i++)
		if (sim_endpoints[i].vpc == v && sim_endpoints[i].network == n) {
			hosts |= sim_endpoints[i].placed;
			/* With its tombstone it sends on what comes for it, or back. */
			if (sim_endpoints[i].moved_to[host] != SIM_NOWHERE)
				hosts |= BIT(host);
		}
	return hosts & BIT(host);
}

bool needs_vpc(unsigned int host, unsigned int v)
{
	bool needs = false;

	for (unsigned int n = 0; n < SIM_NETWORKS; n++)
		needs |= needs_network(host, v, n);
	return needs;
}

void put_vpc(unsigned int host, unsigned int v)
{
	struct mz_vpc row = { .flags = MZ_VPC_DIRECT | (sim_divides(v) ? MZ_VPC_DIVIDE : 0),
			      .dividers = replicas(&vpcs[v].dividers) };

	sim_put(host, MZ_TABLE_vpc, &vnis[v], &row);
}

void put_network(unsigned int host, unsigned int v, unsigned int n)
{
	struct mz_network_key key = { .network = network_id(v, n) };
	struct mz_network row = { .vni = vnis[v], .bouncers = replicas(&vpcs[v].bouncers[n]) };

	sim_put(host, MZ_TABLE_network, &key, &row);
}

void put_roles(unsigned int host, unsigned int v)
{
	if (needs_vpc(host, v))
		put_vpc(host, v);
	else
		sim_delete(host, MZ_TABLE_vpc, &vnis[v]);
	for (unsigned int n = 0; n < SIM_NETWORKS; n++) {
		struct mz_network_key key = { .network = network_id(v, n) };

		if (needs_network(host, v, n))
			put_network(host, v, n);
		else
			sim_delete(host, MZ_TABLE_network, &key);
	}
}

void put_routes(unsigned int host, unsigned int v, bool deletes)
{
	for (unsigned int i = 0; i < 2 * SIM_NETWORKS; i++) {
		bool is_ipv6 = i % 2;
		char text[32];
		struct mz_prefix_key key = { .prefixlen = 32 + (is_ipv6 ? 64 : 120),
					     .vni_be = htonl(vnis[v]) };
		struct mz_route row = { .network = network_id(v, i / 2) };

		(void)snprintf(text, sizeof(text), is_ipv6 ? "fd00:%u::" : "10.0.%u.0", i / 2);
		key.prefix = addr(text);
		if (deletes)
			sim_delete(host, MZ_TABLE_prefix, &key);
		else
			sim_put(host, MZ_TABLE_prefix, &key, &row);
	}
}

static struct mz_vni_addr key_of(const struct sim_endpoint *e, bool is_ipv6)
{
	return (struct mz_vni_addr){ .vni = vnis[e->vpc],
				     .addr = addr(is_ipv6 ? e->ip6 : e->ip4) };
}

void put_location(unsigned int host, const struct sim_endpoint *e)
{
	for (int is_ipv6 = 0; is_ipv6 < 2; is_ipv6++) {
		struct mz_vni_addr key = key_of(e, is_ipv6);
		struct mz_location row = { .network = network_id(e->vpc, e->network),
					   .generation = e->generation };

		if (e->located == SIM_NOWHERE) {
			sim_delete(host, MZ_TABLE_location, &key);
			continue;
		}
		row.host = sim_host_addr(e->located);
		sim_put(host, MZ_TABLE_location, &key, &row);
	}
}

void put_locations(unsigned int host, unsigned int v, unsigned int n, bool deletes)
{
	for (unsigned int i = 0; i < SIM_ENDPOINTS; i++) {
		struct sim_endpoint e = sim_endpoints[i];

		if (deletes)
			e.located = SIM_NOWHERE;
		if (e.vpc == v && e.network == n)
			put_location(host, &e);
	}
}

void put_moved(unsigned int host, struct sim_endpoint *e)
{
	for (int is_ipv6 = 0; is_ipv6 < 2; is_ipv6++) {
		struct mz_vni_addr key = key_of(e, is_ipv6);
		struct mz_moved row = { .generation = e->moved_generation[host] };

		if (e->moved_to[host] == SIM_NOWHERE) {
			sim_delete(host, MZ_TABLE_moved, &key);
			continue;
		}
		row.host = sim_host_addr(e->moved_to[host]);
		sim_put(host, MZ_TABLE_moved, &key, &row);
	}
}

static void put_port(unsigned int host, const struct sim_endpoint *e)
{
	uint32_t ifindex = sim_device(e - sim_endpoints);
	char gateway4[16], gateway6[16];
	struct mz_port row = { .network = network_id(e->vpc, e->network),
			       .vni = vnis[e->vpc],
			       .ip4 = addr(e->ip4),
			       .ip6 = addr(e->ip6),
			       .prefix_len4 = 120,
			       .prefix_len6 = 64 };

	(void)snprintf(gateway4, sizeof(gateway4), "10.0.%u.254", e->network);
	(void)snprintf(gateway6, sizeof(gateway6), "fd00:%u::fe", e->network);
	row.gateway4 = addr(gateway4);
	row.gateway6 = addr(gateway6);
	put_mac(row.mac, e->mac);
	sim_put(host, MZ_TABLE_port, &ifindex, &row);
}

void put_endpoint(unsigned int host, const struct sim_endpoint *e)
{
	for (int is_ipv6 = 0; is_ipv6 < 2; is_ipv6++) {
		struct mz_vni_addr key = key_of(e, is_ipv6);
		struct mz_local row = { .network = network_id(e->vpc, e->network),
					.ifindex = sim_device(e - sim_endpoints),
					.generation = e->generation };
		struct mz_learned learned;

		put_mac(row.mac, e->mac);
		sim_put(host, MZ_TABLE_local, &key, &row);
		if (!sim_find(host, MZ_TABLE_learned, &key, &learned))
			continue;
		learned.flags |= MZ_LEARNED_STALE;
		sim_put(host, MZ_TABLE_learned, &key, &learned);
	}
	put_port(host, e);
}

void place_endpoint(unsigned int host, struct sim_endpoint *e)
{
	e->placed |= BIT(host);
	put_roles(host, e->vpc);
	put_endpoint(host, e);
	e->moved_to[host] = SIM_NOWHERE;
	put_moved(host, e);
}

void leave_host(unsigned int host, struct sim_endpoint *e)
{
	uint32_t ifindex = sim_device(e - sim_endpoints);

	e->placed &= ~BIT(host);
	for (int is_ipv6 = 0; is_ipv6 < 2; is_ipv6++) {
		struct mz_vni_addr key = key_of(e, is_ipv6);

		sim_delete(host, MZ_TABLE_local, &key);
	}
	sim_delete(host, MZ_TABLE_port, &ifindex);
}

static void print_set(const char *what, const struct set *set)
{
	printf(" %s", what);
	for (unsigned int host = 0; host < SIM_HOSTS; host++)
		if ((set->used | set->ready | set->known) & BIT(host))
			printf(" %u%s", host, set->used & BIT(host)  ? "" :
					      set->ready & BIT(host) ? " (ready)" :
								       " (known)");
}

static unsigned int host_of(const struct mz_addr *of)
{
	unsigned int host = 0;

	for (; host < SIM_HOSTS; host++) {
		struct mz_addr self = sim_host_addr(host);

		if (!memcmp(&self, of, sizeof(self)))
			break;
	}
	return host;
}

static void print_learned(const struct sim_endpoint *e, bool is_ipv6)
{
	struct mz_vni_addr key = key_of(e, is_ipv6);
	struct mz_learned row;

	for (unsigned int host = 0; host < SIM_HOSTS; host++)
		if (sim_find(host, MZ_TABLE_learned, &key, &row))
			printf("    host %u knows IPv%d on %u (before: %u), generation %u, "
			       "network %u%s%s\n",
			       host, is_ipv6 ? 6 : 4, host_of(&row.host), host_of(&row.before),
			       row.generation, (unsigned int)row.network,
			       row.flags & MZ_LEARNED_BY ? ", by it" : "",
			       row.flags & MZ_LEARNED_STALE ? ", stale" : "");
}

void sim_control_print(void)
{
	for (unsigned int v = 0; v < SIM_VPCS; v++) {
		printf("VPC %u:", v);
		print_set("dividers", &vpcs[v].dividers);
		for (unsigned int n = 0; n < SIM_NETWORKS; n++)
			print_set("; bouncers", &vpcs[v].bouncers[n]);
		printf("\n");
	}
	for (unsigned int i = 0; i < SIM_ENDPOINTS; i++) {
		printf("endpoint %u: network %u, host %u, generation %u\n", i,
		       (unsigned int)network_id(sim_endpoints[i].vpc, sim_endpoints[i].network),
		       sim_endpoints[i].home, sim_endpoints[i].generation);
		print_learned(&sim_endpoints[i], false);
		print_learned(&sim_endpoints[i], true);
	}
}
