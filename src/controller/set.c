// SPDX-License-Identifier: Apache-2.0
/* See set.h. Who goes in and who goes out is here; where new ones go is in operator_replica.c. */
#include "controller/set.h"

#include <string.h>

#include "base/log.h"
#include "controller/compile.h"
#include "controller/operators.h"
#include "controller/provision.h"
#include "controller/sub.h"
#include "controller/watch.h"

void ctl_set_init(struct ctl_set *set, struct ctl_controller *c, enum mz_kind kind, void *owner,
		  uint64_t owner_uid, unsigned int want, struct ctl_scope *warm,
		  struct ctl_scope *publish)
{
	*set = (struct ctl_set){
		.controller = c,
		.kind = kind,
		.owner = owner,
		.owner_uid = owner_uid,
		.want = want,
		.warm = warm,
		.publish = publish,
		.work.run = ctl_operator_replica,
	};
}

void ctl_set_fini(struct ctl_set *set)
{
	struct ctl_model *model = &set->controller->model;

	ctl_queue_cancel(&set->controller->queue, &set->work);
	if (set->is_short)
		DL_DELETE2(model->short_sets, set, short_prev, short_next);
}

void ctl_set_look(struct ctl_set *set)
{
	ctl_queue_add(&set->controller->queue, &set->work);
}

bool ctl_replica_is_doomed(const struct ctl_replica *replica)
{
	return replica->deleting || replica->surplus || replica->droplet->deleting ||
	       replica->droplet->dead;
}

static struct ctl_sub *warm_sub(const struct ctl_replica *replica)
{
	return ctl_sub_find(replica->droplet, replica->set->warm->id);
}

unsigned int ctl_set_n_active(const struct ctl_set *set)
{
	const struct ctl_replica *replica;
	unsigned int n = 0;

	DL_FOREACH(set->replicas, replica)
		n += replica->active;
	return n;
}

uint64_t ctl_set_settled(const struct ctl_set *set)
{
	const struct ctl_replica *replica;
	uint64_t settled = UINT64_MAX;

	DL_FOREACH(set->replicas, replica) {
		const struct ctl_sub *sub = replica->active ? warm_sub(replica) : NULL;

		if (sub && sub->acked < settled)
			settled = sub->acked;
	}
	return settled == UINT64_MAX ? 0 : settled;
}

/* ---- the row of active replicas -------------------------------------------------------------- */

static int by_addr(const void *a, const void *b)
{
	return mz_addr_compare(a, b);
}

/* Those who stay come first: a row has room for MZ_REPLICAS_MAX. */
static unsigned int active_addrs(const struct ctl_set *set, struct mz_addr *addrs)
{
	const struct ctl_replica *replica;
	unsigned int n = 0;
	int doomed;

	for (doomed = 0; doomed < 2; doomed++)
		DL_FOREACH(set->replicas, replica)
			if (replica->active && ctl_replica_is_doomed(replica) == !!doomed &&
			    n < MZ_REPLICAS_MAX)
				addrs[n++] = replica->droplet->addr;
	qsort(addrs, n, sizeof(*addrs), by_addr);
	return n;
}

static bool publish_network(struct ctl_set *set, const struct mz_addr *addrs, unsigned int n)
{
	struct ctl_network *network = set->owner;
	struct ctl_row old, new;

	/* A network without bouncers has no row: its hosts know no way, and say so. */
	ctl_compile_network(&network->facts, set->published, set->n_published, &old);
	ctl_compile_network(&network->facts, addrs, n, &new);
	return ctl_scope_change(set->publish, set->n_published ? &old.row : NULL,
				n ? &new.row : NULL);
}

static bool publish_vpc(struct ctl_set *set, const struct mz_addr *addrs, unsigned int n)
{
	struct ctl_vpc *vpc = set->owner;
	struct ctl_row old, new;
	bool had_row = vpc->has_row;

	ctl_compile_vpc(vpc->vni, vpc->row_flags, set->published, set->n_published, &old);
	ctl_compile_vpc(vpc->vni, vpc->flags, addrs, n, &new);
	vpc->has_row = true;
	vpc->row_flags = vpc->flags;
	return ctl_scope_change(set->publish, had_row ? &old.row : NULL, &new.row);
}

void ctl_set_publish(struct ctl_set *set)
{
	struct mz_addr addrs[MZ_REPLICAS_MAX];
	unsigned int n = active_addrs(set, addrs);
	bool changed;

	changed = set->kind == MZ_KIND_BOUNCER ? publish_network(set, addrs, n)
					       : publish_vpc(set, addrs, n);
	memcpy(set->published, addrs, n * sizeof(*addrs));
	set->n_published = n;
	if (changed)
		ctl_sub_touch(set->controller, set->publish);
}

/* ---- in and out ------------------------------------------------------------------------------ */

static void on_set_changed(struct ctl_set *set)
{
	struct ctl_controller *c = set->controller;

	ctl_set_publish(set);
	ctl_watch_touch(c, set->kind == MZ_KIND_BOUNCER ? MZ_KIND_NETWORK : MZ_KIND_VPC,
			set->owner_uid);
	if (set->kind == MZ_KIND_BOUNCER)
		ctl_provision_network(c, set->owner);
	ctl_set_look(set);
}

static void set_active(struct ctl_replica *replica, bool active)
{
	struct ctl_set *set = replica->set;

	replica->active = active;
	ctl_queue_cancel(&set->controller->queue, &replica->timer);
	on_set_changed(set);
	ctl_watch_touch(set->controller, set->kind, replica->uid);
	ctl_operator_replica_store(replica);
	ctl_set_changed(set); /* who was kept as the last one need not be any more */
}

/* Everybody who sends to the set has its row without this replica. */
static bool is_unused(const struct ctl_replica *replica)
{
	const struct ctl_sub *sub;

	DL_FOREACH(replica->set->publish->subs, sub)
		if (sub->acked < replica->left_revision)
			return false;
	return true;
}

void ctl_set_published(struct ctl_set *set)
{
	struct ctl_replica *replica;

	DL_FOREACH(set->replicas, replica)
		if (replica->leaving && is_unused(replica))
			ctl_operator_replica_delete(replica);
}

void ctl_replica_leave(struct ctl_replica *replica)
{
	struct ctl_set *set = replica->set;
	bool was_active = replica->active;

	replica->leaving = true;
	if (!was_active) {
		ctl_operator_replica_delete(replica);
		return;
	}
	mz_log_info("%s %s: leaves its set", set->kind == MZ_KIND_BOUNCER ? "bouncer" : "divider",
		    replica->name);
	set_active(replica, false);
	replica->left_revision = set->publish->revision;
	replica->left = uv_now(set->controller->loop);
	ctl_queue_add_in(&set->controller->queue, &replica->timer, CTL_ACK_MS);
	ctl_set_published(set);
}

/* Someone else can do the work that this replica does not keep up with. */
static bool is_dispensable(const struct ctl_replica *replica)
{
	const struct ctl_sub *mine = warm_sub(replica);
	const struct ctl_replica *other;

	DL_FOREACH(replica->set->replicas, other) {
		const struct ctl_sub *sub = warm_sub(other);

		if (other == replica || !other->active || !other->droplet->session)
			continue;
		if (!replica->droplet->session || ctl_sub_is_current(sub) ||
		    sub->acked > mine->acked)
			return true;
	}
	return false;
}

/* It still forwards for those who have not heard: hosts that lag, or whose mizard is restarted. */
static bool may_linger(const struct ctl_replica *replica)
{
	const struct ctl_controller *c = replica->set->controller;
	const struct ctl_sub *sub;

	if (!replica->droplet->session || uv_now(c->loop) - replica->left > CTL_LINGER_MS)
		return false;
	DL_FOREACH(replica->set->publish->subs, sub)
		if (sub->acked < replica->left_revision && !sub->droplet->dead)
			return true;
	return false;
}

static void on_timer(struct ctl_work *work)
{
	struct ctl_replica *replica = CTL_CONTAINER(work, struct ctl_replica, timer);

	if (replica->leaving && may_linger(replica)) {
		ctl_queue_add_in(&replica->set->controller->queue, work, CTL_ACK_MS);
		return;
	}
	if (replica->leaving) {
		ctl_operator_replica_delete(replica);
		return;
	}
	if (!replica->active || ctl_sub_is_current(warm_sub(replica)) || !is_dispensable(replica))
		return;
	mz_log_warn("%s %s: out of its set, its host does not acknowledge changes",
		    replica->set->kind == MZ_KIND_BOUNCER ? "bouncer" : "divider", replica->name);
	set_active(replica, false);
}

void ctl_set_changed(struct ctl_set *set)
{
	struct ctl_controller *c = set->controller;
	uint64_t age = uv_now(c->loop) - c->started, delay = CTL_ACK_MS;
	struct ctl_replica *replica;

	if (age + delay < CTL_GRACE_MS)
		delay = CTL_GRACE_MS - age;
	DL_FOREACH(set->replicas, replica)
		if (replica->active && !ctl_sub_is_current(warm_sub(replica)))
			ctl_queue_add_in(&c->queue, &replica->timer, delay);
}

void ctl_set_warmed(struct ctl_set *set, struct ctl_droplet *droplet)
{
	struct ctl_controller *c = set->controller;
	struct ctl_replica *replica;
	struct ctl_sub *sub;

	DL_SEARCH_SCALAR(set->replicas, replica, droplet, droplet);
	if (!replica)
		return;
	sub = warm_sub(replica);
	if (replica->active) {
		ctl_queue_cancel(&c->queue, &replica->timer); /* it is alive */
		ctl_set_changed(set);
		if (set->kind == MZ_KIND_BOUNCER)
			ctl_provision_network(c, set->owner);
	} else if (!replica->leaving && !ctl_replica_is_doomed(replica) && !sub->problem &&
		   sub->acked && sub->acked >= ctl_set_settled(set)) {
		set_active(replica, true);
	}
}

void ctl_set_refused(struct ctl_set *set, struct ctl_droplet *droplet)
{
	struct ctl_replica *replica;

	DL_SEARCH_SCALAR(set->replicas, replica, droplet, droplet);
	if (!replica)
		return;
	ctl_watch_touch(set->controller, set->kind, replica->uid);
	if (replica->active && is_dispensable(replica))
		set_active(replica, false);
}

void ctl_set_lost(struct ctl_set *set, struct ctl_droplet *droplet)
{
	struct ctl_replica *replica;

	DL_SEARCH_SCALAR(set->replicas, replica, droplet, droplet);
	if (!replica || !replica->active || !is_dispensable(replica))
		return;
	mz_log_warn("%s %s: out of its set, its host has come without rows",
		    set->kind == MZ_KIND_BOUNCER ? "bouncer" : "divider", replica->name);
	set_active(replica, false);
}

void ctl_set_accepted(struct ctl_set *set, const struct ctl_droplet *droplet)
{
	struct ctl_replica *replica;

	DL_SEARCH_SCALAR(set->replicas, replica, droplet, droplet);
	if (replica)
		ctl_watch_touch(set->controller, set->kind, replica->uid);
}

void ctl_replica_init(struct ctl_replica *replica)
{
	struct ctl_set *set = replica->set;

	replica->timer.run = on_timer;
	DL_APPEND(set->replicas, replica);
	DL_APPEND2(replica->droplet->replicas, replica, droplet_prev, droplet_next);
	*(set->kind == MZ_KIND_BOUNCER ? &replica->droplet->n_bouncers
				       : &replica->droplet->n_dividers) += 1;
}

void ctl_replica_fini(struct ctl_replica *replica)
{
	struct ctl_set *set = replica->set;

	ctl_queue_cancel(&set->controller->queue, &replica->timer);
	DL_DELETE(set->replicas, replica);
	DL_DELETE2(replica->droplet->replicas, replica, droplet_prev, droplet_next);
	*(set->kind == MZ_KIND_BOUNCER ? &replica->droplet->n_bouncers
				       : &replica->droplet->n_dividers) -= 1;
	set->removed_from = replica->droplet->uid;
}
