// SPDX-License-Identifier: Apache-2.0
#include "host/scope.h"

#include <errno.h>
#include <stdlib.h>

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct entry {
	struct mz_scope_state state;
	struct mz_scope_key key; /* without hidden padding */
	UT_hash_handle hh;
};

struct mz_scopes {
	struct entry *entries;
};

int mz_scopes_new(struct mz_scopes **ret_scopes)
{
	struct mz_scopes *scopes = calloc(1, sizeof(*scopes));

	if (!scopes)
		return -ENOMEM;
	*ret_scopes = scopes;
	return 0;
}

void mz_scopes_free(struct mz_scopes *scopes)
{
	struct entry *entry, *next;

	if (!scopes)
		return;
	HASH_ITER(hh, scopes->entries, entry, next)
	{
		HASH_DEL(scopes->entries, entry);
		free(entry);
	}
	free(scopes);
}

static struct entry *find(struct mz_scopes *scopes, struct mz_scope_id id)
{
	const struct mz_scope_key key = { .id = id.id, .kind = id.kind };
	struct entry *entry;

	HASH_FIND(hh, scopes->entries, &key, sizeof(key), entry);
	return entry;
}

struct mz_scope_state *mz_scopes_find(struct mz_scopes *scopes, struct mz_scope_id id)
{
	struct entry *entry = find(scopes, id);

	return entry ? &entry->state : NULL;
}

int mz_scopes_get(struct mz_scopes *scopes, struct mz_scope_id id,
		  struct mz_scope_state **ret_scope)
{
	struct entry *entry = find(scopes, id);

	if (!entry) {
		entry = calloc(1, sizeof(*entry));
		if (!entry)
			return -ENOMEM;
		entry->state.id = id;
		entry->key.id = id.id;
		entry->key.kind = id.kind;
		HASH_ADD(hh, scopes->entries, key, sizeof(entry->key), entry);
		if (!entry->hh.tbl) { /* HASH_NONFATAL_OOM */
			free(entry);
			return -ENOMEM;
		}
	}
	*ret_scope = &entry->state;
	return 0;
}

void mz_scopes_put(struct mz_scopes *scopes, struct mz_scope_state *scope)
{
	struct entry *entry;

	if (scope->n_rows || scope->epoch || scope->revision || scope->update)
		return;
	entry = find(scopes, scope->id);
	HASH_DEL(scopes->entries, entry);
	free(entry);
}

size_t mz_scopes_count(const struct mz_scopes *scopes)
{
	return HASH_COUNT(scopes->entries);
}

int mz_scopes_each(struct mz_scopes *scopes, int (*fn)(struct mz_scope_state *scope, void *user),
		   void *user)
{
	struct entry *entry;
	int r;

	for (entry = scopes->entries; entry; entry = entry->hh.next) {
		r = fn(&entry->state, user);
		if (r)
			return r;
	}
	return 0;
}

void mz_scope_add(struct mz_scope_state *scope, uint64_t row_hash)
{
	scope->digest += row_hash;
	scope->n_rows++;
}

void mz_scope_subtract(struct mz_scope_state *scope, uint64_t row_hash)
{
	scope->digest -= row_hash;
	scope->n_rows--;
}
