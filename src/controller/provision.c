// SPDX-License-Identifier: Apache-2.0
/*
 * See provision.h. Both lists of a pending endpoint are in the order of the revisions that it waits
 * for, so that an ack costs what it completes.
 */
#include "controller/provision.h"

#include <string.h>

#include "controller/compile.h"
#include "controller/hold.h"
#include "controller/migrate.h"
#include "controller/set.h"
#include "controller/sub.h"
#include "controller/watch.h"

const struct ctl_pending *ctl_provision_pending(const struct ctl_controller *c, uint64_t uid)
{
	struct ctl_pending *pending;

	HASH_FIND(hh, c->model.pending, &uid, sizeof(uid), pending);
	return pending;
}

static void host_done(struct ctl_pending *pending)
{
	if (pending->host_done)
		return;
	pending->host_done = true;
	DL_DELETE2(pending->droplet->pending, pending, host_prev, host_next);
}

static void location_done(struct ctl_pending *pending)
{
	if (pending->location_done)
		return;
	pending->location_done = true;
	DL_DELETE2(pending->network->pending, pending, network_prev, network_next);
}

static void pending_free(struct ctl_controller *c, struct ctl_pending *pending)
{
	host_done(pending);
	location_done(pending);
	HASH_DEL(c->model.pending, pending);
	free(pending->failed);
	free(pending);
}

void ctl_provision_end(struct ctl_controller *c, uint64_t uid)
{
	struct ctl_pending *pending;

	HASH_FIND(hh, c->model.pending, &uid, sizeof(uid), pending);
	if (pending)
		pending_free(c, pending);
}

static void finish_if_done(struct ctl_controller *c, struct ctl_pending *pending)
{
	uint64_t uid = pending->uid;

	if (!pending->host_done || !pending->location_done)
		return;
	pending_free(c, pending);
	ctl_watch_touch(c, MZ_KIND_ENDPOINT, uid);
}

void ctl_provision_host(struct ctl_controller *c, struct ctl_droplet *droplet)
{
	const struct ctl_sub *sub = ctl_sub_find(droplet, droplet->host.id);
	struct ctl_pending *pending;

	while ((pending = droplet->pending) && pending->host_revision <= sub->acked) {
		host_done(pending);
		finish_if_done(c, pending);
	}
	ctl_holds_acked(droplet, 0, sub->acked);
}

void ctl_provision_begin(struct ctl_controller *c, uint64_t uid, struct ctl_network *network,
			 struct ctl_droplet *droplet)
{
	struct ctl_pending *pending;

	ctl_provision_end(c, uid);
	pending = ctl_calloc(1, sizeof(*pending));
	pending->uid = uid;
	pending->network = network;
	pending->droplet = droplet;
	pending->host_revision = droplet->host.revision;
	pending->location_revision = network->locations.revision;
	HASH_ADD(hh, c->model.pending, uid, sizeof(pending->uid), pending);
	DL_APPEND2(droplet->pending, pending, host_prev, host_next);
	DL_APPEND2(network->pending, pending, network_prev, network_next);
	ctl_provision_host(c, droplet); /* who migrates here has its row already */
}

static bool is_named(const struct ctl_refused *refused, uint64_t uid)
{
	size_t i;

	for (i = 0; i < refused->n; i++)
		if (refused->uids[i] == uid)
			return true;
	return false;
}

/* What failed before is not in a part of the changes, or it would have begun anew. */
static void part_done(struct ctl_controller *c, struct ctl_droplet *droplet,
		      const struct ctl_refused *refused)
{
	struct ctl_pending *pending, *next;

	DL_FOREACH_SAFE2(droplet->pending, pending, next, host_next) {
		if (pending->host_revision > refused->revision)
			return; /* as all that follow */
		if (pending->host_revision <= refused->after || is_named(refused, pending->uid) ||
		    (refused->after && pending->failed))
			continue;
		host_done(pending);
		finish_if_done(c, pending);
	}
}

void ctl_provision_host_part(struct ctl_controller *c, struct ctl_droplet *droplet, uint64_t after,
			     uint64_t revision)
{
	ctl_holds_acked(droplet, after, revision);
	part_done(c, droplet, &(struct ctl_refused){ .after = after, .revision = revision });
}

void ctl_provision_network(struct ctl_controller *c, struct ctl_network *network)
{
	uint64_t settled = ctl_set_settled(&network->set);
	struct ctl_pending *pending;

	while ((pending = network->pending) && pending->location_revision <= settled) {
		location_done(pending);
		finish_if_done(c, pending);
	}
	ctl_migrations_settled(network);
}

static void fail(struct ctl_controller *c, struct ctl_pending *pending, const char *problem)
{
	char *text = strdup(problem);

	if (!text)
		return; /* it stays Init, which is true as well */
	free(pending->failed);
	pending->failed = text;
	ctl_watch_touch(c, MZ_KIND_ENDPOINT, pending->uid);
}

/* Of one that was provisioned, or from before a restart. NULL: it is not there. */
static struct ctl_pending *begin_anew(struct ctl_droplet *droplet, uint64_t uid)
{
	_cleanup_(mz_object_freep) struct mz_object *object = NULL;
	struct ctl_controller *c = droplet->controller;
	struct ctl_network *network;
	struct ctl_pending *pending;
	const char *name;

	if (mz_store_get(c->store, MZ_KIND_ENDPOINT, uid, &object) < 0)
		return NULL;
	name = ctl_endpoint_droplet(object->endpoint);
	network = ctl_model_network(&c->model, mz_object_namespace(object),
				    object->endpoint->spec->network);
	if (!network || !name || ctl_model_droplet(&c->model, name) != droplet)
		return NULL;
	ctl_provision_begin(c, uid, network, droplet);
	ctl_provision_network(c, network); /* the bouncers may have it */
	HASH_FIND(hh, c->model.pending, &uid, sizeof(uid), pending);
	return pending;
}

void ctl_provision_failed(struct ctl_droplet *droplet, uint64_t uid, uint64_t revision,
			  const char *problem)
{
	struct ctl_controller *c = droplet->controller;
	struct ctl_pending *pending;

	HASH_FIND(hh, c->model.pending, &uid, sizeof(uid), pending);
	if (!pending || pending->droplet != droplet || pending->host_done)
		pending = begin_anew(droplet, uid);
	else if (pending->host_revision > revision)
		pending = NULL; /* a later row is on its way */
	if (pending)
		fail(c, pending, problem);
}

void ctl_provision_refused(struct ctl_droplet *droplet, const struct ctl_refused *refused,
			   const char *problem)
{
	struct ctl_controller *c = droplet->controller;
	struct ctl_pending *pending;

	if (!problem) {
		part_done(c, droplet, refused);
		return;
	}
	DL_FOREACH2(droplet->pending, pending, host_next)
		if (!refused->n && pending->host_revision <= refused->revision)
			fail(c, pending, problem);
}
