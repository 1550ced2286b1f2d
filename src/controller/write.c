// SPDX-License-Identifier: Apache-2.0
/* See write.h. */
#include "controller/write.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "controller/watch.h"

struct change {
	enum mz_kind kind;
	struct mz_object *old, *new;
	uint64_t arrives_at; /* droplet that counts the endpoint as arriving, or 0 */
};

struct ctl_write {
	struct ctl_controller *c;
	struct mz_txn *txn;
	struct change *changes;
	size_t n_changes, size;
	ctl_write_done_fn done;
	void *user;
};

int ctl_write_new(struct ctl_controller *c, struct ctl_write **ret_write)
{
	struct ctl_write *write;
	int r;

	write = calloc(1, sizeof(*write));
	if (!write)
		return -ENOMEM;
	write->c = c;
	r = mz_txn_new(c->store, &write->txn);
	if (r < 0) {
		free(write);
		return r;
	}
	*ret_write = write;
	return 0;
}

void ctl_write_free(struct ctl_write *write)
{
	size_t i;

	if (!write)
		return;
	if (write->txn)
		mz_txn_free(write->txn);
	for (i = 0; i < write->n_changes; i++) {
		mz_object_free(write->changes[i].old);
		mz_object_free(write->changes[i].new);
	}
	free(write->changes);
	free(write);
}

struct mz_txn *ctl_write_txn(struct ctl_write *write)
{
	return write->txn;
}

struct ctl_controller *ctl_write_controller(struct ctl_write *write)
{
	return write->c;
}

/* Takes new; keeps a copy of old. */
static int add_change(struct ctl_write *write, enum mz_kind kind, const struct mz_object *old,
		      struct mz_object *new)
{
	_cleanup_(mz_object_freep) struct mz_object *new_owned = new, *old_copy = NULL;
	int r;

	if (write->n_changes == write->size) {
		size_t size = write->size ? write->size * 2 : 4;
		struct change *changes = reallocarray(write->changes, size, sizeof(*changes));

		if (!changes)
			return -ENOMEM;
		write->changes = changes;
		write->size = size;
	}
	if (old) {
		r = mz_object_copy(old, &old_copy);
		if (r < 0)
			return r;
	}
	write->changes[write->n_changes++] = (struct change){
		.kind = kind,
		.old = TAKE(old_copy),
		.new = TAKE(new_owned),
	};
	return 0;
}

int ctl_write_put(struct ctl_write *write, const struct mz_object *old, struct mz_object *new,
		  uint64_t owner, uint64_t expect_revision)
{
	_cleanup_(mz_object_freep) struct mz_object *object = new;
	enum mz_kind kind = object->kind;
	int r;

	r = mz_txn_put(write->txn, object, owner, expect_revision);
	if (r < 0)
		return r;
	return add_change(write, kind, old, TAKE(object));
}

int ctl_write_create(struct ctl_write *write, struct mz_object *new, uint64_t owner)
{
	Mizar__V1__Metadata *metadata = mz_object_metadata(new);

	if (!metadata->has_uid) {
		metadata->has_uid = true;
		metadata->uid = mz_txn_new_uid(write->txn);
	}
	metadata->has_generation = true;
	metadata->generation = 1;
	metadata->has_creation_timestamp = true;
	metadata->creation_timestamp = (uint64_t)time(NULL);
	return ctl_write_put(write, NULL, new, owner, 0);
}

int ctl_write_delete(struct ctl_write *write, const struct mz_object *old)
{
	int r;

	r = mz_txn_delete(write->txn, old->kind, mz_object_metadata(old)->uid);
	if (r < 0)
		return r;
	return add_change(write, old->kind, old, NULL);
}

/* Endpoints that come to a droplet: it must not go before they are there. */
static void announce_arrivals(struct ctl_write *write)
{
	struct ctl_place places[CTL_PLACES_MAX];
	size_t i, n;

	for (i = 0; i < write->n_changes; i++) {
		struct change *change = &write->changes[i];
		struct ctl_droplet *droplet;

		if (change->kind != MZ_KIND_ENDPOINT || !change->new)
			continue;
		for (n = ctl_endpoint_places(change->new->endpoint, places); n; n--) {
			const char *name = places[n - 1].droplet;

			droplet = ctl_model_droplet(&write->c->model, name);
			if (!droplet || (change->old && ctl_endpoint_is_on(change->old->endpoint,
									   name, NULL)))
				continue;
			droplet->n_arriving++;
			change->arrives_at = droplet->uid;
			break; /* never two at once */
		}
	}
}

/* Endpoints whose deletion is on its way to the disk. */
static void count_deletions(struct ctl_write *write, int by)
{
	size_t i;

	for (i = 0; i < write->n_changes; i++)
		if (write->changes[i].kind == MZ_KIND_ENDPOINT && !write->changes[i].new)
			write->c->n_deletions += (unsigned int)by;
}

static void end_arrival(struct ctl_controller *c, const struct change *change)
{
	struct ctl_droplet *droplet;

	HASH_FIND(hh, c->model.droplets, &change->arrives_at, sizeof(change->arrives_at), droplet);
	if (!droplet)
		return;
	droplet->n_arriving--;
	if (droplet->deleting)
		ctl_queue_add(&c->queue, &droplet->work);
}

static void on_commit(int r, void *user)
{
	struct ctl_write *write = user;
	struct ctl_controller *c = write->c;
	size_t i;

	if (r < 0)
		mz_log_err("store %s: a change could not be stored: %s", c->store_path,
			   strerror(-r));
	count_deletions(write, -1);
	for (i = 0; i < write->n_changes; i++)
		end_arrival(c, &write->changes[i]);
	for (i = 0; r >= 0 && i < write->n_changes; i++) {
		const struct change *change = &write->changes[i];

		ctl_model_change(c, change->kind, change->old, change->new);
	}
	for (i = 0; r >= 0 && i < write->n_changes; i++)
		ctl_watch_change(c, write->changes[i].kind, write->changes[i].old,
				 write->changes[i].new);
	if (write->done)
		write->done(r, write->user);
	ctl_write_free(write);
}

void ctl_write_commit(struct ctl_write *write, ctl_write_done_fn done, void *user)
{
	struct mz_txn *txn = TAKE(write->txn);
	uint64_t revision;
	size_t i;

	write->done = done;
	write->user = user;
	announce_arrivals(write);
	count_deletions(write, 1);
	mz_txn_commit(txn, on_commit, write);

	revision = mz_store_revision(write->c->store);
	for (i = 0; i < write->n_changes; i++) {
		struct mz_object *new = write->changes[i].new;

		if (!new)
			continue;
		mz_object_metadata(new)->has_resource_version = true;
		mz_object_metadata(new)->resource_version = revision;
	}
}
