/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Admission of a batch of objects: all of it, or nothing. Everything is judged against what the
 * store has (also what is not durable yet) and against the rest of the batch, whatever its order.
 */
#pragma once

#include "api/field.h"
#include "controller/write.h"
#include "mizar/v1/management.pb-c.h"

/* A prefix that a network of a VPC has. */
struct ctl_admitted_prefix {
	struct ctl_prefix prefix;
	char *network; /* name */
};

/* An object that the batch has, or refers to. */
struct ctl_admitted {
	char *key;		  /* "kind/namespace/name" */
	struct mz_object *object; /* new, or as stored */
	struct mz_object *old;	  /* of the batch: as stored, or NULL */
	bool in_batch;
	unsigned int index; /* in the request */
	uint64_t owner;
	Mizar__V1__ApplyResponse__Result result;
	struct ctl_network_facts facts; /* of a network, once has_facts */
	bool has_facts;
	struct ctl_admitted_prefix *prefixes; /* of a VPC's networks, once has_prefixes */
	size_t n_prefixes;
	bool has_prefixes;
	UT_hash_handle hh;
};

struct ctl_admission {
	struct ctl_controller *c;
	struct ctl_write *write;
	struct mz_problems problems;
	struct ctl_admitted **items; /* of the request, in its order; NULL: unreadable */
	size_t n_items;
	struct ctl_admitted *known; /* by key: items, and what they refer to */
	bool create_only;
};

/* The object by its name, of the batch or of the store; NULL if there is none. */
struct ctl_admitted *ctl_admit_find(struct ctl_admission *a, enum mz_kind kind, const char *ns,
				    const char *name);
/* The same for a reference: adds a problem unless the object is there, and stays. */
struct ctl_admitted *ctl_admit_refer(struct ctl_admission *a, const struct ctl_admitted *item,
				     enum mz_kind kind, const char *name, const char *path);

/*
 * Two passes over each kind, parents first: what is asked for explicitly is taken before anything
 * is chosen, so that no choice is in the way. Problems go into a->problems; errors are the store's.
 */
int ctl_admit_explicit(struct ctl_admission *a, struct ctl_admitted *item);
int ctl_admit_choose(struct ctl_admission *a, struct ctl_admitted *item);

/* admit_network.c */
int ctl_admit_vpc_update(struct ctl_admission *a, struct ctl_admitted *item);
int ctl_admit_network(struct ctl_admission *a, struct ctl_admitted *item);
const struct ctl_network_facts *ctl_admit_facts(struct ctl_admission *a, struct ctl_admitted *item);
/* admit_endpoint.c */
int ctl_admit_endpoint(struct ctl_admission *a, struct ctl_admitted *item);
int ctl_admit_endpoint_choose(struct ctl_admission *a, struct ctl_admitted *item);
/* The object gets the status of another one of its kind, or an empty one (NULL). */
int ctl_admit_set_status(struct mz_object *new, const struct mz_object *old);

/* admit_store.c: writes what differs. Answers. */
int ctl_admit_store(struct ctl_admission *a, struct ctl_admitted *item);
void ctl_admit_reply_problems(struct ctl_admission *a, struct mz_rpc_call *call);
void ctl_admit_reply_results(struct ctl_admission *a, struct mz_rpc_call *call);
