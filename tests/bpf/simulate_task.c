// SPDX-License-Identifier: Apache-2.0
/* What the controller of a simulation does, step by step. */
#include "simulate_control.h"

#include <stdio.h>

void make_endpoint(struct sim_endpoint *e)
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
		place_endpoint(task->to, e);
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
		leave_host(task->from, e);
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
		put_roles(host, e->vpc);
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
		leave_host(e->home, e);
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
			make_endpoint(e);
		place_endpoint(task->to, e);
		task->step++;
	} else if (task->step < 2) {
		if (task->step == 0 && task->next == 0)
			make_endpoint(e);
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

struct set *task_set(const struct task *task, unsigned int v)
{
	return task->kind == BOUNCER ? &vpcs[v].bouncers[task->network] : &vpcs[v].dividers;
}

static void hold(struct task *task, unsigned int v, unsigned int host, bool is_over)
{
	unsigned int *holders = &task_set(task, v)->holders;

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
		change(task_set(task, v), task->step / 2 - 1, BIT(task->to),
		       BIT(task->from));
	}
	tell(task, v);
}

const char *const kinds[] = { "idle", "migrate", "delete", "create", "bouncer", "divider" };

void task_go_on(unsigned int v)
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
