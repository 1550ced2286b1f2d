/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A scope: the rows that some hosts hold whole. Of the rows themselves it keeps only a digest and a
 * count; and, for those who are behind, the latest changes. Each change of one row is one revision,
 * so that the log is an array by revision. A change that no longer fits is forgotten: who needs it
 * gets the scope whole.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "row/row.h"

struct ctl_sub;
struct ctl_set;

/* One change: the packed row, or of a delete its packed key. */
struct ctl_scope_entry {
	uint64_t key_hash; /* same for all changes of one row */
	uint32_t size;
	bool is_delete;
	uint8_t data[];
};

struct ctl_scope {
	struct mz_scope_id id;
	uint64_t revision; /* starts at 1: nobody has acknowledged 0 */
	uint64_t digest;
	uint64_t n_rows;

	struct ctl_scope_entry **log; /* entry of revision r at r % log_size */
	size_t log_size, n_log;

	struct ctl_sub *subs; /* hosts that hold it */
	void *owner;	      /* droplet, VPC or network, by id.kind */
	struct ctl_set *set;  /* whose replicas hold it or are published in it, or NULL */
};

void ctl_scope_init(struct ctl_scope *scope, Mizar__V1__Scope__Kind kind, uint64_t id, void *owner,
		    struct ctl_set *set);
void ctl_scope_fini(struct ctl_scope *scope);

/* old NULL: a new row; new NULL: deleted. Returns whether there was a change. */
bool ctl_scope_change(struct ctl_scope *scope, const Mizar__V1__Row *old_row,
		      const Mizar__V1__Row *new_row);
/* Whether the log has all changes after this revision. */
bool ctl_scope_covers(const struct ctl_scope *scope, uint64_t revision);
/* The change that made this revision; only if covered. */
const struct ctl_scope_entry *ctl_scope_entry(const struct ctl_scope *scope, uint64_t revision);
/* All connected holders have acknowledged `revision`: only a short history is kept before it. */
void ctl_scope_trim(struct ctl_scope *scope, uint64_t revision);
