// SPDX-License-Identifier: Apache-2.0
/* See remove.h. */
#include "controller/remove.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "api/field.h"
#include "base/log.h"
#include "controller/hold.h"
#include "controller/reply.h"
#include "mizar/v1/management.pb-c.h"

static int stop(const struct mz_object *object, void *user)
{
	return 1;
}

bool ctl_has_dependents(struct ctl_controller *c, const struct mz_object *object)
{
	uint64_t uid = mz_object_metadata(object)->uid;

	switch (object->kind) {
	case MZ_KIND_VPC:
		return mz_store_list(c->store, MZ_KIND_NETWORK, NULL, uid, 0, stop, NULL) > 0;
	case MZ_KIND_NETWORK:
		return mz_store_list(c->store, MZ_KIND_ENDPOINT, NULL, uid, 0, stop, NULL) > 0;
	case MZ_KIND_DROPLET: {
		const struct ctl_droplet *droplet =
			ctl_model_droplet(&c->model, mz_object_name(object));

		return droplet &&
		       (droplet->n_endpoints || droplet->n_arriving || droplet->replicas ||
			droplet->n_planned);
	}
	case MZ_KIND_ENDPOINT:
	case MZ_KIND_BOUNCER:
	case MZ_KIND_DIVIDER:
		return false;
	}
	return false;
}

/* ---- what goes with an object ---------------------------------------------------------------- */

struct children {
	struct ctl_write *write;
	int r;
};

static int remove_child(const struct mz_object *object, void *user)
{
	struct children *children = user;

	children->r = ctl_write_delete(children->write, object);
	return children->r < 0;
}

static int remove_children(struct ctl_controller *c, struct ctl_write *write, enum mz_kind kind,
			   uint64_t owner)
{
	struct children children = { .write = write };
	int r;

	r = mz_store_list(c->store, kind, NULL, owner, 0, remove_child, &children);
	return r < 0 ? r : children.r;
}

int ctl_remove(struct ctl_write *write, const struct mz_object *object)
{
	struct ctl_controller *c = ctl_write_controller(write);
	uint64_t uid = mz_object_metadata(object)->uid;
	struct mz_addr addr = {};
	int r = 0;

	switch (object->kind) {
	case MZ_KIND_DROPLET:
		r = mz_addr_parse(object->droplet->spec->address, &addr);
		r = r ?: mz_txn_release_address(ctl_write_txn(write), CTL_VNI_DROPLETS, &addr);
		break;
	case MZ_KIND_VPC:
		r = mz_txn_release_address(ctl_write_txn(write), object->vpc->spec->vni, &addr);
		r = r ?: remove_children(c, write, MZ_KIND_DIVIDER, uid);
		break;
	case MZ_KIND_NETWORK:
		r = remove_children(c, write, MZ_KIND_BOUNCER, uid);
		break;
	case MZ_KIND_ENDPOINT: /* its hosts must let go of its addresses first: hold.c */
	case MZ_KIND_BOUNCER:
	case MZ_KIND_DIVIDER:
		break;
	}
	return r < 0 ? r : ctl_write_delete(write, object);
}

static void on_removed(int r, void *user)
{
	struct ctl_controller *c = user;

	if (r < 0)
		ctl_controller_resync(c);
	else
		c->resync.failures = 0;
}

void ctl_remove_later(struct ctl_controller *c, enum mz_kind kind, uint64_t uid)
{
	_cleanup_(mz_object_freep) struct mz_object *object = NULL;
	_cleanup_(ctl_write_freep) struct ctl_write *write = NULL;
	int r;

	r = mz_store_get(c->store, kind, uid, &object);
	if (r == -ENOENT || (r >= 0 && ctl_has_dependents(c, object)))
		return;
	if (r >= 0)
		r = ctl_write_new(c, &write);
	if (r >= 0)
		r = ctl_remove(write, object);
	if (r < 0) {
		mz_log_err("%s %s: cannot be removed: %s", mz_kinds[kind].name,
			   object ? mz_object_name(object) : "", strerror(-r));
		ctl_controller_resync(c);
		return;
	}
	ctl_write_commit(TAKE(write), on_removed, c);
}

/* ---- Management.Delete ----------------------------------------------------------------------- */

struct deletion {
	struct ctl_controller *c;
	struct ctl_reply *reply;
	uint64_t uid;
	bool found, gone;
};

static void answer(void *user)
{
	_cleanup_free_ struct deletion *deletion = user;
	Mizar__V1__DeleteResponse response = MIZAR__V1__DELETE_RESPONSE__INIT;

	response.has_found = response.has_gone = true;
	response.found = deletion->found;
	response.gone = deletion->gone;
	ctl_reply_finish(deletion->reply, 0, &response.base);
}

static void on_deleted(int r, void *user)
{
	struct deletion *deletion = user;

	if (r >= 0) {
		ctl_hold_wait_for(deletion->c, deletion->uid, answer, deletion);
		return;
	}
	ctl_reply_finish(deletion->reply, r, NULL);
	free(deletion);
}

/* A droplet that works or has endpoints is not deleted by mistake. */
static const char *refuse(struct ctl_controller *c, const struct mz_object *object)
{
	const struct ctl_droplet *droplet;

	if (object->kind != MZ_KIND_DROPLET)
		return NULL;
	droplet = ctl_model_droplet(&c->model, mz_object_name(object));
	if (droplet && droplet->session)
		return "its host is connected; stop mizard there first";
	if (droplet && (droplet->n_endpoints || droplet->n_arriving))
		return "endpoints are on it; delete or move them first";
	return NULL;
}

static int mark_deleting(struct ctl_controller *c, struct ctl_write *write,
			 const struct mz_object *object)
{
	_cleanup_(mz_object_freep) struct mz_object *new = NULL;
	uint64_t owner = 0;
	int r;

	r = mz_object_copy(object, &new);
	if (r < 0)
		return r;
	r = ctl_owner_of(c, object, &owner);
	if (r < 0)
		return r;
	mz_object_metadata(new)->has_deletion_timestamp = true;
	mz_object_metadata(new)->deletion_timestamp = (uint64_t)time(NULL);
	return ctl_write_put(write, object, TAKE(new), owner, 0);
}

/* Replicas leave make-before-break, a droplet when nothing is on it: their operators see to it. */
static bool goes_at_once(struct ctl_controller *c, const struct mz_object *object)
{
	switch (object->kind) {
	case MZ_KIND_ENDPOINT:
		return true;
	case MZ_KIND_VPC:
	case MZ_KIND_NETWORK:
		return !ctl_has_dependents(c, object);
	case MZ_KIND_DROPLET:
	case MZ_KIND_BOUNCER:
	case MZ_KIND_DIVIDER:
		return false;
	}
	return false;
}

static int delete_object(struct ctl_controller *c, struct ctl_reply *reply,
			 const struct mz_object *object)
{
	_cleanup_(ctl_write_freep) struct ctl_write *write = NULL;
	_cleanup_free_ struct deletion *deletion = calloc(1, sizeof(*deletion));
	int r;

	if (!deletion)
		return -ENOMEM;
	r = ctl_write_new(c, &write);
	if (r < 0)
		return r;
	deletion->c = c;
	deletion->reply = reply;
	deletion->uid = object ? mz_object_metadata(object)->uid : 0;
	deletion->found = object;
	deletion->gone = !object || goes_at_once(c, object);
	if (object && deletion->gone)
		r = ctl_remove(write, object);
	else if (object && !mz_object_metadata(object)->deletion_timestamp)
		r = mark_deleting(c, write, object);
	if (r < 0)
		return r;
	/* Also without a change: what was read may be on its way to the disk. */
	ctl_write_commit(TAKE(write), on_deleted, TAKE(deletion));
	return 0;
}

void ctl_delete_request(struct mz_rpc_call *call, const ProtobufCMessage *request, void *user)
{
	const Mizar__V1__DeleteRequest *delete = (const Mizar__V1__DeleteRequest *)request;
	_cleanup_(mz_object_freep) struct mz_object *object = NULL;
	struct ctl_controller *c = user;
	struct ctl_reply *reply;
	const char *refusal;
	int r;

	if (!ctl_may_manage(call))
		return;
	r = ctl_find_object(c, call, delete->object, &object);
	if (r < 0 && r != -ENOENT)
		return; /* answered */
	refusal = object ? refuse(c, object) : NULL;
	if (refusal) {
		mz_rpc_call_finish(call, MZ_RPC_FAILED_PRECONDITION, "%s %s: cannot be deleted: %s",
				   mz_kinds[object->kind].name, mz_object_name(object), refusal);
		return;
	}
	reply = ctl_reply_new(call);
	r = delete_object(c, reply, object);
	if (r < 0)
		ctl_reply_finish(reply, r, NULL);
}
