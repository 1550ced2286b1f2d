// SPDX-License-Identifier: Apache-2.0
/*
 * Watchers: the present objects, SYNC, then every change, also of status that is only in memory.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "controller_common.h"

struct watcher {
	struct mz_rpc_stream *stream;
	bool closed, synced;
	enum mz_rpc_code code;
	unsigned int n_added, n_modified, n_deleted;
	uint64_t last_uid, revision;
	enum _Mizar__V1__Phase phase; /* of the last object */
};

static void on_event(struct mz_rpc_stream *stream, const ProtobufCMessage *message, void *user)
{
	const Mizar__V1__WatchEvent *event = (const Mizar__V1__WatchEvent *)message;
	struct watcher *watcher = user;
	struct mz_object *object;

	watcher->n_added += event->type == MIZAR__V1__WATCH_EVENT__TYPE__ADDED;
	watcher->n_modified += event->type == MIZAR__V1__WATCH_EVENT__TYPE__MODIFIED;
	watcher->n_deleted += event->type == MIZAR__V1__WATCH_EVENT__TYPE__DELETED;
	watcher->synced |= event->type == MIZAR__V1__WATCH_EVENT__TYPE__SYNC;
	watcher->revision = event->resource_version;
	if (!event->object)
		return;
	assert_int_equal(mz_object_unwrap(event->object, &object), 0);
	if (!watcher->synced) {
		assert_true(mz_object_metadata(object)->uid > watcher->last_uid);
		watcher->last_uid = mz_object_metadata(object)->uid;
	}
	if (object->kind == MZ_KIND_ENDPOINT && object->endpoint->status)
		watcher->phase = object->endpoint->status->phase;
	mz_object_free(object);
}

static void on_close(struct mz_rpc_stream *stream, enum mz_rpc_code code, const char *message,
		     void *user)
{
	struct watcher *watcher = user;

	watcher->stream = NULL;
	watcher->closed = true;
	watcher->code = code;
}

static void open_watch(struct plane *plane, struct watcher *watcher,
		       const Mizar__V1__WatchRequest *request)
{
	static const struct mz_rpc_stream_ops ops = { .on_message = on_event,
						      .on_close = on_close };

	*watcher = (struct watcher){};
	assert_int_equal(mz_rpc_stream_open(plane->client, "/mizar.v1.Management/Watch",
					    &request->base, &mizar__v1__watch_event__descriptor,
					    &ops, watcher, &watcher->stream),
			 0);
}

static void watch(struct plane *plane, struct watcher *watcher, const char *kind, const char *ns,
		  const char *name, uint64_t revision)
{
	Mizar__V1__WatchRequest request = MIZAR__V1__WATCH_REQUEST__INIT;

	request.kind = (char *)kind;
	request.namespace_ = (char *)ns;
	request.name = (char *)name;
	request.has_resource_version = revision;
	request.resource_version = revision;
	open_watch(plane, watcher, &request);
}

static void watch_labels(struct plane *plane, struct watcher *watcher, const char *kind,
			 Mizar__V1__Label **labels, size_t n_labels)
{
	Mizar__V1__WatchRequest request = MIZAR__V1__WATCH_REQUEST__INIT;

	request.kind = (char *)kind;
	request.n_labels = n_labels;
	request.labels = labels;
	open_watch(plane, watcher, &request);
}

static void stop(struct plane *plane, struct watcher *watcher)
{
	if (watcher->stream)
		mz_rpc_stream_cancel(watcher->stream);
	plane_until(plane, watcher->closed);
}

static void test_list_then_changes(void **state)
{
	struct plane *plane = *state;
	struct watcher watcher, other;
	struct host host = {};
	char name[16];
	int i;

	host_up(&host, plane, "h1");
	apply(plane, VPC NET);
	for (i = 0; i < 600; i++) {
		snprintf(name, sizeof(name), "e%d", i);
		apply(plane, EP, name, "h1");
	}
	plane_until(plane, is(plane, "Endpoint", "a", name, "status.phase", "Provisioned"));
	watch(plane, &watcher, "endpoints", "a", NULL, 0);
	watch(plane, &other, "Endpoint", "b", NULL, 0);
	plane_until(plane, watcher.synced && other.synced);
	assert_int_equal(watcher.n_added, 600);
	assert_int_equal(watcher.n_modified, 0);

	apply(plane, EP, "new", "h1");
	plane_until(plane, watcher.n_added == 601);
	plane_until(plane, watcher.phase == MIZAR__V1__PHASE__PHASE_PROVISIONED);
	assert_true(watcher.n_modified >= 1);
	assert_int_equal(delete (plane, "Endpoint", "a", "new"), MZ_RPC_OK);
	plane_until(plane, watcher.n_deleted == 1);
	assert_int_equal(other.n_added + other.n_modified + other.n_deleted, 0);
	stop(plane, &watcher);
	stop(plane, &other);
	host_free(&host);
}

/* Phases change in memory: the watcher of one object sees each of them once. */
static void test_phase(void **state)
{
	struct plane *plane = *state;
	struct watcher watcher;
	struct host host = {};

	host_up(&host, plane, "h1");
	apply(plane, VPC NET);
	plane_until(plane, is(plane, "Network", "a", "n", "status.phase", "Provisioned"));
	host.silent = true;
	watch(plane, &watcher, "Endpoint", "a", "e", 0);
	plane_until(plane, watcher.synced);
	apply(plane, EP, "e", "h1");
	plane_until(plane, watcher.n_added == 1);
	assert_int_equal(watcher.phase, MIZAR__V1__PHASE__PHASE_INIT);
	host_down(&host);
	host.silent = false;
	host_up(&host, plane, "h1");
	plane_until(plane, watcher.phase == MIZAR__V1__PHASE__PHASE_PROVISIONED);
	plane_wait(plane, 50);
	assert_in_range(watcher.n_modified, 1, 3);
	stop(plane, &watcher);

	/* After a restart: Unknown, until the host has reported. */
	plane_stop(plane, SIGKILL);
	plane_start(plane);
	watch(plane, &watcher, "Endpoint", "a", "e", 0);
	plane_until(plane, watcher.synced);
	assert_int_equal(watcher.phase, MIZAR__V1__PHASE__PHASE_UNKNOWN);
	host_up(&host, plane, "h1");
	plane_until(plane, watcher.phase == MIZAR__V1__PHASE__PHASE_PROVISIONED);
	stop(plane, &watcher);
	host_free(&host);
}

static void test_from_revision(void **state)
{
	struct plane *plane = *state;
	struct watcher watcher;
	uint64_t revision;

	apply(plane, VPC NET);
	watch(plane, &watcher, "VPC", NULL, NULL, 0);
	plane_until(plane, watcher.synced);
	revision = watcher.revision;
	stop(plane, &watcher);
	apply(plane, "apiVersion: mizar.com/v1\nkind: VPC\nmetadata: {namespace: a, name: w}\n"
		     "spec: {}\n");
	assert_int_equal(delete (plane, "VPC", "a", "w"), MZ_RPC_OK);
	watch(plane, &watcher, "VPC", NULL, NULL, revision);
	plane_until(plane, watcher.n_deleted == 1);
	assert_int_equal(watcher.n_added, 1);
	stop(plane, &watcher);

	watch(plane, &watcher, "VPC", NULL, NULL, 1000000);
	plane_until(plane, watcher.closed);
	assert_int_equal(watcher.code, MZ_RPC_OUT_OF_RANGE);
	watch(plane, &watcher, "Nonsense", NULL, NULL, 0);
	plane_until(plane, watcher.closed);
	assert_int_equal(watcher.code, MZ_RPC_INVALID_ARGUMENT);
}

#define LABELLED                                                                                 \
	"apiVersion: mizar.com/v1\nkind: VPC\nmetadata: {namespace: a, name: %s, labels: {t: %s, " \
	"u: w}}\n---\n"

/* Only what has the labels, of a list and of a watch: those that come and go by theirs, too. */
static void test_labels(void **state)
{
	Mizar__V1__Label labels[] = { MIZAR__V1__LABEL__INIT, MIZAR__V1__LABEL__INIT };
	Mizar__V1__Label *list[] = { &labels[0], &labels[1] };
	Mizar__V1__ListRequest request = MIZAR__V1__LIST_REQUEST__INIT;
	Mizar__V1__ListResponse *response;
	struct plane *plane = *state;
	struct watcher watcher;

	labels[0].key = (char *)"t";
	labels[0].value = (char *)"x";
	labels[1].key = (char *)"u";
	labels[1].value = (char *)"w";
	apply(plane, LABELLED LABELLED LABELLED, "v1", "x", "v2", "y", "v3", "x");
	request.kind = (char *)"VPC";
	request.n_labels = 2;
	request.labels = list;
	request.has_limit = true;
	request.limit = 1;
	response = (Mizar__V1__ListResponse *)plane_ask(plane, "/mizar.v1.Management/List",
							&request.base,
							&mizar__v1__list_response__descriptor, NULL,
							NULL);
	assert_int_equal(response->n_objects, 1);
	assert_string_equal(response->objects[0]->vpc->metadata->name, "v1");
	assert_true(response->more);
	request.has_after_uid = true;
	request.after_uid = response->after_uid;
	mizar__v1__list_response__free_unpacked(response, NULL);
	response = (Mizar__V1__ListResponse *)plane_ask(plane, "/mizar.v1.Management/List",
							&request.base,
							&mizar__v1__list_response__descriptor, NULL,
							NULL);
	assert_int_equal(response->n_objects, 1);
	assert_string_equal(response->objects[0]->vpc->metadata->name, "v3");
	assert_false(response->more);
	mizar__v1__list_response__free_unpacked(response, NULL);

	watch_labels(plane, &watcher, "VPC", list, 2);
	plane_until(plane, watcher.synced);
	assert_int_equal(watcher.n_added, 2);
	apply(plane, LABELLED LABELLED LABELLED, "v1", "y", "v2", "x", "v4", "y");
	plane_until(plane, watcher.n_added == 3 && watcher.n_deleted == 1);
	assert_int_equal(delete (plane, "VPC", "a", "v1"), MZ_RPC_OK);
	assert_int_equal(delete (plane, "VPC", "a", "v3"), MZ_RPC_OK);
	plane_until(plane, watcher.n_deleted == 2);
	plane_wait(plane, 50);
	assert_int_equal(watcher.n_added + watcher.n_deleted, 5);
	stop(plane, &watcher);
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, plane_setup, plane_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_list_then_changes),
		TEST(test_phase),
		TEST(test_from_revision),
		TEST(test_labels),
	};

	controller_program = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
