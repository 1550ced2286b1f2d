/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host that a flow passes, and what its tables say to it: what the decisions of path_step.c are
 * made from. Lookups return 1 or 0, or -errno.
 */
#pragma once

#include <errno.h>

#include "base/addr.h"
#include "base/replicas.h"
#include "cli/path.h"
#include "mizar/hash.h"
#include "mizar/wire.h"

/* One host at work: what it knows, and what it decides. Functions return 1 when it is decided. */
struct step {
	const struct mz_path_flow *flow;
	const struct mz_path_host *host;
	const struct mz_addr *from; /* outer source; NULL: the endpoint is here, and sends */
	uint64_t judged;	    /* network that it may enter, by the word of `from`; 0: none */
	bool is_returned;	    /* from `from`, which has not got it */
	uint64_t now;
	bool has_no_vpc;
	struct mz_vpc vpc;
	struct mz_local local; /* of the destination */
	bool has_local;
	struct mz_location location;
	uint64_t network;	 /* of the source, if it sends from here */
	uint64_t sender_network; /* that `from` is proven to send from; 0: not */
	struct mz_path_step *out;
};

static inline int get(const struct step *s, enum mz_table_id id, const void *key, void *ret_value)
{
	int r = mz_table_get(s->host->tables, id, key, ret_value);

	return r == -ENOENT ? 0 : r < 0 ? r : 1;
}

static inline int get_of_addr(const struct step *s, enum mz_table_id id,
			      const struct mz_addr *addr, void *ret_value)
{
	const struct mz_vni_addr key = { .vni = s->flow->vni, .addr = *addr };

	return get(s, id, &key, ret_value);
}

/* One that has its device. */
static inline int get_local(const struct step *s, const struct mz_addr *addr,
			    struct mz_local *ret_local)
{
	int r = get_of_addr(s, MZ_TABLE_local, addr, ret_local);

	return r > 0 ? ret_local->ifindex != 0 : r;
}

static inline int get_network(const struct step *s, uint64_t id, struct mz_network *ret_network)
{
	struct mz_network_key key = { .network = id };
	int r = get(s, MZ_TABLE_network, &key, ret_network);

	if (r <= 0 || !ret_network->slot_bits)
		return r;
	key.slot = mz_slot(s->flow->vni, &s->flow->dst, ret_network->slot_bits);
	return get(s, MZ_TABLE_network, &key, ret_network);
}

/* from is NULL where the source is. */
static inline bool is_from(const struct step *s, const struct mz_replicas *set)
{
	return s->from && mz_replicas_have(set, s->from);
}

/* What came back is as it was before it left. */
static inline bool is_from_divider(const struct step *s)
{
	return !s->is_returned && is_from(s, &s->vpc.dividers);
}

static inline bool was_divided(const struct step *s)
{
	return s->judged && is_from_divider(s);
}

static inline bool was_judged(const struct step *s, uint64_t network)
{
	return !s->is_returned && !((s->judged ^ network) << (64 - MZ_JUDGED_BITS));
}

static inline bool acts(const struct step *s, const struct mz_replicas *set)
{
	return mz_replicas_have_acting(set, &s->host->self);
}

static inline bool divides(const struct step *s)
{
	return acts(s, &s->vpc.dividers);
}

/* Dividers stand between the networks, and are what hosts learn instead of each other. */
static inline bool is_direct_by_divider(const struct step *s)
{
	const __u32 both = MZ_VPC_DIRECT | MZ_VPC_DIVIDE;

	return (s->vpc.flags & both) == both;
}

/* Of another network than the source's, where a divider stands between and is learned. */
static inline bool is_behind_divider(const struct step *s, uint64_t network)
{
	return is_direct_by_divider(s) && network != s->network;
}

static inline bool is_same(const struct mz_addr *a, const struct mz_addr *b)
{
	return a && b && !mz_addr_compare(a, b);
}

static inline int is_dead(const struct step *s, const struct mz_addr *addr)
{
	struct mz_dead dead;
	int r = get(s, MZ_TABLE_dead, addr, &dead);

	return r > 0 ? dead.until > s->now : r;
}

static inline int is_from_bouncer(const struct step *s, uint64_t network)
{
	struct mz_network row;
	int r = get_network(s, network, &row);

	return r > 0 ? is_from(s, &row.bouncers) : r;
}

/* Whether this host bounces for the source, and no other such bouncer sent the packet. */
static inline int is_bouncer_of_source(const struct step *s)
{
	struct mz_location src;
	int r = get_of_addr(s, MZ_TABLE_location, &s->flow->src, &src);

	if (r <= 0 || is_same(&src.host, s->from))
		return r;
	r = is_from_bouncer(s, src.network);
	return r < 0 ? r : !r;
}

/* For a location that is learned, or was until a moment ago. */
static inline int was_sent_there(const struct step *s)
{
	struct mz_learned row;
	int r = get_of_addr(s, MZ_TABLE_learned, &s->flow->dst, &row);

	return r > 0 ? is_same(&row.host, s->from) || is_same(&row.before, s->from) : r;
}

/* Of an endpoint that left this host, or sent on as a divider, which it may be no more? */
static inline int was_sent_here(const struct step *s)
{
	struct mz_moved moved;

	return mz_replicas_have(&s->vpc.dividers, &s->host->self) ?
		       1 :
		       get_of_addr(s, MZ_TABLE_moved, &s->flow->src, &moved);
}

/* Does this host, as a bouncer, send everybody there? */
static inline int is_own_word(const struct step *s)
{
	struct mz_network row;
	int r = get_network(s, s->location.network, &row);

	return r > 0 ? is_same(&s->location.host, s->from) && acts(s, &row.bouncers) : r;
}
