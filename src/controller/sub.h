/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who holds which scope, and how far each host is. A sub exists as long as the host should hold the
 * scope, also while its stream is down; what to send is decided when there is room (session.c).
 */
#pragma once

#include "controller/controller.h"

struct ctl_sub {
	uint64_t key[2]; /* scope's kind and id */
	struct ctl_scope *scope;
	struct ctl_droplet *droplet;
	uint64_t sent;		     /* revision that the stream has carried */
	uint64_t base;		     /* what the outstanding update began after; 0: it is whole */
	uint64_t acked;		     /* revision that the host has; 0: not known, or not whole */
	bool known;		     /* what it has not it has named */
	bool outstanding;	     /* an update waits for its ack: the next one waits for that */
	bool wants_full;	     /* nothing else would help */
	bool queued;		     /* among the session's ready ones */
	size_t bytes;		     /* of the outstanding update, as counted in the window */
	struct ctl_full *full;	     /* being sent whole, or NULL */
	char *problem;		     /* the host's last nack, or NULL */
	struct ctl_work retry;	     /* sends it whole again after a nack or with a wrong digest */
	struct ctl_sub *prev, *next; /* of the scope */
	struct ctl_sub *ready_prev, *ready_next; /* of the session */
	UT_hash_handle hh;			 /* of the droplet */
};

struct ctl_sub *ctl_sub_find(const struct ctl_droplet *droplet, struct mz_scope_id id);
/* Makes it so that the host holds the scope or not. */
void ctl_sub_set(struct ctl_controller *c, struct ctl_droplet *droplet, struct ctl_scope *scope,
		 bool wanted);
/* Nobody holds the scope any more; it is about to go. */
void ctl_sub_drop_all(struct ctl_controller *c, struct ctl_scope *scope);
/* The host is about to go. */
void ctl_sub_forget_all(struct ctl_controller *c, struct ctl_droplet *droplet);
/* What the host refuses in any of its scopes, its own first; NULL: nothing. */
const char *ctl_sub_problem(const struct ctl_droplet *droplet);
/* Whether the host has all that the scope has now. */
bool ctl_sub_is_current(const struct ctl_sub *sub);
/* Up to which revision of its own rows the host has acknowledged or refused what it was sent. */
uint64_t ctl_sub_answered(const struct ctl_droplet *droplet);
/* The scope has changed: tells its holders, and starts to wait for replicas. */
void ctl_sub_touch(struct ctl_controller *c, struct ctl_scope *scope);
/* The host has acknowledged more: drives whatever waits for that. */
void ctl_sub_acked(struct ctl_controller *c, struct ctl_sub *sub);

/* Counts endpoints and replicas of a network on a host; subs follow. */
void ctl_usage_network(struct ctl_controller *c, struct ctl_network *network,
		       struct ctl_droplet *droplet, int endpoints, int replicas);
/* The same of dividers. */
void ctl_usage_vpc(struct ctl_controller *c, struct ctl_vpc *vpc, struct ctl_droplet *droplet,
		   int dividers);
/* Subs of a new network on the VPC's dividers. */
void ctl_usage_new_network(struct ctl_controller *c, struct ctl_network *network);
struct ctl_usage *ctl_usage_find(struct ctl_usage *usages, const struct ctl_droplet *droplet);
/* A replica of the set is on the droplet. */
bool ctl_set_has_replica(const struct ctl_set *set, const struct ctl_droplet *droplet);
