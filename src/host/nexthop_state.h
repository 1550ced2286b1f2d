/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What nexthop.c (which rows there should be), nexthop_way.c (neighbours and devices in use) and
 * nexthop_follow.c (what the kernel tells) share.
 *
 *	droplet --< leg >-- way (device, gateway, its MAC) --> device (own MAC)
 *	   many                 one per neighbour                one per egress device
 *
 * A droplet has a leg per next hop of its route: mostly one, several with ECMP.
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
	struct leg *legs;
	UT_hash_handle hh;
};

struct leg {
	struct droplet *droplet;
	struct way *way;
	unsigned int weight;
	struct leg *prev, *next; /* behind the same way */
};

struct droplet {
	struct mz_addr addr;
	struct leg legs[MZ_WAYS_MAX];
	unsigned int n_legs; /* 0: no route */
	struct mz_nexthop row;
	bool has_row;
	UT_hash_handle hh;
};

struct mz_nexthops {
	struct mz_tables *tables;
	struct mz_addr self;
	struct mz_netlink *nl;
	struct droplet *droplets;
	struct way *ways;
	struct egress *egresses;
	bool is_full;	  /* the kernel takes no more neighbours, and that was said */
	bool has_managed; /* as far as is known, the kernel has managed neighbours */
	struct follower *follower;
};

/* The ways of one droplet, and its row. */
int mz_nexthops_resolve(struct mz_nexthops *nexthops, struct droplet *droplet);
/*
 * All of it: every droplet's route, and the neighbours that are not resolved, or with is_lost
 * (events were missed) all of them and the devices.
 */
int mz_nexthops_resolve_all(struct mz_nexthops *nexthops, bool is_lost);
/* The rows of all droplets behind a way. */
int mz_nexthops_write_rows(struct mz_nexthops *nexthops, struct way *way);

/* Of a next hop of the kernel's; made if need be, with a neighbour that the kernel keeps. */
int mz_nexthops_get_way(struct mz_nexthops *nexthops, const struct mz_ip_way *ip_way,
			struct way **ret_way);
/* Of a way without legs. */
void mz_nexthops_release_way(struct mz_nexthops *nexthops, struct way *way);
/* What the kernel has of the neighbour, which it is asked to keep if nobody did yet. */
int mz_nexthops_refresh_way(struct mz_nexthops *nexthops, struct way *way);
void mz_nexthops_refresh_egresses(struct mz_nexthops *nexthops);
/* Neighbours that a former mizard registered for droplets that have left meanwhile. */
void mz_nexthops_release_orphans(struct mz_nexthops *nexthops);

/* New facts about a neighbour in use, into the rows behind it. */
int mz_nexthops_update_way(struct mz_nexthops *nexthops, struct way *way,
			   const struct mz_neighbour *neighbour);
/* New facts about a device in use. */
int mz_nexthops_update_egress(struct mz_nexthops *nexthops, struct egress *egress,
			      const struct mz_link *link);
struct way *mz_nexthops_find_way(struct mz_nexthops *nexthops, int ifindex,
				 const struct mz_addr *gateway);
struct egress *mz_nexthops_find_egress(struct mz_nexthops *nexthops, int ifindex);

void mz_nexthops_log(const struct mz_addr *addr, const char *what, int r);

/* Subscribes; events are taken in from the loop. */
int mz_follower_new(uv_loop_t *loop, struct mz_nexthops *nexthops, struct follower **ret_follower);
void mz_follower_free(struct follower *follower);
