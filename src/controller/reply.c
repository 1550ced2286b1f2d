// SPDX-License-Identifier: Apache-2.0
/* See reply.h. */
#include "controller/reply.h"

#include <errno.h>
#include <string.h>

#include "api/field.h"

#define LABELS_MAX 64 /* no object has more */

bool ctl_may_manage(struct mz_rpc_call *call)
{
	const char *name = mz_rpc_call_peer_name(call);

	if (!name || !strncmp(name, "admin:", strlen("admin:")))
		return true;
	mz_rpc_call_finish(
		call, MZ_RPC_PERMISSION_DENIED,
		"the certificate of '%s' is not an administrator's: its common name must "
		"begin with admin:",
		name);
	return false;
}

const struct mz_kind_info *ctl_find_kind(struct mz_rpc_call *call, const char *kind)
{
	const struct mz_kind_info *info = kind ? mz_kind_find(kind) : NULL;

	if (!info)
		mz_rpc_call_finish(
			call, MZ_RPC_INVALID_ARGUMENT,
			"kind: '%s' is none of Droplet, VPC, Network, Endpoint, Bouncer, "
			"Divider",
			kind ?: "");
	return info;
}

bool ctl_check_labels(struct mz_rpc_call *call, size_t n_labels)
{
	if (n_labels <= LABELS_MAX)
		return true;
	mz_rpc_call_finish(call, MZ_RPC_INVALID_ARGUMENT, "labels: at most %d", LABELS_MAX);
	return false;
}

int ctl_find_object(struct ctl_controller *c, struct mz_rpc_call *call,
		    const Mizar__V1__ObjectRef *ref, struct mz_object **ret_object)
{
	const struct mz_kind_info *info = ctl_find_kind(call, ref ? ref->kind : NULL);
	const char *ns = ref && ref->namespace_ && *ref->namespace_ ? ref->namespace_ : "default";
	uint64_t uid;
	int r;

	if (!info)
		return -EINVAL;
	if (!ref->name || !*ref->name) {
		mz_rpc_call_finish(call, MZ_RPC_INVALID_ARGUMENT, "name: is missing");
		return -EINVAL;
	}
	r = mz_store_find(c->store, info->kind, info->namespaced ? ns : "", ref->name, &uid);
	if (r >= 0)
		r = mz_store_get(c->store, info->kind, uid, ret_object);
	if (r < 0 && r != -ENOENT)
		mz_rpc_call_finish(call, MZ_RPC_INTERNAL, "%s %s: cannot be read: %s", info->name,
				   ref->name, strerror(-r));
	return r;
}

int ctl_owner_of(struct ctl_controller *c, const struct mz_object *object, uint64_t *ret_owner)
{
	const char *ns = mz_object_namespace(object);

	switch (object->kind) {
	case MZ_KIND_DROPLET:
	case MZ_KIND_VPC:
		*ret_owner = 0;
		return 0;
	case MZ_KIND_NETWORK:
		return mz_store_find(c->store, MZ_KIND_VPC, ns, object->network->spec->vpc,
				     ret_owner);
	case MZ_KIND_ENDPOINT:
		return mz_store_find(c->store, MZ_KIND_NETWORK, ns, object->endpoint->spec->network,
				     ret_owner);
	case MZ_KIND_BOUNCER:
		return mz_store_find(c->store, MZ_KIND_NETWORK, object->bouncer->spec->namespace_,
				     object->bouncer->spec->network, ret_owner);
	case MZ_KIND_DIVIDER:
		return mz_store_find(c->store, MZ_KIND_VPC, object->divider->spec->namespace_,
				     object->divider->spec->vpc, ret_owner);
	}
	return -EINVAL;
}

/* The call knows its reply and the reply its call, until one of them ends. */
struct ctl_reply {
	struct mz_rpc_call *call;
};

struct ctl_reply *ctl_reply_new(struct mz_rpc_call *call)
{
	struct ctl_reply *reply = ctl_calloc(1, sizeof(*reply));

	reply->call = call;
	mz_rpc_call_set_data(call, reply);
	return reply;
}

struct mz_rpc_call *ctl_reply_take_call(struct ctl_reply *reply)
{
	struct mz_rpc_call *call = reply->call;

	if (call)
		mz_rpc_call_set_data(call, NULL);
	free(reply);
	return call;
}

void ctl_reply_finish(struct ctl_reply *reply, int r, const ProtobufCMessage *response)
{
	struct mz_rpc_call *call = ctl_reply_take_call(reply);

	if (!call)
		return;
	if (r >= 0)
		mz_rpc_call_reply(call, response);
	else if (r == -ENOSPC)
		mz_rpc_call_finish(call, MZ_RPC_RESOURCE_EXHAUSTED,
				   "nothing was stored: the controller's disk is full");
	else
		mz_rpc_call_finish(call, MZ_RPC_INTERNAL, "nothing was stored: %s", strerror(-r));
}

void ctl_reply_close(struct mz_rpc_call *call, void *user)
{
	struct ctl_reply *reply = mz_rpc_call_data(call);

	if (reply)
		reply->call = NULL;
}
