// SPDX-License-Identifier: Apache-2.0
/*
 * See set.h. Who goes in and who goes out is here; how, in stage.c; where new ones go, in
 * operator_replica.c.
 */
#include "controller/set.h"

#include "base/log.h"
#include "controller/operators.h"
#include "controller/provision.h"
#include "controller/stage.h"
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

unsigned int ctl_set_n_used(const struct ctl_set *set)
{
	const struct ctl_replica *replica;
	unsigned int n = 0;

	DL_FOREACH(set->replicas, replica)
		n += replica->stage == CTL_USED;
	return n;
}

uint64_t ctl_set_settled(const struct ctl_set *set)
{
	const struct ctl_replica *replica;
	uint64_t settled = UINT64_MAX;

	DL_FOREACH(set->replicas, replica) {
		const struct ctl_sub *sub =
			replica->stage == CTL_USED ? warm_sub(replica) : NULL;

		if (sub && sub->acked < settled)
			settled = sub->acked;
	}
	return settled == UINT64_MAX ? 0 : settled;
}

/* ---- in and out ------------------------------------------------------------------------------ */

/* Its stage follows. */
static void set_active(struct ctl_replica *replica, bool active)
{
	replica->active = active;
	ctl_replica_step(replica);
}

void ctl_set_published(struct ctl_set *set)
{
	ctl_set_step(set);
}

void ctl_replica_leave(struct ctl_replica *replica)
{
	if (replica->stage != CTL_OUT)
		mz_log_info("%s %s: leaves its set",
			    replica->set->kind == MZ_KIND_BOUNCER ? "bouncer" : "divider",
			    replica->name);
	replica->leaving = true;
	set_active(replica, false);
}

/* Someone else can do the work that this replica does not keep up with. */
static bool is_dispensable(const struct ctl_replica *replica)
{
	const struct ctl_sub *mine = warm_sub(replica);
	const struct ctl_replica *other;

	DL_FOREACH(replica->set->replicas, other) {
		const struct ctl_sub *sub = warm_sub(other);

		if (other == replica || other->stage != CTL_USED || !other->droplet->session)
			continue;
		if (!replica->droplet->session || ctl_sub_is_current(sub) ||
		    sub->acked > mine->acked)
			return true;
	}
	return false;
}

static void on_timer(struct ctl_work *work)
{
	struct ctl_replica *replica = CTL_CONTAINER(work, struct ctl_replica, timer);

	if (replica->stage != CTL_USED || ctl_sub_is_current(warm_sub(replica)) ||
	    !is_dispensable(replica))
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
		if (replica->stage == CTL_USED && !ctl_sub_is_current(warm_sub(replica)))
			ctl_queue_add_in(&c->queue, &replica->timer, delay);
}

bool ctl_replica_is_warm(const struct ctl_replica *replica)
{
	const struct ctl_sub *sub = warm_sub(replica);

	return !sub->problem && sub->acked && sub->acked >= ctl_set_settled(replica->set);
}

void ctl_set_warmed(struct ctl_set *set, struct ctl_droplet *droplet)
{
	struct ctl_controller *c = set->controller;
	struct ctl_replica *replica;

	DL_SEARCH_SCALAR(set->replicas, replica, droplet, droplet);
	if (!replica)
		return;
	if (replica->stage == CTL_USED) {
		ctl_queue_cancel(&c->queue, &replica->timer); /* it is alive */
		ctl_set_changed(set);
		if (set->kind == MZ_KIND_BOUNCER)
			ctl_provision_network(c, set->owner);
	}
	if (!replica->leaving && !ctl_replica_is_doomed(replica) && ctl_replica_is_warm(replica))
		set_active(replica, true);
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
	ctl_replica_cut(replica);
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
	replica->step.run = ctl_replica_on_step;
	DL_APPEND(set->replicas, replica);
	DL_APPEND2(replica->droplet->replicas, replica, droplet_prev, droplet_next);
	*(set->kind == MZ_KIND_BOUNCER ? &replica->droplet->n_bouncers
				       : &replica->droplet->n_dividers) += 1;
}

void ctl_replica_fini(struct ctl_replica *replica)
{
	struct ctl_set *set = replica->set;

	ctl_queue_cancel(&set->controller->queue, &replica->timer);
	ctl_queue_cancel(&set->controller->queue, &replica->step);
	DL_DELETE(set->replicas, replica);
	DL_DELETE2(replica->droplet->replicas, replica, droplet_prev, droplet_next);
	*(set->kind == MZ_KIND_BOUNCER ? &replica->droplet->n_bouncers
				       : &replica->droplet->n_dividers) -= 1;
	set->removed_from = replica->droplet->uid;
}
