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

void ctl_provision_host_part(struct ctl_controller *c, struct ctl_droplet *droplet, uint64_t after,
			     uint64_t revision)
{
	struct ctl_pending *pending, *next;

	ctl_holds_acked(droplet, after, revision);
	DL_FOREACH_SAFE2(droplet->pending, pending, next, host_next) {
		if (pending->host_revision > revision)
			return; /* as all that follow */
		if (pending->host_revision <= after)
			continue;
		host_done(pending);
		finish_if_done(c, pending);
	}
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

static bool has_key(const struct ctl_pending *pending, const char *key)
{
	struct ctl_row row = {};
	char text[MZ_ROW_KEY_STRLEN];

	mizar__v1__row__init(&row.row);
	mizar__v1__endpoint_row__init(&row.endpoint);
	row.row.row_case = MIZAR__V1__ROW__ROW_ENDPOINT;
	row.row.endpoint = &row.endpoint;
	row.endpoint.has_uid = true;
	row.endpoint.uid = pending->uid;
	return !strcmp(mz_row_key_format(&row.row, text), key);
}

void ctl_provision_failed(struct ctl_controller *c, const struct ctl_sub *sub, uint64_t revision,
			  const char *key, const char *problem)
{
	struct ctl_pending *pending, *named = NULL;

	if (sub->scope->id.kind != MIZAR__V1__SCOPE__KIND__HOST)
		return;
	DL_FOREACH2(sub->droplet->pending, pending, host_next)
		if (pending->host_revision <= revision && has_key(pending, key))
			named = pending;
	if (named) {
		fail(c, named, problem);
		return;
	}
	DL_FOREACH2(sub->droplet->pending, pending, host_next)
		if (pending->host_revision <= revision)
			fail(c, pending, problem);
}
