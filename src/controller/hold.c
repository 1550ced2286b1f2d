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

static void release_if_over(struct ctl_hold *hold)
{
	int i;

	for (i = 0; i < CTL_PLACES_MAX; i++)
		if (hold->waits[i].droplet)
			return;
	ctl_queue_add(&hold->controller->queue, &hold->release);
}

/* ---- waiting --------------------------------------------------------------------------------- */

static void wait_end(struct ctl_hold_wait *wait)
{
	struct ctl_droplet *droplet = TAKE(wait->droplet);

	DL_DELETE(droplet->holds, wait);
	release_if_over(wait->hold);
}

void ctl_hold_new(struct ctl_controller *c, uint32_t vni, const struct mz_object *endpoint)
{
	struct ctl_place places[CTL_PLACES_MAX];
	unsigned int i, n = ctl_endpoint_places(endpoint->endpoint, places);
	struct ctl_hold *hold;

	if (!n)
		return; /* they went with it */
	hold = ctl_calloc(1, sizeof(*hold));
	hold->controller = c;
	hold->uid = mz_object_metadata(endpoint)->uid;
	hold->vni = vni;
	hold->n_addrs = ctl_endpoint_addresses(endpoint->endpoint, hold->addrs);
	hold->patience.run = on_patience;
	hold->release.run = on_release;
	HASH_ADD(hh, c->model.holds, uid, sizeof(hold->uid), hold);
	for (i = 0; i < n; i++) {
		struct ctl_droplet *droplet = ctl_model_droplet(&c->model, places[i].droplet);
		struct ctl_hold_wait *wait = &hold->waits[i];

		wait->hold = hold;
		if (!droplet || droplet->given_up)
			continue;
		wait->droplet = droplet;
		wait->revision = droplet->host.revision;
		DL_APPEND(droplet->holds, wait);
	}
	release_if_over(hold);
}

void ctl_hold_wait_for(struct ctl_controller *c, uint64_t uid, void (*done)(void *user), void *user)
{
	struct ctl_hold *hold = find(c, uid);
	bool is_soon = hold && !hold->done;
	int i;

	for (i = 0; i < CTL_PLACES_MAX && is_soon; i++)
		is_soon = !hold->waits[i].droplet || hold->waits[i].droplet->session;
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

void ctl_holds_fini(struct ctl_controller *c)
{
	struct ctl_hold *hold, *next;
	int i;

	HASH_ITER(hh, c->model.holds, hold, next) {
		for (i = 0; i < CTL_PLACES_MAX; i++)
			if (hold->waits[i].droplet)
				wait_end(&hold->waits[i]);
		hold_free(hold);
	}
}

/* ---- taking ---------------------------------------------------------------------------------- */

static bool is_endpoint(struct ctl_controller *c, uint64_t uid)
{
	_cleanup_(mz_object_freep) struct mz_object *object = NULL;

	return mz_store_get(c->store, MZ_KIND_ENDPOINT, uid, &object) != -ENOENT;
}

/* Since the start of this process every host has said what rows it has, or is given up. */
static bool have_all_reported(const struct ctl_controller *c)
{
	const struct ctl_droplet *droplet;

	for (droplet = c->model.droplets; droplet; droplet = droplet->hh.next)
		if (!droplet->given_up && !ctl_sub_find(droplet, droplet->host.id)->acked)
			return false;
	return true;
}

int ctl_hold_take(struct ctl_controller *c, struct mz_txn *txn, uint32_t vni,
		  const struct mz_addr *addr, uint64_t uid)
{
	uint64_t owner;
	int r;

	r = mz_txn_take_address(txn, vni, addr, uid);
	if (r != -EADDRINUSE)
		return r;
	owner = mz_store_address_owner(c->store, vni, addr);
	if (find(c, owner))
		return -EBUSY;
	/* One of this process is there, or about to be stored. */
	if (owner >= c->first_uid || is_endpoint(c, owner))
		return -EADDRINUSE;
	if (c->n_deletions || !have_all_reported(c))
		return -EBUSY; /* it may be one that is about to be held */
	r = mz_txn_release_address(txn, vni, addr);
	return r < 0 ? r : mz_txn_take_address(txn, vni, addr, uid);
}
