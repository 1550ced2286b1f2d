// SPDX-License-Identifier: Apache-2.0
/*
 * The controller of a simulation. What it does takes many steps, each of which changes one host.
 * Their order is that of docs/architecture.md: a new place first, then the bouncers, then the old
 * place; new bouncers and dividers have their tables before anybody hears of them, and come and go
 * by stages.
 *
 * Hosts hold the rows of a VPC or network as long as they have a role in it.
 */
#include "simulate.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define ALL_HOSTS ((1U << SIM_HOSTS) - 1)
#define BIT(host) (1U << (host))

/* What others are told of a network's bouncers or a VPC's dividers, as in struct mz_replicas. */
struct set {
	unsigned int used, ready, known;
	unsigned int holders; /* hosts with the network's locations or the VPC's routes */
};

struct vpc {
	struct set dividers, bouncers[SIM_NETWORKS];
};

enum kind { IDLE, MIGRATE, DELETE, CREATE, BOUNCER, DIVIDER };

struct task {
	enum kind kind;
	unsigned int step, next; /* next: host of a step that goes to several */
	struct sim_endpoint *endpoint;
	unsigned int network, from, to;
	unsigned int order; /* host that hears of a step first */
	bool places_first; /* CREATE */
	uint64_t waits_for; /* packets before this one; 0: for none yet */
};

static const uint32_t vnis[SIM_VPCS] = { 7, 0x70007 };
static struct vpc vpcs[SIM_VPCS];
static struct task tasks[SIM_VPCS]; /* one a VPC at a time */
static struct {
	unsigned int host, step;
} boot;
static bool only_moves;

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

static bool needs_network(unsigned int host, unsigned int v, unsigned int n)
{
	unsigned int hosts = all_of(&vpcs[v].dividers) | all_of(&vpcs[v].bouncers[n]);

	for (unsigned int i = 0; i < SIM_ENDPOINTS; i++)
		if (sim_endpoints[i].vpc == v && sim_endpoints[i].network == n)
			hosts |= sim_endpoints[i].placed;
	return hosts & BIT(host);
}

static bool needs_vpc(unsigned int host, unsigned int v)
{
	bool needs = false;

	for (unsigned int n = 0; n < SIM_NETWORKS; n++)
		needs |= needs_network(host, v, n);
	return needs;
}

static void put_vpc(unsigned int host, unsigned int v)
{
	struct mz_vpc row = { .flags = MZ_VPC_DIRECT | (sim_divides(v) ? MZ_VPC_DIVIDE : 0),
			      .dividers = replicas(&vpcs[v].dividers) };

	sim_put(host, MZ_TABLE_vpc, &vnis[v], &row);
}

static void put_network(unsigned int host, unsigned int v, unsigned int n)
{
	struct mz_network_key key = { .network = network_id(v, n) };
	struct mz_network row = { .vni = vnis[v], .bouncers = replicas(&vpcs[v].bouncers[n]) };

	sim_put(host, MZ_TABLE_network, &key, &row);
}

/* What the host needs of a VPC, and no more. */
static void put_roles(unsigned int host, unsigned int v)
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

static void put_routes(unsigned int host, unsigned int v, bool deletes)
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

/* What a bouncer holds of an endpoint. */
static void put_location(unsigned int host, const struct sim_endpoint *e)
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

static void put_moved(unsigned int host, struct sim_endpoint *e)
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

/* With its device. What the host knew of another place of it is used no more, as mizard sees to. */
static void put_endpoint(unsigned int host, const struct sim_endpoint *e)
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

static void place(unsigned int host, struct sim_endpoint *e)
{
	e->placed |= BIT(host);
	put_roles(host, e->vpc);
	put_endpoint(host, e);
	e->moved_to[host] = SIM_NOWHERE;
	put_moved(host, e);
}

static void leave(unsigned int host, struct sim_endpoint *e)
{
	uint32_t ifindex = sim_device(e - sim_endpoints);

	e->placed &= ~BIT(host);
	for (int is_ipv6 = 0; is_ipv6 < 2; is_ipv6++) {
		struct mz_vni_addr key = key_of(e, is_ipv6);

		sim_delete(host, MZ_TABLE_local, &key);
	}
	sim_delete(host, MZ_TABLE_port, &ifindex);
}

static void make(struct sim_endpoint *e)
{
	e->generation++;
	e->n_made++;
	(void)snprintf(e->mac, sizeof(e->mac), "02:e0:%02x:%02x:%02x:%02x", e->vpc, e->network,
		       e->member, e->n_made);
}

/* A step that goes to a set of hosts, one at a time, first of them `first`. False: it is done. */
static bool next_host(struct task *task, unsigned int first, unsigned int set,
		      unsigned int *ret_host)
{
	while (task->next < SIM_HOSTS && !(set & BIT((first + task->next) % SIM_HOSTS)))
		task->next++;
	if (task->next == SIM_HOSTS) {
		task->next = 0;
		task->step++;
		return false;
	}
	*ret_host = (first + task->next++) % SIM_HOSTS;
	return true;
}

static void locate(struct task *task, unsigned int at)
{
	struct sim_endpoint *e = task->endpoint;
	unsigned int host;

	e->located = at;
	if (next_host(task, 0, vpcs[e->vpc].bouncers[e->network].holders, &host))
		put_location(host, e);
}

/* As acknowledgements take longer than packets that are on their way. */
static void wait(struct task *task)
{
	if (!task->waits_for)
		task->waits_for = sim_next_packet;
	if (sim_oldest_packet < task->waits_for)
		return;
	task->waits_for = 0;
	task->step++;
}

static void migrate(struct task *task)
{
	struct sim_endpoint *e = task->endpoint;

	switch (task->step) {
	case 0:
		e->generation++;
		place(task->to, e);
		e->home = task->to;
		task->step++;
		break;
	case 1:
		locate(task, task->to);
		break;
	case 2:
		wait(task);
		break;
	case 3:
		e->moved_to[task->from] = task->to;
		e->moved_generation[task->from] = e->generation;
		put_moved(task->from, e);
		leave(task->from, e);
		task->step++;
		break;
	default:
		put_roles(task->from, e->vpc);
		task->kind = IDLE;
	}
}

/* A tombstone goes with its endpoint. */
static void end_tombstones(struct sim_endpoint *e)
{
	for (unsigned int host = 0; host < SIM_HOSTS; host++) {
		e->moved_to[host] = SIM_NOWHERE;
		put_moved(host, e);
	}
}

static void delete(struct task *task)
{
	struct sim_endpoint *e = task->endpoint;

	if (task->step == 0 && task->next == 0)
		end_tombstones(e);
	switch (task->step) {
	case 0:
		locate(task, SIM_NOWHERE);
		break;
	case 1:
		leave(e->home, e);
		task->step++;
		break;
	default:
		put_roles(e->home, e->vpc);
		e->home = SIM_NOWHERE;
		task->kind = IDLE;
	}
}

static void create(struct task *task)
{
	struct sim_endpoint *e = task->endpoint;
	/* In either order: nobody uses it yet. */
	if (task->step == (task->places_first ? 0 : 1)) {
		if (task->step == 0)
			make(e);
		place(task->to, e);
		task->step++;
	} else if (task->step < 2) {
		if (task->step == 0 && task->next == 0)
			make(e);
		locate(task, task->to);
	} else {
		e->home = task->to;
		task->kind = IDLE;
	}
}

/* Hosts hear of the present bouncers (task: BOUNCER) or dividers, one after the other. */
static void tell(struct task *task, unsigned int v)
{
	unsigned int host;

	if (!next_host(task, task->order, ALL_HOSTS, &host))
		return;
	if (task->kind == DIVIDER && needs_vpc(host, v))
		put_vpc(host, v);
	if (task->kind == BOUNCER && needs_network(host, v, task->network))
		put_network(host, v, task->network);
}

static void put_locations(unsigned int host, unsigned int v, unsigned int n, bool deletes)
{
	for (unsigned int i = 0; i < SIM_ENDPOINTS; i++) {
		struct sim_endpoint e = sim_endpoints[i];

		if (deletes)
			e.located = SIM_NOWHERE;
		if (e.vpc == v && e.network == n)
			put_location(host, &e);
	}
}

static struct set *set_of(const struct task *task, unsigned int v)
{
	return task->kind == BOUNCER ? &vpcs[v].bouncers[task->network] : &vpcs[v].dividers;
}

static void hold(struct task *task, unsigned int v, unsigned int host, bool is_over)
{
	unsigned int *holders = &set_of(task, v)->holders;

	*holders = is_over ? *holders & ~BIT(host) : *holders | BIT(host);
	if (task->kind == BOUNCER)
		put_locations(host, v, task->network, is_over);
	else
		put_routes(host, v, is_over);
	put_roles(host, v);
}

/* One comes: known, ready, used; then another one goes: ready, known, forgotten. */
static void change(struct set *set, unsigned int step, unsigned int to, unsigned int from)
{
	unsigned int it = step < 3 ? to : from, to_be = step < 3 ? step + 1 : 5 - step;

	set->known = (set->known & ~it) | (to_be == 1 ? it : 0);
	set->ready = (set->ready & ~it) | (to_be == 2 ? it : 0);
	set->used = (set->used & ~it) | (to_be == 3 ? it : 0);
}

static void replace(struct task *task, unsigned int v)
{
	if (task->step == 0) { /* before anybody hears of it */
		hold(task, v, task->to, false);
		task->step++;
		return;
	}
	if (task->step == 14) {
		hold(task, v, task->from, true);
		task->kind = IDLE;
		return;
	}
	if (task->step % 2) {
		wait(task);
		return;
	}
	if (task->next == 0) {
		task->order = random_below(SIM_HOSTS);
		change(set_of(task, v), task->step / 2 - 1, BIT(task->to),
		       BIT(task->from));
	}
	tell(task, v);
}

static const char *const kinds[] = { "idle", "migrate", "delete", "create", "bouncer", "divider" };

static void go_on(unsigned int v)
{
	struct task *task = &tasks[v];

	sim_note("VPC %u: %s, step %u.%u", v, kinds[task->kind], task->step, task->next);
	switch (task->kind) {
	case IDLE:
		break;
	case MIGRATE:
		migrate(task);
		break;
	case DELETE:
		delete(task);
		break;
	case CREATE:
		create(task);
		break;
	case BOUNCER:
	case DIVIDER:
		replace(task, v);
		break;
	}
}

static unsigned int random_of(unsigned int set)
{
	unsigned int host = random_below(SIM_HOSTS);

	while (!(set & BIT(host)))
		host = (host + 1) % SIM_HOSTS;
	return host;
}

static void start_endpoint(struct task *task, struct sim_endpoint *e)
{
	task->endpoint = e;
	task->from = e->home;
	if (e->home == SIM_NOWHERE) {
		task->kind = CREATE;
		task->to = random_below(SIM_HOSTS);
		task->places_first = random_chance(50);
	} else {
		task->kind = only_moves || random_chance(70) ? MIGRATE : DELETE;
		task->to = random_of(ALL_HOSTS & ~BIT(e->home));
	}
	sim_note("%s endpoint %u, host %u to %u", kinds[task->kind],
		 (unsigned int)(e - sim_endpoints), e->home, task->to);
}

static void start(unsigned int v)
{
	struct task *task = &tasks[v];
	unsigned int used;

	*task = (struct task){ .network = random_below(SIM_NETWORKS) };
	if (random_chance(70)) {
		start_endpoint(task, &sim_endpoints[v * SIM_NETWORKS * SIM_MEMBERS +
						    random_below(SIM_NETWORKS * SIM_MEMBERS)]);
		return;
	}
	task->kind = random_chance(60) ? BOUNCER : DIVIDER;
	used = set_of(task, v)->used;
	task->from = random_of(used);
	task->to = random_of(ALL_HOSTS & ~used);
	sim_note("%s of VPC %u, host %u to %u", kinds[task->kind], v, task->from, task->to);
}

/* A rebooted host gets its rows anew: what it says depends on comes before who asks it. */
static void go_on_booting(void)
{
	unsigned int host = boot.host;

	sim_note("host %u boots: step %u", host, boot.step);
	if (boot.step == 1)
		sim_put_droplets(host);
	for (unsigned int v = 0; boot.step > 1 && v < SIM_VPCS; v++) {
		for (unsigned int n = 0; boot.step == 2 && n < SIM_NETWORKS; n++)
			if (vpcs[v].bouncers[n].holders & BIT(host))
				put_locations(host, v, n, false);
		if (boot.step == 3 && vpcs[v].dividers.holders & BIT(host))
			put_routes(host, v, false);
		if (boot.step == 4)
			put_roles(host, v);
	}
	for (unsigned int i = 0; boot.step == 5 && i < SIM_ENDPOINTS; i++) {
		if (sim_endpoints[i].placed & BIT(host))
			put_endpoint(host, &sim_endpoints[i]);
		put_moved(host, &sim_endpoints[i]);
	}
	boot.step = boot.step == 5 ? 0 : boot.step + 1;
}

static void end_a_tombstone(void)
{
	struct sim_endpoint *e = &sim_endpoints[random_below(SIM_ENDPOINTS)];
	unsigned int host = random_below(SIM_HOSTS);

	if (tasks[e->vpc].kind != IDLE || e->moved_to[host] == SIM_NOWHERE)
		return;
	sim_note("tombstone of endpoint %u on host %u ends", (unsigned int)(e - sim_endpoints),
		 host);
	e->moved_to[host] = SIM_NOWHERE;
	put_moved(host, e);
}

void sim_control_step(void)
{
	unsigned int v = random_below(SIM_VPCS);

	if (boot.step && random_chance(50)) {
		go_on_booting();
	} else if (!boot.step && !only_moves && random_chance(2)) {
		boot.host = random_below(SIM_HOSTS);
		boot.step = 1;
		sim_note("host %u reboots", boot.host);
		sim_empty(boot.host);
	} else if (random_chance(3)) {
		end_a_tombstone();
	} else if (tasks[v].kind != IDLE) {
		go_on(v);
	} else if (random_chance(30)) {
		start(v);
	}
}

bool sim_control_is_booting(void)
{
	return boot.step;
}

bool sim_control_is_half_known(const struct sim_endpoint *e)
{
	const struct task *task = &tasks[e->vpc];

	return (task->kind == CREATE || task->kind == DELETE) && task->endpoint == e;
}

bool sim_control_finish(void)
{
	bool is_half_done = boot.step;

	if (boot.step)
		go_on_booting();
	for (unsigned int v = 0; v < SIM_VPCS; v++) {
		is_half_done |= tasks[v].kind != IDLE;
		if (tasks[v].kind != IDLE)
			go_on(v);
	}
	return is_half_done;
}

static void init_set(struct set *set)
{
	*set = (struct set){ .used = BIT(random_below(SIM_HOSTS)) | BIT(random_below(SIM_HOSTS)) };
	set->holders = set->used;
}

static void init_vpc(unsigned int v)
{
	init_set(&vpcs[v].dividers);
	for (unsigned int n = 0; n < SIM_NETWORKS; n++)
		init_set(&vpcs[v].bouncers[n]);
	tasks[v] = (struct task){};
}

static void init_endpoint(unsigned int i)
{
	unsigned int of_vpc = i % (SIM_NETWORKS * SIM_MEMBERS);
	struct sim_endpoint *e = &sim_endpoints[i];

	*e = (struct sim_endpoint){ .vpc = i / (SIM_NETWORKS * SIM_MEMBERS),
				    .network = of_vpc / SIM_MEMBERS,
				    .member = of_vpc % SIM_MEMBERS + 1,
				    .home = random_below(SIM_HOSTS) };
	for (unsigned int host = 0; host < SIM_HOSTS; host++)
		e->moved_to[host] = SIM_NOWHERE;
	(void)snprintf(e->ip4, sizeof(e->ip4), "10.0.%u.%u", e->network, e->member);
	(void)snprintf(e->ip6, sizeof(e->ip6), "fd00:%u::%u", e->network, e->member);
	make(e);
	e->located = e->home;
	e->placed = BIT(e->home);
}

void sim_control_init(bool is_quiet)
{
	only_moves = is_quiet;
	boot.step = 0;
	for (unsigned int v = 0; v < SIM_VPCS; v++)
		init_vpc(v);
	for (unsigned int i = 0; i < SIM_ENDPOINTS; i++)
		init_endpoint(i);
	for (boot.host = 0; boot.host < SIM_HOSTS; boot.host++) {
		sim_empty(boot.host);
		for (boot.step = 1; boot.step;)
			go_on_booting();
	}
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
