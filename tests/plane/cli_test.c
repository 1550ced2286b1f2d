// SPDX-License-Identifier: Apache-2.0
/*
 * The real mizar against a Management service that this test plays: lists of many pages, answers in
 * every form, waiting, and a controller that fails in the middle.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "api/field.h"
#include "base/cleanup.h"
#include "mizar/v1/management.pb-c.h"
#include "rpc/rpc.h"

#define N_ENDPOINTS 2500
#define ARGS_MAX    16

static const char *mizar; /* the program */
static uv_loop_t loop;
static struct mz_rpc *rpc;
static struct mz_rpc_server *server;
static char dir[] = "/tmp/mizar-cli-XXXXXX";
static char socket_path[64], target[80];

/* How the service is to behave in this test. */
static struct {
	unsigned int n_pages, fail_at_page;
	Mizar__V1__Phase phase; /* of what Get and Watch show at first */
	bool provision, remove; /* then a watch sees this */
	size_t n_watch_labels;
	Mizar__V1__ApplyResponse *apply;
	size_t n_applied;
	bool is_create_only, is_dry_run;
	char droplet[32]; /* of the first, an endpoint */
	unsigned int n_got, n_stale; /* so many times it has changed meanwhile */
} service;

/* ---- the service ----------------------------------------------------------------------------- */

struct endpoint {
	Mizar__V1__Object object;
	Mizar__V1__Endpoint endpoint;
	Mizar__V1__Metadata metadata;
	Mizar__V1__EndpointSpec spec;
	Mizar__V1__EndpointStatus status;
	Mizar__V1__Label label, *labels[1];
	char name[32];
};

static void endpoint_init(struct endpoint *e, uint64_t uid, Mizar__V1__Phase phase)
{
	mizar__v1__object__init(&e->object);
	mizar__v1__endpoint__init(&e->endpoint);
	mizar__v1__metadata__init(&e->metadata);
	mizar__v1__endpoint_spec__init(&e->spec);
	mizar__v1__endpoint_status__init(&e->status);
	mizar__v1__label__init(&e->label);
	e->object.kind_case = MIZAR__V1__OBJECT__KIND_ENDPOINT;
	e->object.endpoint = &e->endpoint;
	e->endpoint.metadata = &e->metadata;
	e->endpoint.spec = &e->spec;
	e->endpoint.status = &e->status;
	snprintf(e->name, sizeof(e->name), "e%llu", (unsigned long long)uid);
	e->metadata.name = e->name;
	e->metadata.namespace_ = "acme";
	e->metadata.has_uid = true;
	e->metadata.uid = uid;
	e->label.key = "parity";
	e->label.value = uid % 2 ? "odd" : "even";
	e->labels[0] = &e->label;
	e->metadata.n_labels = 1;
	e->metadata.labels = e->labels;
	e->spec.network = "web";
	e->status.has_phase = true;
	e->status.phase = phase;
}

/* Three, in two namespaces. */
static void reply_vpcs(struct mz_rpc_call *call, const Mizar__V1__ListRequest *request)
{
	static char *const namespaces[] = { "acme", "acme", "blue" };
	Mizar__V1__ListResponse response = MIZAR__V1__LIST_RESPONSE__INIT;
	Mizar__V1__Object objects[ARRAY_SIZE(namespaces)], *list[ARRAY_SIZE(namespaces)];
	Mizar__V1__Metadata metadata[ARRAY_SIZE(namespaces)];
	Mizar__V1__VPC vpcs[ARRAY_SIZE(namespaces)];

	assert_null(request->namespace_);
	for (; response.n_objects < ARRAY_SIZE(namespaces); response.n_objects++) {
		size_t i = response.n_objects;

		mizar__v1__object__init(&objects[i]);
		mizar__v1__vpc__init(&vpcs[i]);
		mizar__v1__metadata__init(&metadata[i]);
		metadata[i].name = "v";
		metadata[i].namespace_ = namespaces[i];
		vpcs[i].metadata = &metadata[i];
		objects[i].kind_case = MIZAR__V1__OBJECT__KIND_VPC;
		objects[i].vpc = &vpcs[i];
		list[i] = &objects[i];
	}
	response.objects = list;
	mz_rpc_call_reply(call, &response.base);
}

/* Of a request that asks for labels: "parity" alone. */
static bool has_parity(const Mizar__V1__ListRequest *request, const char *parity)
{
	if (!request->n_labels)
		return true;
	assert_int_equal(request->n_labels, 1);
	assert_string_equal(request->labels[0]->key, "parity");
	return !strcmp(request->labels[0]->value, parity);
}

static void on_list(struct mz_rpc_call *call, const ProtobufCMessage *message, void *user)
{
	const Mizar__V1__ListRequest *request = (const Mizar__V1__ListRequest *)message;
	Mizar__V1__ListResponse response = MIZAR__V1__LIST_RESPONSE__INIT;
	uint64_t uid = request->after_uid;
	Mizar__V1__Object **objects;
	struct endpoint *endpoints;

	if (!strcmp(request->kind, "VPC")) {
		reply_vpcs(call, request);
		return;
	}
	assert_string_equal(request->kind, "Endpoint");
	endpoints = calloc(request->limit, sizeof(*endpoints));
	objects = calloc(request->limit, sizeof(*objects));
	if (++service.n_pages == service.fail_at_page) {
		mz_rpc_call_finish(call, MZ_RPC_INTERNAL, "the disk is gone");
	} else {
		while (uid < N_ENDPOINTS && response.n_objects < request->limit) {
			struct endpoint *e = &endpoints[response.n_objects];

			endpoint_init(e, ++uid, service.phase);
			if (has_parity(request, e->label.value))
				objects[response.n_objects++] = &e->object;
		}
		response.objects = objects;
		response.has_more = true;
		response.more = uid < N_ENDPOINTS;
		response.has_after_uid = true;
		response.after_uid = uid;
		mz_rpc_call_reply(call, &response.base);
	}
	free(objects);
	free(endpoints);
}

static void on_get(struct mz_rpc_call *call, const ProtobufCMessage *message, void *user)
{
	const Mizar__V1__ObjectRef *ref = (const Mizar__V1__ObjectRef *)message;
	struct endpoint endpoint;

	if (ref->name[0] != 'e') {
		mz_rpc_call_finish(call, MZ_RPC_NOT_FOUND, "no such object");
		return;
	}
	endpoint_init(&endpoint, strtoull(ref->name + 1, NULL, 10), service.phase);
	endpoint.metadata.has_resource_version = true;
	endpoint.metadata.resource_version = 100 + service.n_got++;
	mz_rpc_call_reply(call, &endpoint.object.base);
}

static void on_apply(struct mz_rpc_call *call, const ProtobufCMessage *message, void *user)
{
	const Mizar__V1__ApplyRequest *request = (const Mizar__V1__ApplyRequest *)message;

	service.n_applied = request->n_objects;
	if (request->n_objects && request->objects[0]->kind_case ==
					  MIZAR__V1__OBJECT__KIND_ENDPOINT)
		snprintf(service.droplet, sizeof(service.droplet), "%s at %lu",
			 request->objects[0]->endpoint->spec->droplet ?: "",
			 (unsigned long)request->objects[0]->endpoint->metadata->resource_version);
	service.is_create_only = request->create_only;
	service.is_dry_run = request->dry_run;
	if (service.n_stale && service.n_stale--) {
		mz_rpc_call_finish(call, MZ_RPC_ABORTED, "it was changed meanwhile");
		return;
	}
	mz_rpc_call_reply(call, &service.apply->base);
}

static void on_delete(struct mz_rpc_call *call, const ProtobufCMessage *message, void *user)
{
	const Mizar__V1__DeleteRequest *request = (const Mizar__V1__DeleteRequest *)message;
	Mizar__V1__DeleteResponse response = MIZAR__V1__DELETE_RESPONSE__INIT;

	response.has_found = response.has_gone = true;
	response.found = response.gone = request->object->name[0] == 'e';
	mz_rpc_call_reply(call, &response.base);
}

static void send_event(struct mz_rpc_call *call, Mizar__V1__WatchEvent__Type type,
		       struct endpoint *endpoint)
{
	Mizar__V1__WatchEvent event = MIZAR__V1__WATCH_EVENT__INIT;

	event.has_type = true;
	event.type = type;
	event.object = endpoint ? &endpoint->object : NULL;
	assert_int_equal(mz_rpc_call_send(call, &event.base), 0);
}

static void on_watch(struct mz_rpc_call *call, const ProtobufCMessage *message, void *user)
{
	const Mizar__V1__WatchRequest *request = (const Mizar__V1__WatchRequest *)message;
	struct endpoint endpoint;

	service.n_watch_labels = request->n_labels;
	endpoint_init(&endpoint, 7, service.phase);
	if (!request->name || request->name[0] == 'e')
		send_event(call, MIZAR__V1__WATCH_EVENT__TYPE__ADDED, &endpoint);
	send_event(call, MIZAR__V1__WATCH_EVENT__TYPE__SYNC, NULL);
	if (service.provision) {
		endpoint_init(&endpoint, 7, MIZAR__V1__PHASE__PHASE_PROVISIONED);
		send_event(call, MIZAR__V1__WATCH_EVENT__TYPE__MODIFIED, &endpoint);
	}
	if (service.remove)
		send_event(call, MIZAR__V1__WATCH_EVENT__TYPE__DELETED, &endpoint);
}

static void on_close(struct mz_rpc_call *call, void *user)
{
}

#define METHOD(method, req, res, fn, ...)                                                          \
	{                                                                                          \
		.name = "/mizar.v1.Management/" method,                                            \
		.request = &mizar__v1__##req##__descriptor,                                        \
		.response = &mizar__v1__##res##__descriptor, .on_request = fn,                     \
		.on_close = on_close, __VA_ARGS__                                                  \
	}

static const struct mz_rpc_method methods[] = {
	METHOD("List", list_request, list_response, on_list),
	METHOD("Get", object_ref, object, on_get),
	METHOD("Apply", apply_request, apply_response, on_apply),
	METHOD("Delete", delete_request, delete_response, on_delete),
	METHOD("Watch", watch_request, watch_event, on_watch, .server_streams = true),
	{},
};

/* ---- running mizar --------------------------------------------------------------------------- */

struct run {
	int64_t status;
	bool is_done;
	char *out, *err;
};

static void on_ended(uv_process_t *process, int64_t status, int signal)
{
	struct run *run = process->data;

	run->status = signal ? -signal : status;
	run->is_done = true;
	uv_close((uv_handle_t *)process, NULL);
}

static char *read_back(FILE *file)
{
	char *text = NULL;
	size_t size;
	FILE *copy = open_memstream(&text, &size);
	int c;

	rewind(file);
	while ((c = getc(file)) != EOF)
		putc(c, copy);
	fclose(copy);
	fclose(file);
	return text;
}

/* "get endpoints -n acme": split at blanks. The program and --server are added. */
static struct run run_mizar(const char *line)
{
	char text[512], *argv[ARGS_MAX + 4] = { (char *)mizar, "--server", target };
	FILE *out = tmpfile(), *err = tmpfile();
	uv_stdio_container_t stdio[3] = {
		{ .flags = UV_IGNORE },
		{ .flags = UV_INHERIT_FD, .data.fd = fileno(out) },
		{ .flags = UV_INHERIT_FD, .data.fd = fileno(err) },
	};
	uv_process_options_t options = {
		.exit_cb = on_ended, .file = mizar, .args = argv, .stdio_count = 3, .stdio = stdio
	};
	struct run run = {};
	uv_process_t process = { .data = &run };
	size_t n = 3;

	snprintf(text, sizeof(text), "%s", line);
	for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
		argv[n++] = word;
	assert_int_equal(uv_spawn(&loop, &process, &options), 0);
	while (!run.is_done)
		uv_run(&loop, UV_RUN_ONCE);
	uv_run(&loop, UV_RUN_NOWAIT);
	run.out = read_back(out);
	run.err = read_back(err);
	return run;
}

static void run_fini(struct run *run)
{
	free(run->out);
	free(run->err);
}

/* Runs it and wants this status, and these texts somewhere; NULL: nothing at all there. */
static void expect(const char *line, int status, const char *out, const char *err)
{
	struct run run = run_mizar(line);

	if (run.status != status)
		fail_msg("'%s' gave %d, not %d:\n%s%s", line, (int)run.status, status, run.out,
			 run.err);
	if (out ? !strstr(run.out, out) : *run.out)
		fail_msg("'%s' printed:\n%s", line, run.out);
	if (err ? !strstr(run.err, err) : *run.err)
		fail_msg("'%s' said:\n%s", line, run.err);
	run_fini(&run);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static int set_up(void **state)
{
	memset(&service, 0, sizeof(service));
	service.phase = MIZAR__V1__PHASE__PHASE_PROVISIONED;
	return 0;
}

static void test_pages(void **state)
{
	struct run run = run_mizar("get endpoints -n acme");
	size_t n_lines = 0;

	assert_int_equal(run.status, 0);
	assert_int_equal(service.n_pages, 3);
	for (const char *c = run.out; *c; c++)
		n_lines += *c == '\n';
	assert_int_equal(n_lines, N_ENDPOINTS + 1);
	assert_non_null(strstr(run.out, "\ne2500 "));
	run_fini(&run);
	expect("get ep -n acme -o name -l parity=even", 0, "endpoint/e2\nendpoint/e4\n", NULL);
	expect("get ep -n acme -l parity", 2, NULL, "--selector");
}

static void test_json(void **state)
{
	struct run run = run_mizar("get endpoints -n acme -o json");
	json_t *json = json_loads(run.out, 0, NULL);

	assert_int_equal(run.status, 0);
	assert_non_null(json);
	assert_string_equal(json_string_value(json_object_get(json, "kind")), "List");
	assert_int_equal(json_array_size(json_object_get(json, "items")), N_ENDPOINTS);
	json_decref(json);
	run_fini(&run);

	run = run_mizar("get endpoint e7 -n acme -o json");
	json = json_loads(run.out, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(json, "kind")), "Endpoint");
	json_decref(json);
	run_fini(&run);
}

/* What is printed can be applied again. */
static void test_yaml(void **state)
{
	struct run run = run_mizar("get endpoints e7 e8 -n acme -o yaml");
	struct mz_problems problems = {};
	struct mz_manifest manifest = {};

	assert_int_equal(run.status, 0);
	assert_int_equal(mz_manifest_parse(run.out, strlen(run.out), &problems, &manifest), 0);
	assert_int_equal(manifest.n_objects, 2);
	assert_string_equal(mz_object_name(manifest.objects[1]), "e8");
	mz_manifest_fini(&manifest);
	run_fini(&run);
}

/* No half document, whatever fails, and however late. */
static void test_failure_in_the_middle(void **state)
{
	for (unsigned int page = 1; page <= 3; page++) {
		service.n_pages = 0;
		service.fail_at_page = page;
		expect("get endpoints -n acme -o json", 1, NULL, "the disk is gone");
		service.n_pages = 0;
		expect("get endpoints -n acme -o yaml", 1, NULL, "the disk is gone");
	}
	expect("get endpoint e1 nothing -n acme -o json", 1, NULL,
	       "endpoint/nothing does not exist");
	expect("get endpoint e1 nothing -n acme", 1, "e1", "endpoint/nothing does not exist");
}

static void test_describe(void **state)
{
	expect("describe ep e7 -n acme", 0, "network                web\n", NULL);
	expect("describe ep nothing -n acme", 1, NULL, "endpoint/nothing does not exist");
}

static void test_wait(void **state)
{
	expect("wait endpoint e7 -n acme", 0, "endpoint/e7 is Provisioned", NULL);
	service.phase = MIZAR__V1__PHASE__PHASE_INIT;
	expect("wait endpoint e7 -n acme --timeout 1", 1, NULL,
	       "endpoint/e7 is not Provisioned after 1 s; its phase is Init");
	service.provision = true;
	expect("wait endpoint e7 -n acme", 0, "endpoint/e7 is Provisioned", NULL);
	expect("wait endpoint nothing -n acme", 1, NULL, "endpoint/nothing does not exist");
	expect("wait endpoint nothing -n acme --for gone", 0, "is gone", NULL);
	expect("wait endpoint e7 -n acme --for gone --timeout 1", 1, NULL, "not gone");
	service.remove = true;
	expect("wait endpoint e7 -n acme --for gone", 0, "is gone", NULL);
	expect("wait endpoint e7 -n acme --for Failed", 1, NULL, "was deleted meanwhile");
}

static void test_watch(void **state)
{
	service.phase = MIZAR__V1__PHASE__PHASE_INIT;
	service.provision = true;
	expect("watch ep -n acme --timeout 1", 0, "ADDED ", NULL);
	expect("watch ep -n acme --timeout 1 -o json", 0, "\n{\"type\":\"MODIFIED\",\"object\":{",
	       NULL);
	assert_int_equal(service.n_watch_labels, 0);
	expect("watch ep -n acme --timeout 1 -l a=b,c=d", 0, "ADDED ", NULL);
	assert_int_equal(service.n_watch_labels, 2);
	expect("watch ep -n acme --timeout 1 -o yaml", 2, NULL, "--output");
}

static void write_manifest(const char *text, char path[static 64])
{
	FILE *file;

	snprintf(path, 64, "%s/manifest.yaml", dir);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void test_apply(void **state)
{
	Mizar__V1__ApplyResponse response = MIZAR__V1__APPLY_RESPONSE__INIT;
	Mizar__V1__ApplyResponse__Result results[] = {
		MIZAR__V1__APPLY_RESPONSE__RESULT__CREATED,
		MIZAR__V1__APPLY_RESPONSE__RESULT__UNCHANGED
	};
	Mizar__V1__FieldError error = MIZAR__V1__FIELD_ERROR__INIT, *errors[] = { &error };
	char path[64], line[128];

	write_manifest("apiVersion: mizar.com/v1\nkind: VPC\nmetadata: {name: prod}\n---\n"
		       "apiVersion: mizar.com/v1\nkind: Network\nmetadata:\n  name: web\n"
		       "  namespace: acme\nspec:\n  vpc: prod\n  cidrs:\n  - 10.0.0.0/24\n",
		       path);
	service.apply = &response;
	response.n_results = 2;
	response.results = results;
	snprintf(line, sizeof(line), "apply -f %s", path);
	expect(line, 0, "vpc/prod created in default\nnetwork/web unchanged in acme\n", NULL);
	assert_int_equal(service.n_applied, 2);
	assert_false(service.is_create_only);
	snprintf(line, sizeof(line), "apply --dry-run -f %s", path);
	expect(line, 0, "vpc/prod created in default (dry run)\n", NULL);
	assert_true(service.is_dry_run);

	/* The controller's refusal names the place in the file. */
	error.has_object = true;
	error.object = 1;
	error.path = "spec.cidrs[0]";
	error.message = "overlaps";
	response.n_results = 0;
	response.n_errors = 1;
	response.errors = errors;
	expect(line, 1, NULL,
	       "manifest.yaml: document 2 (line 13) Network acme/web: spec.cidrs[0]: "
	       "overlaps");

	/* What is wrong by itself is not even sent. */
	service.n_applied = 0;
	write_manifest("apiVersion: mizar.com/v1\nkind: VPC\nmetadata: {name: prod}\n---\n"
		       "apiVersion: mizar.com/v1\nkind: Network\nmetadata: {name: web}\n"
		       "spec: {vpc: prod, cidrs: [10.0.0.1/24]}\n",
		       path);
	expect(line, 1, NULL, "document 2 (line 8) Network default/web: spec.cidrs[0]: ");
	write_manifest("kind: VPC\n", path);
	expect(line, 1, NULL, "manifest.yaml: ");
	write_manifest("", path);
	expect(line, 1, NULL, "no object");
	assert_int_equal(service.n_applied, 0);
}

static void test_create(void **state)
{
	Mizar__V1__ApplyResponse response = MIZAR__V1__APPLY_RESPONSE__INIT;
	Mizar__V1__ApplyResponse__Result results[] = { MIZAR__V1__APPLY_RESPONSE__RESULT__CREATED };
	Mizar__V1__FieldError error = MIZAR__V1__FIELD_ERROR__INIT, *errors[] = { &error };

	service.apply = &response;
	response.n_results = 1;
	response.results = results;
	expect("create network web --vpc prod --cidrs 10.0.0.0/24,fd00::/64", 0,
	       "network/web created", NULL);
	assert_true(service.is_create_only);
	error.path = "metadata.name";
	error.message = "exists already";
	response.n_results = 0;
	response.n_errors = 1;
	response.errors = errors;
	expect("create network web --vpc prod --cidrs 10.0.0.0/24", 1, NULL,
	       "NAME: exists already");
	error.path = "spec.cidrs[1]";
	expect("create network web --vpc prod --cidrs 10.0.0.0/24", 1, NULL, "--cidrs: exists");
	service.n_applied = 0;
	expect("create network web --vpc prod --bouncers many", 2, NULL, "--bouncers: ");
	expect("create vpc web --divide=perhaps", 2, NULL, "--divide: ");
	expect("create network Web --vpc prod --cidrs 10.0.0.0/24", 2, NULL, "NAME: ");
	assert_int_equal(service.n_applied, 0);
}

/* The stored object with another droplet, read again when it has changed meanwhile. */
static void test_migrate(void **state)
{
	Mizar__V1__ApplyResponse response = MIZAR__V1__APPLY_RESPONSE__INIT;
	Mizar__V1__ApplyResponse__Result results[] = {
		MIZAR__V1__APPLY_RESPONSE__RESULT__CONFIGURED
	};
	Mizar__V1__FieldError error = MIZAR__V1__FIELD_ERROR__INIT, *errors[] = { &error };

	service.apply = &response;
	response.n_results = 1;
	response.results = results;
	expect("endpoint migrate e7 --to h2 -n acme", 0, "endpoint/e7 configured\n", NULL);
	assert_string_equal(service.droplet, "h2 at 100");
	service.n_stale = 4;
	expect("endpoint migrate e7 --to h2", 0, "endpoint/e7 configured\n", NULL);
	assert_string_equal(service.droplet, "h2 at 105");
	service.n_stale = 5;
	expect("endpoint migrate e7 --to h2", 1, NULL, "changed meanwhile");
	assert_false(service.is_create_only);
	service.provision = true;
	expect("endpoint migrate e7 --to h2 --wait", 0, "endpoint/e7 configured\n", NULL);
	error.path = "spec.droplet";
	error.message = "there is no Droplet h9";
	response.n_results = 0;
	response.n_errors = 1;
	response.errors = errors;
	expect("endpoint migrate e7 --to h9", 1, NULL, "--to: there is no Droplet h9");
	expect("endpoint migrate x --to h2", 1, NULL, "endpoint/x does not exist");
	expect("endpoint migrate e7", 2, NULL, "--to HOST");
}

static void test_delete(void **state)
{
	expect("delete ep e1 e2 -n acme", 0, "endpoint/e1 deleted\nendpoint/e2 deleted\n", NULL);
	expect("delete ep x e2 -n acme", 1, "endpoint/e2 deleted\n", "endpoint/x does not exist");
	expect("delete ep x -n acme --ignore-not-found", 0, NULL, NULL);
	expect("delete ep", 2, NULL, "KIND NAME");
	expect("delete fish a", 2, NULL, "'fish' is no kind");
}

static void test_completion(void **state)
{
	expect("complete -- get en", 0, "endpoints\n", NULL);
	expect("complete -- get ep e2499", 0, NULL, NULL); /* behind the names that it asks for */
	expect("complete -- get ep e49", 0, "e49\ne490\n", NULL);
	expect("complete -- wait ep e7 --for g", 0, "gone\n", NULL);
	expect("complete -- wait ep e7 --for = g", 0, "gone\n", NULL);
	expect("complete -- wait ep e7 --for =", 0, "\nProvisioned\n", NULL);
	expect("complete -- get ep --namespace =", 0, "acme\nblue\n", NULL);
	expect("complete -- get ep -n b", 0, "blue\n", NULL);
	expect("complete -- -o j", 0, "json\n", NULL);
	expect("complete -- create network a --ki", 0, "--kind\n", NULL);
	expect("complete -- create network a --kind s", 0, "subnet\n", NULL);
	expect("complete -- lab u", 0, "up\n", NULL);
	expect("complete -- no such thing", 0, NULL, NULL);
}

static int group_set_up(void **state)
{
	if (!mkdtemp(dir))
		return -1;
	snprintf(socket_path, sizeof(socket_path), "%s/sock", dir);
	snprintf(target, sizeof(target), "unix:%s", socket_path);
	assert_int_equal(uv_loop_init(&loop), 0);
	assert_int_equal(mz_rpc_new(&loop, &rpc), 0);
	assert_int_equal(mz_rpc_server_new(rpc, methods, &server), 0);
	assert_int_equal(mz_rpc_server_listen_unix(server, socket_path), 0);
	return mz_rpc_server_start(server);
}

static int group_tear_down(void **state)
{
	char path[64];

	mz_rpc_server_free(server);
	mz_rpc_free(rpc);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	snprintf(path, sizeof(path), "%s/manifest.yaml", dir);
	(void)remove(path);
	return rmdir(dir);
}

int main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_pages, set_up),
		cmocka_unit_test_setup(test_json, set_up),
		cmocka_unit_test_setup(test_yaml, set_up),
		cmocka_unit_test_setup(test_failure_in_the_middle, set_up),
		cmocka_unit_test_setup(test_describe, set_up),
		cmocka_unit_test_setup(test_wait, set_up),
		cmocka_unit_test_setup(test_watch, set_up),
		cmocka_unit_test_setup(test_apply, set_up),
		cmocka_unit_test_setup(test_create, set_up),
		cmocka_unit_test_setup(test_migrate, set_up),
		cmocka_unit_test_setup(test_delete, set_up),
		cmocka_unit_test_setup(test_completion, set_up),
	};

	mizar = argv[1];
	return cmocka_run_group_tests(tests, group_set_up, group_tear_down);
}
