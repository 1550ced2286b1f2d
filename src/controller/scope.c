// SPDX-License-Identifier: Apache-2.0
/* See scope.h. */
#include "controller/scope.h"

#include <stdlib.h>
#include <string.h>

#include "controller/compile.h"

#define LOG_MIN 8
/* Changes kept for hosts that are behind, and for those that come back after a short absence. */
#define LOG_LIMIT(scope)     (4096 + (scope)->n_rows / 4)
#define HISTORY_LIMIT(scope) (LOG_MIN + (scope)->n_rows / 8)

void ctl_scope_init(struct ctl_scope *scope, Mizar__V1__Scope__Kind kind, uint64_t id, void *owner,
		    struct ctl_set *set)
{
	*scope = (struct ctl_scope){
		.id = { .kind = kind, .id = id },
		.revision = 1,
		.owner = owner,
		.set = set,
	};
}

static void forget(struct ctl_scope *scope, size_t n)
{
	for (; n && scope->n_log; n--, scope->n_log--) {
		size_t slot = (scope->revision - scope->n_log + 1) % scope->log_size;

		free(scope->log[slot]);
		scope->log[slot] = NULL;
	}
}

void ctl_scope_fini(struct ctl_scope *scope)
{
	forget(scope, scope->n_log);
	free(scope->log);
	scope->log = NULL;
	scope->log_size = 0;
}

static int resize(struct ctl_scope *scope, size_t size)
{
	struct ctl_scope_entry **log;
	uint64_t revision;

	log = calloc(size, sizeof(*log));
	if (!log)
		return -1;
	for (revision = scope->revision - scope->n_log + 1; revision <= scope->revision; revision++)
		log[revision % size] = scope->log[revision % scope->log_size];
	free(scope->log);
	scope->log = log;
	scope->log_size = size;
	return 0;
}

static struct ctl_scope_entry *new_entry(const Mizar__V1__Row *old_row,
					 const Mizar__V1__Row *new_row)
{
	struct ctl_scope_entry *entry;
	const Mizar__V1__Row *row;
	struct ctl_row key;
	uint64_t key_hash;
	size_t size;

	ctl_compile_key(new_row ?: old_row, &key);
	key_hash = mz_row_hash(&key.row);
	if (old_row && old_row->row_case == MIZAR__V1__ROW__ROW_ENDPOINT) {
		key.endpoint.has_generation = true; /* Host.Attach may overtake a delete */
		key.endpoint.generation = old_row->endpoint->generation;
	}
	row = new_row ?: &key.row;
	size = mizar__v1__row__get_packed_size(row);
	entry = malloc(sizeof(*entry) + size);
	if (!entry)
		return NULL;
	entry->key_hash = key_hash;
	entry->is_delete = !new_row;
	entry->size = (uint32_t)mizar__v1__row__pack(row, entry->data);
	return entry;
}

/* The change of the next revision; without memory for it the log starts anew behind it. */
static void append(struct ctl_scope *scope, struct ctl_scope_entry *entry)
{
	if (entry && scope->n_log >= LOG_LIMIT(scope))
		forget(scope, scope->n_log - LOG_LIMIT(scope) + 1);
	if (entry && scope->n_log == scope->log_size &&
	    resize(scope, scope->log_size ? scope->log_size * 2 : LOG_MIN) < 0) {
		free(entry);
		entry = NULL;
	}
	if (!entry) {
		forget(scope, scope->n_log);
		scope->revision++;
		return;
	}
	scope->revision++;
	scope->log[scope->revision % scope->log_size] = entry;
	scope->n_log++;
}

bool ctl_scope_change(struct ctl_scope *scope, const Mizar__V1__Row *old_row,
		      const Mizar__V1__Row *new_row)
{
	uint64_t old_hash = old_row ? mz_row_hash(old_row) : 0;
	uint64_t new_hash = new_row ? mz_row_hash(new_row) : 0;

	if (!old_row && !new_row)
		return false;
	if (old_row && new_row && old_hash == new_hash)
		return false;
	scope->digest += new_hash - old_hash;
	scope->n_rows += !!new_row;
	scope->n_rows -= !!old_row;
	append(scope, new_entry(old_row, new_row));
	return true;
}

bool ctl_scope_covers(const struct ctl_scope *scope, uint64_t revision)
{
	return revision <= scope->revision && scope->revision - revision <= scope->n_log;
}

const struct ctl_scope_entry *ctl_scope_entry(const struct ctl_scope *scope, uint64_t revision)
{
	return scope->log[revision % scope->log_size];
}

void ctl_scope_trim(struct ctl_scope *scope, uint64_t revision)
{
	size_t behind = scope->revision - revision, keep = behind + HISTORY_LIMIT(scope);

	if (scope->n_log <= keep)
		return;
	forget(scope, scope->n_log - keep);
	while (scope->log_size > LOG_MIN * 8 && scope->n_log < scope->log_size / 8)
		if (resize(scope, scope->log_size / 2) < 0)
			return; /* it stays larger than it need be */
}
