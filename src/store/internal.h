/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the store share. One thread, the loop's, owns all of it; the writer's thread
 * reads submitted transactions and touches nothing else.
 *
 *	mz_txn_put() ...	changes the memory at once: indexes, counts and `pending`, what lies
 *	   |			over the database; every change is an op that can be undone
 *	mz_txn_commit()		-> history (watches) and the writer's queue
 *	   |
 *	writer's thread		one BEGIN..COMMIT for all that is queued
 *	   |
 *	loop			leaves `pending`, on_commit(0)
 *
 * A batch that fails fails whole, and with it every transaction that was submitted or opened since:
 * they may have read what it wrote. All are undone, newest first, watches are told the way back,
 * and the store goes on from what is durable.
 */
#pragma once

#include "base/siphash.h"
#include "store/index.h"
#include "store/store.h"

/* One value of an object. Immutable; references are counted by the loop's thread. */
struct mz_version {
	unsigned int n_refs;
	enum mz_kind kind;
	bool deleted; /* a tombstone: no body */
	uint64_t uid, owner, revision;
	uint64_t seq; /* transaction that wrote it; 0: read from the database */
	const char *ns, *name; /* in data, behind the body */
	size_t size;
	uint8_t data[];
};
int mz_version_new(enum mz_kind kind, uint64_t uid, const char *ns, const char *name,
		   const void *body, size_t size, struct mz_version **ret_version);
struct mz_version *mz_version_ref(struct mz_version *version);
void mz_version_unref(struct mz_version *version);
DEFINE_CLEANUP(struct mz_version *, mz_version_unref)
int mz_version_unpack(const struct mz_version *version, struct mz_object **ret_object);

enum mz_op_type {
	MZ_OP_OBJECT,	  /* put, or delete if the version is a tombstone */
	MZ_OP_TAKE,	  /* an address; uid has it now */
	MZ_OP_RELEASE,	  /* uid had it */
	MZ_OP_GENERATION, /* of an address */
};

struct mz_op {
	enum mz_op_type type;
	union {
		struct {
			struct mz_version *version;
			struct mz_version *before; /* NULL: there was none */
			bool before_pending;	   /* else before was read from the database */
		};
		struct {
			uint32_t vni;
			uint32_t generation;
			struct mz_addr addr;
			uint64_t uid;
			uint64_t pending_before; /* of a generation: the overlay's, 0: none */
		};
	};
};

struct mz_txn {
	struct mz_store *store;
	struct mz_op *ops;
	size_t n_ops, n_ops_allocated;
	uint64_t seq, revision;
	uint64_t next_uid; /* at submission */
	int r;		   /* set once its fate is known */
	mz_commit_fn on_commit;
	void *user;
	struct mz_txn *prev, *next; /* in flight */
	struct mz_txn *queued;	    /* the next one in the writer's hands */
};
void mz_txn_undo(struct mz_txn *txn);	/* takes its ops out of memory; then it has none */
void mz_txn_settle(struct mz_txn *txn); /* it is durable: leaves the overlay */
void mz_txn_destroy(struct mz_txn *txn);

struct mz_history {
	struct mz_history_entry *entries; /* a ring */
	size_t n_slots, size;
	uint64_t first, end; /* numbers of the oldest entry and of the next one */
	uint64_t floor;	     /* all changes after this revision are here */
	struct mz_watch *watches;
	bool dispatching;
};
void mz_history_init(struct mz_history *history, uint64_t revision);
void mz_history_fini(struct mz_history *history);
int mz_history_reserve(struct mz_history *history, size_t n_entries);
/* Needs a reservation. version: the new value, or of a delete the last one. */
void mz_history_add(struct mz_history *history, enum mz_change change, struct mz_version *version,
		    uint64_t revision);
/* Runs watches, for a while. True if there is more to tell. */
bool mz_history_dispatch(struct mz_history *history);

/* Handles outlive the store: libuv closes them when the loop runs again. */
struct mz_store_handles {
	struct mz_store *store;
	unsigned int n_open;
	uv_async_t done;  /* the writer has news */
	uv_idle_t notify; /* active while watches have something to hear */
};

struct mz_store {
	struct mz_db *db;
	struct mz_writer *writer;
	struct mz_store_handles *handles;
	struct mz_history history;

	struct mz_siphash_key key;
	struct mz_index names;	     /* kind, namespace, name -> uid */
	struct mz_index ipv4, ipv6;  /* vni, address -> uid */
	struct mz_index pending;     /* kind, uid -> struct mz_version */
	struct mz_index generations; /* vni, address -> sequence (low 32 bits), generation */
	uint64_t counts[MZ_N_KINDS];

	uint64_t seq, revision; /* of the last submitted transaction */
	uint64_t settled_seq;	/* of the last durable one */
	uint64_t next_uid, durable_next_uid;
	struct mz_txn *open;	/* at most one */
	struct mz_txn *flight;	/* submitted, oldest first */
	size_t n_flight_ops;
	bool closing;
};

/* Index keys, and the index that has the address. */
void mz_store_name_key(const struct mz_store *store, enum mz_kind kind, const char *ns,
		       const char *name, uint64_t ret_key[static 2]);
struct mz_index *mz_store_address_key(struct mz_store *store, uint32_t vni,
				      const struct mz_addr *addr, uint64_t ret_key[static 2]);
void mz_store_generation_key(const struct mz_store *store, uint32_t vni, const struct mz_addr *addr,
			     uint64_t ret_key[static 2]);
uint64_t mz_store_pending_key(enum mz_kind kind, uint64_t uid);
/* What is true now: pending (also a tombstone), else the database's. NULL: neither has it. */
int mz_store_current(struct mz_store *store, enum mz_kind kind, uint64_t uid,
		     struct mz_version **ret_version);
/* Starts telling watches what the history has gained. */
void mz_store_notify(struct mz_store *store);
