// SPDX-License-Identifier: Apache-2.0
#include "host/apply.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "base/log.h"
#include "host/endpoint.h"

__attribute__((format(printf, 3, 4))) static void
refuse(struct mz_refusal *ret_refusal, const Mizar__V1__Row *row, const char *format, ...)
{
	va_list ap;

	snprintf(ret_refusal->table, sizeof(ret_refusal->table), "%s", mz_row_table_name(row));
	mz_row_key_format(row, ret_refusal->key);
	va_start(ap, format);
	/* A cut reason is still a reason. */
	(void)vsnprintf(ret_refusal->reason, sizeof(ret_refusal->reason), format, ap);
	va_end(ap);
}

static int refuse_errno(struct mz_refusal *ret_refusal, const Mizar__V1__Row *row, int r)
{
	if (r == -ENOSPC)
		refuse(ret_refusal, row, "%s", MZ_REFUSAL_FULL);
	else
		refuse(ret_refusal, row, "%s", strerror(-r));
	return r;
}

static int check(const Mizar__V1__Row *row, bool key_only, const struct mz_scope_id *within,
		 struct mz_refusal *ret_refusal)
{
	char text[MZ_SCOPE_STRLEN];
	struct mz_scope_id scope;
	const char *field;
	int r;

	r = mz_row_check(row, key_only, &field);
	if (r < 0) {
		refuse(ret_refusal, row, "field %s is missing or out of range", field);
		return r;
	}
	/* The scope of a location is not in its key: unset() compares with the old row. */
	if (!within || (key_only && row->row_case == MIZAR__V1__ROW__ROW_LOCATION))
		return 0;
	scope = mz_row_scope(row);
	if (!mz_scope_id_equal(scope, *within)) {
		refuse(ret_refusal, row, "the row belongs to scope %s",
		       mz_scope_format(scope, text));
		return -EINVAL;
	}
	return 0;
}

/* What the table has under the row's key: with its hash and its scope. 0 or -ENOENT. */
struct old_row {
	struct mz_table_row row;
	struct mz_scope_state *scope;
	uint64_t hash;
};

static int find_old(struct mz_host *host, const struct mz_table_row *row, struct old_row *ret_old)
{
	const Mizar__V1__Row *message;
	struct mz_row_buffer buffer;
	int r;

	ret_old->row = *row;
	r = mz_table_get(host->tables, row->table, &row->key, &ret_old->row.value);
	if (r < 0)
		return r;
	message = mz_row_from_table(row->table, &row->key, &ret_old->row.value, &buffer);
	ret_old->hash = mz_row_hash(message);
	/* There since the row was written, or since start. */
	ret_old->scope = mz_scopes_find(host->scopes, mz_row_scope(message));
	return ret_old->scope ? 0 : -EIO;
}

/*
 * An address may move between two networks of a VPC, whose scopes travel independently: a location
 * that the other network has already taken over must not come back. Generations: RFC 1982.
 */
static bool is_outdated(const struct mz_table_row *row, const struct mz_table_row *old)
{
	return row->table == MZ_TABLE_location &&
	       row->value.location.network != old->value.location.network &&
	       (int32_t)(row->value.location.generation - old->value.location.generation) < 0;
}

/* What must follow a row that is in its table. */
static int take_effect(struct mz_host *host, const struct mz_table_row *row,
		       const struct mz_table_row *old)
{
	if (row->table == MZ_TABLE_endpoint)
		return mz_endpoint_update(host, row->key.uid, old ? &old->value.endpoint : NULL,
					  &row->value.endpoint);
	if (row->table == MZ_TABLE_droplet && mz_addr_compare(&row->key.addr, &host->self))
		return mz_nexthops_add(host->nexthops, &row->key.addr);
	return 0;
}

/* Whom a row tells to bounce or divide by; NULL: it is not of such a table. */
static const struct mz_replicas *replicas_of(const struct mz_table_row *row)
{
	return row->table == MZ_TABLE_network ? &row->value.network.bouncers :
	       row->table == MZ_TABLE_vpc     ? &row->value.vpc.dividers :
						NULL;
}

static int use_peers(struct mz_host *host, const struct mz_table_row *row)
{
	const struct mz_replicas *replicas = replicas_of(row);

	return replicas ? mz_peers_use(host->peers, replicas) : 0;
}

static void disuse_peers(struct mz_host *host, const struct mz_table_row *row)
{
	const struct mz_replicas *replicas = replicas_of(row);

	if (replicas)
		mz_peers_disuse(host->peers, replicas);
}

static int write_row(struct mz_host *host, const Mizar__V1__Row *row,
		     const struct mz_table_row *new)
{
	struct mz_scope_state *scope;
	int r;

	r = mz_scopes_get(host->scopes, mz_row_scope(row), &scope);
	if (r < 0)
		return r;
	r = use_peers(host, new);
	if (r >= 0) {
		r = mz_table_put(host->tables, new->table, &new->key, &new->value);
		if (r < 0)
			disuse_peers(host, new);
	}
	if (r < 0) {
		mz_scopes_put(host->scopes, scope);
		return r;
	}
	mz_scope_add(scope, mz_row_hash(row));
	return 0;
}

int mz_apply_set(struct mz_host *host, const Mizar__V1__Row *row, const struct mz_scope_id *within,
		 struct mz_refusal *ret_refusal)
{
	struct mz_table_row new;
	struct old_row old;
	bool has_old;
	int r;

	r = check(row, false, within, ret_refusal);
	if (r < 0)
		return r;
	mz_row_to_table(row, false, &new);
	r = find_old(host, &new, &old);
	if (r < 0 && r != -ENOENT)
		return refuse_errno(ret_refusal, row, r);
	has_old = r == 0;
	if (has_old && is_outdated(&new, &old.row))
		return 0;

	/* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison): zeroed, paddings explicit */
	if (!has_old || memcmp(&old.row.value, &new.value, sizeof(new.value))) {
		r = write_row(host, row, &new);
		if (r < 0)
			return refuse_errno(ret_refusal, row, r);
		if (has_old) {
			disuse_peers(host, &old.row);
			mz_scope_subtract(old.scope, old.hash);
			mz_scopes_put(host->scopes, old.scope);
		}
	}
	/* Also of an unchanged row: a resync repeats what failed the first time. */
	r = take_effect(host, &new, has_old ? &old.row : NULL);
	return r < 0 ? refuse_errno(ret_refusal, row, r) : 0;
}

/* What must happen before a row may go. */
static int end_effect(struct mz_host *host, const struct mz_table_row *old)
{
	if (old->table == MZ_TABLE_endpoint)
		return mz_endpoint_delete(host, old->key.uid, &old->value.endpoint);
	if (old->table == MZ_TABLE_droplet && mz_addr_compare(&old->key.addr, &host->self))
		return mz_nexthops_remove(host->nexthops, &old->key.addr);
	return 0;
}

static int remove_row(struct mz_host *host, const struct old_row *old)
{
	int r;

	r = end_effect(host, &old->row);
	if (r < 0)
		return r;
	r = mz_table_delete(host->tables, old->row.table, &old->row.key);
	if (r < 0)
		return r;
	disuse_peers(host, &old->row);
	mz_scope_subtract(old->scope, old->hash);
	return 0;
}

int mz_apply_unset(struct mz_host *host, const Mizar__V1__Row *row,
		   const struct mz_scope_id *within, struct mz_refusal *ret_refusal)
{
	struct mz_table_row key;
	struct old_row old;
	int r;

	r = check(row, true, within, ret_refusal);
	if (r < 0)
		return r;
	mz_row_to_table(row, true, &key);
	r = find_old(host, &key, &old);
	if (r == -ENOENT)
		return 0;
	if (r >= 0 && within && !mz_scope_id_equal(old.scope->id, *within))
		return 0;
	if (r >= 0)
		r = remove_row(host, &old);
	if (r < 0)
		return refuse_errno(ret_refusal, row, r);
	mz_scopes_put(host->scopes, old.scope);
	return 0;
}

uint64_t mz_apply_key_hash(const Mizar__V1__Row *row)
{
	struct mz_table_row key;

	mz_row_to_table(row, true, &key);
	return mz_hash(&key, offsetof(struct mz_table_row, value));
}

/* ---- sweep ----------------------------------------------------------------------------------- */

struct sweep {
	struct mz_host *host;
	enum mz_table_id table;
	struct mz_scope_state *scope;
	const struct mz_keyset *keep;
	void (*refused)(const struct mz_refusal *refusal, void *user);
	void *user;
};

static bool is_kept(const struct sweep *sweep, const Mizar__V1__Row *row)
{
	uint64_t key = mz_apply_key_hash(row);

	return sweep->keep &&
	       (mz_keyset_has(sweep->keep, key) || mz_keyset_has(&sweep->host->fresh, key));
}

static int sweep_row(const void *key, const void *value, void *user)
{
	struct sweep *sweep = user;
	const Mizar__V1__Row *row;
	struct mz_row_buffer buffer;
	struct old_row old = { .scope = sweep->scope };
	struct mz_refusal refusal;
	int r;

	row = mz_row_from_table(sweep->table, key, value, &buffer);
	if (!mz_scope_id_equal(mz_row_scope(row), sweep->scope->id) || is_kept(sweep, row))
		return 0;
	mz_row_to_table(row, false, &old.row);
	old.hash = mz_row_hash(row);
	r = remove_row(sweep->host, &old);
	if (r < 0) {
		(void)refuse_errno(&refusal, row, r); /* r */
		sweep->refused(&refusal, sweep->user);
	}
	return 0;
}

static bool may_hold(enum mz_table_id table, Mizar__V1__Scope__Kind kind)
{
	switch (kind) {
	case MIZAR__V1__SCOPE__KIND__DROPLETS:
		return table == MZ_TABLE_droplet;
	case MIZAR__V1__SCOPE__KIND__HOST:
		return table == MZ_TABLE_endpoint || table == MZ_TABLE_moved;
	case MIZAR__V1__SCOPE__KIND__VPC:
		return table == MZ_TABLE_vpc;
	case MIZAR__V1__SCOPE__KIND__ROUTES:
		return table == MZ_TABLE_prefix || table == MZ_TABLE_member;
	case MIZAR__V1__SCOPE__KIND__NETWORK:
		return table == MZ_TABLE_network;
	case MIZAR__V1__SCOPE__KIND__LOCATIONS:
		return table == MZ_TABLE_location;
	case _MIZAR__V1__SCOPE__KIND_IS_INT_SIZE:
		break;
	}
	return false;
}

int mz_apply_sweep(struct mz_host *host, struct mz_scope_id scope, const struct mz_keyset *keep,
		   void (*refused)(const struct mz_refusal *refusal, void *user), void *user)
{
	struct sweep sweep = { .host = host, .keep = keep, .refused = refused, .user = user };
	size_t i;
	int r;

	sweep.scope = mz_scopes_find(host->scopes, scope);
	if (!sweep.scope || !sweep.scope->n_rows)
		return 0;
	for (i = 0; i < MZ_N_ROW_TABLES; i++) {
		sweep.table = mz_row_tables[i];
		if (!may_hold(sweep.table, scope.kind))
			continue;
		r = mz_table_each(host->tables, sweep.table, sweep_row, &sweep);
		if (r < 0)
			return r;
	}
	return 0;
}
