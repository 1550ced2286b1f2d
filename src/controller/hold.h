/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses of deleted endpoints: held until no host can deliver to the old one any more, that is,
 * until every host that ever had its row has acknowledged that it goes: also one that the endpoint
 * left long before it was deleted. One that is not connected, or does not acknowledge, for longer
 * than times.hold_ms is waited for no more: its data plane may go on, but for all that is known it
 * is gone.
 *
 * In the store the address stays with the uid of the deleted endpoint. So after a restart it is not
 * free either; who wants it then gets it once all hosts have reported.
 */
#pragma once

#include "controller/write.h"

struct ctl_hold;

/* One host that a hold waits for. */
struct ctl_hold_wait {
	struct ctl_hold *hold;
	struct ctl_droplet *droplet;
	uint64_t revision;			     /* of its own rows, to be acknowledged */
	uint64_t until;				     /* of the queue's clock */
	struct ctl_hold_wait *prev, *next;	     /* of the droplet, by revision */
	struct ctl_hold_wait *hold_prev, *hold_next; /* of the hold */
};

/*
 * Of an endpoint that is deleted, or that only has left hosts that do not know it yet. uid 0: of
 * all that were deleted, or had left a host, before the start of this process.
 */
struct ctl_hold {
	struct ctl_controller *controller;
	uint64_t uid;
	bool is_deleted;
	uint32_t vni;
	int n_addrs;
	struct mz_addr addrs[CTL_ENDPOINT_ADDRESSES_MAX];
	struct ctl_hold_wait *waits;
	void (*done)(void *user); /* when it is over, or has lasted for long; or NULL */
	void *user;
	struct ctl_work patience, release;
	UT_hash_handle hh;
};

/* The model is being built: nobody knows what the host has. */
void ctl_hold_unheard(struct ctl_droplet *droplet);
/* The endpoint's row has just been taken out of the host's scope. */
void ctl_hold_leave(struct ctl_droplet *droplet, uint64_t uid);
/* The endpoint is deleted, and has left its hosts. */
void ctl_hold_new(struct ctl_controller *c, uint32_t vni, const struct mz_object *endpoint);
/* Runs done soon: at once if nothing is held, or only for hosts that are not connected. */
void ctl_hold_wait_for(struct ctl_controller *c, uint64_t uid, void (*done)(void *user),
		       void *user);
/* The host has acknowledged changes of its own rows after one revision, up to another one. */
void ctl_holds_acked(struct ctl_droplet *droplet, uint64_t after, uint64_t revision);
/* The host is waited for no more; nor for what is older than times.hold_ms. */
void ctl_holds_give_up(struct ctl_droplet *droplet);
void ctl_holds_give_up_late(struct ctl_droplet *droplet);
void ctl_holds_fini(struct ctl_controller *c);

/*
 * As mz_txn_take_address(); also takes what a deleted endpoint still had when the controller was
 * started, if no host can have it any more. -EBUSY: a deleted one has it.
 */
int ctl_hold_take(struct ctl_controller *c, struct mz_txn *txn, uint32_t vni,
		  const struct mz_addr *addr, uint64_t uid);
