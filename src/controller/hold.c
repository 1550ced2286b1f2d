// SPDX-License-Identifier: Apache-2.0
/* See hold.h. */
#include "controller/hold.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "controller/sub.h"

/* Who deletes an endpoint is answered when its addresses are free, or after as long. */
#define PATIENCE_MS 1000

static void tell(struct ctl_hold *hold)
{
	void (*done)(void *user) = hold->done;

	hold->done = NULL;
	ctl_queue_cancel(&hold->controller->queue, &hold->patience);
	if (done)
		done(hold->user);
}

static void on_patience(struct ctl_work *work)
{
	tell(CTL_CONTAINER(work, struct ctl_hold, patience));
}

static void hold_free(struct ctl_hold *hold)
{
	struct ctl_controller *c = hold->controller;

	tell(hold);
	ctl_queue_cancel(&c->queue, &hold->release);
	HASH_DEL(c->model.holds, hold);
	free(hold);
}

/* ---- release --------------------------------------------------------------------------------- */

static struct ctl_hold *find(const struct ctl_controller *c, uint64_t uid)
{
	struct ctl_hold *hold;

	HASH_FIND(hh, c->model.holds, &uid, sizeof(uid), hold);
	return hold;
}

struct releasing {
	struct ctl_controller *c;
	uint64_t uid;
};

static void on_released(int r, void *user)
{
	_cleanup_free_ struct releasing *releasing = user;
	struct ctl_hold *hold = find(releasing->c, releasing->uid);

	if (!hold)
		return;
	if (r < 0)
		ctl_queue_retry(&releasing->c->queue, &hold->release);
	else
		hold_free(hold);
}

static int release(const struct ctl_hold *hold, struct ctl_write *write)
{
	int i, r = 0;

	for (i = 0; i < hold->n_addrs && r >= 0; i++)
		if (mz_store_address_owner(hold->controller->store, hold->vni, &hold->addrs[i]) ==
		    hold->uid)
			r = mz_txn_release_address(ctl_write_txn(write), hold->vni,
						   &hold->addrs[i]);
	return r;
}

static void on_release(struct ctl_work *work)
{
	struct ctl_hold *hold = CTL_CONTAINER(work, struct ctl_hold, release);
	_cleanup_free_ struct releasing *releasing = malloc(sizeof(*releasing));
	_cleanup_(ctl_write_freep) struct ctl_write *write = NULL;
	struct ctl_controller *c = hold->controller;
	int r = releasing ? 0 : -ENOMEM;

	r = r ?: ctl_write_new(c, &write);
	r = r ?: release(hold, write);
	if (r < 0) {
		mz_log_warn("addresses of endpoint %lu: not free yet, retrying: %s",
			    (unsigned long)hold->uid, strerror(-r));
		ctl_queue_retry(&c->queue, work);
		return;
	}
	*releasing = (struct releasing){ c, hold->uid };
	ctl_write_commit(TAKE(write), on_released, TAKE(releasing));
}

/* ---- waiting --------------------------------------------------------------------------------- */

static struct ctl_hold *get(struct ctl_controller *c, uint64_t uid)
{
	struct ctl_hold *hold = find(c, uid);

	if (hold)
		return hold;
	hold = ctl_calloc(1, sizeof(*hold));
	hold->controller = c;
	hold->uid = uid;
	hold->patience.run = on_patience;
	hold->release.run = on_release;
	HASH_ADD(hh, c->model.holds, uid, sizeof(hold->uid), hold);
	return hold;
}

static void wait_for(struct ctl_hold *hold, struct ctl_droplet *droplet, uint64_t ms)
{
	struct ctl_queue *queue = &droplet->controller->queue;
	struct ctl_hold_wait *wait;

	DL_FOREACH2(hold->waits, wait, hold_next)
		if (wait->droplet == droplet)
			break;
	if (wait) {
		DL_DELETE(droplet->holds, wait);
	} else {
		wait = ctl_calloc(1, sizeof(*wait));
		wait->hold = hold;
		wait->droplet = droplet;
		DL_APPEND2(hold->waits, wait, hold_prev, hold_next);
	}
	wait->revision = droplet->host.revision;
	wait->until = ctl_queue_now(queue) + ms;
	DL_APPEND(droplet->holds, wait);
	ctl_queue_add_in(queue, &droplet->late, ms);
}

static void wait_free(struct ctl_hold_wait *wait)
{
	DL_DELETE(wait->droplet->holds, wait);
	DL_DELETE2(wait->hold->waits, wait, hold_prev, hold_next);
	free(wait);
}

static void end_if_over(struct ctl_hold *hold)
{
	if (hold->waits)
		return;
	if (hold->is_deleted)
		ctl_queue_add(&hold->controller->queue, &hold->release);
	else
		hold_free(hold);
}

static void wait_end(struct ctl_hold_wait *wait)
{
	struct ctl_hold *hold = wait->hold;

	wait_free(wait);
	end_if_over(hold);
}

void ctl_hold_unheard(struct ctl_droplet *droplet)
{
	struct ctl_controller *c = droplet->controller;

	wait_for(get(c, 0), droplet, c->times.hold_ms + CTL_START_MS);
}

void ctl_hold_leave(struct ctl_droplet *droplet, uint64_t uid)
{
	struct ctl_controller *c = droplet->controller;

	if (!droplet->given_up)
		wait_for(get(c, uid), droplet, c->times.hold_ms);
}

void ctl_hold_new(struct ctl_controller *c, uint32_t vni, const struct mz_object *endpoint)
{
	struct ctl_hold *hold = get(c, mz_object_metadata(endpoint)->uid);
	const struct ctl_hold *unheard = find(c, 0);
	struct ctl_hold_wait *wait;

	hold->is_deleted = true;
	hold->vni = vni;
	hold->n_addrs = ctl_endpoint_addresses(endpoint->endpoint, hold->addrs);
	/* What it left before this process was started is not known. */
	if (unheard && hold->uid < c->first_uid)
		DL_FOREACH2(unheard->waits, wait, hold_next)
			wait_for(hold, wait->droplet, c->times.hold_ms);
	end_if_over(hold);
}

void ctl_hold_wait_for(struct ctl_controller *c, uint64_t uid, void (*done)(void *user), void *user)
{
	struct ctl_hold *hold = find(c, uid);
	bool is_soon = hold && !hold->done;
	struct ctl_hold_wait *wait;

	if (is_soon)
		DL_FOREACH2(hold->waits, wait, hold_next)
			is_soon &= !!wait->droplet->session;
	if (!is_soon) {
		done(user);
		return;
	}
	hold->done = done;
	hold->user = user;
	ctl_queue_add_in(&c->queue, &hold->patience, PATIENCE_MS);
}

void ctl_holds_acked(struct ctl_droplet *droplet, uint64_t after, uint64_t revision)
{
	struct ctl_hold_wait *wait, *next;

	DL_FOREACH_SAFE(droplet->holds, wait, next) {
		if (wait->revision > revision)
			return; /* as all that follow */
		if (wait->revision > after)
			wait_end(wait);
	}
}

void ctl_holds_give_up(struct ctl_droplet *droplet)
{
	droplet->given_up = true;
	while (droplet->holds)
		wait_end(droplet->holds);
}

void ctl_holds_give_up_late(struct ctl_droplet *droplet)
{
	struct ctl_queue *queue = &droplet->controller->queue;
	uint64_t now = ctl_queue_now(queue);
	bool is_late = droplet->holds && droplet->holds->until <= now;

	if (is_late)
		mz_log_warn("droplet %s: has not acknowledged for too long that endpoints are "
			    "gone: their addresses do not wait for it",
			    droplet->name);
	while (droplet->holds && droplet->holds->until <= now)
		wait_end(droplet->holds);
	if (droplet->holds)
		ctl_queue_add_in(queue, &droplet->late, droplet->holds->until - now);
}

void ctl_holds_fini(struct ctl_controller *c)
{
	struct ctl_hold *hold, *next;

	HASH_ITER(hh, c->model.holds, hold, next) {
		while (hold->waits)
			wait_free(hold->waits);
		hold_free(hold);
	}
}

/* ---- taking ---------------------------------------------------------------------------------- */

static bool is_endpoint(struct ctl_controller *c, uint64_t uid)
{
	_cleanup_(mz_object_freep) struct mz_object *object = NULL;

	return mz_store_get(c->store, MZ_KIND_ENDPOINT, uid, &object) != -ENOENT;
}

int ctl_hold_take(struct ctl_controller *c, struct mz_txn *txn, uint32_t vni,
		  const struct mz_addr *addr, uint64_t uid)
{
	const struct ctl_hold *hold;
	uint64_t owner;
	int r;

	r = mz_txn_take_address(txn, vni, addr, uid);
	if (r != -EADDRINUSE)
		return r;
	owner = mz_store_address_owner(c->store, vni, addr);
	hold = find(c, owner);
	if (hold && hold->is_deleted)
		return -EBUSY;
	/* One of this process is there, or about to be stored. */
	if (owner >= c->first_uid || is_endpoint(c, owner))
		return -EADDRINUSE;
	if (c->n_deletions || find(c, 0))
		return -EBUSY; /* it may be one that is about to be held */
	r = mz_txn_release_address(txn, vni, addr);
	return r < 0 ? r : mz_txn_take_address(txn, vni, addr, uid);
}
