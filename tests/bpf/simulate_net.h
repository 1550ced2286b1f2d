/* SPDX-License-Identifier: Apache-2.0 */
/* The net of a simulation: packets on their way from host to host. */
#pragma once

#include "simulate.h"

#define FLYING_MAX  48
#define PACKETS_MAX 65536 /* of one world */
#define NOTE_SIZE   160

struct sent {
	unsigned int src, dst; /* endpoints */
	unsigned int n_arrived, n_hops;
};
extern struct sent sent[PACKETS_MAX]; /* by their numbers */
extern unsigned int n_flying;

extern bool is_lossy; /* the world */
extern struct sim_total {
	uint64_t seed, n_packets, n_arrived, n_runs, n_compared, n_counted[MZ_N_COUNTERS];
	uint64_t n_dropped[MZ_DROP_CODES];
} total;

/* A packet of an endpoint, by any host that has it at the moment. Returns its number. */
uint64_t net_send(unsigned int src, unsigned int dst, bool is_ipv6);
void net_send_random(void);
/* What flies reaches its host. */
void net_land(unsigned int i);
/* Something happens to something that is on its way. */
void net_step(void);
/* Sets sim_oldest_packet. */
void net_find_oldest(void);
