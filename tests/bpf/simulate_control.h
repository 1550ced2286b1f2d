/* SPDX-License-Identifier: Apache-2.0 */
/* The controller of a simulation: what it has put on hosts, and what it is about to change. */
#pragma once

#include "simulate.h"

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
extern struct vpc vpcs[SIM_VPCS];

enum kind { IDLE, MIGRATE, DELETE, CREATE, BOUNCER, DIVIDER };
extern const char *const kinds[];

struct task {
	enum kind kind;
	unsigned int step, next; /* next: host of a step that goes to several */
	struct sim_endpoint *endpoint;
	unsigned int network, from, to;
	unsigned int order; /* host that hears of a step first */
	bool places_first; /* CREATE */
	uint64_t waits_for; /* packets before this one; 0: for none yet */
};
extern struct task tasks[SIM_VPCS]; /* one a VPC at a time */

/* simulate_rows.c: rows as they should be on a host by now, and no more. */
bool needs_network(unsigned int host, unsigned int v, unsigned int n);
bool needs_vpc(unsigned int host, unsigned int v);
void put_vpc(unsigned int host, unsigned int v);
void put_network(unsigned int host, unsigned int v, unsigned int n);
void put_roles(unsigned int host, unsigned int v); /* what the host needs of a VPC */
void put_routes(unsigned int host, unsigned int v, bool deletes);
void put_location(unsigned int host, const struct sim_endpoint *e); /* what a bouncer holds */
void put_locations(unsigned int host, unsigned int v, unsigned int n, bool deletes);
void put_moved(unsigned int host, struct sim_endpoint *e);
/* With its device. What the host knew of another place of it is used no more: see mizard. */
void put_endpoint(unsigned int host, const struct sim_endpoint *e);
void place_endpoint(unsigned int host, struct sim_endpoint *e);
void leave_host(unsigned int host, struct sim_endpoint *e);

/* simulate_task.c */
void make_endpoint(struct sim_endpoint *e); /* anew */
struct set *task_set(const struct task *task, unsigned int v);
void task_go_on(unsigned int v); /* by one step */
