// SPDX-License-Identifier: Apache-2.0
/*
 * Scopes across restarts: epoch and revision are in the table `scope`, digests are computed from
 * the rows themselves.
 */
#include <errno.h>
#include <inttypes.h>

#include "base/log.h"
#include "host/apply.h"

struct load {
	struct mz_scopes *scopes;
	enum mz_table_id table;
};

static int load_row(const void *key, const void *value, void *user)
{
	struct load *load = user;
	struct mz_scope_state *scope;
	struct mz_row_buffer buffer;
	const Mizar__V1__Row *row;
	int r;

	row = mz_row_from_table(load->table, key, value, &buffer);
	r = mz_scopes_get(load->scopes, mz_row_scope(row), &scope);
	if (r < 0)
		return r;
	mz_scope_add(scope, mz_row_hash(row));
	return 0;
}

static int load_record(const void *key, const void *value, void *user)
{
	const struct mz_scope_key *id = key;
	const struct mz_scope *record = value;
	struct load *load = user;
	struct mz_scope_state *scope;
	int r;

	r = mz_scopes_get(load->scopes, (struct mz_scope_id){ .kind = id->kind, .id = id->id },
			  &scope);
	if (r < 0)
		return r;
	scope->epoch = record->epoch;
	scope->revision = record->revision;
	return 0;
}

int mz_apply_load_scopes(struct mz_host *host)
{
	_cleanup_(mz_scopes_freep) struct mz_scopes *scopes = NULL;
	struct load load;
	size_t i;
	int r;

	r = mz_scopes_new(&scopes);
	if (r < 0)
		return r;
	load.scopes = scopes;
	for (i = 0; i < MZ_N_ROW_TABLES; i++) {
		load.table = mz_row_tables[i];
		r = mz_table_each(host->tables, load.table, load_row, &load);
		if (r < 0)
			return r;
	}
	r = mz_table_each(host->tables, MZ_TABLE_scope, load_record, &load);
	if (r < 0)
		return r;
	host->scopes = TAKE(scopes);
	return 0;
}

int mz_apply_record_scope(struct mz_host *host, struct mz_scope_state *scope, uint64_t epoch,
			  uint64_t revision)
{
	const struct mz_scope_key key = { .id = scope->id.id, .kind = scope->id.kind };
	const struct mz_scope record = { .epoch = epoch, .revision = revision };
	int r;

	r = mz_table_put(host->tables, MZ_TABLE_scope, &key, &record);
	if (r < 0)
		return r;
	scope->epoch = epoch;
	scope->revision = revision;
	return 0;
}

int mz_apply_forget_scope(struct mz_host *host, struct mz_scope_state *scope)
{
	const struct mz_scope_key key = { .id = scope->id.id, .kind = scope->id.kind };
	int r;

	r = mz_table_delete(host->tables, MZ_TABLE_scope, &key);
	if (r < 0)
		return r;
	scope->epoch = scope->revision = 0;
	mz_scopes_put(host->scopes, scope);
	return 0;
}
