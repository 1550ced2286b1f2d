// SPDX-License-Identifier: Apache-2.0
#include "host/update.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

struct mz_update {
	Mizar__V1__ScopeUpdate__Mode mode;
	uint64_t epoch, revision;
	struct mz_keyset seen; /* FULL: keys that were named so far */
	bool is_blind;	       /* a key could not be remembered: nothing may be swept */
	size_t n_refused;
	struct mz_refusal *refusals; /* the first MZ_REFUSALS_MAX, or NULL */
};

static void abandon(struct mz_scope_state *scope)
{
	if (!scope->update)
		return;
	mz_keyset_fini(&scope->update->seen);
	free(scope->update->refusals);
	free(TAKE(scope->update));
}

static int abandon_one(struct mz_scope_state *scope, void *user)
{
	abandon(scope);
	return 0;
}

void mz_update_abandon_all(struct mz_host *host)
{
	/* Never stops early: abandon_one() returns 0. */
	(void)mz_scopes_each(host->scopes, abandon_one, NULL);
}

static void note(const struct mz_refusal *refusal, void *user)
{
	struct mz_update *update = user;

	if (!update->refusals)
		update->refusals = calloc(MZ_REFUSALS_MAX, sizeof(*refusal));
	if (update->refusals && update->n_refused < MZ_REFUSALS_MAX)
		update->refusals[update->n_refused] = *refusal;
	update->n_refused++;
}

static void note_errno(struct mz_update *update, const char *table, int r)
{
	struct mz_refusal refusal = { .key = "" };

	snprintf(refusal.table, sizeof(refusal.table), "%s", table);
	snprintf(refusal.reason, sizeof(refusal.reason), "%s",
		 r == -ENOSPC ? MZ_REFUSAL_FULL : strerror(-r));
	note(&refusal, update);
}

static bool is_update(const Mizar__V1__ScopeUpdate *message)
{
	return message->scope && message->scope->has_kind && message->scope->kind >= 0 &&
	       message->scope->kind <= MIZAR__V1__SCOPE__KIND__LOCATIONS && message->has_mode &&
	       message->mode >= 0 && message->mode <= MIZAR__V1__SCOPE_UPDATE__MODE__DROP &&
	       message->epoch;
}

/* Goes on with what is under way, or begins. */
static int begin(struct mz_scope_state *scope, const Mizar__V1__ScopeUpdate *message)
{
	struct mz_update *update = scope->update;

	if (update && update->mode == message->mode && update->epoch == message->epoch &&
	    update->revision == message->revision)
		return 0;
	abandon(scope);
	update = calloc(1, sizeof(*update));
	if (!update)
		return -ENOMEM;
	update->mode = message->mode;
	update->epoch = message->epoch;
	update->revision = message->revision;
	scope->update = update;
	return 0;
}

/* From here on the stream's updates know of the row, or of its end. */
static void confirm(struct mz_host *host, const Mizar__V1__Row *row)
{
	const char *field;

	if (mz_row_check(row, true, &field) >= 0)
		mz_keyset_remove(&host->fresh, mz_apply_key_hash(row));
}

/*
 * What was sent before the answer to Host.Attach, and comes after it: of an earlier place of the
 * endpoint on this host. Generations: RFC 1982.
 */
static bool is_overtaken(struct mz_host *host, const Mizar__V1__Row *row)
{
	struct mz_endpoint endpoint;
	const char *field;

	return mz_row_check(row, true, &field) >= 0 &&
	       row->row_case == MIZAR__V1__ROW__ROW_ENDPOINT && row->endpoint->has_generation &&
	       mz_keyset_has(&host->fresh, mz_apply_key_hash(row)) &&
	       mz_table_get(host->tables, MZ_TABLE_endpoint, &row->endpoint->uid, &endpoint) >= 0 &&
	       (int32_t)(row->endpoint->generation - endpoint.generation) < 0;
}

static void apply_rows(struct mz_host *host, struct mz_scope_state *scope,
		       const Mizar__V1__ScopeUpdate *message)
{
	struct mz_update *update = scope->update;
	struct mz_refusal refusal;
	const char *field;
	size_t i;

	/* Make before break: a new place is known before the old one is forgotten. */
	for (i = 0; i < message->n_rows; i++) {
		const Mizar__V1__Row *row = message->rows[i];

		if (is_overtaken(host, row))
			continue; /* and not swept: it is fresh */
		if (mz_apply_set(host, row, &scope->id, &refusal) < 0)
			note(&refusal, update);
		/* A row that was refused is named all the same: its old value stays. */
		if (update->mode == MIZAR__V1__SCOPE_UPDATE__MODE__FULL &&
		    mz_row_check(row, true, &field) >= 0 &&
		    mz_keyset_add(&update->seen, mz_apply_key_hash(row)) < 0)
			update->is_blind = true;
		confirm(host, row);
	}
	for (i = 0; i < message->n_deletes; i++) {
		if (is_overtaken(host, message->deletes[i]))
			continue;
		if (mz_apply_unset(host, message->deletes[i], &scope->id, &refusal) < 0)
			note(&refusal, update);
		confirm(host, message->deletes[i]);
	}
	host->rows_received += message->n_rows + message->n_deletes;
}

static void sweep(struct mz_host *host, struct mz_scope_state *scope)
{
	struct mz_update *update = scope->update;
	bool is_all = update->mode == MIZAR__V1__SCOPE_UPDATE__MODE__DROP;
	int r = update->is_blind ? -ENOMEM : 0;

	r = r ?: mz_apply_sweep(host, scope->id, is_all ? NULL : &update->seen, note, update);
	if (r < 0)
		note_errno(update, "scope", r);
}

static void complete(struct mz_host *host, struct mz_scope_state *scope,
		     struct mz_update_result *ret_result)
{
	struct mz_update *update = scope->update;
	int r = 0;

	if (update->mode == MIZAR__V1__SCOPE_UPDATE__MODE__FULL ||
	    update->mode == MIZAR__V1__SCOPE_UPDATE__MODE__DROP)
		sweep(host, scope);
	if (!update->n_refused && update->mode != MIZAR__V1__SCOPE_UPDATE__MODE__DROP)
		r = mz_apply_record_scope(host, scope, update->epoch, update->revision);
	if (r < 0)
		note_errno(update, "scope", r);

	*ret_result = (struct mz_update_result){
		.scope = scope->id,
		.epoch = update->epoch,
		.revision = update->revision,
		.digest = scope->digest,
		.n_refused = update->n_refused,
		.refusals = TAKE(update->refusals),
	};
}

int mz_update_chunk(struct mz_host *host, const Mizar__V1__ScopeUpdate *message,
		    struct mz_update_result *ret_result)
{
	struct mz_scope_state *scope;
	bool is_drop;
	int r;

	if (!is_update(message))
		return -EBADMSG;
	r = mz_scopes_get(
		host->scopes,
		(struct mz_scope_id){ .kind = message->scope->kind, .id = message->scope->id },
		&scope);
	if (r >= 0)
		r = begin(scope, message);
	if (r < 0)
		return r;
	is_drop = message->mode == MIZAR__V1__SCOPE_UPDATE__MODE__DROP;
	if (message->mode == MIZAR__V1__SCOPE_UPDATE__MODE__FULL ||
	    message->mode == MIZAR__V1__SCOPE_UPDATE__MODE__DELTA)
		apply_rows(host, scope, message);
	if (message->more)
		return 0;
	complete(host, scope, ret_result);
	abandon(scope);
	if (is_drop && !ret_result->n_refused)
		r = mz_apply_forget_scope(host, scope);
	if (r < 0)
		mz_log_warn("table scope: %s",
			    strerror(-r)); /* it is named as held at the next hello */
	return 1;
}
