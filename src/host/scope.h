/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What this host holds of each scope: the controller's epoch and revision, and the digest and
 * number of the rows that are really in the tables. Rows are added and subtracted one by one;
 * nothing of them is kept here.
 */
#pragma once

#include <stdint.h>

#include "base/cleanup.h"
#include "host/keyset.h"
#include "row/row.h"

/* A FULL or DELTA whose chunks are arriving (update.c). */
struct mz_update;

struct mz_scope_state {
	struct mz_scope_id id;
	uint64_t epoch, revision; /* 0: no update was ever completed */
	uint64_t digest;
	uint64_t n_rows;
	struct mz_update *update; /* or NULL; owned by update.c */
};

struct mz_scopes;

int mz_scopes_new(struct mz_scopes **ret_scopes);
void mz_scopes_free(struct mz_scopes *scopes);
DEFINE_CLEANUP(struct mz_scopes *, mz_scopes_free)

/* NULL: nothing is held of it. */
struct mz_scope_state *mz_scopes_find(struct mz_scopes *scopes, struct mz_scope_id id);
/* Finds or makes. -ENOMEM. */
int mz_scopes_get(struct mz_scopes *scopes, struct mz_scope_id id,
		  struct mz_scope_state **ret_scope);
/* Forgets the scope if nothing is held of it: no rows, no revision, no update. */
void mz_scopes_put(struct mz_scopes *scopes, struct mz_scope_state *scope);
size_t mz_scopes_count(const struct mz_scopes *scopes);
/* Returns the first non-zero value of fn, or 0. fn must not forget scopes. */
int mz_scopes_each(struct mz_scopes *scopes, int (*fn)(struct mz_scope_state *scope, void *user),
		   void *user);

void mz_scope_add(struct mz_scope_state *scope, uint64_t row_hash);
void mz_scope_subtract(struct mz_scope_state *scope, uint64_t row_hash);
