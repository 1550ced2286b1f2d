/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The thread that makes transactions durable. It takes all that has queued up while the commit
 * before was under way, and commits it as one: a lone transaction waits for nobody, and a thousand
 * share one sync of the disk. After a failure it writes nothing until the loop has collected.
 */
#pragma once

#include "store/db.h"

struct mz_writer;

/* done: sent when there is something to collect. */
int mz_writer_new(struct mz_db *db, uv_async_t *done, struct mz_writer **ret_writer);
void mz_writer_free(struct mz_writer *writer); /* nothing is queued any more */

void mz_writer_submit(struct mz_writer *writer, struct mz_txn *txn);
/* A transaction whose fate is sealed: passes through, so that on_commit runs from the loop. */
void mz_writer_pass(struct mz_writer *writer, struct mz_txn *txn);
/*
 * Transactions whose fate is in txn->r, in order, linked by `queued`; NULL: none. wait: for one.
 * After a failure these are all that were submitted until now.
 */
struct mz_txn *mz_writer_collect(struct mz_writer *writer, bool wait);
