// SPDX-License-Identifier: Apache-2.0
/*
 * The device goes first, then the controller is told; unless another client has the endpoint by
 * now. An attach that comes meanwhile waits for the controller's answer, which would undo it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "base/log.h"
#include "host/endpoint.h"
#include "host/local.h"
#include "host/local_attach.h"
#include "host/release.h"
#include "mizar/v1/host.pb-c.h"

static bool is_away(enum mz_rpc_code code)
{
	return code == MZ_RPC_UNAVAILABLE || code == MZ_RPC_DEADLINE_EXCEEDED ||
	       code == MZ_RPC_CANCELLED;
}

static int call_detach(const struct mz_operation *op, mz_rpc_done_fn on_done, void *user)
{
	Mizar__V1__DetachRequest request = MIZAR__V1__DETACH_REQUEST__INIT;

	request.namespace_ = (char *)op->ns;
	request.name = (char *)op->name;
	request.droplet = (char *)op->host->options->droplet;
	return mz_rpc_unary(op->host->client, "/mizar.v1.Host/Detach", &request.base,
			    &mizar__v1__detach_response__descriptor, MZ_LOCAL_TIMEOUT_MS, on_done,
			    user);
}

static void reply(const struct mz_operation *op, enum mz_rpc_code code, const char *message)
{
	int r = 0;

	/* A controller that is away is told later: the device is gone, and that is what was asked.
	 */
	if (is_away(code))
		r = mz_release_add(op->host->releases, op->ns, op->name);
	else if (code != MZ_RPC_OK && code != MZ_RPC_NOT_FOUND)
		r = -mz_local_code_errno(code);
	if (r < 0) {
		mz_local_reply_error(op->request, -r,
				     "endpoint %s/%s: the device is gone, but the controller does "
				     "not take it back: %s",
				     op->ns, op->name, message);
		return;
	}
	mz_log_info("endpoint %s/%s: detached", op->ns, op->name);
	mz_local_reply_error(op->request, 0, "%s", "");
}

static void on_detached(enum mz_rpc_code code, const char *message,
			const ProtobufCMessage *response, void *user)
{
	_cleanup_free_ struct mz_operation *op = user;

	DL_DELETE(op->host->operations, op);
	reply(op, code, message);
	mz_attach_resume(op->host);
}

/* The client's device is gone or is not yet there, and another one has or makes its own. */
static bool is_anothers(const struct mz_operation *detach, const struct mz_device *device)
{
	const struct mz_operation *op;

	if (!detach->client_uid[0])
		return false;
	if (device)
		return strcmp(device->client, detach->client_uid);
	for (op = detach->host->operations; op; op = op->next) {
		if (op->netns && !strcmp(op->ns, detach->ns) && !strcmp(op->name, detach->name))
			return strcmp(op->client_uid, detach->client_uid);
	}
	return false;
}

static int delete_own(const struct mz_operation *op, bool *ret_is_anothers)
{
	struct mz_endpoint endpoint;
	struct mz_device device;
	uint64_t uid;
	int r;

	r = mz_endpoint_find(op->host, op->ns, op->name, &uid, &endpoint);
	if (r < 0) {
		*ret_is_anothers = is_anothers(op, NULL);
		return r == -ENOENT ? 0 : r;
	}
	r = mz_device_find(uid, &device);
	if (r < 0 && r != -ENODEV)
		return r;
	*ret_is_anothers = is_anothers(op, r < 0 ? NULL : &device);
	return *ret_is_anothers ? 0 : mz_endpoint_delete(op->host, uid, &endpoint);
}

void mz_detach(struct mz_host *host, struct mz_ipc_request *request,
	       const Mizar__V1__LocalDetach *detach)
{
	_cleanup_free_ struct mz_operation *op = calloc(1, sizeof(*op));
	bool is_anothers = false;
	int r;

	if (!op) {
		mz_local_reply_error(request, ENOMEM, "out of memory");
		return;
	}
	op->host = host;
	op->request = request;
	op->ns = detach->namespace_ ?: MZ_LOCAL_NAMESPACE;
	op->name = detach->name ?: "";
	op->client_uid = detach->client_uid ?: "";

	r = delete_own(op, &is_anothers);
	if (r < 0) {
		mz_local_reply_error(request, -r,
				     "endpoint %s/%s: its device cannot be removed: %s", op->ns,
				     op->name, strerror(-r));
		return;
	}
	if (is_anothers)
		mz_log_info("endpoint %s/%s: not detached for %s: another client has it by now",
			    op->ns, op->name, op->client_uid);
	if (!host->client || is_anothers) {
		mz_local_reply_error(request, 0, "%s", "");
		return;
	}
	r = call_detach(op, on_detached, op);
	if (r < 0) {
		mz_local_reply_error(request, -r, "controller: %s", strerror(-r));
		return;
	}
	DL_APPEND(host->operations, op);
	TAKE(op); /* on_detached() has it */
}
