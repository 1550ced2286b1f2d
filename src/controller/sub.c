// SPDX-License-Identifier: Apache-2.0
/* See sub.h. */
#include "controller/sub.h"

#include "controller/full.h"
#include "controller/provision.h"
#include "controller/session.h"
#include "controller/set.h"

static void make_key(struct mz_scope_id id, uint64_t ret_key[static 2])
{
	ret_key[0] = id.kind;
	ret_key[1] = id.id;
}

struct ctl_sub *ctl_sub_find(const struct ctl_droplet *droplet, struct mz_scope_id id)
{
	struct ctl_sub *sub;
	uint64_t key[2];

	make_key(id, key);
	HASH_FIND(hh, droplet->subs, key, sizeof(key), sub);
	return sub;
}

const char *ctl_sub_problem(const struct ctl_droplet *droplet)
{
	const struct ctl_sub *sub = ctl_sub_find(droplet, droplet->host.id);

	if (sub && sub->problem)
		return sub->problem;
	for (sub = droplet->subs; sub; sub = sub->hh.next)
		if (sub->problem)
			return sub->problem;
	return NULL;
}

bool ctl_sub_is_current(const struct ctl_sub *sub)
{
	return sub->acked == sub->scope->revision;
}

uint64_t ctl_sub_answered(const struct ctl_droplet *droplet)
{
	const struct ctl_sub *sub = ctl_sub_find(droplet, droplet->host.id);

	return sub->outstanding ? sub->base : sub->sent;
}

static void on_retry(struct ctl_work *work)
{
	struct ctl_sub *sub = CTL_CONTAINER(work, struct ctl_sub, retry);

	sub->wants_full = true;
	ctl_session_kick(sub);
}

static void sub_add(struct ctl_controller *c, struct ctl_droplet *droplet, struct ctl_scope *scope)
{
	struct ctl_sub *sub = ctl_calloc(1, sizeof(*sub));

	make_key(scope->id, sub->key);
	sub->scope = scope;
	sub->droplet = droplet;
	sub->wants_full = true;
	sub->retry.run = on_retry;
	HASH_ADD(hh, droplet->subs, key, sizeof(sub->key), sub);
	DL_APPEND(scope->subs, sub);
	ctl_session_kick(sub);
}

static void sub_free(struct ctl_controller *c, struct ctl_sub *sub)
{
	ctl_session_forget(sub);
	ctl_queue_cancel(&c->queue, &sub->retry);
	DL_DELETE(sub->scope->subs, sub);
	HASH_DEL(sub->droplet->subs, sub);
	free(sub->problem);
	free(sub);
}

void ctl_sub_set(struct ctl_controller *c, struct ctl_droplet *droplet, struct ctl_scope *scope,
		 bool wanted)
{
	struct ctl_sub *sub = ctl_sub_find(droplet, scope->id);

	if (wanted && !sub)
		sub_add(c, droplet, scope);
	if (!wanted && sub) {
		ctl_session_drop(droplet, scope->id);
		sub_free(c, sub);
	}
}

void ctl_sub_drop_all(struct ctl_controller *c, struct ctl_scope *scope)
{
	while (scope->subs)
		ctl_sub_set(c, scope->subs->droplet, scope, false);
}

void ctl_sub_forget_all(struct ctl_controller *c, struct ctl_droplet *droplet)
{
	while (droplet->subs)
		sub_free(c, droplet->subs);
}

/* What every connected holder has is history; who is being sent all needs what changed since. */
static void trim(struct ctl_scope *scope)
{
	uint64_t needed, revision = scope->revision;
	struct ctl_sub *sub;

	DL_FOREACH(scope->subs, sub) {
		needed = sub->full ? ctl_full_revision(sub->full) : sub->acked;
		if (sub->droplet->session && needed && needed < revision)
			revision = needed;
	}
	ctl_scope_trim(scope, revision);
}

void ctl_sub_touch(struct ctl_controller *c, struct ctl_scope *scope)
{
	struct ctl_sub *sub;

	DL_FOREACH(scope->subs, sub)
		ctl_session_kick(sub);
	trim(scope); /* with nobody connected no ack ever does */
	if (scope->set && scope == scope->set->warm)
		ctl_set_changed(scope->set);
}

void ctl_sub_acked(struct ctl_controller *c, struct ctl_sub *sub)
{
	struct ctl_scope *scope = sub->scope;

	trim(scope);
	switch (scope->id.kind) {
	case MIZAR__V1__SCOPE__KIND__DROPLETS:
		break;
	case MIZAR__V1__SCOPE__KIND__HOST:
		ctl_provision_host(c, sub->droplet);
		break;
	case MIZAR__V1__SCOPE__KIND__LOCATIONS:
	case MIZAR__V1__SCOPE__KIND__ROUTES:
		ctl_set_warmed(scope->set, sub->droplet);
		break;
	case MIZAR__V1__SCOPE__KIND__VPC:
	case MIZAR__V1__SCOPE__KIND__NETWORK:
		ctl_set_published(scope->set);
		break;
	case _MIZAR__V1__SCOPE__KIND_IS_INT_SIZE:
		break;
	}
}
