/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows into the tables, whoever they come from: the stream, Host.Attach, or by hand. Each keeps the
 * digest of its scope, and has its effects: a droplet is followed, an endpoint's device served.
 */
#pragma once

#include "host/convert.h"
#include "host/host.h"

#define MZ_REFUSAL_FULL "the table is full; this host holds too many rows of it"

/* Why a row could not be applied: what a Nack says. */
struct mz_refusal {
	char table[16];
	char key[MZ_ROW_KEY_STRLEN];
	char reason[256];
};

/*
 * Makes or replaces a row. within: the scope that it must belong to, or NULL. On failure (-EINVAL,
 * -ENOSPC, -ENOMEM, …) ret_refusal says why; the old row stays.
 */
int mz_apply_set(struct mz_host *host, const Mizar__V1__Row *row, const struct mz_scope_id *within,
		 struct mz_refusal *ret_refusal);
/* Only the row's key is read. Absent, or present in another scope than within, is success. */
int mz_apply_unset(struct mz_host *host, const Mizar__V1__Row *row,
		   const struct mz_scope_id *within, struct mz_refusal *ret_refusal);

/*
 * Removes the rows of a scope whose mz_apply_key_hash() is not in keep (NULL: all of them). One
 * that does not go is refused, and the others go. Negative: the table cannot be read.
 */
int mz_apply_sweep(struct mz_host *host, struct mz_scope_id scope, const struct mz_keyset *keep,
		   void (*refused)(const struct mz_refusal *refusal, void *user), void *user);

/* Of the key of a row that mz_row_check() accepts. */
uint64_t mz_apply_key_hash(const Mizar__V1__Row *row);

/* One pass over the tables: what is held of each scope. At start. */
int mz_apply_load_scopes(struct mz_host *host);
/* Notes a completed update, in memory and in the table `scope`. */
int mz_apply_record_scope(struct mz_host *host, struct mz_scope_state *scope, uint64_t epoch,
			  uint64_t revision);
/* Forgets a scope whose rows are gone. */
int mz_apply_forget_scope(struct mz_host *host, struct mz_scope_state *scope);
