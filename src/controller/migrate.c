// SPDX-License-Identifier: Apache-2.0
/* See migrate.h. */
#include "controller/migrate.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "api/field.h"
#include "base/log.h"
#include "controller/place.h"
#include "controller/reply.h"
#include "controller/set.h"
#include "controller/sub.h"
#include "controller/watch.h"

/* ---- the stored status ----------------------------------------------------------------------- */

/* It has one where it is; one whose stream is down may have one. */
static bool may_have_device(const struct ctl_controller *c, const char *name, uint64_t uid)
{
	const struct ctl_droplet *droplet = ctl_model_droplet(&c->model, name);

	return droplet && (!droplet->session || ctl_uidset_has(&droplet->attached, uid));
}

static struct ctl_migration *find(const struct ctl_controller *c, uint64_t uid)
{
	struct ctl_migration *migration;

	HASH_FIND(hh, c->model.migrations, &uid, sizeof(uid), migration);
	return migration;
}

/*
 * What the host said before it had the row may be of a device that goes with an earlier row: that
 * it is gone it says before it answers to the update.
 */
static bool has_device(const struct ctl_controller *c, const char *name, uint64_t uid)
{
	struct ctl_droplet *droplet = ctl_model_droplet(&c->model, name);
	const struct ctl_migration *migration = find(c, uid);

	if (!droplet || !droplet->session || !migration ||
	    !ctl_uidset_has(&droplet->attached, uid))
		return false;
	if (ctl_sub_answered(droplet) >= migration->target_revision)
		return true;
	droplet->is_early = true;
	return false;
}

static int begin(struct mz_txn *txn, uint32_t vni, Mizar__V1__Endpoint *endpoint)
{
	Mizar__V1__EndpointStatus *status = endpoint->status;
	uint32_t generation;
	int r;

	r = ctl_place_next_generation(txn, vni, endpoint, &generation);
	r = r ?: mz_string_set(&status->migrating_to, endpoint->spec->droplet);
	if (r < 0)
		return r;
	status->has_migrating_generation = true;
	status->migrating_generation = generation;
	return 1;
}

static int arrive(Mizar__V1__EndpointStatus *status)
{
	uint32_t generation = status->migrating_generation;

	status->migrating_from = TAKE(status->droplet);
	status->migrating_generation = status->location_generation;
	status->droplet = TAKE(status->migrating_to);
	status->location_generation = generation;
	return 1;
}

int ctl_migrate_step(struct ctl_controller *c, struct mz_txn *txn, uint32_t vni,
		     Mizar__V1__Endpoint *endpoint)
{
	const char *wanted = endpoint->spec->droplet, *is = ctl_endpoint_droplet(endpoint);
	Mizar__V1__EndpointStatus *status = endpoint->status;
	uint64_t uid = endpoint->metadata->uid;
	int r;

	if (status->migrating_from)
		return 0;
	if (!wanted || !*wanted || (is && !strcmp(is, wanted)))
		return ctl_place_forget_other(status); /* it stays */
	if (!is || !may_have_device(c, is, uid)) {
		r = ctl_place_endpoint_in(txn, vni, endpoint, wanted);
		return r < 0 ? r : 1;
	}
	if (!status->migrating_to || strcmp(status->migrating_to, wanted))
		return begin(txn, vni, endpoint);
	return has_device(c, wanted, uid) ? arrive(status) : 0;
}

/* ---- droplets that it has left --------------------------------------------------------------- */

/* How long, in ms, it needs a tombstone yet. Whole seconds are stored: up to one more. */
static uint64_t rest_of(const struct ctl_controller *c, const Mizar__V1__LeftDroplet *left)
{
	uint64_t max = c->times.tombstone_ms + 1000, end = left->at * 1000 + max, now;
	struct timespec ts;

	(void)clock_gettime(CLOCK_REALTIME, &ts); /* fails only without such a clock */
	now = (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
	if (end <= now)
		return 0;
	return end - now < max ? end - now : max; /* somebody has set the clock back */
}

static void forget_left(Mizar__V1__EndpointStatus *status, size_t i)
{
	mizar__v1__left_droplet__free_unpacked(status->left[i], NULL);
	memmove(&status->left[i], &status->left[i + 1],
		(--status->n_left - i) * sizeof(*status->left));
}

static int add_left(Mizar__V1__EndpointStatus *status, const char *droplet)
{
	Mizar__V1__LeftDroplet **list, *left;
	int r;

	if (status->n_left == CTL_LEFT_MAX)
		forget_left(status, 0);
	list = reallocarray(status->left, status->n_left + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	status->left = list;
	left = malloc(sizeof(*left));
	if (!left)
		return -ENOMEM;
	mizar__v1__left_droplet__init(left);
	list[status->n_left++] = left;
	r = mz_string_set(&left->name, droplet);
	left->has_at = true;
	left->at = (uint64_t)time(NULL);
	return r;
}

int ctl_migrate_note_left(struct ctl_controller *c, const Mizar__V1__Endpoint *old,
			  Mizar__V1__Endpoint *new)
{
	const char *is = ctl_endpoint_droplet(new);
	struct ctl_place places[CTL_PLACES_MAX];
	unsigned int i, n = ctl_endpoint_places(old, places);
	uint64_t uid = new->metadata->uid;
	size_t k;
	int r = 0;

	for (k = new->status->n_left; is && k-- > 0;)
		if (!rest_of(c, new->status->left[k]) ||
		    !strcmp(new->status->left[k]->name, is))
			forget_left(new->status, k);
	for (i = 0; is && i < n && r >= 0; i++) {
		const char *from = places[i].droplet;
		bool was_there = i && old->status->migrating_from;

		/* Without a device its host gives back what comes late. */
		if (!ctl_endpoint_is_on(new, from, NULL) &&
		    (was_there || may_have_device(c, from, uid)))
			r = add_left(new->status, from);
	}
	return r;
}

/* ---- the operator ---------------------------------------------------------------------------- */

struct stepping {
	struct ctl_controller *c;
	uint64_t uid;
};

/* The migration may be over by now: it is looked up anew. */
static void on_stepped(int r, void *user)
{
	_cleanup_free_ struct stepping *stepping = user;
	struct ctl_migration *migration = find(stepping->c, stepping->uid);

	if (!migration)
		return;
	migration->is_writing = false;
	if (r < 0)
		ctl_queue_retry(&stepping->c->queue, &migration->work);
	else
		ctl_queue_add(&stepping->c->queue, &migration->work);
}

/* All active bouncers send to where it is now, and the store is not yet further than the model. */
static bool is_settled(const struct ctl_migration *migration, const Mizar__V1__Endpoint *endpoint)
{
	return migration->is_leaving &&
	       migration->generation == endpoint->status->location_generation &&
	       ctl_set_settled(&migration->network->set) >= migration->location_revision;
}

static int step(struct ctl_migration *migration, struct ctl_write *write,
		const struct mz_object *old)
{
	_cleanup_(mz_object_freep) struct mz_object *new = NULL;
	struct ctl_controller *c = migration->controller;
	uint64_t owner = migration->network->facts.uid;
	int r, changed = 0;

	r = mz_object_copy(old, &new);
	if (r < 0)
		return r;
	if (new->endpoint->status->migrating_from && is_settled(migration, new->endpoint))
		changed = ctl_place_forget_other(new->endpoint->status);
	r = ctl_migrate_step(c, ctl_write_txn(write), migration->network->facts.vni, new->endpoint);
	if (r < 0 || !(r + changed))
		return r;
	r = ctl_migrate_note_left(c, old->endpoint, new->endpoint);
	if (r < 0)
		return r;
	r = ctl_write_put(write, old, TAKE(new), owner, 0);
	return r < 0 ? r : 1;
}

static void run(struct ctl_work *work)
{
	struct ctl_migration *migration = CTL_CONTAINER(work, struct ctl_migration, work);
	_cleanup_(mz_object_freep) struct mz_object *object = NULL;
	_cleanup_(ctl_write_freep) struct ctl_write *write = NULL;
	_cleanup_free_ struct stepping *stepping = NULL;
	struct ctl_controller *c = migration->controller;
	int r;

	if (migration->is_writing || !migration->is_on_way)
		return;
	r = mz_store_get(c->store, MZ_KIND_ENDPOINT, migration->uid, &object);
	if (r == -ENOENT)
		return; /* its deletion is on its way */
	stepping = malloc(sizeof(*stepping));
	r = r ?: stepping ? 0 : -ENOMEM;
	r = r ?: ctl_write_new(c, &write);
	r = r ?: step(migration, write, object);
	if (r < 0) {
		mz_log_warn("endpoint %s/%s: does not migrate yet, retrying: %s",
			    object ? mz_object_namespace(object) : "?",
			    object ? mz_object_name(object) : "?", strerror(-r));
		ctl_queue_retry(&c->queue, work);
	}
	if (r <= 0)
		return;
	migration->is_writing = true;
	*stepping = (struct stepping){ c, migration->uid };
	ctl_write_commit(TAKE(write), on_stepped, TAKE(stepping));
}

void ctl_migration_look(struct ctl_controller *c, uint64_t uid)
{
	struct ctl_migration *migration = find(c, uid);

	if (migration)
		ctl_queue_add(&c->queue, &migration->work);
}

void ctl_migrations_look(struct ctl_droplet *droplet)
{
	struct ctl_controller *c = droplet->controller;
	struct ctl_migration_end *end;

	DL_FOREACH(droplet->migrations, end) {
		ctl_queue_add(&c->queue, &end->migration->work);
		ctl_watch_touch(c, MZ_KIND_ENDPOINT, end->migration->uid); /* what it waits for */
	}
}

void ctl_migrations_settled(struct ctl_network *network)
{
	uint64_t settled = ctl_set_settled(&network->set);
	struct ctl_migration *migration;

	DL_FOREACH(network->migrations, migration) {
		if (migration->location_revision > settled)
			return; /* as all that follow */
		ctl_queue_add(&network->controller->queue, &migration->work);
	}
}

/* ---- the model ------------------------------------------------------------------------------- */

static void stop_leaving(struct ctl_migration *migration)
{
	if (migration->is_leaving)
		DL_DELETE(migration->network->migrations, migration);
	migration->is_leaving = false;
}

static void end_set(struct ctl_migration_end *end, struct ctl_droplet *droplet)
{
	if (end->droplet)
		DL_DELETE(end->droplet->migrations, end);
	end->droplet = droplet;
	if (droplet)
		DL_APPEND(droplet->migrations, end);
}

void ctl_migrations_forget(struct ctl_droplet *droplet)
{
	while (droplet->migrations)
		end_set(droplet->migrations, NULL);
}

/* With no endpoint: it is not on its way. */
static void set_ends(struct ctl_migration *migration, const Mizar__V1__Endpoint *endpoint)
{
	const struct ctl_model *model = &migration->controller->model;
	struct ctl_place places[CTL_PLACES_MAX];
	unsigned int i, n = endpoint ? ctl_endpoint_places(endpoint, places) : 0;

	for (i = 0; i < CTL_PLACES_MAX; i++)
		end_set(&migration->ends[i],
			i < n ? ctl_model_droplet(model, places[i].droplet) : NULL);
}

void ctl_migration_put(struct ctl_migration *migration)
{
	struct ctl_controller *c = migration->controller;

	if (migration->is_on_way || migration->tombstones)
		return;
	stop_leaving(migration);
	set_ends(migration, NULL);
	ctl_queue_cancel(&c->queue, &migration->work);
	HASH_DEL(c->model.migrations, migration);
	free(migration);
}

static struct ctl_migration *get(struct ctl_controller *c, struct ctl_network *network,
				 uint64_t uid)
{
	struct ctl_migration *migration = find(c, uid);
	unsigned int i;

	if (migration)
		return migration;
	migration = ctl_calloc(1, sizeof(*migration));
	migration->controller = c;
	migration->uid = uid;
	migration->network = network;
	migration->work.run = run;
	for (i = 0; i < CTL_PLACES_MAX; i++)
		migration->ends[i].migration = migration;
	HASH_ADD(hh, c->model.migrations, uid, sizeof(migration->uid), migration);
	return migration;
}

static void follow(struct ctl_migration *migration, const Mizar__V1__Endpoint *endpoint)
{
	const Mizar__V1__EndpointStatus *status = endpoint->status;
	struct ctl_network *network = migration->network;
	bool is_leaving = status->migrating_from;

	if (!is_leaving || migration->generation != status->location_generation)
		stop_leaving(migration);
	migration->is_on_way = is_leaving || status->migrating_to;
	set_ends(migration, migration->is_on_way ? endpoint : NULL);
	if (status->migrating_to && migration->ends[1].droplet)
		migration->target_revision = migration->ends[1].droplet->host.revision;
	migration->generation = status->location_generation;
	if (is_leaving && !migration->is_leaving) {
		migration->is_leaving = true;
		migration->location_revision = network->locations.revision;
		DL_APPEND(network->migrations, migration);
	}
	ctl_queue_add(&migration->controller->queue, &migration->work);
}

/* Tombstones point to where the endpoint is now, and are not there. */
static void redirect(struct ctl_migration *migration, const struct mz_object *new)
{
	struct ctl_model *model = &migration->controller->model;
	const char *name = new ? ctl_endpoint_droplet(new->endpoint) : NULL;
	const struct ctl_droplet *droplet = name ? ctl_model_droplet(model, name) : NULL;
	struct ctl_tombstone *tombstone, *next;

	DL_FOREACH_SAFE(migration->tombstones, tombstone, next) {
		if (!droplet || tombstone->droplet == droplet)
			ctl_tombstone_free(tombstone);
		else
			ctl_tombstone_set(tombstone, &droplet->addr,
					  new->endpoint->status->location_generation);
	}
}

/* A host has been left, and not because the endpoint is gone. */
static void bury(struct ctl_migration *migration, const Mizar__V1__LeftDroplet *from,
		 const Mizar__V1__Endpoint *new)
{
	struct ctl_model *model = &migration->controller->model;
	const char *to = ctl_endpoint_droplet(new);
	struct ctl_droplet *left = ctl_model_droplet(model, from->name);
	const struct ctl_droplet *droplet = to ? ctl_model_droplet(model, to) : NULL;
	uint64_t ms = rest_of(migration->controller, from);
	struct mz_addr addrs[CTL_ENDPOINT_ADDRESSES_MAX];
	int n = ctl_endpoint_addresses(new, addrs);

	if (!left || !droplet || left == droplet || n <= 0 || !ms)
		return;
	ctl_tombstone_new(migration, left, migration->network->facts.vni, addrs, n, &droplet->addr,
			  new->status->location_generation, ms);
}

static bool has_left(const struct mz_object *object, const Mizar__V1__LeftDroplet *left)
{
	const Mizar__V1__EndpointStatus *status = object ? object->endpoint->status : NULL;
	size_t i;

	for (i = 0; status && i < status->n_left; i++)
		if (status->left[i]->at == left->at &&
		    !strcmp(status->left[i]->name, left->name))
			return true;
	return false;
}

static void bury_all(struct ctl_migration *migration, const struct mz_object *old,
		     const struct mz_object *new)
{
	const Mizar__V1__EndpointStatus *status = new->endpoint->status;
	size_t i;

	for (i = 0; i < status->n_left; i++)
		if (!has_left(old, status->left[i]))
			bury(migration, status->left[i], new->endpoint);
}

void ctl_migration_change(struct ctl_controller *c, struct ctl_network *network,
			  const struct mz_object *old, const struct mz_object *new)
{
	struct ctl_place places[CTL_PLACES_MAX];
	uint64_t uid = mz_object_metadata(new ?: old)->uid;
	struct ctl_migration *migration = find(c, uid);

	if (!migration && (!new || (ctl_endpoint_places(new->endpoint, places) < 2 &&
				    !new->endpoint->status->n_left)))
		return;
	migration = get(c, network, uid);
	redirect(migration, new);
	if (new)
		bury_all(migration, old, new);
	migration->is_on_way = false;
	if (new) {
		follow(migration, new->endpoint);
	} else {
		stop_leaving(migration);
		set_ends(migration, NULL);
	}
	ctl_migration_put(migration);
}

void ctl_migrations_fini(struct ctl_controller *c)
{
	struct ctl_migration *migration, *next;

	HASH_ITER(hh, c->model.migrations, migration, next) {
		while (migration->tombstones)
			ctl_tombstone_free(migration->tombstones);
		migration->is_on_way = false;
		ctl_migration_put(migration);
	}
}
