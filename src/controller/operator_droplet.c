// SPDX-License-Identifier: Apache-2.0
/*
 * Droplets: a row in `droplets`, which every host holds; and whether a host is there to be placed
 * on. A host whose stream is down goes on forwarding, so it is in no hurry to be replaced.
 */
#include <string.h>

#include "base/log.h"
#include "controller/compile.h"
#include "controller/hold.h"
#include "controller/migrate.h"
#include "controller/operators.h"
#include "controller/remove.h"
#include "controller/session.h"
#include "controller/set.h"
#include "controller/sub.h"
#include "controller/watch.h"

void ctl_droplet_look(struct ctl_droplet *droplet)
{
	struct ctl_replica *replica;

	DL_FOREACH2(droplet->replicas, replica, droplet_next)
		ctl_set_look(replica->set);
}

void ctl_short_sets_look(struct ctl_controller *c)
{
	struct ctl_set *set;

	DL_FOREACH2(c->model.short_sets, set, short_next)
		ctl_set_look(set);
}

static void on_give_up(struct ctl_work *work)
{
	ctl_holds_give_up(CTL_CONTAINER(work, struct ctl_droplet, give_up));
}

static void on_late(struct ctl_work *work)
{
	ctl_holds_give_up_late(CTL_CONTAINER(work, struct ctl_droplet, late));
}

static void on_down(struct ctl_work *work)
{
	struct ctl_droplet *droplet = CTL_CONTAINER(work, struct ctl_droplet, down);
	struct ctl_controller *c = droplet->controller;

	mz_log_warn("droplet %s: no stream for too long, it is dead: its bouncers and dividers are "
		    "placed elsewhere",
		    droplet->name);
	droplet->dead = true;
	droplet->died = uv_now(c->loop);
	ctl_droplet_look(droplet);
	ctl_watch_touch(c, MZ_KIND_DROPLET, droplet->uid);
}

static uint64_t max(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static void wait_for_stream(struct ctl_droplet *droplet, uint64_t min_ms)
{
	struct ctl_controller *c = droplet->controller;

	ctl_queue_add_in(&c->queue, &droplet->down, max(c->times.dead_ms, min_ms));
	ctl_queue_add_in(&c->queue, &droplet->give_up, max(c->times.hold_ms, min_ms));
}

void ctl_droplet_up(struct ctl_droplet *droplet)
{
	struct ctl_controller *c = droplet->controller;

	c->model.n_connected++;
	droplet->dead = droplet->given_up = false;
	ctl_queue_cancel(&c->queue, &droplet->down);
	ctl_queue_cancel(&c->queue, &droplet->give_up);
	ctl_droplet_look(droplet);
	ctl_short_sets_look(c);
	ctl_watch_touch(c, MZ_KIND_DROPLET, droplet->uid);
}

void ctl_droplet_down(struct ctl_droplet *droplet)
{
	struct ctl_controller *c = droplet->controller;

	c->model.n_connected--;
	wait_for_stream(droplet, 0);
	ctl_migrations_look(c);
	ctl_watch_touch(c, MZ_KIND_DROPLET, droplet->uid);
}

static struct ctl_droplet *droplet_new(struct ctl_controller *c, const struct mz_object *object)
{
	struct ctl_droplet *droplet = ctl_calloc(1, sizeof(*droplet));

	droplet->controller = c;
	droplet->uid = mz_object_metadata(object)->uid;
	droplet->down.run = on_down;
	droplet->give_up.run = on_give_up;
	droplet->late.run = on_late;
	droplet->work.run = ctl_operator_droplet;
	droplet->name = ctl_strdup(mz_object_name(object));
	/* It was checked when it was stored; an unreadable one stays zero, which no host has. */
	(void)mz_addr_parse(object->droplet->spec->address, &droplet->addr);
	ctl_scope_init(&droplet->host, MIZAR__V1__SCOPE__KIND__HOST, 0, droplet, NULL);
	HASH_ADD(hh, c->model.droplets, uid, sizeof(droplet->uid), droplet);
	HASH_ADD_KEYPTR(hh_name, c->model.droplets_by_name, droplet->name, strlen(droplet->name),
			droplet);
	return droplet;
}

void ctl_droplet_free(struct ctl_droplet *droplet)
{
	struct ctl_controller *c = droplet->controller;

	ctl_session_end(droplet, MZ_RPC_UNAVAILABLE, "the droplet object is gone");
	ctl_queue_cancel(&c->queue, &droplet->down);
	ctl_queue_cancel(&c->queue, &droplet->work);
	ctl_tombstones_forget(droplet);
	ctl_holds_give_up(droplet);
	ctl_queue_cancel(&c->queue, &droplet->give_up);
	ctl_queue_cancel(&c->queue, &droplet->late);
	ctl_sub_forget_all(c, droplet);
	ctl_scope_fini(&droplet->host);
	ctl_uidset_fini(&droplet->attached);
	HASH_DELETE(hh, c->model.droplets, droplet);
	HASH_DELETE(hh_name, c->model.droplets_by_name, droplet);
	free(droplet->version);
	free(droplet->drops);
	free(droplet->name);
	free(droplet);
}

static void add(struct ctl_controller *c, const struct mz_object *object)
{
	struct ctl_droplet *droplet = droplet_new(c, object);
	struct ctl_row row;

	ctl_sub_set(c, droplet, &c->model.hosts, true);
	ctl_sub_set(c, droplet, &droplet->host, true);
	ctl_compile_droplet(&droplet->addr, &row);
	if (ctl_scope_change(&c->model.hosts, NULL, &row.row))
		ctl_sub_touch(c, &c->model.hosts);
	wait_for_stream(droplet, c->loading ? CTL_START_MS : 0);
	if (c->loading)
		ctl_hold_unheard(droplet);
}

static void drop(struct ctl_controller *c, struct ctl_droplet *droplet)
{
	struct ctl_row row;

	ctl_compile_droplet(&droplet->addr, &row);
	ctl_droplet_free(droplet);
	if (ctl_scope_change(&c->model.hosts, &row.row, NULL))
		ctl_sub_touch(c, &c->model.hosts);
}

void ctl_droplet_change(struct ctl_controller *c, const struct mz_object *old,
			const struct mz_object *new)
{
	struct ctl_droplet *droplet;

	if (!old)
		add(c, new);
	droplet = ctl_model_droplet(&c->model, mz_object_name(new ?: old));
	if (!new) {
		drop(c, droplet);
		return;
	}
	droplet->unschedulable = new->droplet->spec->unschedulable;
	droplet->deleting = mz_object_metadata(new)->deletion_timestamp;
	if (droplet->deleting) {
		ctl_droplet_look(droplet);
		ctl_queue_add(&c->queue, &droplet->work);
	} else if (!droplet->unschedulable) {
		ctl_short_sets_look(c);
	}
}

/* A droplet that is to go does so when nothing is on it. */
void ctl_operator_droplet(struct ctl_work *work)
{
	struct ctl_droplet *droplet = CTL_CONTAINER(work, struct ctl_droplet, work);

	if (droplet->deleting && !droplet->replicas && !droplet->n_endpoints)
		ctl_remove_later(droplet->controller, MZ_KIND_DROPLET, droplet->uid);
}
