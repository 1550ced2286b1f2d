/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A write: one transaction of the store, and what it means for the model. Nothing changes in the
 * model, and nothing is sent to hosts or watchers, before it is durable.
 */
#pragma once

#include "controller/controller.h"

struct ctl_write;

int ctl_write_new(struct ctl_controller *c, struct ctl_write **ret_write);
void ctl_write_free(struct ctl_write *write); /* rolls back */
DEFINE_CLEANUP(struct ctl_write *, ctl_write_free)

struct mz_txn *ctl_write_txn(struct ctl_write *write);
struct ctl_controller *ctl_write_controller(struct ctl_write *write);

/*
 * Takes new (also on failure). old: the object as it is stored, or NULL; it is borrowed. owner and
 * expect_revision: see mz_txn_put().
 */
int ctl_write_put(struct ctl_write *write, const struct mz_object *old, struct mz_object *new,
		  uint64_t owner, uint64_t expect_revision);
/* The same for a new one: with a uid (unless it has one already) and its time of creation. */
int ctl_write_create(struct ctl_write *write, struct mz_object *new, uint64_t owner);
int ctl_write_delete(struct ctl_write *write, const struct mz_object *old);
/* r: 0, or -errno if nothing was stored. Runs from the loop, after the model has changed. */
typedef void (*ctl_write_done_fn)(int r, void *user);
/* Consumes write. done may be NULL. */
void ctl_write_commit(struct ctl_write *write, ctl_write_done_fn done, void *user);
