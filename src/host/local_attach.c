// SPDX-License-Identifier: Apache-2.0
/*
 * client                    mizard                        controller
 *   | LocalAttach{netns} ---> | Host.Attach ----------------> | places the endpoint here
 *   |                         | <------------- rows, at once  |
 *   |                         | rows, device, port, agent, local
 *   | <----- LocalAttached    |
 *
 * A failure after the controller's answer takes everything back, also there. Without a controller
 * the endpoint's row must have been set by hand.
 */
#include "host/local_attach.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "base/log.h"
#include "host/apply.h"
#include "host/endpoint.h"
#include "host/local.h"
#include "host/release.h"
#include "host/stream.h"
#include "mizar/v1/host.pb-c.h"
#include "netlink/namespace.h"

#define DEFAULT_IFNAME "eth0"

bool mz_attach_is_under_way(const struct mz_host *host, const char *ns, const char *name)
{
	const struct mz_operation *op;

	for (op = host->operations; op; op = op->next) {
		if (op->netns && !strcmp(op->ns, ns) && !strcmp(op->name, name))
			return true;
	}
	return false;
}

static bool is_detaching(const struct mz_operation *attach)
{
	const struct mz_operation *op;

	for (op = attach->host->operations; op; op = op->next) {
		if (!op->netns && !strcmp(op->ns, attach->ns) && !strcmp(op->name, attach->name))
			return true;
	}
	return false;
}

/* ---- attaching ------------------------------------------------------------------------------- */

static void reply_attached(struct mz_operation *op, uint64_t uid,
			   const struct mz_endpoint *endpoint, const struct mz_device *device)
{
	Mizar__V1__LocalResponse response = MIZAR__V1__LOCAL_RESPONSE__INIT;
	Mizar__V1__LocalAttached attached = MIZAR__V1__LOCAL_ATTACHED__INIT;
	struct mz_row_buffer buffer;

	mz_row_from_table(MZ_TABLE_endpoint, &uid, endpoint, &buffer);
	attached.has_uid = attached.has_mtu = 1;
	attached.uid = uid;
	attached.mtu = device->mtu;
	attached.host_ifname = (char *)device->ifname;
	attached.ifname = (char *)op->ifname;
	attached.endpoint = &buffer.endpoint;
	response.attached = &attached;
	mz_log_info("endpoint %s/%s: attached, device %s", op->ns, op->name, device->ifname);
	mz_ipc_reply(op->request, &response);
}

/* Nothing of this attach is left, here or there; what an earlier one made stays as it is. */
static void take_back(const struct mz_operation *op)
{
	struct mz_endpoint endpoint;
	uint64_t uid;
	int r;

	if (op->had_device)
		return;
	r = mz_endpoint_find(op->host, op->ns, op->name, &uid, &endpoint);
	if (r >= 0)
		r = mz_endpoint_delete(op->host, uid, &endpoint);
	if (r >= 0 || r == -ENOENT)
		r = op->host->client ? mz_release_add(op->host->releases, op->ns, op->name) : 0;
	if (r < 0)
		mz_log_warn("endpoint %s/%s: a failed attach was not taken back: %s", op->ns,
			    op->name, strerror(-r));
}

/* The endpoint's row is in its table. */
static void attach_device(struct mz_operation *op, uint64_t uid, const struct mz_endpoint *endpoint)
{
	struct mz_host *host = op->host;
	struct mz_device device;
	int r;

	r = mz_device_add(uid, endpoint, op->client_uid, op->netns, op->ifname,
			  mz_host_endpoint_mtu(host), host->offload.holds, &device);
	if (r < 0) {
		take_back(op);
		mz_local_reply_error(op->request, -r, "endpoint %s/%s: device %s in %s: %s", op->ns,
				     op->name, op->ifname, op->netns,
				     r == -EEXIST ? "the name is in use there, or the endpoint is "
						    "attached elsewhere: detach it first"
						  : strerror(-r));
		return;
	}
	r = mz_endpoint_serve(host, uid, NULL, endpoint, &device);
	if (r < 0) {
		take_back(op);
		mz_local_reply_error(op->request, -r, "endpoint %s/%s: %s", op->ns, op->name,
				     r == -ENOSPC ? "this host's tables are full" : strerror(-r));
		return;
	}
	mz_stream_tell_device(host->stream, uid, true);
	reply_attached(op, uid, endpoint, &device);
}

/* All rows of the controller's answer. Returns the endpoint's own. */
static int apply_answer(struct mz_operation *op, const Mizar__V1__AttachResponse *answer,
			uint64_t *ret_uid, struct mz_refusal *ret_refusal)
{
	struct mz_host *host = op->host;
	uint64_t uid = 0;
	size_t i;
	int r;

	for (i = 0; i < answer->n_rows; i++) {
		const Mizar__V1__Row *row = answer->rows[i];

		r = mz_apply_set(host, row, NULL, ret_refusal);
		if (r < 0)
			return r;
		r = mz_keyset_add(&host->fresh, mz_apply_key_hash(row));
		if (r < 0)
			return r;
		if (row->row_case == MIZAR__V1__ROW__ROW_ENDPOINT &&
		    !strcmp(row->endpoint->namespace_, op->ns) &&
		    !strcmp(row->endpoint->name, op->name))
			uid = row->endpoint->uid;
	}
	if (!uid)
		return -ENOMSG;
	*ret_uid = uid;
	return 0;
}

static void on_answer(enum mz_rpc_code code, const char *message, const ProtobufCMessage *response,
		      void *user)
{
	_cleanup_free_ struct mz_operation *op = user;
	struct mz_refusal refusal = { .reason = "out of memory" };
	struct mz_endpoint endpoint;
	uint64_t uid;
	int r;

	DL_DELETE(op->host->operations, op);
	if (code != MZ_RPC_OK) {
		mz_local_reply_error(op->request, mz_local_code_errno(code),
				     "endpoint %s/%s: controller: %s", op->ns, op->name, message);
		return;
	}
	r = apply_answer(op, (const Mizar__V1__AttachResponse *)response, &uid, &refusal);
	if (r >= 0)
		r = mz_table_get(op->host->tables, MZ_TABLE_endpoint, &uid, &endpoint);
	if (r >= 0) {
		attach_device(op, uid, &endpoint);
		return;
	}
	take_back(op);
	if (r == -ENOMSG)
		mz_local_reply_error(op->request, EPROTO,
				     "endpoint %s/%s: the controller's answer has no row for it",
				     op->ns, op->name);
	else
		mz_local_reply_error(op->request, -r, "endpoint %s/%s: %s %s: %s", op->ns, op->name,
				     refusal.table, refusal.key, refusal.reason);
}

static bool is_ifname(const char *text)
{
	size_t i;

	if (!text[0] || strlen(text) > 15 || !strcmp(text, ".") || !strcmp(text, ".."))
		return false;
	for (i = 0; text[i]; i++) {
		if (text[i] == '/' || text[i] == ':' || isspace((unsigned char)text[i]))
			return false;
	}
	return true;
}

static bool is_client(const char *text)
{
	size_t i;

	for (i = 0; isgraph((unsigned char)text[i]); i++)
		;
	return !text[i] && i < MZ_CLIENT_SIZE;
}

/* What can be told without the controller. */
static int check(const struct mz_operation *op)
{
	_cleanup_close_ int fd = -1;
	int r;

	if (!op->name[0] || strlen(op->name) >= MZ_NAME_SIZE || strlen(op->ns) >= MZ_NAME_SIZE) {
		mz_local_reply_error(op->request, EINVAL, "name: give the name of an endpoint");
		return -EINVAL;
	}
	if (!is_ifname(op->ifname)) {
		mz_local_reply_error(op->request, EINVAL,
				     "ifname: no name for a device: use 1 to 15 "
				     "characters without '/', ':' and white space");
		return -EINVAL;
	}
	if (!is_client(op->client_uid)) {
		mz_local_reply_error(op->request, EINVAL,
				     "client_uid: use at most %d printable characters without "
				     "blanks",
				     MZ_CLIENT_SIZE - 1);
		return -EINVAL;
	}
	r = op->netns[0] == '/' ? mz_netns_open(op->netns, &fd) : -EINVAL;
	if (r < 0)
		mz_local_reply_error(op->request, -r, "netns: %.256s: %s", op->netns,
				     r == -EINVAL   ? "give an absolute path"
				     : r == -ENOTTY ? "not a network namespace"
						    : strerror(-r));
	return r;
}

static bool has_device(const struct mz_operation *op)
{
	struct mz_endpoint endpoint;
	struct mz_device device;
	uint64_t uid;

	return mz_endpoint_find(op->host, op->ns, op->name, &uid, &endpoint) >= 0 &&
	       mz_device_find(uid, &device) >= 0;
}

static void attach_by_hand(struct mz_operation *op)
{
	struct mz_endpoint endpoint;
	uint64_t uid;
	int r;

	r = mz_endpoint_find(op->host, op->ns, op->name, &uid, &endpoint);
	if (r == -ENOENT)
		mz_local_reply_error(
			op->request, ENOENT,
			"endpoint %s/%s: no row of it in table endpoint: this host has "
			"no controller, so set the row by hand first",
			op->ns, op->name);
	else if (r < 0)
		mz_local_reply_error(op->request, -r, "table endpoint: %s", strerror(-r));
	else
		attach_device(op, uid, &endpoint);
}

static int ask_controller(struct mz_operation *op)
{
	Mizar__V1__AttachRequest message = MIZAR__V1__ATTACH_REQUEST__INIT;
	struct mz_host *host = op->host;

	/* An earlier device is just being given back: what is asked now must arrive after that. */
	op->is_waiting = mz_release_cancel(host->releases, op->ns, op->name) == -EBUSY ||
			 is_detaching(op);
	if (op->is_waiting)
		return 0;
	message.namespace_ = (char *)op->ns;
	message.name = (char *)op->name;
	message.droplet = (char *)host->options->droplet;
	return mz_rpc_unary(host->client, "/mizar.v1.Host/Attach", &message.base,
			    &mizar__v1__attach_response__descriptor, MZ_LOCAL_TIMEOUT_MS,
			    on_answer, op);
}

/* Owns op from here. */
static void begin(struct mz_operation *op)
{
	struct mz_host *host = op->host;
	int r;

	DL_APPEND(host->operations, op);
	r = ask_controller(op);
	if (r >= 0)
		return; /* on_answer() or mz_attach_resume() goes on with it */
	DL_DELETE(host->operations, op);
	mz_local_reply_error(op->request, -r, "controller: %s", strerror(-r));
	free(op);
}

void mz_attach_resume(struct mz_host *host)
{
	struct mz_operation *op, *next;

	DL_FOREACH_SAFE(host->operations, op, next)
	{
		if (!op->is_waiting)
			continue;
		DL_DELETE(host->operations, op);
		begin(op);
	}
}

void mz_attach(struct mz_host *host, struct mz_ipc_request *request,
	       const Mizar__V1__LocalAttach *attach)
{
	_cleanup_free_ struct mz_operation *op = calloc(1, sizeof(*op));

	if (!op) {
		mz_local_reply_error(request, ENOMEM, "out of memory");
		return;
	}
	op->host = host;
	op->request = request;
	op->ns = attach->namespace_ ?: MZ_LOCAL_NAMESPACE;
	op->name = attach->name ?: "";
	op->netns = attach->netns ?: "";
	op->ifname = attach->ifname ?: DEFAULT_IFNAME;
	op->client_uid = attach->client_uid ?: "";
	if (check(op) < 0)
		return;
	op->had_device = has_device(op);
	if (!host->client) {
		attach_by_hand(op);
		return;
	}
	begin(TAKE(op));
}
