/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the controller keeps in memory: the small objects (droplets, VPCs, networks, bouncers,
 * dividers) with their relations, and how many endpoints each host has of each network. Endpoints
 * themselves stay in the store. It holds what is durable, never what is only submitted, and is
 * built from the store by the same calls that later changes make.
 *
 *	droplet --< sub >-- scope                  what a host holds
 *	vpc --< network --< usage >-- droplet      why it holds it
 *	vpc, network: a set --< replica >-- droplet    dividers, bouncers
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <uthash.h>
#include <utlist.h>

#include "api/object.h"
#include "controller/facts.h"
#include "controller/ipam.h"
#include "controller/queue.h"
#include "controller/scope.h"
#include "controller/uidset.h"

struct mz_store;
struct ctl_controller;
struct ctl_full;
struct ctl_hold;
struct ctl_hold_wait;
struct ctl_migration;
struct ctl_migration_end;
struct ctl_session;
struct ctl_tombstone;

/* A host, whether its stream is up or not. */
struct ctl_droplet {
	struct ctl_controller *controller;
	uint64_t uid;
	char *name;
	struct mz_addr addr;
	bool unschedulable;
	bool deleting;
	bool dead; /* its stream has been down for too long: what it held is placed elsewhere */
	bool given_up; /* it has been down for so long that nobody waits for it */
	uint64_t died; /* when that was last, of the loop's clock; 0: never */

	struct ctl_scope host; /* the endpoints on it */
	struct ctl_sub *subs;  /* what it should hold, by scope */
	struct ctl_usage *usages;
	struct ctl_replica *replicas;
	struct ctl_pending *pending;
	struct ctl_migration_end *migrations; /* of endpoints on their way to or from it */
	struct ctl_tombstone *tombstones;     /* of endpoints that have left it */
	struct ctl_hold_wait *holds;	  /* of addresses that wait for its ack, by revision */
	uint64_t n_endpoints;		  /* also those on their way to or from it */
	unsigned int n_bouncers, n_dividers;
	unsigned int n_planned;	 /* replicas on their way into the store */
	unsigned int n_arriving; /* endpoints on their way to it, not yet durable */

	struct ctl_session *session; /* its stream, or NULL */
	struct ctl_uidset attached;  /* endpoints with a device, as the host said last */
	bool is_early; /* one of them migrates to it, and what it said may be of an older device */
	char *version;
	char *drops;	      /* of its last report, as text, or NULL */
	struct ctl_work down; /* runs when its stream has been down for too long */
	struct ctl_work give_up;
	struct ctl_work unbury; /* runs when the first of tombstones is old */
	struct ctl_work late;	/* runs when the first of holds has waited for too long */
	struct ctl_work work; /* the droplet operator */
	UT_hash_handle hh, hh_name;
};

/* Why a host needs a VPC's or network's rows: gone when both counts are zero. */
struct ctl_usage {
	struct ctl_droplet *droplet;
	struct ctl_network *network; /* or NULL: of a VPC */
	uint64_t n_endpoints;
	unsigned int n_replicas;       /* of a VPC: bouncers of its networks, and dividers */
	struct ctl_usage *prev, *next; /* of the droplet (usages of networks only) */
	UT_hash_handle hh;
};

/* What others are told of a replica: see set.h, and struct mz_replicas. */
enum ctl_stage { CTL_OUT, CTL_KNOWN, CTL_READY, CTL_USED };

/* One bouncer or divider. */
struct ctl_replica {
	uint64_t uid;
	char *name;
	struct ctl_set *set;
	struct ctl_droplet *droplet;
	enum ctl_stage stage;	/* in the set's row */
	bool active;		/* is to be used: its stage rises until it is, else it falls */
	bool deleting;		/* somebody asked for its deletion */
	bool surplus;		/* more than are wanted */
	bool leaving;		/* goes when its stage has fallen */
	uint64_t told_revision; /* of the set's row with its stage */
	uint64_t told;		/* when that was, of the loop's clock */
	struct ctl_work timer;	/* it does not keep up */
	struct ctl_work step;	/* its next stage */
	struct ctl_replica *prev, *next;		 /* of the set */
	struct ctl_replica *droplet_prev, *droplet_next; /* of the droplet */
	UT_hash_handle hh;
};

/* The bouncers of a network or the dividers of a VPC. */
struct ctl_set {
	struct ctl_controller *controller;
	enum mz_kind kind; /* of its replicas */
	void *owner;	   /* the network or VPC */
	uint64_t owner_uid;
	unsigned int want;
	struct ctl_replica *replicas;
	struct ctl_scope *warm;	      /* what a replica must hold before it is used */
	struct ctl_scope *publish;    /* where those that have a stage are a row */
	struct mz_replicas published; /* in that row now */
	uint64_t removed_from;	      /* droplet that a replica was last removed from */
	bool writing;		      /* the operator's own transaction is under way */
	bool is_short; /* fewer than wanted: looked at again when a host joins */
	struct ctl_work work;
	struct ctl_set *short_prev, *short_next;
};

struct ctl_vpc {
	uint64_t uid;
	char *key; /* "namespace/name" */
	uint32_t vni;
	bool deleting;
	struct ctl_vpc_flags flags;
	struct ctl_set set;
	struct ctl_scope scope, routes;
	bool has_row;
	struct ctl_vpc_flags row_flags; /* what its row says now */
	struct ctl_usage *usages;
	struct ctl_network *networks;
	struct ctl_work work; /* the VPC operator */
	UT_hash_handle hh, hh_key;
};

struct ctl_network {
	struct ctl_controller *controller;
	struct ctl_network_facts facts;
	char *key; /* "namespace/name" */
	struct ctl_vpc *vpc;
	bool deleting;
	struct ctl_set set;
	struct ctl_scope scope, locations;
	struct ctl_usage *usages;
	struct ctl_pending *pending;
	struct ctl_migration *migrations; /* of endpoints that leave a droplet, by revision */
	uint64_t n_endpoints;		 /* placed or not */
	struct ctl_network *prev, *next; /* of the VPC */
	struct ctl_work work;		 /* the network operator */
	UT_hash_handle hh, hh_key;
};

/* An endpoint that is not provisioned yet, or failed. */
struct ctl_pending {
	uint64_t uid;
	struct ctl_droplet *droplet;
	struct ctl_network *network;
	uint64_t host_revision, location_revision; /* to be acknowledged */
	bool host_done, location_done;
	char *failed; /* why, or NULL */
	struct ctl_pending *host_prev, *host_next, *network_prev, *network_next;
	UT_hash_handle hh;
};

struct ctl_model {
	struct ctl_droplet *droplets, *droplets_by_name;
	struct ctl_vpc *vpcs, *vpcs_by_key;
	struct ctl_network *networks, *networks_by_key;
	struct ctl_replica *replicas;
	struct ctl_pending *pending;
	struct ctl_migration *migrations;
	struct ctl_hold *holds;
	struct ctl_set *short_sets;
	struct ctl_scope hosts; /* scope DROPLETS */
	unsigned int n_connected;
};

struct ctl_droplet *ctl_model_droplet(const struct ctl_model *model, const char *name);
/*
 * A droplet whose address is of the other family, or NULL: the underlay has one family, so that
 * every host can reach every other.
 */
struct ctl_droplet *ctl_model_other_family(const struct ctl_model *model,
					   const struct mz_addr *addr);
struct ctl_vpc *ctl_model_vpc(const struct ctl_model *model, const char *ns, const char *name);
struct ctl_network *ctl_model_network(const struct ctl_model *model, const char *ns,
				      const char *name);
struct ctl_network *ctl_model_network_by_uid(const struct ctl_model *model, uint64_t uid);
struct ctl_replica *ctl_model_replica(const struct ctl_model *model, uint64_t uid);
/* "namespace/name"; caller frees, NULL without memory. */
char *ctl_model_key(const char *ns, const char *name);

/* One object as it was and as it is: either may be NULL. */
void ctl_model_change(struct ctl_controller *c, enum mz_kind kind, const struct mz_object *old,
		      const struct mz_object *new);
/* Builds the model from the store; all operators look at everything once. */
int ctl_model_load(struct ctl_controller *c);
/* Ends all hosts' streams (they come back) and frees everything. */
void ctl_model_fini(struct ctl_controller *c);
