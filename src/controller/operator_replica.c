// SPDX-License-Identifier: Apache-2.0
/*
 * Bouncers and dividers: as many as are wanted, each on a droplet of its own, where droplets are up
 * and take new ones. Who must go (dead or deleted droplet, deleted by a user, too many) goes once
 * the others are active.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/replicas.h"
#include "controller/operators.h"
#include "controller/placement.h"
#include "controller/remove.h"
#include "controller/set.h"
#include "controller/stage.h"
#include "controller/sub.h"
#include "controller/write.h"

#define DNS_LABEL_MAX 63

/* The two kinds differ only in the names of their fields. */
struct replica_spec {
	const char *ns, *parent, *droplet;
};

static struct replica_spec spec_of(const struct mz_object *object)
{
	if (object->kind == MZ_KIND_BOUNCER) {
		const Mizar__V1__BouncerSpec *spec = object->bouncer->spec;

		return (struct replica_spec){ spec->namespace_, spec->network, spec->droplet };
	}
	assert(object->kind == MZ_KIND_DIVIDER);
	return (struct replica_spec){ object->divider->spec->namespace_, object->divider->spec->vpc,
				      object->divider->spec->droplet };
}

/* The same numbers; "out" is that of those that were never stored. */
static enum ctl_stage stored_stage(const struct mz_object *object)
{
	if (object->kind == MZ_KIND_BOUNCER)
		return object->bouncer->status ? (enum ctl_stage)object->bouncer->status->stage
					       : CTL_OUT;
	return object->divider->status ? (enum ctl_stage)object->divider->status->stage : CTL_OUT;
}

static void set_stored_stage(struct mz_object *object, enum ctl_stage stage)
{
	if (object->kind == MZ_KIND_BOUNCER) {
		object->bouncer->status->has_stage = true;
		object->bouncer->status->stage = (Mizar__V1__ReplicaStage)stage;
	} else {
		object->divider->status->has_stage = true;
		object->divider->status->stage = (Mizar__V1__ReplicaStage)stage;
	}
}

static struct ctl_set *find_set(struct ctl_controller *c, enum mz_kind kind,
				const struct replica_spec *spec)
{
	if (kind == MZ_KIND_BOUNCER) {
		struct ctl_network *network = ctl_model_network(&c->model, spec->ns, spec->parent);

		return network ? &network->set : NULL;
	} else {
		struct ctl_vpc *vpc = ctl_model_vpc(&c->model, spec->ns, spec->parent);

		return vpc ? &vpc->set : NULL;
	}
}

/* ---- changes --------------------------------------------------------------------------------- */

static void use(struct ctl_controller *c, const struct ctl_set *set, struct ctl_droplet *droplet,
		int replicas)
{
	if (set->kind == MZ_KIND_BOUNCER)
		ctl_usage_network(c, set->owner, droplet, 0, replicas);
	else
		ctl_usage_vpc(c, set->owner, droplet, replicas);
}

static void add(struct ctl_controller *c, enum mz_kind kind, const struct mz_object *object)
{
	struct replica_spec spec = spec_of(object);
	struct ctl_droplet *droplet = ctl_model_droplet(&c->model, spec.droplet);
	struct ctl_set *set = find_set(c, kind, &spec);
	struct ctl_replica *replica;

	if (!droplet || !set) {
		mz_log_err("%s %s: what it is for is not there",
			   kind == MZ_KIND_BOUNCER ? "bouncer" : "divider", mz_object_name(object));
		return;
	}
	replica = ctl_calloc(1, sizeof(*replica));
	replica->name = ctl_strdup(mz_object_name(object));
	replica->uid = mz_object_metadata(object)->uid;
	replica->set = set;
	replica->droplet = droplet;
	replica->stage = stored_stage(object);
	replica->active = replica->stage != CTL_OUT;
	HASH_ADD(hh, c->model.replicas, uid, sizeof(replica->uid), replica);
	ctl_replica_init(replica);
	use(c, set, droplet, 1);
	ctl_set_publish(set);
	ctl_set_changed(set);
	ctl_replica_told(replica);
}

static void drop(struct ctl_controller *c, struct ctl_replica *replica)
{
	struct ctl_droplet *droplet = replica->droplet;
	struct ctl_set *set = replica->set;

	HASH_DEL(c->model.replicas, replica);
	ctl_replica_fini(replica);
	free(replica->name);
	free(replica);
	ctl_set_publish(set);
	use(c, set, droplet, -1);
	if (droplet->deleting)
		ctl_queue_add(&c->queue, &droplet->work);
}

void ctl_replica_change(struct ctl_controller *c, enum mz_kind kind, const struct mz_object *old,
			const struct mz_object *new)
{
	struct ctl_replica *replica;
	struct ctl_set *set;

	if (!old)
		add(c, kind, new);
	replica = ctl_model_replica(&c->model, mz_object_metadata(new ?: old)->uid);
	if (!replica)
		return; /* said above */
	set = replica->set;
	if (new)
		replica->deleting = mz_object_metadata(new)->deletion_timestamp;
	else
		drop(c, replica);
	ctl_set_look(set);
}

/* ---- objects --------------------------------------------------------------------------------- */

void ctl_operator_replica_store(const struct ctl_replica *replica)
{
	_cleanup_(mz_object_freep) struct mz_object *old = NULL, *new = NULL;
	_cleanup_(ctl_write_freep) struct ctl_write *write = NULL;
	const struct ctl_set *set = replica->set;
	struct ctl_controller *c = set->controller;
	int r;

	r = mz_store_get(c->store, set->kind, replica->uid, &old);
	if (r == -ENOENT)
		return; /* deleted just now */
	if (r >= 0)
		r = mz_object_copy(old, &new);
	if (r >= 0)
		r = ctl_write_new(c, &write);
	if (r >= 0) {
		set_stored_stage(new, replica->stage);
		r = ctl_write_put(write, old, TAKE(new), set->owner_uid, 0);
	}
	if (r < 0) {
		mz_log_warn("%s: its state is not stored: %s", replica->name, strerror(-r));
		return; /* after a restart it begins as it was before */
	}
	ctl_write_commit(TAKE(write), NULL, NULL);
}

void ctl_operator_replica_delete(struct ctl_replica *replica)
{
	ctl_remove_later(replica->set->controller, replica->set->kind, replica->uid);
}

/* "namespace-parent-droplet"; if that is too long or taken, cut and with a hash. */
static void make_name(const struct ctl_set *set, const struct ctl_droplet *droplet,
		      char ret_name[static DNS_LABEL_MAX + 1])
{
	const char *key = set->kind == MZ_KIND_BOUNCER ? ((struct ctl_network *)set->owner)->key
						       : ((struct ctl_vpc *)set->owner)->key;
	uint64_t hash = (set->owner_uid * 0x9e3779b97f4a7c15ULL) ^
			(droplet->uid * 0xff51afd7ed558ccdULL),
		 uid;
	char name[3 * (DNS_LABEL_MAX + 1)];
	int n;

	n = snprintf(name, sizeof(name), "%s-%s", key, droplet->name);
	*strchr(name, '/') = '-';
	if (n > DNS_LABEL_MAX ||
	    mz_store_find(set->controller->store, set->kind, "", name, &uid) >= 0)
		snprintf(name + (n < 54 ? n : 54), sizeof(name) - 54, "-%08x",
			 (unsigned int)(hash >> 32));
	snprintf(ret_name, DNS_LABEL_MAX + 1, "%.*s", DNS_LABEL_MAX, name);
}

static int make_object(const struct ctl_set *set, const struct ctl_droplet *droplet,
		       struct mz_object **ret_object)
{
	_cleanup_(mz_object_freep) struct mz_object *object = NULL;
	const char *key = set->kind == MZ_KIND_BOUNCER ? ((struct ctl_network *)set->owner)->key
						       : ((struct ctl_vpc *)set->owner)->key;
	_cleanup_free_ char *ns = strndup(key, (size_t)(strchr(key, '/') - key));
	const char *parent = strchr(key, '/') + 1;
	char name[DNS_LABEL_MAX + 1];
	int r;

	if (!ns)
		return -ENOMEM;
	r = mz_object_new(set->kind, &object);
	if (r < 0)
		return r;
	make_name(set, droplet, name);
	r = mz_string_set(&mz_object_metadata(object)->name, name);
	if (set->kind == MZ_KIND_BOUNCER) {
		Mizar__V1__BouncerSpec *spec = object->bouncer->spec;

		r = r ?: mz_string_set(&spec->namespace_, ns);
		r = r ?: mz_string_set(&spec->network, parent);
		r = r ?: mz_string_set(&spec->droplet, droplet->name);
	} else {
		Mizar__V1__DividerSpec *spec = object->divider->spec;

		r = r ?: mz_string_set(&spec->namespace_, ns);
		r = r ?: mz_string_set(&spec->vpc, parent);
		r = r ?: mz_string_set(&spec->droplet, droplet->name);
	}
	if (r < 0)
		return r;
	*ret_object = TAKE(object);
	return 0;
}

/* ---- the operator ---------------------------------------------------------------------------- */

struct placing {
	struct ctl_controller *c;
	enum mz_kind kind;
	uint64_t owner;
	uint64_t droplets[MZ_REPLICAS_MAX];
	size_t n_droplets;
};

static struct ctl_droplet *droplet_by_uid(const struct ctl_controller *c, uint64_t uid)
{
	struct ctl_droplet *droplet;

	HASH_FIND(hh, c->model.droplets, &uid, sizeof(uid), droplet);
	return droplet;
}

/* The set may be gone by now: it is looked up anew. */
static void on_placed(int r, void *user)
{
	_cleanup_free_ struct placing *placing = user;
	struct ctl_model *model = &placing->c->model;
	struct ctl_set *set = NULL;
	struct ctl_droplet *droplet;
	size_t i;

	for (i = 0; i < placing->n_droplets; i++) {
		droplet = droplet_by_uid(placing->c, placing->droplets[i]);
		if (!droplet)
			continue;
		droplet->n_planned--;
		if (droplet->deleting)
			ctl_queue_add(&placing->c->queue, &droplet->work);
	}
	if (placing->kind == MZ_KIND_BOUNCER) {
		struct ctl_network *network = ctl_model_network_by_uid(model, placing->owner);

		set = network ? &network->set : NULL;
	} else {
		struct ctl_vpc *vpc;

		HASH_FIND(hh, model->vpcs, &placing->owner, sizeof(placing->owner), vpc);
		set = vpc ? &vpc->set : NULL;
	}
	if (!set)
		return;
	set->writing = false;
	if (r < 0) {
		ctl_queue_retry(&placing->c->queue, &set->work);
		return;
	}
	set->work.failures = 0;
	ctl_set_look(set);
}

/* A host that comes and goes is not to have everybody follow it. */
static bool died_lately(const struct ctl_droplet *droplet)
{
	return droplet->died &&
	       uv_now(droplet->controller->loop) - droplet->died < CTL_STEADY_MS;
}

static size_t find_candidates(const struct ctl_set *set, struct ctl_candidate *candidates)
{
	struct ctl_controller *c = set->controller;
	struct ctl_droplet *droplet, *next;
	size_t n = 0;

	HASH_ITER(hh, c->model.droplets, droplet, next) {
		if (!droplet->session || droplet->unschedulable || droplet->deleting ||
		    ctl_set_has_replica(set, droplet))
			continue;
		candidates[n++] = (struct ctl_candidate){
			.droplet = droplet->uid,
			.load = droplet->n_bouncers + droplet->n_dividers + droplet->n_planned,
			.avoid = droplet->uid == set->removed_from || died_lately(droplet),
		};
	}
	return n;
}

static int place_on(struct ctl_set *set, struct ctl_write *write, const struct placing *placing)
{
	size_t i;
	int r;

	for (i = 0; i < placing->n_droplets; i++) {
		struct mz_object *object;

		r = make_object(set, droplet_by_uid(placing->c, placing->droplets[i]), &object);
		if (r < 0)
			return r;
		r = ctl_write_create(write, object, set->owner_uid);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Returns how many it places. */
static int place(struct ctl_set *set, unsigned int n_wanted)
{
	enum mz_kind parent = set->kind == MZ_KIND_BOUNCER ? MZ_KIND_NETWORK : MZ_KIND_VPC;
	struct ctl_controller *c = set->controller;
	_cleanup_free_ struct ctl_candidate *candidates = NULL;
	_cleanup_(mz_object_freep) struct mz_object *object = NULL;
	_cleanup_(ctl_write_freep) struct ctl_write *write = NULL;
	_cleanup_free_ struct placing *placing = NULL;
	size_t i, n;
	int r;

	/* The last word on what is there has the store: a deletion may be on its way. */
	r = mz_store_get(c->store, parent, set->owner_uid, &object);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	candidates = calloc(HASH_COUNT(c->model.droplets) + 1, sizeof(*candidates));
	placing = malloc(sizeof(*placing));
	if (!candidates || !placing)
		return -ENOMEM;
	*placing = (struct placing){ .c = c, .kind = set->kind, .owner = set->owner_uid };
	n = find_candidates(set, candidates);
	n = ctl_placement_choose(set->owner_uid, candidates, n,
				 n_wanted < MZ_REPLICAS_MAX ? n_wanted : MZ_REPLICAS_MAX);
	if (!n)
		return 0;
	r = ctl_write_new(c, &write);
	if (r < 0)
		return r;
	for (; placing->n_droplets < n; placing->n_droplets++)
		placing->droplets[placing->n_droplets] = candidates[placing->n_droplets].droplet;
	r = place_on(set, write, placing);
	if (r < 0)
		return r;
	for (i = 0; i < n; i++)
		droplet_by_uid(c, placing->droplets[i])->n_planned++;
	set->writing = true;
	ctl_write_commit(TAKE(write), on_placed, TAKE(placing));
	return (int)n;
}

/* Of more than are wanted, the youngest that are least used go first. */
static unsigned int mark_surplus(struct ctl_set *set)
{
	struct ctl_replica *replica, *worst;
	unsigned int n = 0;

	DL_FOREACH(set->replicas, replica) {
		replica->surplus = replica->surplus && replica->leaving;
		n += !replica->leaving && !ctl_replica_is_doomed(replica);
	}
	while (n > set->want) {
		worst = NULL;
		DL_FOREACH(set->replicas, replica)
			if (!replica->leaving && !ctl_replica_is_doomed(replica) &&
			    (!worst || worst->stage >= replica->stage))
				worst = replica;
		worst->surplus = true;
		n--;
	}
	return n;
}

/*
 * Who is asked to go does so when another one is used, and who is one too many when all are. A dead
 * one does when one is used that is there for certain: until then it is the best there is. In a
 * full row they make room, down to the last. Where nobody can take its place, who is asked to go
 * does so, too; but not while another one leaves, on whose host there will be room.
 */
static void retire(struct ctl_set *set, unsigned int n_healthy)
{
	struct ctl_replica *replica, *next;
	unsigned int n_good = 0, n_connected = 0, n_leaving = 0, n_used = ctl_set_n_used(set);
	bool is_full = mz_replicas_size(&set->published) == MZ_REPLICAS_MAX;

	DL_FOREACH(set->replicas, replica) {
		bool is_good = replica->stage == CTL_USED && !ctl_replica_is_doomed(replica);

		n_good += is_good;
		n_leaving += replica->leaving && !replica->droplet->dead;
		n_connected += is_good && replica->droplet->session;
	}
	DL_FOREACH_SAFE(set->replicas, replica, next) {
		bool must = replica->deleting || replica->droplet->deleting;

		if (replica->leaving || !ctl_replica_is_doomed(replica))
			continue;
		if ((n_good && (must || n_good == n_healthy)) ||
		    (n_connected && replica->droplet->dead) ||
		    (must && !n_healthy && !n_leaving && !set->writing)) {
			ctl_replica_leave(replica);
		} else if (is_full && n_used > 1 && n_good < n_healthy) {
			n_used -= replica->stage == CTL_USED;
			ctl_replica_leave(replica);
		}
	}
}

void ctl_operator_replica(struct ctl_work *work)
{
	struct ctl_set *set = CTL_CONTAINER(work, struct ctl_set, work);
	struct ctl_model *model = &set->controller->model;
	unsigned int n_healthy;
	bool is_short;
	int n = 0;

	if (set->writing)
		return; /* it comes back when that is durable */
	n_healthy = mark_surplus(set);
	if (n_healthy < set->want)
		n = place(set, set->want - n_healthy);
	if (n < 0) {
		mz_log_warn("%s of %lu: not placed, retrying: %s",
			    set->kind == MZ_KIND_BOUNCER ? "bouncers" : "dividers",
			    (unsigned long)set->owner_uid, strerror(-n));
		ctl_queue_retry(&set->controller->queue, work);
		return;
	}
	retire(set, n_healthy);
	ctl_set_step(set);

	is_short = n_healthy + (unsigned int)n < set->want;
	if (is_short && !set->is_short)
		DL_APPEND2(model->short_sets, set, short_prev, short_next);
	if (!is_short && set->is_short)
		DL_DELETE2(model->short_sets, set, short_prev, short_next);
	set->is_short = is_short;
}
