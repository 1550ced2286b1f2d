/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The object store: one interface, backends behind it (db.h: SQLite). Operators and services know
 * this file only. Everything runs on one thread, the owner's libuv loop; commits are on another.
 *
 * Objects are keyed by (kind, uid). A transaction collects puts and deletes, reads its own writes,
 * and is committed as a whole: on_commit runs once it is durable (or has failed: then nothing of it
 * holds). Reads see submitted transactions at once, in order, before they are durable; whoever
 * answers a client waits for on_commit.
 *
 * Reads also see the open transaction, so there is one at a time: open it, fill it and commit it
 * within one callback. A commit that fails (a full disk) takes with it all that was submitted
 * since, as that may rest on it: each on_commit gets the error, watches are told the way back, and
 * the store goes on.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "api/object.h"
#include "base/addr.h"
#include "base/cleanup.h"

struct mz_store;
struct mz_txn;

/*
 * path: a file, made if absent. -EBUSY: another controller has it open; -EPROTO: not our file, or
 * damaged, or written by a newer version.
 */
int mz_store_open_sqlite(uv_loop_t *loop, const char *path, struct mz_store **ret_store);
/*
 * Waits for commits under way; their on_commit run, and get -ESHUTDOWN for a new transaction. The
 * loop must run once more, to close the store's handles. Watches may be freed before or after.
 */
void mz_store_free(struct mz_store *store);
DEFINE_CLEANUP(struct mz_store *, mz_store_free)

/* Revision of the last submitted change; each transaction takes the next one. */
uint64_t mz_store_revision(const struct mz_store *store);

/* Copies out; the caller frees with mz_object_free(). -ENOENT. */
int mz_store_get(struct mz_store *store, enum mz_kind kind, uint64_t uid,
		 struct mz_object **ret_object);
/* ns is "" for cluster-wide kinds. O(1) in the population. -ENOENT. */
int mz_store_find(struct mz_store *store, enum mz_kind kind, const char *ns, const char *name,
		  uint64_t *ret_uid);
/*
 * Objects with uid > after, ascending; each is borrowed for the call of fn. fn returns 0 to go on,
 * positive to stop. ns NULL: all namespaces. owner 0: all; else only children of this uid (see
 * mz_txn_put). Returns fn's value or 0. fn may change the store: what it deletes or changes ahead
 * counts at once, what it adds may be left out.
 */
int mz_store_list(struct mz_store *store, enum mz_kind kind, const char *ns, uint64_t owner,
		  uint64_t after, int (*fn)(const struct mz_object *object, void *user),
		  void *user);
uint64_t mz_store_count(const struct mz_store *store, enum mz_kind kind);

/* Addresses that are in use in a VPC: who has it (an endpoint's uid, 0: nobody). O(1). */
uint64_t mz_store_address_owner(const struct mz_store *store, uint32_t vni,
				const struct mz_addr *addr);

/* -EBUSY: another is open. */
int mz_txn_new(struct mz_store *store, struct mz_txn **ret_txn);
void mz_txn_free(struct mz_txn *txn); /* rolls back */
DEFINE_CLEANUP(struct mz_txn *, mz_txn_free)

/*
 * A new uid: ascending, never reused, also not after a crash or a rollback that was seen. With 2^20
 * of them not yet durable the transaction fails: its next step and on_commit say -EAGAIN.
 */
uint64_t mz_txn_new_uid(struct mz_txn *txn);
/*
 * The object's metadata must have uid, name (and namespace); resourceVersion is set here. With
 * expect_revision != 0 the stored one must still have it: -ESTALE. owner: uid of the parent that
 * lists find it by (network of an endpoint or bouncer, VPC of a network or divider), or 0.
 * -EEXIST: another object of this kind has the name. -EINVAL: the uid is none of ours, or the
 * stored object has another name.
 */
int mz_txn_put(struct mz_txn *txn, const struct mz_object *object, uint64_t owner,
	       uint64_t expect_revision);
int mz_txn_delete(struct mz_txn *txn, enum mz_kind kind, uint64_t uid); /* absent is success: 0 */
/* Takes or gives back an address. -EADDRINUSE: another uid has it. Absent on release is success. */
int mz_txn_take_address(struct mz_txn *txn, uint32_t vni, const struct mz_addr *addr, uint64_t uid);
int mz_txn_release_address(struct mz_txn *txn, uint32_t vni, const struct mz_addr *addr);
/*
 * The next location generation of an address: a durable counter that survives delete and
 * re-creation of the endpoint. Never 0.
 */
int mz_txn_next_generation(struct mz_txn *txn, uint32_t vni, const struct mz_addr *addr,
			   uint32_t *ret_generation);

/*
 * Consumes txn. on_commit may be NULL, and never runs inside the call. r: 0, or -errno if nothing
 * was stored. Without any change: 0 once all that was submitted before is durable.
 */
typedef void (*mz_commit_fn)(int r, void *user);
void mz_txn_commit(struct mz_txn *txn, mz_commit_fn on_commit, void *user);

/*
 * Changes after `revision`, in order, each once it is submitted, from the loop; object is borrowed
 * (of a delete: the last value). All changes of a transaction have its revision. -ERANGE: the
 * bounded history no longer reaches so far back, or the revision is of the future: list again.
 */
enum mz_change { MZ_CHANGE_ADDED, MZ_CHANGE_MODIFIED, MZ_CHANGE_DELETED };
typedef void (*mz_watch_fn)(enum mz_change change, const struct mz_object *object,
			    uint64_t revision, void *user);
struct mz_watch;
int mz_watch_new(struct mz_store *store, uint64_t revision, mz_watch_fn fn, void *user,
		 struct mz_watch **ret_watch);
void mz_watch_free(struct mz_watch *watch);
DEFINE_CLEANUP(struct mz_watch *, mz_watch_free)
