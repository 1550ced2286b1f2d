// SPDX-License-Identifier: Apache-2.0
#include "host/stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/log.h"
#include "host/hello.h"
#include "host/release.h"
#include "host/settle.h"
#include "host/update.h"

#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 2000
#define REPORT_MIN_MS  100
#define REPORT_MS      10000
/* A controller that reads nothing: answers to what it sends pile up here. */
#define QUEUED_MAX (8U << 20)
/* Reports are worth nothing when they are late. */
#define QUEUED_MAX_REPORT (64U << 10)

struct mz_stream {
	struct mz_host *host;
	struct mz_rpc_stream *rpc; /* or NULL: waits for the retry timer */
	uv_timer_t retry, report;
	unsigned int n_refs; /* by the timers, until they are closed, and by the call */
	unsigned int backoff_ms;
	bool is_connected; /* welcomed */
	bool is_settled;   /* mz_settle() is done */
	bool is_closing;
	char reason[256];
};

static void dial(struct mz_stream *stream);

static void unref(struct mz_stream *stream)
{
	if (!--stream->n_refs)
		free(stream);
}

/* ---- sending --------------------------------------------------------------------------------- */

static int send_message(const Mizar__V1__HostMessage *message, void *user)
{
	struct mz_stream *stream = user;

	if (mz_rpc_stream_queued(stream->rpc) > QUEUED_MAX)
		return -ENOBUFS;
	return mz_rpc_stream_send(stream->rpc, &message->base);
}

static void give_up(struct mz_stream *stream, const char *what, int r)
{
	mz_log_warn("controller %s: %s: %s, connecting anew", stream->host->options->controller,
		    what, strerror(-r));
	mz_rpc_stream_cancel(stream->rpc); /* on_close() follows */
}

static int send_ack(struct mz_stream *stream, const struct mz_update_result *result)
{
	Mizar__V1__HostMessage message = MIZAR__V1__HOST_MESSAGE__INIT;
	Mizar__V1__Scope scope = MIZAR__V1__SCOPE__INIT;
	Mizar__V1__Ack ack = MIZAR__V1__ACK__INIT;

	scope.has_kind = scope.has_id = 1;
	scope.kind = result->scope.kind;
	scope.id = result->scope.id;
	ack.scope = &scope;
	ack.has_epoch = ack.has_revision = ack.has_digest = 1;
	ack.epoch = result->epoch;
	ack.revision = result->revision;
	ack.digest = result->digest;
	message.message_case = MIZAR__V1__HOST_MESSAGE__MESSAGE_ACK;
	message.ack = &ack;
	return send_message(&message, stream);
}

/* The messages point into the result. */
struct refused {
	Mizar__V1__Nack__Refused items[MZ_REFUSALS_MAX], *ptrs[MZ_REFUSALS_MAX];
	size_t n;
};

static void list_refused(const struct mz_update_result *result, struct refused *ret_refused)
{
	size_t i, n = result->refusals ? result->n_refused : 0;

	for (i = 0; i < n && i < MZ_REFUSALS_MAX; i++) {
		Mizar__V1__Nack__Refused *item = &ret_refused->items[i];

		mizar__v1__nack__refused__init(item);
		item->table = result->refusals[i].table;
		item->key = result->refusals[i].key;
		item->reason = result->refusals[i].reason;
		ret_refused->ptrs[i] = item;
	}
	ret_refused->n = i;
}

static int send_nack(struct mz_stream *stream, const struct mz_update_result *result)
{
	Mizar__V1__HostMessage message = MIZAR__V1__HOST_MESSAGE__INIT;
	const struct mz_refusal *first = result->refusals;
	Mizar__V1__Scope scope = MIZAR__V1__SCOPE__INIT;
	Mizar__V1__Nack nack = MIZAR__V1__NACK__INIT;
	char text[MZ_SCOPE_STRLEN];
	struct refused refused;

	mz_log_err("scope %s: revision %llu: rows refused: %zu, the first: %s %s: %s",
		   mz_scope_format(result->scope, text), (unsigned long long)result->revision,
		   result->n_refused, first ? first->table : "?", first ? first->key : "?",
		   first ? first->reason : strerror(ENOMEM));
	scope.has_kind = scope.has_id = 1;
	scope.kind = result->scope.kind;
	scope.id = result->scope.id;
	nack.scope = &scope;
	nack.has_epoch = nack.has_revision = nack.has_total = 1;
	nack.epoch = result->epoch;
	nack.revision = result->revision;
	nack.total = (uint32_t)result->n_refused;
	list_refused(result, &refused);
	nack.refused = refused.ptrs;
	nack.n_refused = refused.n;
	message.message_case = MIZAR__V1__HOST_MESSAGE__MESSAGE_NACK;
	message.nack = &nack;
	return send_message(&message, stream);
}

void mz_stream_tell_device(struct mz_stream *stream, uint64_t uid, bool is_there)
{
	Mizar__V1__HostMessage message = MIZAR__V1__HOST_MESSAGE__INIT;
	Mizar__V1__Devices devices = MIZAR__V1__DEVICES__INIT;
	int r;

	if (!stream || !stream->rpc)
		return;
	*(is_there ? &devices.n_added : &devices.n_removed) = 1;
	*(is_there ? &devices.added : &devices.removed) = &uid;
	message.message_case = MIZAR__V1__HOST_MESSAGE__MESSAGE_DEVICES;
	message.devices = &devices;
	r = send_message(&message, stream);
	if (r < 0)
		give_up(stream, "a device not told of", r);
}

static void on_report(uv_timer_t *timer)
{
	struct mz_stream *stream = timer->data;
	int r;

	if (!stream->is_connected || mz_rpc_stream_queued(stream->rpc) > QUEUED_MAX_REPORT)
		return;
	r = mz_report_send(stream->host, send_message, stream);
	if (r < 0)
		mz_log_warn("controller: no report sent: %s", strerror(-r));
}

/* ---- receiving ------------------------------------------------------------------------------- */

static void on_welcome(struct mz_stream *stream, const Mizar__V1__HostWelcome *welcome)
{
	uint64_t ms = welcome->report_interval_ms;

	stream->is_connected = true;
	stream->backoff_ms = BACKOFF_MIN_MS;
	stream->reason[0] = 0;
	mz_log_info("controller %s: connected", stream->host->options->controller);
	mz_releases_send(stream->host->releases);
	if (!ms)
		ms = REPORT_MS;
	else if (ms < REPORT_MIN_MS)
		ms = REPORT_MIN_MS;
	/* Cannot fail: the timer has a callback. */
	(void)uv_timer_start(&stream->report, on_report, ms, ms);
}

static void settle(struct mz_stream *stream)
{
	int r;

	if (stream->is_settled)
		return;
	r = mz_settle(stream->host);
	stream->is_settled = r >= 0;
	if (r < 0)
		mz_log_warn("endpoints: not compared with their devices: %s", strerror(-r));
}

static void on_update(struct mz_stream *stream, const Mizar__V1__ScopeUpdate *update)
{
	struct mz_update_result result = {};
	int r;

	r = mz_update_chunk(stream->host, update, &result);
	if (r == 0)
		return;
	if (r > 0)
		r = result.n_refused ? send_nack(stream, &result) : send_ack(stream, &result);
	if (r < 0)
		give_up(stream, "update not answered", r);
	else if (!result.n_refused && result.scope.kind == MIZAR__V1__SCOPE__KIND__HOST)
		settle(stream);
	free(result.refusals);
}

static void on_message(struct mz_rpc_stream *rpc, const ProtobufCMessage *message, void *user)
{
	const Mizar__V1__ControllerMessage *msg = (const Mizar__V1__ControllerMessage *)message;
	struct mz_stream *stream = user;

	switch (msg->message_case) {
	case MIZAR__V1__CONTROLLER_MESSAGE__MESSAGE_WELCOME:
		on_welcome(stream, msg->welcome);
		return;
	case MIZAR__V1__CONTROLLER_MESSAGE__MESSAGE_UPDATE:
		on_update(stream, msg->update);
		return;
	case MIZAR__V1__CONTROLLER_MESSAGE__MESSAGE__NOT_SET: /* of a later version */
	case _MIZAR__V1__CONTROLLER_MESSAGE__MESSAGE__CASE_IS_INT_SIZE:
		return;
	}
}

/* ---- dialling -------------------------------------------------------------------------------- */

static void on_retry(uv_timer_t *timer)
{
	dial(timer->data);
}

/* Hosts that lost the same controller must not come back in step: half of the time is random. */
static void retry_later(struct mz_stream *stream)
{
	uint32_t random = 0;
	unsigned int half = stream->backoff_ms / 2;

	(void)getrandom(&random, sizeof(random), GRND_NONBLOCK); /* at worst no jitter */
	/* Cannot fail: the timer has a callback. */
	(void)uv_timer_start(&stream->retry, on_retry, half + random % (half + 1), 0);
	stream->backoff_ms *= 2;
	if (stream->backoff_ms > BACKOFF_MAX_MS)
		stream->backoff_ms = BACKOFF_MAX_MS;
}

static void lost(struct mz_stream *stream, const char *why)
{
	bool is_news = stream->is_connected || strcmp(stream->reason, why);

	stream->is_connected = false;
	if (stream->is_closing)
		return;
	mz_update_abandon_all(stream->host);
	snprintf(stream->reason, sizeof(stream->reason), "%s", why);
	if (is_news)
		mz_log_warn("controller %s: not connected, retrying: %s",
			    stream->host->options->controller, stream->reason);
	retry_later(stream);
}

static void on_close(struct mz_rpc_stream *rpc, enum mz_rpc_code code, const char *message,
		     void *user)
{
	struct mz_stream *stream = user;
	char why[sizeof(stream->reason)];

	snprintf(why, sizeof(why), "%s: %s", mz_rpc_code_name(code), message ? message : "");
	stream->rpc = NULL;
	lost(stream, why);
	unref(stream);
}

static void dial(struct mz_stream *stream)
{
	static const struct mz_rpc_stream_ops ops = {
		.on_message = on_message,
		.on_close = on_close,
	};
	int r;

	r = mz_rpc_stream_open(stream->host->client, "/mizar.v1.Host/Connect", NULL,
			       &mizar__v1__controller_message__descriptor, &ops, stream,
			       &stream->rpc);
	if (r < 0) {
		lost(stream, strerror(-r));
		return;
	}
	stream->n_refs++;
	/* What Host.Attach brought so far is known to the controller that answers this hello. */
	mz_keyset_fini(&stream->host->fresh);
	r = mz_hello_send(stream->host, send_message, stream);
	if (r < 0)
		give_up(stream, "no hello sent", r);
}

/* ---- life ------------------------------------------------------------------------------------ */

int mz_stream_new(struct mz_host *host, struct mz_stream **ret_stream)
{
	struct mz_stream *stream;

	stream = calloc(1, sizeof(*stream));
	if (!stream)
		return -ENOMEM;
	stream->host = host;
	stream->backoff_ms = BACKOFF_MIN_MS;
	stream->n_refs = 2;
	snprintf(stream->reason, sizeof(stream->reason), "connecting");
	/* Neither can fail. */
	(void)uv_timer_init(host->loop, &stream->retry);
	(void)uv_timer_init(host->loop, &stream->report);
	stream->retry.data = stream->report.data = stream;
	dial(stream);
	*ret_stream = stream;
	return 0;
}

static void on_timer_closed(uv_handle_t *handle)
{
	unref(handle->data);
}

void mz_stream_free(struct mz_stream *stream)
{
	if (!stream)
		return;
	stream->is_closing = true;
	if (stream->rpc)
		mz_rpc_stream_cancel(stream->rpc);
	uv_close((uv_handle_t *)&stream->retry, on_timer_closed);
	uv_close((uv_handle_t *)&stream->report, on_timer_closed);
}

bool mz_stream_is_connected(const struct mz_stream *stream)
{
	return stream->is_connected;
}

const char *mz_stream_reason(const struct mz_stream *stream)
{
	return stream->reason;
}
