// SPDX-License-Identifier: Apache-2.0
/*
 * Attach and Detach: a host asks for an endpoint, and gives it back. Neither waits behind the rows
 * of the host's stream; both can be repeated.
 */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/replicas.h"
#include "controller/compile.h"
#include "controller/full.h"
#include "controller/methods.h"
#include "controller/migrate.h"
#include "controller/place.h"
#include "controller/reply.h"
#include "controller/session.h"
#include "controller/write.h"

/* One call until its commit. */
struct attach {
	struct ctl_controller *c;
	struct ctl_reply *reply;
	char *droplet, *ns, *name;
	uint64_t uid; /* of the endpoint: one of the same name may come after it */
	bool found;
};

static void attach_free(struct attach *attach)
{
	if (!attach)
		return;
	free(attach->droplet);
	free(attach->ns);
	free(attach->name);
	free(attach);
}
DEFINE_CLEANUP(struct attach *, attach_free)

/* NULL: the call has been finished. */
static struct attach *attach_new(struct ctl_controller *c, struct mz_rpc_call *call,
				 const char *claimed, const char *ns, const char *name)
{
	const char *droplet = ctl_host_name(call, claimed);
	struct attach *attach;

	if (!droplet) {
		mz_rpc_call_finish(call, MZ_RPC_PERMISSION_DENIED,
				   "droplet: must be named, and be that of the certificate (%s)",
				   mz_rpc_call_peer_name(call) ?: "none");
		return NULL;
	}
	if (!ctl_model_droplet(&c->model, droplet)) {
		mz_rpc_call_finish(call, MZ_RPC_FAILED_PRECONDITION,
				   "droplet %.64s is not known; its stream registers it", droplet);
		return NULL;
	}
	if (!name || !*name) {
		mz_rpc_call_finish(call, MZ_RPC_INVALID_ARGUMENT, "name: is missing");
		return NULL;
	}
	attach = ctl_calloc(1, sizeof(*attach));
	attach->c = c;
	attach->droplet = ctl_strdup(droplet);
	attach->ns = ctl_strdup(ns && *ns ? ns : "default");
	attach->name = ctl_strdup(name);
	return attach;
}

static int find_endpoint(const struct attach *attach, struct mz_object **ret_object)
{
	struct mz_store *store = attach->c->store;
	uint64_t uid;
	int r;

	r = mz_store_find(store, MZ_KIND_ENDPOINT, attach->ns, attach->name, &uid);
	return r < 0 ? r : mz_store_get(store, MZ_KIND_ENDPOINT, uid, ret_object);
}

/* Where it is or must be, and cannot be taken from; NULL: it may be here. */
static const char *elsewhere(const struct attach *attach, const Mizar__V1__Endpoint *endpoint)
{
	const char *where = endpoint->spec->droplet;
	bool is_leaving = endpoint->status->migrating_from;

	/* While it migrates it may be attached on both hosts. */
	if (ctl_endpoint_is_on(endpoint, attach->droplet, NULL) && !is_leaving)
		return NULL;
	if (!where || !*where || is_leaving)
		where = ctl_endpoint_droplet(endpoint);
	return where && *where && strcmp(where, attach->droplet) ? where : NULL;
}

/* Stores where the endpoint is now, unless that is known. droplet "": nowhere. */
static int store_place(struct ctl_controller *c, struct ctl_write *write,
		       const struct mz_object *old, const char *droplet)
{
	_cleanup_(mz_object_freep) struct mz_object *new = NULL;
	uint64_t owner;
	int r;

	if (*droplet ? ctl_endpoint_is_on(old->endpoint, droplet, NULL)
		     : !ctl_endpoint_droplet(old->endpoint))
		return 0;
	r = mz_object_copy(old, &new);
	if (r < 0)
		return r;
	r = ctl_owner_of(c, old, &owner);
	if (r < 0)
		return r;
	r = ctl_place_endpoint(c, ctl_write_txn(write), new->endpoint, droplet);
	return r < 0 ? r : ctl_write_put(write, old, TAKE(new), owner, 0);
}

/* Also if that is not durable yet: a droplet goes as soon as nothing durable is on it. */
static bool is_being_deleted(const struct attach *attach)
{
	_cleanup_(mz_object_freep) struct mz_object *object = NULL;
	struct mz_store *store = attach->c->store;
	uint64_t uid;
	int r;

	r = mz_store_find(store, MZ_KIND_DROPLET, "", attach->droplet, &uid);
	r = r ?: mz_store_get(store, MZ_KIND_DROPLET, uid, &object);
	return r < 0 || mz_object_metadata(object)->deletion_timestamp;
}

/* ---- Attach ---------------------------------------------------------------------------------- */

static void compile_all(struct ctl_controller *c, const struct mz_object *object,
			const char *droplet, struct ctl_rows *rows)
{
	const struct ctl_network *network = ctl_model_network(
		&c->model, mz_object_namespace(object), object->endpoint->spec->network);
	uint32_t generation;
	struct ctl_row row;

	if (!network)
		return;
	if (ctl_endpoint_is_on(object->endpoint, droplet, &generation) &&
	    ctl_compile_endpoint(&network->facts, object->endpoint, generation, &row) >= 0)
		ctl_rows_add(rows, &row.row);
	ctl_compile_network(&network->facts, &network->set.published, &row);
	if (mz_replicas_size(&network->set.published))
		ctl_rows_add(rows, &row.row);
	ctl_compile_vpc(network->vpc->vni, network->vpc->row_flags, &network->vpc->set.published,
			&row);
	ctl_rows_add(rows, &row.row);
}

static void on_attached(int r, void *user)
{
	_cleanup_(attach_freep) struct attach *attach = user;
	Mizar__V1__AttachResponse response = MIZAR__V1__ATTACH_RESPONSE__INIT;
	_cleanup_(mz_object_freep) struct mz_object *object = NULL;
	struct ctl_controller *c = attach->c;
	struct ctl_droplet *droplet = ctl_model_droplet(&c->model, attach->droplet);
	struct ctl_rows rows = {};

	if (r >= 0)
		r = mz_store_get(c->store, MZ_KIND_ENDPOINT, attach->uid, &object);
	if (r == -ENOENT || (r >= 0 && elsewhere(attach, object->endpoint))) {
		struct mz_rpc_call *call = ctl_reply_take_call(attach->reply);

		if (call)
			mz_rpc_call_finish(call, MZ_RPC_NOT_FOUND,
					   "endpoint %s/%s was %s while it was being attached",
					   attach->ns, attach->name, object ? "moved" : "deleted");
		return;
	}
	/* One that migrates here is told of when it has its device: the host will say so. */
	if (r >= 0 && droplet && !object->endpoint->status->migrating_to)
		r = ctl_uidset_add(&droplet->attached, attach->uid);
	if (r >= 0)
		compile_all(c, object, attach->droplet, &rows);
	response.n_rows = rows.n;
	response.rows = rows.rows;
	ctl_reply_finish(attach->reply, r, &response.base);
	ctl_rows_fini(&rows);
}

void ctl_attach_request(struct mz_rpc_call *call, const ProtobufCMessage *request, void *user)
{
	const Mizar__V1__AttachRequest *message = (const Mizar__V1__AttachRequest *)request;
	_cleanup_(mz_object_freep) struct mz_object *object = NULL;
	_cleanup_(ctl_write_freep) struct ctl_write *write = NULL;
	_cleanup_(attach_freep) struct attach *attach = NULL;
	struct ctl_controller *c = user;
	const char *where;
	int r;

	attach = attach_new(c, call, message->droplet, message->namespace_, message->name);
	if (!attach)
		return;
	r = find_endpoint(attach, &object);
	if (r == -ENOENT) {
		mz_rpc_call_finish(call, MZ_RPC_NOT_FOUND, "there is no Endpoint %.64s/%.64s",
				   attach->ns, attach->name);
		return;
	}
	where = r >= 0 ? elsewhere(attach, object->endpoint) : NULL;
	if (where) {
		mz_rpc_call_finish(
			call, MZ_RPC_FAILED_PRECONDITION,
			"endpoint %s/%s is on droplet %s; detach it there first, or migrate it: "
			"mizar endpoint migrate %s --to %s -n %s",
			attach->ns, attach->name, where, attach->name, attach->droplet,
			attach->ns);
		return;
	}
	if (r >= 0 && is_being_deleted(attach)) {
		mz_rpc_call_finish(call, MZ_RPC_FAILED_PRECONDITION,
				   "droplet %s is being deleted; its stream registers it anew",
				   attach->droplet);
		return;
	}
	if (object)
		attach->uid = mz_object_metadata(object)->uid;
	attach->reply = ctl_reply_new(call);
	if (r >= 0)
		r = ctl_write_new(c, &write);
	if (r >= 0)
		r = store_place(c, write, object, attach->droplet);
	if (r < 0) {
		ctl_reply_finish(attach->reply, r, NULL);
		return;
	}
	ctl_write_commit(TAKE(write), on_attached, TAKE(attach));
}

/* ---- Detach ---------------------------------------------------------------------------------- */

static void on_detached(int r, void *user)
{
	_cleanup_(attach_freep) struct attach *attach = user;
	Mizar__V1__DetachResponse response = MIZAR__V1__DETACH_RESPONSE__INIT;

	response.has_found = true;
	response.found = attach->found;
	ctl_reply_finish(attach->reply, r, &response.base);
}

void ctl_detach_request(struct mz_rpc_call *call, const ProtobufCMessage *request, void *user)
{
	const Mizar__V1__DetachRequest *message = (const Mizar__V1__DetachRequest *)request;
	_cleanup_(mz_object_freep) struct mz_object *object = NULL;
	_cleanup_(ctl_write_freep) struct ctl_write *write = NULL;
	_cleanup_(attach_freep) struct attach *attach = NULL;
	struct ctl_controller *c = user;
	const char *wanted, *is;
	int r;

	attach = attach_new(c, call, message->droplet, message->namespace_, message->name);
	if (!attach)
		return;
	attach->reply = ctl_reply_new(call);
	r = ctl_write_new(c, &write);
	if (r >= 0)
		r = find_endpoint(attach, &object);
	if (r >= 0) {
		is = ctl_endpoint_droplet(object->endpoint);
		wanted = object->endpoint->spec->droplet;
		attach->found = is && !strcmp(is, attach->droplet);
		attach->uid = mz_object_metadata(object)->uid;
		ctl_uidset_remove(&ctl_model_droplet(&c->model, attach->droplet)->attached,
				  attach->uid);
		/* Without a device it need not wait for the next host's. */
		ctl_migration_look(c, attach->uid);
		if (attach->found && (!wanted || !*wanted))
			r = store_place(c, write, object, "");
	} else if (r == -ENOENT) {
		r = 0;
	}
	if (r < 0) {
		ctl_reply_finish(attach->reply, r, NULL);
		return;
	}
	ctl_write_commit(TAKE(write), on_detached, TAKE(attach));
}
