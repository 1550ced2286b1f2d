/* SPDX-License-Identifier: Apache-2.0 */
/* Transactions: each step checks, changes the memory, and remembers how to undo it. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include <utlist.h>

#include "store/writer.h"

int mz_txn_new(struct mz_store *store, struct mz_txn **ret_txn)
{
	struct mz_txn *txn;

	if (store->closing)
		return -ESHUTDOWN;
	if (store->open)
		return -EBUSY;
	txn = calloc(1, sizeof(*txn));
	if (!txn)
		return -ENOMEM;
	txn->store = store;
	txn->seq = store->seq + 1;
	txn->revision = store->revision + 1;
	store->open = txn;
	*ret_txn = txn;
	return 0;
}

void mz_txn_destroy(struct mz_txn *txn)
{
	assert(!txn->n_ops);
	free(txn->ops);
	free(txn);
}

void mz_txn_free(struct mz_txn *txn)
{
	if (!txn)
		return;
	txn->store->open = NULL;
	mz_txn_undo(txn);
	mz_txn_destroy(txn);
}

/* Room for one more op, so that what follows can no longer fail half-way. */
static int reserve_op(struct mz_txn *txn)
{
	size_t n = txn->n_ops_allocated * 2 ?: 4;
	struct mz_op *ops;

	if (txn->r < 0)
		return txn->r;
	if (txn->n_ops < txn->n_ops_allocated)
		return 0;
	ops = reallocarray(txn->ops, n, sizeof(*ops));
	if (!ops)
		return -ENOMEM;
	txn->ops = ops;
	txn->n_ops_allocated = n;
	return 0;
}

uint64_t mz_txn_new_uid(struct mz_txn *txn)
{
	struct mz_store *store = txn->store;

	if (store->next_uid - store->durable_next_uid >= MZ_DB_LEAD && txn->r == 0) {
		mz_txn_undo(txn);
		txn->r = -EAGAIN;
	}
	return store->next_uid++;
}

/* ---- objects --------------------------------------------------------------------------------- */

/* The message with another resourceVersion: metadata is its first field, and nothing is copied. */
static int pack(const struct mz_object *object, uint64_t revision, uint8_t **ret_data,
		size_t *ret_size)
{
	const ProtobufCMessageDescriptor *descriptor = object->msg->descriptor;
	const ProtobufCFieldDescriptor *field =
		protobuf_c_message_descriptor_get_field_by_name(descriptor, "metadata");
	Mizar__V1__Metadata metadata = *mz_object_metadata(object);
	_cleanup_free_ void *msg = malloc(descriptor->sizeof_message);
	struct mz_object copy = { .kind = object->kind, .msg = msg };

	if (!msg)
		return -ENOMEM;
	metadata.has_resource_version = true;
	metadata.resource_version = revision;
	memcpy(msg, object->msg, descriptor->sizeof_message);
	*(Mizar__V1__Metadata **)((char *)msg + field->offset) = &metadata;
	return mz_object_pack(&copy, ret_data, ret_size);
}

static int make_version(const struct mz_txn *txn, const struct mz_object *object, uint64_t owner,
			struct mz_version **ret_version)
{
	_cleanup_free_ uint8_t *body = NULL;
	struct mz_version *version = NULL;
	size_t size;
	int r;

	r = pack(object, txn->revision, &body, &size);
	if (r < 0)
		return r;
	r = mz_version_new(object->kind, mz_object_metadata(object)->uid,
			   mz_object_namespace(object), mz_object_name(object), body, size,
			   &version);
	if (r < 0)
		return r;
	version->owner = owner;
	version->revision = txn->revision;
	version->seq = txn->seq;
	*ret_version = version;
	return 0;
}

/* Makes `version` what is pending, and keeps `before` for undo. Takes both over on success. */
static int replace(struct mz_txn *txn, struct mz_version **version, struct mz_version **before)
{
	struct mz_store *store = txn->store;
	uint64_t key = mz_store_pending_key((*version)->kind, (*version)->uid);
	bool pending = mz_index_get(&store->pending, &key);
	int r;

	r = mz_index_set(&store->pending, &key, (uintptr_t)*version);
	if (r < 0)
		return r;
	txn->ops[txn->n_ops++] = (struct mz_op){
		.type = MZ_OP_OBJECT,
		.version = TAKE(*version),
		.before = TAKE(*before),
		.before_pending = pending,
	};
	return 0;
}

static int add_name(struct mz_store *store, const struct mz_version *version)
{
	uint64_t key[2];
	int r;

	mz_store_name_key(store, version->kind, version->ns, version->name, key);
	if (mz_index_get(&store->names, key))
		return -EEXIST;
	r = mz_index_set(&store->names, key, version->uid);
	if (r < 0)
		return r;
	store->counts[version->kind]++;
	return 0;
}

static void remove_name(struct mz_store *store, const struct mz_version *version)
{
	uint64_t key[2];

	mz_store_name_key(store, version->kind, version->ns, version->name, key);
	mz_index_remove(&store->names, key);
	store->counts[version->kind]--;
}

static bool exists(const struct mz_version *version)
{
	return version && !version->deleted;
}

int mz_txn_put(struct mz_txn *txn, const struct mz_object *object, uint64_t owner,
	       uint64_t expect_revision)
{
	_cleanup_(mz_version_unrefp) struct mz_version *version = NULL, *before = NULL;
	uint64_t uid = mz_object_metadata(object)->uid;
	bool is_new;
	int r;

	if (!uid || uid >= txn->store->next_uid || !*mz_object_name(object))
		return -EINVAL;
	r = reserve_op(txn);
	if (r < 0)
		return r;
	r = mz_store_current(txn->store, object->kind, uid, &before);
	if (r < 0)
		return r;
	is_new = !exists(before);
	if (expect_revision && (is_new || before->revision != expect_revision))
		return -ESTALE;
	r = make_version(txn, object, owner, &version);
	if (r < 0)
		return r;
	if (!is_new && (strcmp(version->name, before->name) || strcmp(version->ns, before->ns)))
		return -EINVAL;
	if (is_new) {
		r = add_name(txn->store, version);
		if (r < 0)
			return r;
	}
	r = replace(txn, &version, &before);
	if (r < 0 && is_new)
		remove_name(txn->store, version);
	return r;
}

int mz_txn_delete(struct mz_txn *txn, enum mz_kind kind, uint64_t uid)
{
	_cleanup_(mz_version_unrefp) struct mz_version *version = NULL, *before = NULL;
	int r;

	if (!uid || uid > MZ_DB_LAST)
		return 0;
	r = reserve_op(txn);
	if (r < 0)
		return r;
	r = mz_store_current(txn->store, kind, uid, &before);
	if (r < 0 || !exists(before))
		return r;
	r = mz_version_new(kind, uid, before->ns, before->name, NULL, 0, &version);
	if (r < 0)
		return r;
	version->deleted = true;
	version->seq = txn->seq;
	r = replace(txn, &version, &before);
	if (r < 0)
		return r;
	remove_name(txn->store, txn->ops[txn->n_ops - 1].version);
	return 0;
}

/* ---- addresses ------------------------------------------------------------------------------- */

int mz_txn_take_address(struct mz_txn *txn, uint32_t vni, const struct mz_addr *addr, uint64_t uid)
{
	uint64_t key[2], has;
	struct mz_index *index = mz_store_address_key(txn->store, vni, addr, key);
	int r;

	if (!uid || uid >= txn->store->next_uid)
		return -EINVAL;
	r = reserve_op(txn);
	if (r < 0)
		return r;
	has = mz_index_get(index, key);
	if (has)
		return has == uid ? 0 : -EADDRINUSE;
	r = mz_index_set(index, key, uid);
	if (r < 0)
		return r;
	txn->ops[txn->n_ops++] = (struct mz_op){
		.type = MZ_OP_TAKE,
		.vni = vni,
		.addr = *addr,
		.uid = uid,
	};
	return 0;
}

int mz_txn_release_address(struct mz_txn *txn, uint32_t vni, const struct mz_addr *addr)
{
	uint64_t key[2], has;
	struct mz_index *index = mz_store_address_key(txn->store, vni, addr, key);
	int r;

	r = reserve_op(txn);
	if (r < 0)
		return r;
	has = mz_index_get(index, key);
	if (!has)
		return 0;
	mz_index_remove(index, key);
	txn->ops[txn->n_ops++] = (struct mz_op){
		.type = MZ_OP_RELEASE,
		.vni = vni,
		.addr = *addr,
		.uid = has,
	};
	return 0;
}

/* Which transaction set a pending generation: so many are never in flight that 32 bits repeat. */
static uint64_t pending_generation(uint64_t seq, uint32_t generation)
{
	return seq << 32 | generation;
}

int mz_txn_next_generation(struct mz_txn *txn, uint32_t vni, const struct mz_addr *addr,
			   uint32_t *ret_generation)
{
	struct mz_store *store = txn->store;
	uint64_t key[2], before;
	uint32_t generation;
	int r;

	r = reserve_op(txn);
	if (r < 0)
		return r;
	mz_store_generation_key(store, vni, addr, key);
	before = mz_index_get(&store->generations, key);
	generation = before;
	if (!before) {
		r = mz_db_generation(store->db, vni, addr, &generation);
		if (r < 0)
			return r;
	}
	generation = generation + 1 ?: 1;
	r = mz_index_set(&store->generations, key, pending_generation(txn->seq, generation));
	if (r < 0)
		return r;
	txn->ops[txn->n_ops++] = (struct mz_op){
		.type = MZ_OP_GENERATION,
		.vni = vni,
		.addr = *addr,
		.generation = generation,
		.pending_before = before,
	};
	*ret_generation = generation;
	return 0;
}

/* ---- the end --------------------------------------------------------------------------------- */

/* What lay in the overlay before goes back there, unless it has become durable meanwhile. */
static void restore(struct mz_index *index, const uint64_t *key, uint64_t value)
{
	if (value)
		(void)mz_index_set(index, key, value); /* replaces: cannot fail */
	else
		mz_index_remove(index, key);
}

static void undo_object(struct mz_store *store, struct mz_op *op)
{
	uint64_t key = mz_store_pending_key(op->version->kind, op->version->uid);
	bool pending = op->before_pending && op->before->seq > store->settled_seq;

	restore(&store->pending, &key, pending ? (uintptr_t)op->before : 0);
	if (exists(op->version) && !exists(op->before))
		remove_name(store, op->version);
	else if (!exists(op->version) && exists(op->before))
		(void)add_name(store, op->before); /* it was there a moment ago: there is room */
	mz_version_unref(op->version);
	mz_version_unref(op->before);
}

static void undo_op(struct mz_store *store, struct mz_op *op)
{
	struct mz_index *index;
	uint64_t key[2];
	bool pending;

	switch (op->type) {
	case MZ_OP_OBJECT:
		undo_object(store, op);
		break;
	case MZ_OP_TAKE:
		index = mz_store_address_key(store, op->vni, &op->addr, key);
		mz_index_remove(index, key);
		break;
	case MZ_OP_RELEASE:
		index = mz_store_address_key(store, op->vni, &op->addr, key);
		(void)mz_index_set(index, key, op->uid); /* as with names: there is room */
		break;
	case MZ_OP_GENERATION:
		mz_store_generation_key(store, op->vni, &op->addr, key);
		pending = (int32_t)((op->pending_before >> 32) - store->settled_seq) > 0;
		restore(&store->generations, key, pending ? op->pending_before : 0);
		break;
	}
}

void mz_txn_undo(struct mz_txn *txn)
{
	while (txn->n_ops)
		undo_op(txn->store, &txn->ops[--txn->n_ops]);
}

/* What a later transaction has written over stays pending until that one is durable. */
static void settle_op(struct mz_txn *txn, struct mz_op *op)
{
	struct mz_store *store = txn->store;
	uint64_t key[2];

	switch (op->type) {
	case MZ_OP_OBJECT:
		key[0] = mz_store_pending_key(op->version->kind, op->version->uid);
		if (mz_index_get(&store->pending, key) == (uintptr_t)op->version)
			mz_index_remove(&store->pending, key);
		mz_version_unref(op->version);
		mz_version_unref(op->before);
		break;
	case MZ_OP_GENERATION:
		mz_store_generation_key(store, op->vni, &op->addr, key);
		if (mz_index_get(&store->generations, key) ==
		    pending_generation(txn->seq, op->generation))
			mz_index_remove(&store->generations, key);
		break;
	case MZ_OP_TAKE:
	case MZ_OP_RELEASE:
		break;
	}
}

void mz_txn_settle(struct mz_txn *txn)
{
	for (size_t i = 0; i < txn->n_ops; i++)
		settle_op(txn, &txn->ops[i]);
	txn->store->n_flight_ops -= txn->n_ops;
	txn->n_ops = 0;
	txn->store->settled_seq = txn->seq;
	txn->store->durable_next_uid = txn->next_uid;
}

static void tell(struct mz_txn *txn)
{
	for (size_t i = 0; i < txn->n_ops; i++) {
		const struct mz_op *op = &txn->ops[i];
		bool existed;

		if (op->type != MZ_OP_OBJECT)
			continue;
		existed = exists(op->before);
		if (op->version->deleted)
			mz_history_add(&txn->store->history, MZ_CHANGE_DELETED, op->before,
				       txn->revision);
		else
			mz_history_add(&txn->store->history,
				       existed ? MZ_CHANGE_MODIFIED : MZ_CHANGE_ADDED, op->version,
				       txn->revision);
	}
	mz_store_notify(txn->store);
}

void mz_txn_commit(struct mz_txn *txn, mz_commit_fn on_commit, void *user)
{
	struct mz_store *store = txn->store;

	store->open = NULL;
	txn->on_commit = on_commit;
	txn->user = user;
	if (txn->r == 0) /* with room for the way back of everything in flight */
		txn->r = mz_history_reserve(&store->history, 2 * txn->n_ops + store->n_flight_ops);
	DL_APPEND(store->flight, txn);
	uv_ref((uv_handle_t *)&store->handles->done);
	if (txn->r < 0) {
		mz_txn_undo(txn);
		mz_writer_pass(store->writer, txn);
		return;
	}
	store->seq = txn->seq;
	store->revision = txn->revision;
	store->n_flight_ops += txn->n_ops;
	txn->next_uid = store->next_uid;
	tell(txn);
	mz_writer_submit(store->writer, txn);
}
