/* SPDX-License-Identifier: Apache-2.0 */
/* Reads: what is pending lies over what is durable, and both are seen as one. */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "store/db.h"

#define PAGE 256

int mz_version_new(enum mz_kind kind, uint64_t uid, const char *ns, const char *name,
		   const void *body, size_t size, struct mz_version **ret_version)
{
	size_t ns_size = strlen(ns) + 1, name_size = strlen(name) + 1;
	struct mz_version *version = malloc(sizeof(*version) + size + ns_size + name_size);
	char *text;

	if (!version)
		return -ENOMEM;
	text = (char *)version->data + size;
	*version = (struct mz_version){
		.n_refs = 1,
		.kind = kind,
		.uid = uid,
		.ns = text,
		.name = text + ns_size,
		.size = size,
	};
	if (size)
		memcpy(version->data, body, size);
	memcpy(text, ns, ns_size);
	memcpy(text + ns_size, name, name_size);
	*ret_version = version;
	return 0;
}

struct mz_version *mz_version_ref(struct mz_version *version)
{
	if (version)
		version->n_refs++;
	return version;
}

void mz_version_unref(struct mz_version *version)
{
	if (version && --version->n_refs == 0)
		free(version);
}

int mz_version_unpack(const struct mz_version *version, struct mz_object **ret_object)
{
	int r = mz_object_unpack(version->kind, version->data, version->size, ret_object);

	return r == -EINVAL ? -EPROTO : r; /* not the caller's mistake: the file is damaged */
}

/* ---- keys ------------------------------------------------------------------------------------ */

/* A bijection that spreads (murmur3's fmix64): equal results mean equal arguments. */
static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 33) * 0xff51afd7ed558ccd;
	x = (x ^ x >> 33) * 0xc4ceb9fe1a85ec53;
	return x ^ x >> 33;
}

uint64_t mz_store_pending_key(enum mz_kind kind, uint64_t uid)
{
	return mix(uid << 8 | kind);
}

void mz_store_name_key(const struct mz_store *store, enum mz_kind kind, const char *ns,
		       const char *name, uint64_t ret_key[static 2])
{
	uint64_t words[5] = { [4] = kind };

	mz_siphash128(&store->key, ns, strlen(ns), words);
	mz_siphash128(&store->key, name, strlen(name), words + 2);
	mz_siphash128(&store->key, words, sizeof(words), ret_key);
}

void mz_store_generation_key(const struct mz_store *store, uint32_t vni, const struct mz_addr *addr,
			     uint64_t ret_key[static 2])
{
	struct mz_vni_addr vni_addr = { .vni = vni, .addr = *addr };

	mz_siphash128(&store->key, &vni_addr, sizeof(vni_addr), ret_key);
}

/* IPv4 and its VNI fit into one exact word. */
struct mz_index *mz_store_address_key(struct mz_store *store, uint32_t vni,
				      const struct mz_addr *addr, uint64_t ret_key[static 2])
{
	uint64_t word;

	if (!mz_addr_is_ipv4(addr)) {
		mz_store_generation_key(store, vni, addr, ret_key);
		return &store->ipv6;
	}
	word = (uint64_t)vni << 32 | be32toh(addr->words_be[3]);
	ret_key[0] = mix(word ^ store->key.words[0]);
	return &store->ipv4;
}

/* ---- one object ------------------------------------------------------------------------------ */

static struct mz_version *pending(const struct mz_store *store, enum mz_kind kind, uint64_t uid)
{
	uint64_t key = mz_store_pending_key(kind, uid);

	return (struct mz_version *)mz_index_get(&store->pending, &key);
}

int mz_store_current(struct mz_store *store, enum mz_kind kind, uint64_t uid,
		     struct mz_version **ret_version)
{
	struct mz_version *version = pending(store, kind, uid);

	if (!version)
		return mz_db_get(store->db, kind, uid, ret_version);
	*ret_version = mz_version_ref(version);
	return 0;
}

int mz_store_get(struct mz_store *store, enum mz_kind kind, uint64_t uid,
		 struct mz_object **ret_object)
{
	_cleanup_(mz_version_unrefp) struct mz_version *version = NULL;
	int r;

	if (!uid || uid > MZ_DB_LAST)
		return -ENOENT;
	r = mz_store_current(store, kind, uid, &version);
	if (r < 0)
		return r;
	if (!version || version->deleted)
		return -ENOENT;
	return mz_version_unpack(version, ret_object);
}

int mz_store_find(struct mz_store *store, enum mz_kind kind, const char *ns, const char *name,
		  uint64_t *ret_uid)
{
	uint64_t key[2], uid;

	mz_store_name_key(store, kind, ns, name, key);
	uid = mz_index_get(&store->names, key);
	if (!uid)
		return -ENOENT;
	*ret_uid = uid;
	return 0;
}

uint64_t mz_store_address_owner(const struct mz_store *store, uint32_t vni,
				const struct mz_addr *addr)
{
	uint64_t key[2];
	const struct mz_index *index = mz_store_address_key((struct mz_store *)store, vni, addr,
							    key);

	return mz_index_get(index, key);
}

/* ---- lists ----------------------------------------------------------------------------------- */

struct list {
	struct mz_store *store;
	enum mz_kind kind;
	const char *ns; /* NULL: all */
	uint64_t owner; /* 0: all */
	int (*fn)(const struct mz_object *object, void *user);
	void *user;
	uint64_t *uids; /* written by transactions in flight: the database may not know them yet */
	size_t n_uids, n_uids_allocated;
};

static int collect_from(struct list *list, const struct mz_txn *txn, uint64_t after)
{
	for (size_t i = 0; i < txn->n_ops; i++) {
		const struct mz_op *op = &txn->ops[i];

		if (op->type != MZ_OP_OBJECT || op->version->kind != list->kind ||
		    op->version->uid <= after)
			continue;
		if (list->n_uids == list->n_uids_allocated) {
			size_t n = list->n_uids_allocated * 2 ?: 64;
			uint64_t *uids = reallocarray(list->uids, n, sizeof(*uids));

			if (!uids)
				return -ENOMEM;
			list->uids = uids;
			list->n_uids_allocated = n;
		}
		list->uids[list->n_uids++] = op->version->uid;
	}
	return 0;
}

static int compare_uids(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static int collect_in_flight(struct list *list, uint64_t after)
{
	struct mz_store *store = list->store;
	const struct mz_txn *txn;
	int r = 0;

	DL_FOREACH(store->flight, txn) {
		r = collect_from(list, txn, after);
		if (r < 0)
			return r;
	}
	if (store->open)
		r = collect_from(list, store->open, after);
	if (list->n_uids)
		qsort(list->uids, list->n_uids, sizeof(*list->uids), compare_uids);
	return r;
}

/* stored: what the database has under this uid, NULL: what is pending counts alone. */
static int visit(struct list *list, uint64_t uid, struct mz_version *stored)
{
	struct mz_version *version = pending(list->store, list->kind, uid) ?: stored;
	_cleanup_(mz_object_freep) struct mz_object *object = NULL;
	int r;

	if (!version || version->deleted || (list->owner && version->owner != list->owner) ||
	    (list->ns && strcmp(list->ns, version->ns)))
		return 0;
	r = mz_version_unpack(version, &object);
	if (r < 0)
		return r;
	return list->fn(object, list->user);
}

/* Those in flight that come before the next one of the database (or all), and skips its twins. */
static int visit_in_flight(struct list *list, size_t *at, uint64_t before)
{
	uint64_t last = 0;

	for (; *at < list->n_uids && list->uids[*at] <= before; (*at)++) {
		uint64_t uid = list->uids[*at];
		int r;

		if (uid == last || uid == before)
			continue;
		last = uid;
		r = visit(list, uid, NULL);
		if (r)
			return r;
	}
	return 0;
}

static int visit_page(struct list *list, size_t *at, struct mz_version **versions, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int r = visit_in_flight(list, at, versions[i]->uid);

		r = r ?: visit(list, versions[i]->uid, versions[i]);
		if (r)
			return r;
	}
	return 0;
}

static int walk(struct list *list, uint64_t after)
{
	struct mz_version *versions[PAGE];
	size_t n, at = 0;
	int r;

	do {
		r = mz_db_page(list->store->db, list->kind, list->ns, list->owner, after, PAGE,
			       versions, &n);
		if (r < 0)
			return r;
		if (n)
			after = versions[n - 1]->uid;
		r = visit_page(list, &at, versions, n);
		for (size_t i = 0; i < n; i++)
			mz_version_unref(versions[i]);
		if (r)
			return r;
	} while (n == PAGE);
	return visit_in_flight(list, &at, UINT64_MAX);
}

int mz_store_list(struct mz_store *store, enum mz_kind kind, const char *ns, uint64_t owner,
		  uint64_t after, int (*fn)(const struct mz_object *object, void *user), void *user)
{
	struct list list = {
		.store = store,
		.kind = kind,
		.ns = ns,
		.owner = owner,
		.fn = fn,
		.user = user,
	};
	int r;

	if (after > MZ_DB_LAST)
		return 0;
	r = collect_in_flight(&list, after);
	r = r ?: walk(&list, after);
	free(list.uids);
	return r;
}
