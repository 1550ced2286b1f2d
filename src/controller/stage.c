// SPDX-License-Identifier: Apache-2.0
/*
 * The row of a set, and the stages by which a replica comes into it and leaves it. All holders of
 * the row have heard of one stage before there is the next, so that between two of them there is
 * only ever one step:
 *
 *	known   others believe what it sends, before it acts and after
 *	ready   it acts, before anybody sends to it and as long as anybody may
 *	used
 *
 * The first of a set is used at once: there is nobody to wait for. Falling from used to ready is
 * safe at any time; a dead one is taken out at once, since it needs nobody's belief.
 */
#include "controller/stage.h"

#include <stdlib.h>

#include "base/addr.h"
#include "base/replicas.h"
#include "controller/compile.h"
#include "controller/operators.h"
#include "controller/provision.h"
#include "controller/set.h"
#include "controller/sub.h"
#include "controller/watch.h"

/* ---- the row --------------------------------------------------------------------------------- */

static int by_addr(const void *a, const void *b)
{
	return mz_addr_compare(a, b);
}

static unsigned int add_stage(const struct ctl_set *set, enum ctl_stage stage,
			      struct mz_replicas *row)
{
	unsigned int at = mz_replicas_size(row), n = 0;
	const struct ctl_replica *replica;

	DL_FOREACH(set->replicas, replica)
		if (replica->stage == stage && at + n < MZ_REPLICAS_MAX)
			row->addrs[at + n++] = replica->droplet->addr;
	qsort(&row->addrs[at], n, sizeof(*row->addrs), by_addr);
	return n;
}

static struct mz_replicas make_row(const struct ctl_set *set)
{
	struct mz_replicas row = {};

	row.n = (uint16_t)add_stage(set, CTL_USED, &row);
	row.n_ready = (uint8_t)add_stage(set, CTL_READY, &row);
	row.n_known = (uint8_t)add_stage(set, CTL_KNOWN, &row);
	return row;
}

static bool publish_network(struct ctl_set *set, const struct mz_replicas *bouncers)
{
	struct ctl_network *network = set->owner;
	struct ctl_row old, new;

	/* A network without bouncers has no row: its hosts know no way, and say so. */
	ctl_compile_network(&network->facts, &set->published, &old);
	ctl_compile_network(&network->facts, bouncers, &new);
	return ctl_scope_change(set->publish, mz_replicas_size(&set->published) ? &old.row : NULL,
				mz_replicas_size(bouncers) ? &new.row : NULL);
}

static bool publish_vpc(struct ctl_set *set, const struct mz_replicas *dividers)
{
	struct ctl_vpc *vpc = set->owner;
	struct ctl_row old, new;
	bool had_row = vpc->has_row;

	ctl_compile_vpc(vpc->vni, vpc->row_flags, &set->published, &old);
	ctl_compile_vpc(vpc->vni, vpc->flags, dividers, &new);
	vpc->has_row = true;
	vpc->row_flags = vpc->flags;
	return ctl_scope_change(set->publish, had_row ? &old.row : NULL, &new.row);
}

void ctl_set_publish(struct ctl_set *set)
{
	struct mz_replicas row = make_row(set);
	bool changed = set->kind == MZ_KIND_BOUNCER ? publish_network(set, &row)
						    : publish_vpc(set, &row);

	set->published = row;
	if (changed)
		ctl_sub_touch(set->controller, set->publish);
}

/* ---- stages ---------------------------------------------------------------------------------- */

static void set_stage(struct ctl_replica *replica, enum ctl_stage stage)
{
	struct ctl_set *set = replica->set;
	struct ctl_controller *c = set->controller;

	replica->stage = stage;
	ctl_set_publish(set);
	ctl_replica_told(replica);
	ctl_watch_touch(c, set->kind, replica->uid);
	ctl_watch_touch(c, set->kind == MZ_KIND_BOUNCER ? MZ_KIND_NETWORK : MZ_KIND_VPC,
			set->owner_uid);
	if (set->kind == MZ_KIND_BOUNCER)
		ctl_provision_network(c, set->owner);
	ctl_operator_replica_store(replica);
	ctl_set_look(set);
	ctl_set_changed(set); /* who was kept as the last one need not be any more */
}

void ctl_replica_told(struct ctl_replica *replica)
{
	struct ctl_set *set = replica->set;

	replica->told_revision = set->publish->revision;
	replica->told = uv_now(set->controller->loop);
	ctl_queue_add_in(&set->controller->queue, &replica->step, CTL_FLIGHT_MS);
}

/* Dead, or down and said to be gone for good. */
static bool is_gone(const struct ctl_droplet *droplet)
{
	return droplet->dead || (droplet->deleting && !droplet->session);
}

/* All who hold the row have heard of its stage, or are gone. */
static bool is_heard(const struct ctl_replica *replica)
{
	const struct ctl_sub *sub;

	DL_FOREACH(replica->set->publish->subs, sub)
		if (sub->acked < replica->told_revision && !is_gone(sub->droplet))
			return false;
	return true;
}

/* Else it is looked at again, at the latest when nobody waits any longer. */
static bool may_go_on(struct ctl_replica *replica)
{
	struct ctl_controller *c = replica->set->controller;
	uint64_t age = uv_now(c->loop) - replica->told;
	/* A host that is down neither hears that it is to go, nor serves who has not heard. */
	uint64_t patience = replica->leaving && !replica->droplet->session ? CTL_ACK_MS
									    : CTL_LINGER_MS;

	if (age >= CTL_FLIGHT_MS && (is_heard(replica) || age >= patience))
		return true;
	ctl_queue_add_in(&c->queue, &replica->step,
			 age < CTL_FLIGHT_MS ? CTL_FLIGHT_MS - age : CTL_ACK_MS);
	return false;
}

/* There is nobody to send to: the one that is furthest need not wait. */
static bool is_wanted_now(const struct ctl_replica *replica)
{
	const struct ctl_replica *other;

	DL_FOREACH(replica->set->replicas, other)
		if (!other->droplet->dead && (other->stage == CTL_USED ||
					      (other->active && other->stage > replica->stage)))
			return false;
	return true;
}

static void rise(struct ctl_replica *replica)
{
	const struct ctl_set *set = replica->set;

	if (replica->stage == CTL_USED || ctl_replica_is_doomed(replica))
		return;
	if (is_wanted_now(replica))
		set_stage(replica, CTL_USED);
	else if (!ctl_replica_is_warm(replica))
		return; /* it is looked at when it has caught up */
	else if (replica->stage == CTL_OUT && mz_replicas_size(&set->published) < MZ_REPLICAS_MAX)
		set_stage(replica, CTL_KNOWN);
	else if (replica->stage != CTL_OUT && may_go_on(replica))
		set_stage(replica, replica->stage + 1);
}

static void fall(struct ctl_replica *replica)
{
	bool is_out = replica->stage == CTL_OUT;

	if (replica->stage == CTL_USED && !replica->droplet->dead)
		set_stage(replica, CTL_READY);
	else if (replica->stage == CTL_READY && !replica->droplet->dead && may_go_on(replica))
		set_stage(replica, CTL_KNOWN);
	if (!replica->leaving)
		return; /* known, it waits until it has caught up */
	if (!is_out && replica->droplet->dead) {
		set_stage(replica, CTL_OUT);
		is_out = true;
	}
	if (is_out || (replica->stage == CTL_KNOWN && may_go_on(replica)))
		ctl_operator_replica_delete(replica);
}

void ctl_replica_step(struct ctl_replica *replica)
{
	if (replica->active)
		rise(replica);
	else
		fall(replica);
}

void ctl_replica_on_step(struct ctl_work *work)
{
	ctl_replica_step(CTL_CONTAINER(work, struct ctl_replica, step));
}

void ctl_replica_cut(struct ctl_replica *replica)
{
	if (replica->stage > CTL_KNOWN)
		set_stage(replica, CTL_KNOWN);
}

void ctl_set_step(struct ctl_set *set)
{
	struct ctl_replica *replica;

	DL_FOREACH(set->replicas, replica)
		ctl_replica_step(replica);
}
