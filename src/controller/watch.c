// SPDX-License-Identifier: Apache-2.0
/*
 * See watch.h. A watcher first walks through the present objects, a page whenever its stream has
 * room, and gets changes as they become durable. Who does not read fast enough is sent away: it
 * lists again.
 */
#include "controller/watch.h"

#include <errno.h>
#include <string.h>

#include "api/field.h"
#include "controller/methods.h"
#include "controller/reply.h"
#include "controller/status.h"
#include "row/row.h"

#define QUEUED_MAX  (4U << 20)	 /* bytes: too slow */
#define QUEUED_ROOM (256U << 10) /* below: the walk goes on */
#define PAGE	    256

struct ctl_watcher {
	struct ctl_controller *c;
	struct mz_rpc_call *call;
	const struct mz_kind_info *info;
	char *ns, *name; /* NULL: all */
	Mizar__V1__WatchRequest *request; /* a copy: has the labels */
	bool ended;	 /* sent away: its stream only waits for the client */
	bool walking;	 /* through the present objects, in the order of uids */
	bool walked;	 /* once already: what is seen now has been seen before */
	uint64_t after;
	uint64_t last; /* hash of the last event, of a watcher of one object */
	struct ctl_work walk;
	struct mz_watch *history; /* of one that began at a revision, or NULL */
	struct ctl_watcher *prev, *next;
};

static bool matches(const struct ctl_watcher *watcher, const struct mz_object *object)
{
	return object && !watcher->ended && watcher->info->kind == object->kind &&
	       mz_object_has_labels(object, watcher->request->labels, watcher->request->n_labels) &&
	       (!watcher->ns || !strcmp(watcher->ns, mz_object_namespace(object))) &&
	       (!watcher->name || !strcmp(watcher->name, mz_object_name(object)));
}

/* Ends the call; its on_close frees the watcher. */
static void send_away(struct ctl_watcher *watcher)
{
	watcher->ended = true;
	mz_rpc_call_finish(watcher->call, MZ_RPC_OUT_OF_RANGE,
			   "too slow: changes were lost, list again");
}

/* Changes of status repeat themselves: a watcher of one object sees each state once. */
static bool is_repeated(struct ctl_watcher *watcher, const struct mz_object *object,
			Mizar__V1__WatchEvent__Type type)
{
	_cleanup_free_ uint8_t *data = NULL;
	uint64_t hash;
	size_t size;

	if (!watcher->name || mz_object_pack(object, &data, &size) < 0)
		return false;
	/* Whether it is new or changed makes no difference, that it is gone does. */
	hash = mz_hash(data, size) + (type == MIZAR__V1__WATCH_EVENT__TYPE__DELETED);
	if (hash == watcher->last)
		return true;
	watcher->last = hash;
	return false;
}

static void send_event(struct ctl_watcher *watcher, Mizar__V1__WatchEvent__Type type,
		       const struct mz_object *object)
{
	Mizar__V1__WatchEvent event = MIZAR__V1__WATCH_EVENT__INIT;
	Mizar__V1__Object message;

	event.has_type = event.has_resource_version = true;
	event.type = type;
	event.resource_version = mz_store_revision(watcher->c->store);
	if (object) {
		mz_object_wrap(object, &message);
		event.object = &message;
		event.resource_version = mz_object_metadata(object)->resource_version;
	}
	(void)mz_rpc_call_send(watcher->call, &event.base); /* else the stream is going down */
}

static void show(struct ctl_watcher *watcher, Mizar__V1__WatchEvent__Type type,
		 const struct mz_object *object)
{
	_cleanup_(mz_object_freep) struct mz_object *copy = NULL;

	if (mz_rpc_call_queued(watcher->call) > QUEUED_MAX) {
		send_away(watcher);
		return;
	}
	if (mz_object_copy(object, &copy) < 0)
		return; /* no memory: the next change shows it */
	if (type != MIZAR__V1__WATCH_EVENT__TYPE__DELETED)
		ctl_status_fill(watcher->c, copy);
	if (!is_repeated(watcher, copy, type))
		send_event(watcher, type, copy);
}

/* ---- changes --------------------------------------------------------------------------------- */

/* The walk will come to it. */
static bool is_ahead(const struct ctl_watcher *watcher, const struct mz_object *object)
{
	return watcher->walking && !watcher->walked &&
	       mz_object_metadata(object)->uid > watcher->after;
}

void ctl_watch_change(struct ctl_controller *c, enum mz_kind kind, const struct mz_object *old,
		      const struct mz_object *new)
{
	const struct mz_object *object = new ?: old;
	struct ctl_watcher *watcher, *next;

	DL_FOREACH_SAFE(c->watchers, watcher, next) {
		bool had = matches(watcher, old), has = matches(watcher, new);

		if (watcher->history || (!had && !has) || is_ahead(watcher, object))
			continue;
		show(watcher,
		     !had  ? MIZAR__V1__WATCH_EVENT__TYPE__ADDED
		     : has ? MIZAR__V1__WATCH_EVENT__TYPE__MODIFIED
			   : MIZAR__V1__WATCH_EVENT__TYPE__DELETED,
		     object);
	}
}

void ctl_watch_touch(struct ctl_controller *c, enum mz_kind kind, uint64_t uid)
{
	_cleanup_(mz_object_freep) struct mz_object *object = NULL;
	struct ctl_watcher *watcher, *next;

	DL_FOREACH_SAFE(c->watchers, watcher, next) {
		if (watcher->info->kind != kind)
			continue;
		if (!object && mz_store_get(c->store, kind, uid, &object) < 0)
			return; /* gone: that is an event of its own */
		if (matches(watcher, object) && !is_ahead(watcher, object))
			show(watcher, MIZAR__V1__WATCH_EVENT__TYPE__MODIFIED, object);
	}
}

void ctl_watch_touch_endpoints(struct ctl_controller *c)
{
	struct ctl_watcher *watcher;

	DL_FOREACH(c->watchers, watcher) {
		if (watcher->info->kind != MZ_KIND_ENDPOINT ||
		    (watcher->walking && !watcher->walked))
			continue;
		watcher->walking = true;
		watcher->after = 0;
		ctl_queue_add(&c->queue, &watcher->walk);
	}
}

/* ---- the walk -------------------------------------------------------------------------------- */

struct step {
	struct ctl_watcher *watcher;
	unsigned int n;
};

static int on_object(const struct mz_object *object, void *user)
{
	struct step *step = user;
	struct ctl_watcher *watcher = step->watcher;

	watcher->after = mz_object_metadata(object)->uid;
	if (matches(watcher, object))
		show(watcher,
		     watcher->walked ? MIZAR__V1__WATCH_EVENT__TYPE__MODIFIED
				     : MIZAR__V1__WATCH_EVENT__TYPE__ADDED,
		     object);
	return ++step->n == PAGE;
}

/* One name needs no walk. */
static int show_one(struct ctl_watcher *watcher)
{
	_cleanup_(mz_object_freep) struct mz_object *object = NULL;
	struct mz_store *store = watcher->c->store;
	struct step step = { .watcher = watcher };
	uint64_t uid;
	int r;

	r = mz_store_find(store, watcher->info->kind, watcher->ns ?: "", watcher->name, &uid);
	r = r ?: mz_store_get(store, watcher->info->kind, uid, &object);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	(void)on_object(object, &step); /* whether to stop */
	return 0;
}

static void on_walk(struct ctl_work *work)
{
	struct ctl_watcher *watcher = CTL_CONTAINER(work, struct ctl_watcher, walk);
	struct step step = { .watcher = watcher };
	int r;

	if (watcher->ended || !watcher->walking || mz_rpc_call_queued(watcher->call) > QUEUED_ROOM)
		return; /* there is nothing to do, or it goes on when the queue has drained */
	if (watcher->name && (watcher->ns || !watcher->info->namespaced))
		r = show_one(watcher);
	else
		r = mz_store_list(watcher->c->store, watcher->info->kind, watcher->ns, 0,
				  watcher->after, on_object, &step);
	if (r < 0) {
		mz_rpc_call_finish(watcher->call, MZ_RPC_INTERNAL, "the store cannot be read: %s",
				   strerror(-r));
		return;
	}
	if (r > 0) {
		ctl_queue_add(&watcher->c->queue, work);
		return;
	}
	watcher->walking = false;
	if (!watcher->walked)
		send_event(watcher, MIZAR__V1__WATCH_EVENT__TYPE__SYNC, NULL);
	watcher->walked = true;
}

static void on_drain(struct mz_rpc_call *call, void *user)
{
	struct ctl_watcher *watcher = mz_rpc_call_data(call);

	if (watcher && watcher->walking)
		ctl_queue_add(&watcher->c->queue, &watcher->walk);
}

/* ---- from a revision ------------------------------------------------------------------------- */

static void on_history(enum mz_change change, const struct mz_object *object, uint64_t revision,
		       void *user)
{
	static const Mizar__V1__WatchEvent__Type types[] = {
		[MZ_CHANGE_ADDED] = MIZAR__V1__WATCH_EVENT__TYPE__ADDED,
		[MZ_CHANGE_MODIFIED] = MIZAR__V1__WATCH_EVENT__TYPE__MODIFIED,
		[MZ_CHANGE_DELETED] = MIZAR__V1__WATCH_EVENT__TYPE__DELETED,
	};
	struct ctl_watcher *watcher = user;

	if (matches(watcher, object))
		show(watcher, types[change], object);
}

/* Its changes come from the store's history: once submitted, which is shortly before durable. */
static int replay(struct ctl_watcher *watcher, uint64_t revision)
{
	int r;

	r = mz_watch_new(watcher->c->store, revision, on_history, watcher, &watcher->history);
	if (r < 0)
		return r;
	watcher->walked = true;
	send_event(watcher, MIZAR__V1__WATCH_EVENT__TYPE__SYNC, NULL);
	return 0;
}

/* ---- the call -------------------------------------------------------------------------------- */

static Mizar__V1__WatchRequest *copy_request(const Mizar__V1__WatchRequest *request)
{
	size_t size = mizar__v1__watch_request__get_packed_size(request);
	_cleanup_free_ uint8_t *data = ctl_calloc(1, size + 1);
	Mizar__V1__WatchRequest *copy;

	copy = mizar__v1__watch_request__unpack(
		NULL, mizar__v1__watch_request__pack(request, data), data);
	if (!copy)
		abort(); /* we packed it: there is no memory, see ctl_calloc() */
	return copy;
}

static char *copy_filter(const char *text)
{
	return text && *text ? ctl_strdup(text) : NULL;
}

void ctl_watch_request(struct mz_rpc_call *call, const ProtobufCMessage *request, void *user)
{
	const Mizar__V1__WatchRequest *watch = (const Mizar__V1__WatchRequest *)request;
	const struct mz_kind_info *info;
	struct ctl_controller *c = user;
	struct ctl_watcher *watcher;

	if (!ctl_may_manage(call))
		return;
	info = ctl_find_kind(call, watch->kind);
	if (!info || !ctl_check_labels(call, watch->n_labels))
		return;
	if (watch->n_labels && watch->has_resource_version) {
		mz_rpc_call_finish(call, MZ_RPC_INVALID_ARGUMENT,
				   "labels: not with resource_version: list again");
		return;
	}
	watcher = ctl_calloc(1, sizeof(*watcher));
	watcher->c = c;
	watcher->call = call;
	watcher->info = info;
	watcher->ns = info->namespaced ? copy_filter(watch->namespace_) : NULL;
	watcher->name = copy_filter(watch->name);
	watcher->request = copy_request(watch);
	watcher->walk.run = on_walk;
	DL_APPEND(c->watchers, watcher);
	mz_rpc_call_set_data(call, watcher);
	mz_rpc_call_on_drain(call, on_drain);
	if (!watch->has_resource_version) {
		watcher->walking = true;
		ctl_queue_add(&c->queue, &watcher->walk);
	} else if (replay(watcher, watch->resource_version) < 0) {
		mz_rpc_call_finish(call, MZ_RPC_OUT_OF_RANGE,
				   "changes after revision %lu are no longer known: list again",
				   (unsigned long)watch->resource_version);
	}
}

void ctl_watch_close(struct mz_rpc_call *call, void *user)
{
	struct ctl_watcher *watcher = mz_rpc_call_data(call);

	if (!watcher)
		return;
	mz_rpc_call_set_data(call, NULL);
	ctl_queue_cancel(&watcher->c->queue, &watcher->walk);
	DL_DELETE(watcher->c->watchers, watcher);
	mz_watch_free(watcher->history);
	free(watcher->ns);
	free(watcher->name);
	mizar__v1__watch_request__free_unpacked(watcher->request, NULL);
	free(watcher);
}
