/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set of replicas: the bouncers of a network, or the dividers of a VPC. Make before break:
 *
 *	     holds all rows       acknowledged      acknowledged
 *	out -----------------> known -----------> ready -----------> used
 *	out <----------------- known <----------- ready <----------- used
 *	     acknowledged, gone   acknowledged      at once: it is to go, or does not
 *	                                            acknowledge for 1 s and is not the last
 *
 * All who hold the set's row acknowledge a stage, unless they are dead or take more than 30 s. Who
 * does not keep up rises again when it has caught up.
 */
#pragma once

#include "controller/controller.h"

void ctl_set_init(struct ctl_set *set, struct ctl_controller *c, enum mz_kind kind, void *owner,
		  uint64_t owner_uid, unsigned int want, struct ctl_scope *warm,
		  struct ctl_scope *publish);
/* All replicas have gone. */
void ctl_set_fini(struct ctl_set *set);

/* Has the set looked at soon: are there enough replicas, has one to go? */
void ctl_set_look(struct ctl_set *set);
/* Rows of the warm scope have changed: used replicas have 1 s. */
void ctl_set_changed(struct ctl_set *set);
/* The droplet has acknowledged rows of the warm scope. */
void ctl_set_warmed(struct ctl_set *set, struct ctl_droplet *droplet);
/* Somebody acknowledged rows of the publish scope: stages may go on. */
void ctl_set_published(struct ctl_set *set);
/* Revision of the warm scope that all used replicas have acknowledged; 0: none. */
uint64_t ctl_set_settled(const struct ctl_set *set);
unsigned int ctl_set_n_used(const struct ctl_set *set);
/* The host refused rows of the warm scope; it has them all after that. */
void ctl_set_refused(struct ctl_set *set, struct ctl_droplet *droplet);
/* The host has come without any of its rows: out, if there is somebody else, until it has them. */
void ctl_set_lost(struct ctl_set *set, struct ctl_droplet *droplet);
void ctl_set_accepted(struct ctl_set *set, const struct ctl_droplet *droplet);

/* The replica is to go. */
bool ctl_replica_is_doomed(const struct ctl_replica *replica);
/* It holds all rows that those that are used hold. */
bool ctl_replica_is_warm(const struct ctl_replica *replica);
/* Takes it out of the row, stage by stage, and deletes its object then. */
void ctl_replica_leave(struct ctl_replica *replica);
/* Puts it among those of its set and droplet; and out again. */
void ctl_replica_init(struct ctl_replica *replica);
void ctl_replica_fini(struct ctl_replica *replica);
