/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several hosts with the real programs, each with tables of its own, and between them a net that
 * shuffles, loses and doubles packets, while a controller changes what the hosts hold.
 *
 * Two VPCs use the same addresses; one divides. Endpoint (v, n, i): member i of network n of VPC v
 * has 10.0.n.i and fd00:n::i. Its MAC tells it, and how often it was made: 02:e0:v:n:i:times.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cli/path.h"
#include "programs.h"
#include "random.h"

#define SIM_HOSTS     4
#define SIM_VPCS      2
#define SIM_NETWORKS  2 /* of a VPC */
#define SIM_MEMBERS   2 /* of a network */
#define SIM_ENDPOINTS (SIM_VPCS * SIM_NETWORKS * SIM_MEMBERS)
#define SIM_NOWHERE   SIM_HOSTS
#define SIM_CLONES    4

/* Says what is wrong, and what went before, and ends. */
__attribute__((noreturn, format(printf, 1, 2))) void sim_fail(const char *format, ...);
/* Kept for sim_fail(). */
__attribute__((format(printf, 1, 2))) void sim_note(const char *format, ...);

/* What a program made of a packet. */
struct sim_result {
	bool is_sent; /* out leaves the host */
	struct frame out;
	struct frame clones[SIM_CLONES]; /* left it, too */
	unsigned int n_clones;
	struct counts counts;
	unsigned int n_drops, reason; /* the last one */
};

/* Hosts: the programs and their tables. Each endpoint has a device, the same on all hosts. */
int sim_hosts_open(bool is_ipv6, uint64_t lease);
void sim_hosts_close(void);
struct mz_addr sim_host_addr(unsigned int host);
uint32_t sim_device(unsigned int endpoint);
void sim_agent(unsigned int host, unsigned int endpoint, const struct frame *in,
	       struct sim_result *ret_result);
void sim_transit(unsigned int host, const struct frame *in, struct sim_result *ret_result);
void sim_put(unsigned int host, enum mz_table_id table, const void *key, const void *value);
void sim_delete(unsigned int host, enum mz_table_id table, const void *key); /* or it is absent */
bool sim_find(unsigned int host, enum mz_table_id table, const void *key, void *ret_value);
/* As it is after a boot; or but for droplets and next hops. */
void sim_empty(unsigned int host);
void sim_put_droplets(unsigned int host);

/* What `mizar path` says of a packet; several ways where time decides. */
struct sim_guess {
	uint64_t began;
	bool divides; /* the VPC */
	bool is_open; /* it may go on */
	unsigned int n;
	struct mz_path_step steps[3];
};
struct mz_path_host sim_path_host(unsigned int host);
/* A packet that a host sent: judged: for which network; 0: none. */
struct sim_came {
	struct mz_addr from;
	uint64_t judged;
	bool is_returned;
};
/* came: NULL: from an endpoint of this host. */
void sim_foretell(unsigned int host, uint32_t vni, const uint8_t *ip, const struct sim_came *came,
		  struct sim_guess *ret);
/* to: a host; SIM_NOWHERE: an endpoint. sends: what it is there. False: nothing to compare. */
bool sim_compare(const struct sim_guess *guess, unsigned int to, const struct sim_came *sends,
		 const struct sim_result *result);

/* The controller: what it wants, and which hosts have heard of it already. */
struct sim_endpoint {
	unsigned int vpc, network, member;
	unsigned int home;    /* where it is to be; SIM_NOWHERE */
	unsigned int located; /* what bouncers are told; SIM_NOWHERE */
	unsigned int placed;  /* hosts that have its rows and device, as bits */
	unsigned int moved_to[SIM_HOSTS]; /* tombstones, by host; SIM_NOWHERE: none */
	uint32_t moved_generation[SIM_HOSTS];
	uint32_t generation;
	uint8_t n_made;
	char ip4[16], ip6[16], mac[18];
};
extern struct sim_endpoint sim_endpoints[SIM_ENDPOINTS];

uint32_t sim_vni(unsigned int vpc);
bool sim_divides(unsigned int vpc);
/* A new world. only_moves: nothing is done that may lose packets. */
void sim_control_init(bool only_moves);
/* Does one thing on one host. */
void sim_control_step(void);
/* The same, but starts nothing new. False: nothing is half done any more. */
bool sim_control_finish(void);
/* Has a host lost its tables, and not got all of them again? */
bool sim_control_is_booting(void);
/* Prints who has which role, and what hosts have learned. */
void sim_control_print(void);

/* Packets have numbers: the next one, and the oldest that is on its way. */
extern uint64_t sim_next_packet, sim_oldest_packet;
