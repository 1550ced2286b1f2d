// SPDX-License-Identifier: Apache-2.0
/*
 * The controller of a simulation. What it does takes many steps, each of which changes one host.
 * Their order is that of docs/architecture.md: a new place first, then the bouncers, then the old
 * place; new bouncers and dividers have their tables before anybody hears of them, and come and go
 * by stages.
 *
 * Hosts hold the rows of a VPC or network as long as they have a role in it.
 */
#include "simulate_control.h"

#include <stdio.h>

struct task tasks[SIM_VPCS];

static struct {
	unsigned int host, step;
} boot;
static bool only_moves;

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
	used = task_set(task, v)->used;
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
	put_roles(host, e->vpc);
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
		task_go_on(v);
	} else if (random_chance(30)) {
		start(v);
	}
}

bool sim_control_is_booting(void)
{
	return boot.step;
}

bool sim_control_finish(void)
{
	bool is_half_done = boot.step;

	if (boot.step)
		go_on_booting();
	for (unsigned int v = 0; v < SIM_VPCS; v++) {
		is_half_done |= tasks[v].kind != IDLE;
		if (tasks[v].kind != IDLE)
			task_go_on(v);
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
	make_endpoint(e);
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
