/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which hosts a flow passes now, by the tables of each: what bpf/route.h decides for a packet, told
 * step by step. Only the choice among several bouncers or dividers is the packet's alone, since the
 * kernel's hash of the flow makes it; and the packets that ask for a lease's renewal are passed
 * over, which now and then go by the bouncers.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "tables/tables.h"

/* What a host is for the flow; bits. */
#define MZ_PATH_SOURCE	    (1U << 0)
#define MZ_PATH_BOUNCER	    (1U << 1)
#define MZ_PATH_DIVIDER	    (1U << 2)
#define MZ_PATH_MOVED	    (1U << 3) /* the destination was there, and it sends after it */
#define MZ_PATH_RETURN	    (1U << 4) /* has not got it, and gives the packet back */
#define MZ_PATH_DESTINATION (1U << 5)

#define MZ_PATH_HOPS_MAX 8
#define MZ_PATH_WHY_SIZE 160

struct mz_path_flow {
	uint32_t vni;
	struct mz_addr src, dst;
};

struct mz_path_hop {
	struct mz_replicas hosts; /* any one of them */
	uint32_t roles;		  /* 0: its tables could not be read */
	char why[MZ_PATH_WHY_SIZE]; /* it is asked */
};

enum mz_path_end {
	MZ_PATH_ARRIVES,
	MZ_PATH_DROPPED,
	MZ_PATH_UNKNOWN, /* the last hop's tables could not be read */
};

struct mz_path {
	struct mz_path_hop hops[MZ_PATH_HOPS_MAX + 1];
	size_t n_hops;
	enum mz_path_end end;
	enum mz_drop drop; /* on the last hop, if it ends so */
};

struct mz_path_host {
	struct mz_addr self;
	struct mz_tables *tables; /* NULL: cannot be read from here */
	uint64_t lease;
};

/* What one host makes of a packet. */
struct mz_path_step {
	uint32_t roles;
	struct mz_replicas next;    /* any one of them; none: it ends here */
	bool gives_back;	    /* to `next`, which sent it */
	uint64_t judged;	    /* network that it may enter, as the packet says; 0: none */
	char why[MZ_PATH_WHY_SIZE]; /* next is asked */
	enum mz_path_end end;
	enum mz_drop drop;
};

/*
 * from: the host that sent it; NULL: the source is here, and sends. judged: network that it may
 * enter, as `from` says; 0: none. is_returned: `from` gives it back. now: ns of CLOCK_MONOTONIC.
 * -errno: the tables cannot be read.
 */
int mz_path_step(const struct mz_path_flow *flow, const struct mz_path_host *host,
		 const struct mz_addr *from, uint64_t judged, bool is_returned, uint64_t now,
		 struct mz_path_step *ret_step);

/* Finds a host by its tunnel address. What it opens is user's; what is wrong, it says. */
typedef int (*mz_path_host_fn)(const struct mz_addr *addr, void *user,
			       struct mz_path_host *ret_host);

/* The network of the destination, as a divider's tables say: 1; 0: they do not. */
int mz_path_find_route(struct mz_tables *tables, const struct mz_path_flow *flow,
		       uint64_t *ret_network);

/* From the host that has the source. now: of all hosts (a lab's). */
int mz_path_walk(const struct mz_path_flow *flow, const struct mz_path_host *first, uint64_t now,
		 mz_path_host_fn find_host, void *user, struct mz_path *ret_path);
