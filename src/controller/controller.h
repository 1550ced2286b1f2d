/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mizar-controller, all in one: everything runs on one libuv loop. What is only of this program
 * is called ctl_…, as mz_… names what libraries export.
 *
 *	management.c  admit.c  remove.c --> write.c --> store
 *	                                      | once durable
 *	                                      v
 *	                 operator_KIND.c: the model, placement, rows
 *	                                      |
 *	                                      v
 *	              scope.c --> sub.c --> session.c --> host
 *	                                      | acks
 *	                                      v
 *	                       provision.c, replicas in and out
 */
#pragma once

#include "controller/model.h"
#include "rpc/rpc.h"
#include "store/store.h"

struct ctl_watcher;

/* How long to wait for hosts; see options.c. */
struct ctl_times {
	uint64_t dead_ms;      /* a host whose stream is down for longer is dead */
	uint64_t hold_ms;      /* a deleted address waits as long for a host whose stream is down */
	uint64_t tombstone_ms; /* the host that an endpoint has left forwards as long */
};

struct ctl_controller {
	uv_loop_t *loop;
	struct mz_store *store;
	const char *store_path;
	struct ctl_times times;
	struct ctl_queue queue;
	struct ctl_ipam *ipam;
	struct ctl_model model;
	struct ctl_watcher *watchers;
	uint64_t epoch;	  /* of this process's scopes */
	uint64_t started; /* of the loop's clock, in ms */
	uint64_t first_uid;	  /* of those that this process may give out */
	unsigned int n_deletions; /* of endpoints, not yet durable */
	uint32_t next_vni;
	bool loading; /* the model is being built: what it sees is no change */
	struct ctl_work resync;
};

/* Within the first seconds nobody leaves a set: hosts need time to come back. */
#define CTL_GRACE_MS 5000
/* Nor is anybody declared dead within these: hosts dial every 2 s at the latest. */
#define CTL_START_MS 10000
/* A host that was dead is not chosen again for as long, unless there is nobody else. */
#define CTL_STEADY_MS 60000
/* A bouncer or divider that does not acknowledge for longer leaves its set. */
#define CTL_ACK_MS 1000
/* A stage of one lasts as long for hosts that have not heard of it, and are not dead. */
#define CTL_LINGER_MS 30000
/* And so long at least: what was sent by the row before has arrived, and the stage is stored. */
#define CTL_FLIGHT_MS 100

/* No VPC has it: the addresses that are in use there are those of droplets. */
#define CTL_VNI_DROPLETS 0

/* loop and store are borrowed. Builds the model. */
int ctl_controller_init(struct ctl_controller *c, uv_loop_t *loop, struct mz_store *store,
			const char *store_path, const struct ctl_times *times);
void ctl_controller_fini(struct ctl_controller *c);

/* An operator could not write: all of them look at everything again, after a while. */
void ctl_controller_resync(struct ctl_controller *c);
/*
 * Zeroed memory for the model, or the end of the process: the model is only a view of the store,
 * half of one is worse than a restart.
 */
void *ctl_calloc(size_t n, size_t size);
char *ctl_strdup(const char *text);

/* Recovers the struct that embeds a work item. */
#define CTL_CONTAINER(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
