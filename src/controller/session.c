// SPDX-License-Identifier: Apache-2.0
/* See session.h. The life of a stream, and what the host answers. */
#include "controller/session.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "controller/full.h"
#include "controller/hold.h"
#include "controller/migrate.h"
#include "controller/operators.h"
#include "controller/provision.h"
#include "controller/set.h"
#include "controller/watch.h"

#define HELLO_MS	5000
#define REPORT_TEXT_MAX 1024
#define REFUSED_MAX	64   /* of one message */
#define DEVICES_MAX	1024 /* each, of one message; mizard sends one at a time */

/* ---- what is ready to be sent ---------------------------------------------------------------- */

void ctl_session_kick(struct ctl_sub *sub)
{
	struct ctl_session *session = sub->droplet->session;

	if (!session)
		return;
	if (!sub->queued) {
		DL_APPEND2(session->ready, sub, ready_prev, ready_next);
		sub->queued = true;
	}
	ctl_queue_add(&session->c->queue, &session->pump);
}

/* The sub starts anew with the next stream. */
static void detach_sub(struct ctl_session *session, struct ctl_sub *sub)
{
	if (sub->queued)
		DL_DELETE2(session->ready, sub, ready_prev, ready_next);
	if (sub->outstanding)
		session->unacked -= sub->bytes;
	sub->queued = false;
	sub->outstanding = false;
	ctl_full_free(TAKE(sub->full));
}

void ctl_session_forget(struct ctl_sub *sub)
{
	if (sub->droplet->session)
		detach_sub(sub->droplet->session, sub);
}

void ctl_session_drop(struct ctl_droplet *droplet, struct mz_scope_id id)
{
	Mizar__V1__ScopeUpdate update = MIZAR__V1__SCOPE_UPDATE__INIT;

	if (!droplet->session)
		return; /* it is told when it comes back and names the scope */
	update.has_mode = true;
	update.mode = MIZAR__V1__SCOPE_UPDATE__MODE__DROP;
	/* Nobody waits for its ack: revision 0 is no revision of a scope. */
	(void)ctl_send_update(droplet->session, id, &update);
}

static void on_pump(struct ctl_work *work)
{
	ctl_send(CTL_CONTAINER(work, struct ctl_session, pump));
}

static void on_drain(struct mz_rpc_call *call, void *user)
{
	struct ctl_session *session = mz_rpc_call_data(call);

	if (session)
		ctl_queue_add(&session->c->queue, &session->pump);
}

/* ---- life ------------------------------------------------------------------------------------ */

static void on_patience(struct ctl_work *work)
{
	struct ctl_session *session = CTL_CONTAINER(work, struct ctl_session, patience);

	mz_rpc_call_finish(session->call, MZ_RPC_DEADLINE_EXCEEDED, "no hello within %d s",
			   HELLO_MS / 1000);
}

void ctl_session_open(struct mz_rpc_call *call, void *user)
{
	struct ctl_controller *c = user;
	struct ctl_session *session = ctl_calloc(1, sizeof(*session));

	session->c = c;
	session->call = call;
	session->pump.run = on_pump;
	session->patience.run = on_patience;
	mz_rpc_call_set_data(call, session);
	mz_rpc_call_on_drain(call, on_drain);
	ctl_queue_add_in(&c->queue, &session->patience, HELLO_MS);
}

static void release_droplet(struct ctl_session *session)
{
	struct ctl_droplet *droplet = TAKE(session->droplet);
	struct ctl_sub *sub, *next;

	if (!droplet)
		return;
	HASH_ITER(hh, droplet->subs, sub, next)
		detach_sub(session, sub);
	droplet->session = NULL;
	ctl_droplet_down(droplet);
}

void ctl_session_end(struct ctl_droplet *droplet, enum mz_rpc_code code, const char *why)
{
	struct ctl_session *session = droplet->session;

	if (!session)
		return;
	release_droplet(session);
	mz_rpc_call_finish(session->call, code, "droplet %s: %s", droplet->name, why);
}

void ctl_session_half_close(struct mz_rpc_call *call, void *user)
{
	mz_rpc_call_finish(call, MZ_RPC_OK, "bye");
}

void ctl_session_close(struct mz_rpc_call *call, void *user)
{
	struct ctl_session *session = mz_rpc_call_data(call);

	if (!session)
		return;
	if (session->droplet)
		mz_log_info("droplet %s: stream is down", session->droplet->name);
	release_droplet(session);
	ctl_queue_cancel(&session->c->queue, &session->pump);
	ctl_queue_cancel(&session->c->queue, &session->patience);
	mz_rpc_call_set_data(call, NULL);
	session->call = NULL;
	if (session->registering)
		return; /* the commit frees it */
	ctl_hello_free(session->hello);
	free(session);
}

/* ---- answers --------------------------------------------------------------------------------- */

static struct ctl_sub *outstanding_sub(struct ctl_session *session, const Mizar__V1__Scope *scope,
				       uint64_t epoch, uint64_t revision)
{
	struct ctl_sub *sub;

	if (!scope || epoch != session->c->epoch)
		return NULL;
	sub = ctl_sub_find(session->droplet,
			   (struct mz_scope_id){ .kind = scope->kind, .id = scope->id });
	if (!sub || !sub->outstanding || sub->sent != revision)
		return NULL; /* a late answer, or to a DROP */
	sub->outstanding = false;
	session->unacked -= sub->bytes;
	return sub;
}

/* Who watches the droplet or a replica hears that rows are taken at last, or again. */
static void tell_accepted(const struct ctl_sub *sub)
{
	ctl_watch_touch(sub->droplet->controller, MZ_KIND_DROPLET, sub->droplet->uid);
	if (sub->scope->set && sub->scope == sub->scope->set->warm)
		ctl_set_accepted(sub->scope->set, sub->droplet);
}

/* The host has taken in the update, or said what of it it has not. */
static void answered(const struct ctl_sub *sub)
{
	if (sub->scope == &sub->droplet->host && sub->droplet->is_early) {
		sub->droplet->is_early = false;
		ctl_migrations_look(sub->droplet);
	}
}

/* A scope that every host has: what makes its droplet Provisioned. */
static bool is_own(const struct ctl_sub *sub)
{
	return sub->scope->id.kind == MIZAR__V1__SCOPE__KIND__DROPLETS ||
	       sub->scope->id.kind == MIZAR__V1__SCOPE__KIND__HOST;
}

static void on_ack(struct ctl_session *session, const Mizar__V1__Ack *ack)
{
	struct ctl_controller *c = session->c;
	struct ctl_sub *sub = outstanding_sub(session, ack->scope, ack->epoch, ack->revision);
	bool is_current, is_right, is_first, is_news = false;
	char scope[MZ_SCOPE_STRLEN];

	if (!sub)
		return;
	answered(sub);
	is_current = sub->sent == sub->scope->revision;
	is_right = is_current && ack->digest == sub->scope->digest;
	if (is_right) {
		ctl_queue_cancel(&c->queue, &sub->retry);
		sub->retry.failures = 0;
		is_news = !!sub->problem;
		free(TAKE(sub->problem));
	} else if (is_current && sub->retry.state == CTL_WORK_IDLE) {
		mz_log_warn("droplet %s: %s: its rows differ, sending them again",
			    session->droplet->name, mz_scope_format(sub->scope->id, scope));
		ctl_queue_retry(&c->queue, &sub->retry);
	}
	/* What a refused update named is not there, whatever is acknowledged after it. */
	if (!sub->problem) {
		is_first = !sub->acked;
		sub->acked = sub->sent;
		if (is_news || (is_first && is_own(sub)))
			tell_accepted(sub);
		ctl_session_kick(sub);
		ctl_sub_acked(c, sub); /* may end the sub */
		if (is_first)
			ctl_watch_touch_endpoints(c); /* the host has reported: no longer Unknown */
	} else {
		if (sub->base && sub->scope->id.kind == MIZAR__V1__SCOPE__KIND__HOST)
			ctl_provision_host_part(c, session->droplet, sub->base, sub->sent);
		ctl_session_kick(sub);
	}
}

/* Text of a host may hold anything. */
static void clean(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
}

static void describe_nack(const struct ctl_droplet *droplet, const Mizar__V1__Nack *nack,
			  size_t i, char ret_text[static REPORT_TEXT_MAX])
{
	static const Mizar__V1__Nack__Refused none = MIZAR__V1__NACK__REFUSED__INIT;
	const Mizar__V1__Nack__Refused *row = i < nack->n_refused ? nack->refused[i] : &none;

	snprintf(ret_text, REPORT_TEXT_MAX, "host %s refused a row of table %s (%s): %s",
		 droplet->name, row->table ?: "?", row->key ?: "?", row->reason ?: "?");
	clean(ret_text);
}

/* A row that it was to remove: the endpoint is not there, or not any more. */
static bool is_removal(const struct ctl_droplet *droplet, uint64_t uid)
{
	_cleanup_(mz_object_freep) struct mz_object *object = NULL;

	return mz_store_get(droplet->controller->store, MZ_KIND_ENDPOINT, uid, &object) < 0 ||
	       !ctl_endpoint_is_on(object->endpoint, droplet->name, NULL);
}

/* Each of its own endpoints hears of it; and those that are not named, if it has named all. */
static void tell_refused(struct ctl_sub *sub, const Mizar__V1__Nack *nack)
{
	bool is_all = nack->n_refused && nack->n_refused == nack->total;
	_cleanup_free_ uint64_t *uids = ctl_calloc(REFUSED_MAX, sizeof(*uids));
	struct ctl_refused refused = {
		.after = sub->base,
		.revision = nack->revision,
		.uids = uids,
	};
	bool was_known = sub->known || sub->acked, keeps = false;
	char text[REPORT_TEXT_MAX];
	size_t i;

	if (!sub->base)
		sub->acked = 0; /* it is not whole */
	for (i = 0; i < nack->n_refused && i < REFUSED_MAX; i++) {
		const char *table = nack->refused[i]->table ?: "";
		const char *key = nack->refused[i]->key ?: "";

		if (!strcmp(table, "endpoint") &&
		    sscanf(key, "uid %" SCNu64, &uids[refused.n]) == 1) {
			describe_nack(sub->droplet, nack, i, text);
			ctl_provision_failed(sub->droplet, uids[refused.n], nack->revision, text);
			keeps |= is_removal(sub->droplet, uids[refused.n++]);
		} else if (strcmp(table, "moved") || !*key) {
			is_all = false;
		}
	}
	is_all = is_all && i == nack->n_refused;
	sub->known = was_known || (is_all && !sub->base);
	if (is_all && !keeps)
		ctl_holds_acked(sub->droplet, sub->base, nack->revision);
	describe_nack(sub->droplet, nack, 0, text);
	ctl_provision_refused(sub->droplet, &refused, is_all ? NULL : text);
}

static void on_nack(struct ctl_session *session, const Mizar__V1__Nack *nack)
{
	struct ctl_controller *c = session->c;
	struct ctl_sub *sub = outstanding_sub(session, nack->scope, nack->epoch, nack->revision);
	char text[REPORT_TEXT_MAX];
	bool is_news;

	if (!sub)
		return;
	answered(sub);
	describe_nack(session->droplet, nack, 0, text);
	is_news = !sub->problem || strcmp(sub->problem, text);
	if (is_news)
		mz_log_warn("droplet %s: %u rows refused: %s", session->droplet->name, nack->total,
			    text);
	free(sub->problem);
	sub->problem = ctl_strdup(text);
	if (is_news)
		ctl_watch_touch(c, MZ_KIND_DROPLET, session->droplet->uid);
	ctl_queue_retry(&c->queue, &sub->retry);
	if (sub->scope == &session->droplet->host)
		tell_refused(sub, nack);
	if (sub->scope->set && sub->scope == sub->scope->set->warm)
		ctl_set_refused(sub->scope->set, session->droplet);
	ctl_session_kick(sub);
}

/*
 * Of an endpoint that is elsewhere it is of no interest: that device is about to go, and nobody
 * says when. And a host could name any number.
 */
bool ctl_session_note_device(struct ctl_session *session, uint64_t uid)
{
	_cleanup_(mz_object_freep) struct mz_object *object = NULL;
	struct ctl_droplet *droplet = session->droplet;

	return mz_store_get(session->c->store, MZ_KIND_ENDPOINT, uid, &object) >= 0 &&
	       ctl_endpoint_is_on(object->endpoint, droplet->name, NULL) &&
	       ctl_uidset_add(&droplet->attached, uid) >= 0;
}

static void on_devices(struct ctl_session *session, const Mizar__V1__Devices *devices)
{
	struct ctl_controller *c = session->c;
	size_t i;

	for (i = 0; i < devices->n_removed && i < DEVICES_MAX; i++) {
		uint64_t uid = devices->removed[i];

		if (!ctl_uidset_remove(&session->droplet->attached, uid))
			continue;
		ctl_watch_touch(c, MZ_KIND_ENDPOINT, uid);
		ctl_migration_look(c, uid);
	}
	for (i = 0; i < devices->n_added && i < DEVICES_MAX; i++) {
		uint64_t uid = devices->added[i];

		if (!ctl_session_note_device(session, uid))
			continue;
		ctl_watch_touch(c, MZ_KIND_ENDPOINT, uid);
		ctl_migration_look(c, uid);
	}
}

/* Only what was dropped is for people to see; the rest they read on the host. */
static void on_report(struct ctl_session *session, const Mizar__V1__Report *report)
{
	char text[REPORT_TEXT_MAX] = "";
	size_t i, n = 0;

	for (i = 0; i < report->n_drops && n < sizeof(text); i++) {
		const Mizar__V1__Report__Count *count = report->drops[i];

		if (count->packets)
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s %lu", n ? ", " : "",
					      count->name ?: "?", (unsigned long)count->packets);
	}
	clean(text);
	free(session->droplet->drops);
	session->droplet->drops = *text ? ctl_strdup(text) : NULL;
}

void ctl_session_message(struct mz_rpc_call *call, const ProtobufCMessage *message, void *user)
{
	const Mizar__V1__HostMessage *host = (const Mizar__V1__HostMessage *)message;
	struct ctl_session *session = mz_rpc_call_data(call);

	if (!session)
		return; /* it was ended, what still comes is of no use */
	if (host->message_case == MIZAR__V1__HOST_MESSAGE__MESSAGE_HELLO) {
		ctl_queue_cancel(&session->c->queue, &session->patience);
		ctl_hello_message(session, host->hello);
		return;
	}
	if (!session->droplet) {
		if (!session->registering)
			mz_rpc_call_finish(call, MZ_RPC_FAILED_PRECONDITION,
					   "the first message must be a hello");
		return;
	}
	switch (host->message_case) {
	case MIZAR__V1__HOST_MESSAGE__MESSAGE_ACK:
		on_ack(session, host->ack);
		break;
	case MIZAR__V1__HOST_MESSAGE__MESSAGE_NACK:
		on_nack(session, host->nack);
		break;
	case MIZAR__V1__HOST_MESSAGE__MESSAGE_REPORT:
		on_report(session, host->report);
		break;
	case MIZAR__V1__HOST_MESSAGE__MESSAGE_DEVICES:
		on_devices(session, host->devices);
		break;
	case MIZAR__V1__HOST_MESSAGE__MESSAGE_HELLO:
	case MIZAR__V1__HOST_MESSAGE__MESSAGE__NOT_SET:
	case _MIZAR__V1__HOST_MESSAGE__MESSAGE__CASE_IS_INT_SIZE:
		break; /* of a later version */
	}
}
