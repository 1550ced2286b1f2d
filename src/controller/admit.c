// SPDX-License-Identifier: Apache-2.0
/* See admit.h. A batch is read, merged with what is stored, checked, and completed. */
#include "controller/admit.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "controller/methods.h"
#include "controller/reply.h"

#define KEY_SIZE 192

static void make_key(enum mz_kind kind, const char *ns, const char *name, char key[static KEY_SIZE])
{
	snprintf(key, KEY_SIZE, "%d/%s/%s", kind, mz_kinds[kind].namespaced ? ns : "", name);
}

static void admitted_free(struct ctl_admitted *item)
{
	size_t i;

	if (!item)
		return;
	for (i = 0; i < item->n_prefixes; i++)
		free(item->prefixes[i].network);
	free(item->prefixes);
	mz_object_free(item->object);
	mz_object_free(item->old);
	free(item->key);
	free(item);
}
DEFINE_CLEANUP(struct ctl_admitted *, admitted_free)

static void admission_free(struct ctl_admission *a)
{
	struct ctl_admitted *item, *next;

	if (!a)
		return;
	HASH_ITER(hh, a->known, item, next) {
		HASH_DEL(a->known, item);
		admitted_free(item);
	}
	free(a->items);
	ctl_write_free(a->write);
	mz_problems_fini(&a->problems);
	free(a);
}
DEFINE_CLEANUP(struct ctl_admission *, admission_free)

static void remember(struct ctl_admission *a, struct ctl_admitted *item, const char *key)
{
	item->key = ctl_strdup(key);
	HASH_ADD_KEYPTR(hh, a->known, item->key, strlen(item->key), item);
}

/* ---- references ------------------------------------------------------------------------------ */

static int load(struct ctl_admission *a, enum mz_kind kind, const char *ns, const char *name,
		struct mz_object **ret_object)
{
	uint64_t uid;
	int r;

	r = mz_store_find(a->c->store, kind, mz_kinds[kind].namespaced ? ns : "", name, &uid);
	return r < 0 ? r : mz_store_get(a->c->store, kind, uid, ret_object);
}

struct ctl_admitted *ctl_admit_find(struct ctl_admission *a, enum mz_kind kind, const char *ns,
				    const char *name)
{
	_cleanup_(mz_object_freep) struct mz_object *object = NULL;
	struct ctl_admitted *item;
	char key[KEY_SIZE];

	make_key(kind, ns, name, key);
	HASH_FIND(hh, a->known, key, strlen(key), item);
	if (item)
		return item;
	if (load(a, kind, ns, name, &object) < 0)
		return NULL;
	item = ctl_calloc(1, sizeof(*item));
	item->object = TAKE(object);
	remember(a, item, key);
	return item;
}

struct ctl_admitted *ctl_admit_refer(struct ctl_admission *a, const struct ctl_admitted *item,
				     enum mz_kind kind, const char *name, const char *path)
{
	const char *ns = mz_object_namespace(item->object);
	struct ctl_admitted *target = ctl_admit_find(a, kind, ns, name);
	bool namespaced = mz_kinds[kind].namespaced;

	a->problems.object = item->index;
	if (!target) {
		mz_problem_add(&a->problems, path, "there is no %s %s%s%s, neither here nor stored",
			       mz_kinds[kind].name, namespaced ? ns : "", namespaced ? "/" : "",
			       name);
		return NULL;
	}
	/* A child that exists may still be changed; only new ones are refused. */
	if (mz_object_metadata(target->object)->deletion_timestamp && !item->old) {
		mz_problem_add(&a->problems, path, "%s %s is being deleted: wait until it is gone",
			       mz_kinds[kind].name, name);
		return NULL;
	}
	return target;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* Fields that keep what was chosen when a manifest does not name them. */
static void keep_list(size_t *n, char ***list, size_t n_old, char *const *old)
{
	size_t i;

	if (*n || !n_old)
		return;
	*list = ctl_calloc(n_old, sizeof(**list));
	for (i = 0; i < n_old; i++)
		(*list)[i] = ctl_strdup(old[i]);
	*n = n_old;
}

static void keep_chosen(struct mz_object *new, const struct mz_object *old)
{
	switch (new->kind) {
	case MZ_KIND_VPC:
		if (!new->vpc->spec->has_vni) {
			new->vpc->spec->has_vni = true;
			new->vpc->spec->vni = old->vpc->spec->vni;
		}
		break;
	case MZ_KIND_NETWORK:
		keep_list(&new->network->spec->n_gateways, &new->network->spec->gateways,
			  old->network->spec->n_gateways, old->network->spec->gateways);
		break;
	case MZ_KIND_ENDPOINT:
		keep_list(&new->endpoint->spec->n_addresses, &new->endpoint->spec->addresses,
			  old->endpoint->spec->n_addresses, old->endpoint->spec->addresses);
		if (!new->endpoint->spec->mac && old->endpoint->spec->mac)
			new->endpoint->spec->mac = ctl_strdup(old->endpoint->spec->mac);
		break;
	case MZ_KIND_DROPLET:
	case MZ_KIND_BOUNCER:
	case MZ_KIND_DIVIDER:
		break;
	}
}

/* The stored status goes on; a client's is of no interest. */
int ctl_admit_set_status(struct mz_object *new, const struct mz_object *old)
{
	_cleanup_(mz_object_freep) struct mz_object *source = NULL;
	int r;

	r = old ? mz_object_copy(old, &source) : mz_object_new(new->kind, &source);
	if (r < 0)
		return r;
#define SWAP(name)                                                                                 \
	do {                                                                                       \
		__typeof__(new->name->status) status_ = new->name->status;                         \
		new->name->status = source->name->status;                                          \
		source->name->status = status_;                                                    \
	} while (0)
	switch (new->kind) {
	case MZ_KIND_DROPLET:
		SWAP(droplet);
		break;
	case MZ_KIND_VPC:
		SWAP(vpc);
		break;
	case MZ_KIND_NETWORK:
		SWAP(network);
		break;
	case MZ_KIND_ENDPOINT:
		SWAP(endpoint);
		break;
	case MZ_KIND_BOUNCER:
	case MZ_KIND_DIVIDER:
		break;
	}
#undef SWAP
	return 0;
}

static int merge(struct ctl_admission *a, struct ctl_admitted *item)
{
	Mizar__V1__Metadata *metadata = mz_object_metadata(item->object);
	const Mizar__V1__Metadata *old;
	int r;

	r = ctl_admit_set_status(item->object, item->old);
	if (r < 0)
		return r;
	if (!item->old)
		return 0;

	old = mz_object_metadata(item->old);
	if (a->create_only)
		return mz_problem_add(&a->problems, "metadata.name",
				      "%s %s of this name exists already; apply changes it",
				      mz_kinds[item->object->kind].article,
				      mz_kinds[item->object->kind].name);
	if (old->deletion_timestamp)
		return mz_problem_add(&a->problems, "metadata.name",
				      "%s %s is being deleted: wait until it is gone",
				      mz_kinds[item->object->kind].name, old->name);
	keep_chosen(item->object, item->old);
	metadata->has_uid = metadata->has_generation = metadata->has_creation_timestamp = true;
	metadata->uid = old->uid;
	metadata->generation = old->generation;
	metadata->creation_timestamp = old->creation_timestamp;
	return mz_object_check_update(item->old, item->object, &a->problems);
}

/* It is no longer what it was when the caller read it; also if it is gone. */
static bool is_stale(const struct ctl_admitted *item)
{
	uint64_t expect = mz_object_metadata(item->object)->resource_version;

	return expect &&
	       (!item->old || expect != mz_object_metadata(item->old)->resource_version);
}

static int read_item(struct ctl_admission *a, const Mizar__V1__Object *message, unsigned int index)
{
	_cleanup_(admitted_freep) struct ctl_admitted *item = ctl_calloc(1, sizeof(*item));
	struct ctl_admitted *other;
	char key[KEY_SIZE];
	int r;

	a->problems.object = item->index = index;
	item->in_batch = true;
	if (mz_object_unwrap(message, &item->object) < 0)
		return mz_problem_add(&a->problems, "kind", "is missing");
	if (mz_kinds[item->object->kind].managed)
		return mz_problem_add(&a->problems, "kind",
				      "%s objects are made by Mizar; they can be read and deleted",
				      mz_kinds[item->object->kind].name);
	r = mz_object_clear_output(item->object);
	r = r ?: mz_object_set_defaults(item->object);
	r = r ?: mz_object_check(item->object, &a->problems);
	if (r < 0)
		return r;
	make_key(item->object->kind, mz_object_namespace(item->object),
		 mz_object_name(item->object), key);
	HASH_FIND(hh, a->known, key, strlen(key), other);
	if (other)
		return mz_problem_add(&a->problems, "metadata.name",
				      "is the same as that of object %u of this batch",
				      other->index + 1);
	r = load(a, item->object->kind, mz_object_namespace(item->object),
		 mz_object_name(item->object), &item->old);
	if (r < 0 && r != -ENOENT)
		return r;
	r = merge(a, item);
	a->items[index] = item;
	remember(a, TAKE(item), key);
	return r ?: is_stale(a->items[index]) ? -ESTALE : 0;
}

static int read_items(struct ctl_admission *a, const Mizar__V1__ApplyRequest *request)
{
	size_t i;
	int r;

	a->n_items = request->n_objects;
	a->items = ctl_calloc(a->n_items + 1, sizeof(*a->items));
	a->create_only = request->create_only;
	for (i = 0; i < a->n_items; i++) {
		r = read_item(a, request->objects[i], (unsigned int)i);
		if (r < 0 && r != -EINVAL)
			return r;
	}
	return 0;
}

/* ---- checking and choosing ------------------------------------------------------------------- */

static int for_each(struct ctl_admission *a, enum mz_kind kind,
		    int (*fn)(struct ctl_admission *a, struct ctl_admitted *item))
{
	size_t i;
	int r;

	for (i = 0; i < a->n_items; i++) {
		if (!a->items[i] || a->items[i]->object->kind != kind)
			continue;
		a->problems.object = a->items[i]->index;
		r = fn(a, a->items[i]);
		if (r < 0 && r != -EINVAL)
			return r;
	}
	return 0;
}

static int assign_uid(struct ctl_admission *a, struct ctl_admitted *item)
{
	Mizar__V1__Metadata *metadata = mz_object_metadata(item->object);

	if (!metadata->has_uid)
		metadata->uid = mz_txn_new_uid(ctl_write_txn(a->write));
	metadata->has_uid = true;
	return 0;
}

static int admit_kinds(struct ctl_admission *a)
{
	static const enum mz_kind kinds[] = { MZ_KIND_DROPLET, MZ_KIND_VPC, MZ_KIND_NETWORK,
					      MZ_KIND_ENDPOINT };
	size_t i;
	int r;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		r = for_each(a, kinds[i], assign_uid);
		r = r ?: for_each(a, kinds[i], ctl_admit_explicit);
		/* Children of a broken parent would only add noise, or break too. */
		if (r >= 0 && !a->problems.n_items)
			r = for_each(a, kinds[i], ctl_admit_choose);
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- the call ------------------------------------------------------------------------------- */

struct applying {
	struct ctl_admission *admission;
	struct ctl_reply *reply;
};

static void on_applied(int r, void *user)
{
	_cleanup_free_ struct applying *applying = user;
	_cleanup_(admission_freep) struct ctl_admission *a = applying->admission;
	struct mz_rpc_call *call;

	if (r < 0) {
		ctl_reply_finish(applying->reply, r, NULL);
		return;
	}
	call = ctl_reply_take_call(applying->reply);
	if (call)
		ctl_admit_reply_results(a, call);
}

static void finish_failed(const struct ctl_admission *a, struct mz_rpc_call *call, int r)
{
	const struct ctl_admitted *item;
	unsigned long expect;

	if (r != -ESTALE) {
		mz_rpc_call_finish(call, r == -ENOMEM ? MZ_RPC_RESOURCE_EXHAUSTED : MZ_RPC_INTERNAL,
				   "nothing was applied: %s", strerror(-r));
		return;
	}
	item = a->items[a->problems.object];
	expect = (unsigned long)mz_object_metadata(item->object)->resource_version;
	if (!item->old) {
		mz_rpc_call_finish(call, MZ_RPC_ABORTED,
				   "%s %s: it was deleted after metadata.resourceVersion %lu; "
				   "without that it is created anew; nothing was applied",
				   mz_kinds[item->object->kind].name, mz_object_name(item->object),
				   expect);
		return;
	}
	mz_rpc_call_finish(
		call, MZ_RPC_ABORTED,
		"%s %s: metadata.resourceVersion is %lu, and the stored one is %lu: it was "
		"changed meanwhile, read it again; nothing was applied",
		mz_kinds[item->object->kind].name, mz_object_name(item->object), expect,
		(unsigned long)mz_object_metadata(item->old)->resource_version);
}

static int admit(struct ctl_admission *a, const Mizar__V1__ApplyRequest *request)
{
	size_t i;
	int r;

	r = ctl_write_new(a->c, &a->write);
	r = r ?: read_items(a, request);
	r = r ?: admit_kinds(a);
	if (r < 0 || a->problems.n_items)
		return r;
	for (i = 0; i < a->n_items; i++) {
		a->problems.object = (unsigned int)i;
		r = ctl_admit_store(a, a->items[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

void ctl_apply_request(struct mz_rpc_call *call, const ProtobufCMessage *request, void *user)
{
	const Mizar__V1__ApplyRequest *apply = (const Mizar__V1__ApplyRequest *)request;
	_cleanup_(admission_freep) struct ctl_admission *a = NULL;
	struct applying *applying;
	struct ctl_write *write;
	int r;

	if (!ctl_may_manage(call))
		return;
	a = ctl_calloc(1, sizeof(*a));
	a->c = user;
	r = admit(a, apply);
	if (r < 0) {
		finish_failed(a, call, r);
		return;
	}
	if (a->problems.n_items) {
		ctl_admit_reply_problems(a, call);
		return;
	}
	if (apply->dry_run) {
		ctl_admit_reply_results(a, call);
		return;
	}
	applying = ctl_calloc(1, sizeof(*applying));
	applying->reply = ctl_reply_new(call);
	write = TAKE(a->write);
	applying->admission = TAKE(a);
	ctl_write_commit(write, on_applied, applying);
}
