/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Endpoints that go from one droplet to another, make before break. The stored status says how far:
 *
 *	spec B, on A
 *	  |   B is told its row, with the next location generation
 *	on A, migratingTo B		A serves it
 *	  |   B has a device for it
 *	on B, migratingFrom A		bouncers are told; A still has row and device
 *	  |   all active bouncers have acknowledged: A gets tombstones and loses its row at once
 *	on B				A forwards what still comes there, and tells the senders
 *	  |   30 s: the tombstones go
 *	on B
 *
 * An endpoint without a device goes at once. What is asked for meanwhile takes the place of B as
 * long as that has no device (A: cancels it), and later waits for the bouncers (A: keeps its
 * device).
 * Which tombstones there are follows from status.left: a restart changes nothing.
 */
#pragma once

#include "controller/write.h"

#define CTL_LEFT_MAX 8 /* as status.left */

struct ctl_tombstone;

/* One droplet of an endpoint that is on its way. */
struct ctl_migration_end {
	struct ctl_migration *migration;
	struct ctl_droplet *droplet; /* NULL: none */
	struct ctl_migration_end *prev, *next; /* of the droplet */
};

/* An endpoint between two droplets, or that was a while ago. */
struct ctl_migration {
	struct ctl_controller *controller;
	uint64_t uid;
	struct ctl_network *network;
	bool is_on_way;	 /* two droplets have its row */
	bool is_leaving; /* the old one waits for the bouncers */
	bool is_writing; /* the operator's own transaction is under way */
	uint32_t generation;	    /* where it is now */
	uint64_t location_revision; /* to be acknowledged by the bouncers */
	uint64_t target_revision;   /* of the next one's own rows, with its row */
	struct ctl_migration_end ends[CTL_PLACES_MAX];
	struct ctl_tombstone *tombstones;
	struct ctl_work work;
	struct ctl_migration *prev, *next; /* of the network's leaving ones, by revision */
	UT_hash_handle hh;
};

/*
 * One step of an endpoint's stored status towards spec.droplet; not the last one, which is the
 * operator's. Returns 1 if it changed, 0 if there is nothing to do, or to wait.
 */
int ctl_migrate_step(struct ctl_controller *c, struct mz_txn *txn, uint32_t vni,
		     Mizar__V1__Endpoint *endpoint);

/*
 * The status is about to be stored: writes down which droplets it leaves by that that may have a
 * device for it, in place of those that it left long ago.
 */
int ctl_migrate_note_left(struct ctl_controller *c, const Mizar__V1__Endpoint *old,
			  Mizar__V1__Endpoint *new);

/* The endpoint has changed, its new rows are in their scopes, and its old ones are not yet out. */
void ctl_migration_change(struct ctl_controller *c, struct ctl_network *network,
			  const struct mz_object *old, const struct mz_object *new);
/* Something that it may wait for has come true. */
void ctl_migration_look(struct ctl_controller *c, uint64_t uid);
/* The host has come or gone. */
void ctl_migrations_look(struct ctl_droplet *droplet);
/* The droplet goes. */
void ctl_migrations_forget(struct ctl_droplet *droplet);
/* The network's bouncers have acknowledged more. */
void ctl_migrations_settled(struct ctl_network *network);
void ctl_migrations_fini(struct ctl_controller *c);

/* tombstone.c: on a droplet that an endpoint has left, a row for each of its addresses. */
struct ctl_tombstone {
	struct ctl_migration *migration;
	struct ctl_droplet *droplet;
	uint32_t vni;
	int n_addrs;
	struct mz_addr addrs[CTL_ENDPOINT_ADDRESSES_MAX];
	struct mz_addr host;
	uint32_t generation;
	uint64_t until;					   /* of the queue's clock */
	struct ctl_tombstone *prev, *next;		   /* of the migration */
	struct ctl_tombstone *droplet_prev, *droplet_next; /* of the droplet, by until */
};

/* Lasts for ms from now. */
void ctl_tombstone_new(struct ctl_migration *migration, struct ctl_droplet *droplet, uint32_t vni,
		       const struct mz_addr *addrs, int n_addrs, const struct mz_addr *host,
		       uint32_t generation, uint64_t ms);
void ctl_tombstone_free(struct ctl_tombstone *tombstone);
/* The endpoint has moved on. */
void ctl_tombstone_set(struct ctl_tombstone *tombstone, const struct mz_addr *host,
		       uint32_t generation);
/* The first of the droplet's have lasted long enough. */
void ctl_tombstones_end_old(struct ctl_droplet *droplet);
/* The droplet goes. */
void ctl_tombstones_forget(struct ctl_droplet *droplet);
/* Frees the migration if nothing is left of it. */
void ctl_migration_put(struct ctl_migration *migration);
