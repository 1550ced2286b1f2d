// SPDX-License-Identifier: Apache-2.0
/*
 * What goes down a host's stream, as room allows: differences from the scopes' logs within a window
 * of unacknowledged bytes; whole scopes a chunk at a time, as fast as the transport takes them
 * (their ack comes only after the last chunk). Scopes take turns.
 */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "controller/full.h"
#include "controller/session.h"

#define WINDOW_BYTES   (1U << 20)
#define QUEUE_BYTES    (256U << 10) /* waiting for the transport */
#define UPDATE_BYTES   (64U << 10)  /* of one message, about */
#define UPDATE_CHANGES 1024

int ctl_send_update(struct ctl_session *session, struct mz_scope_id id,
		    Mizar__V1__ScopeUpdate *update)
{
	Mizar__V1__ControllerMessage message = MIZAR__V1__CONTROLLER_MESSAGE__INIT;
	Mizar__V1__Scope scope = MIZAR__V1__SCOPE__INIT;
	int r;

	scope.has_kind = scope.has_id = true;
	scope.kind = id.kind;
	scope.id = id.id;
	update->scope = &scope;
	update->has_epoch = update->has_revision = true;
	update->epoch = session->c->epoch;
	message.message_case = MIZAR__V1__CONTROLLER_MESSAGE__MESSAGE_UPDATE;
	message.update = update;
	r = mz_rpc_call_send(session->call, &message.base);
	if (r < 0)
		mz_log_debug("droplet %s: cannot send: %s", session->droplet->name, strerror(-r));
	return r; /* the stream is going down: its end comes by itself */
}

static void send_rows(struct ctl_session *session, struct ctl_sub *sub,
		      Mizar__V1__ScopeUpdate *update, const struct ctl_rows *rows,
		      const struct ctl_rows *deletes)
{
	update->n_rows = rows->n;
	update->rows = rows->rows;
	update->n_deletes = deletes->n;
	update->deletes = deletes->rows;
	update->has_mode = true;
	(void)ctl_send_update(session, sub->scope->id, update);
	if (update->more)
		return;
	sub->base = update->mode == MIZAR__V1__SCOPE_UPDATE__MODE__DELTA ? sub->sent : 0;
	sub->sent = update->revision;
	sub->outstanding = true;
	sub->bytes = rows->bytes + deletes->bytes;
	session->unacked += sub->bytes;
}

/* Returns whether more chunks follow. */
static bool send_full(struct ctl_session *session, struct ctl_sub *sub)
{
	Mizar__V1__ScopeUpdate update = MIZAR__V1__SCOPE_UPDATE__INIT;
	struct ctl_rows rows = {}, none = {};
	bool more;

	if (!sub->full)
		sub->full = ctl_full_new(session->c, sub->scope);
	sub->wants_full = false;
	more = ctl_full_read(sub->full, UPDATE_BYTES, &rows);
	if (rows.n || !more) {
		update.mode = MIZAR__V1__SCOPE_UPDATE__MODE__FULL;
		update.revision = ctl_full_revision(sub->full);
		update.has_more = update.more = more;
		send_rows(session, sub, &update, &rows, &none);
	}
	if (!more)
		ctl_full_free(TAKE(sub->full));
	ctl_rows_fini(&rows);
	return more;
}

/* Keys of one update: of several changes of one row only the last travels. */
struct seen {
	uint64_t hashes[UPDATE_CHANGES * 2];
};

static bool was_seen(struct seen *seen, uint64_t hash)
{
	size_t size = UPDATE_CHANGES * 2, at;

	hash += !hash; /* zero is an empty slot */
	for (at = hash % size; seen->hashes[at]; at = (at + 1) % size)
		if (seen->hashes[at] == hash)
			return true;
	seen->hashes[at] = hash;
	return false;
}

static void send_delta(struct ctl_session *session, struct ctl_sub *sub)
{
	Mizar__V1__ScopeUpdate update = MIZAR__V1__SCOPE_UPDATE__INIT;
	const struct ctl_scope *scope = sub->scope;
	struct ctl_rows rows = {}, deletes = {};
	uint64_t last = sub->sent, revision;
	struct seen seen = {};
	size_t bytes = 0;

	while (last < scope->revision && bytes < UPDATE_BYTES && last - sub->sent < UPDATE_CHANGES)
		bytes += ctl_scope_entry(scope, ++last)->size;
	for (revision = last; revision > sub->sent; revision--) {
		const struct ctl_scope_entry *entry = ctl_scope_entry(scope, revision);

		if (!was_seen(&seen, entry->key_hash))
			ctl_rows_add_packed(entry->is_delete ? &deletes : &rows, entry->data,
					    entry->size);
	}
	update.mode = MIZAR__V1__SCOPE_UPDATE__MODE__DELTA;
	update.revision = last;
	send_rows(session, sub, &update, &rows, &deletes);
	ctl_rows_fini(&rows);
	ctl_rows_fini(&deletes);
}

/* Returns whether the sub is to have another turn. */
static bool send_sub(struct ctl_session *session, struct ctl_sub *sub)
{
	if (sub->outstanding)
		return false; /* its ack has it looked at again */
	if (sub->full || sub->wants_full || !ctl_scope_covers(sub->scope, sub->sent))
		return send_full(session, sub);
	if (sub->sent < sub->scope->revision)
		send_delta(session, sub);
	return false;
}

void ctl_send(struct ctl_session *session)
{
	struct ctl_sub *sub;

	while ((sub = session->ready) && session->unacked < WINDOW_BYTES &&
	       mz_rpc_call_queued(session->call) < QUEUE_BYTES) {
		DL_DELETE2(session->ready, sub, ready_prev, ready_next);
		sub->queued = false;
		if (send_sub(session, sub))
			ctl_session_kick(sub);
	}
}
