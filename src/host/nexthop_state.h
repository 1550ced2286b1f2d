/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What nexthop.c (which rows there should be) and nexthop_follow.c (what the kernel tells) share.
 *
 *	droplet --> way (device, gateway, its MAC) --> device (own MAC)
 *	   many         one per neighbour                one per egress device
 *
 * So an event about a neighbour costs one lookup, and touches only the rows behind it.
 */
#pragma once

#include <uthash.h>
#include <utlist.h>

#include "host/nexthop.h"
#include "netlink/ip.h"
#include "netlink/link.h"
#include "netlink/neighbour.h"

struct egress {
	int ifindex;
	struct mz_link link;
	unsigned int n_ways; /* goes with the last one */
	UT_hash_handle hh;
};

struct way_key {
	int ifindex;
	struct mz_addr gateway;
};

struct way {
	struct way_key key;
	struct egress *egress;
	bool has_mac;
	uint8_t mac[6];
	bool is_managed;
	struct droplet *droplets;
	UT_hash_handle hh;
};

struct droplet {
	struct mz_addr addr;
	struct way *way; /* NULL: no route */
	struct mz_nexthop row;
	bool has_row;
	struct droplet *prev, *next; /* behind the same way */
	UT_hash_handle hh;
};

struct mz_nexthops {
	struct mz_tables *tables;
	struct mz_addr self;
	struct mz_netlink *nl;
	struct droplet *droplets;
	struct way *ways;
	struct egress *egresses;
	bool has_managed; /* as far as is known, the kernel has managed neighbours */
	struct follower *follower;
};

/* The way of one droplet, and its row. */
int mz_nexthops_resolve(struct mz_nexthops *nexthops, struct droplet *droplet);
/*
 * All of it: every droplet's route, and the neighbours that are not resolved, or with is_lost
 * (events were missed) all of them and the devices.
 */
int mz_nexthops_resolve_all(struct mz_nexthops *nexthops, bool is_lost);
/* New facts about a neighbour in use, into the rows behind it. */
int mz_nexthops_update_way(struct mz_nexthops *nexthops, struct way *way,
			   const struct mz_neighbour *neighbour);
/* New facts about a device in use. */
int mz_nexthops_update_egress(struct mz_nexthops *nexthops, struct egress *egress,
			      const struct mz_link *link);
struct way *mz_nexthops_find_way(struct mz_nexthops *nexthops, int ifindex,
				 const struct mz_addr *gateway);
struct egress *mz_nexthops_find_egress(struct mz_nexthops *nexthops, int ifindex);

/* Subscribes; events are taken in from the loop. */
int mz_follower_new(uv_loop_t *loop, struct mz_nexthops *nexthops, struct follower **ret_follower);
void mz_follower_free(struct follower *follower);
