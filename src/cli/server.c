/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gRPC is asynchronous, a verb is not: each call here starts one, then turns the loop until its
 * callback has run. gRPC itself starts with mz_server_new(), so that verbs without a controller do
 * not pay for it.
 */
#include "cli/server.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/say.h"
#include "cli/target.h"
#include "lab/lab.h"

#define DEFAULT_TIMEOUT_S 10
#define PAGE_SIZE	  1000

struct mz_server {
	uv_loop_t loop;
	struct mz_rpc *rpc;
	struct mz_rpc_client *client;
	struct mz_target target;
	unsigned int timeout_ms;
	bool is_quiet;
	char why[512]; /* of the last -ESTALE */
};

static void server_error(const struct mz_server *server, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void server_error(const struct mz_server *server, const char *format, ...)
{
	char text[1024];
	va_list ap;

	if (server->is_quiet)
		return;
	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	mz_error("%s", text);
}

/* What the target names: certificates that are in order, an address that is one. */
static enum mz_exit open_client(struct mz_server *server)
{
	const struct mz_rpc_tls *tls = server->target.tls.ca ? &server->target.tls : NULL;
	char reason[512];
	int r;

	if (tls && mz_rpc_tls_check(tls, reason, sizeof(reason)) < 0) {
		server_error(server, "%s", reason);
		return MZ_FAILED;
	}
	r = mz_rpc_client_new(server->rpc, server->target.server, tls, server->target.server_name,
			      &server->client);
	if (r == -EINVAL) {
		server_error(server, "--server: '%s' is neither unix:PATH nor HOST:PORT",
			     server->target.server);
		return MZ_MISUSED;
	}
	if (r < 0)
		server_error(server, "cannot make a client for %s: %s", server->target.server,
			     strerror(-r));
	return r < 0 ? MZ_FAILED : MZ_DONE;
}

enum mz_exit mz_server_open(const struct mz_args *args, struct mz_server **ret_server)
{
	_cleanup_(mz_server_freep) struct mz_server *server = NULL;
	struct mz_target target;
	enum mz_exit result;
	int r;

	if (mz_target_server(args, &target) < 0)
		return MZ_MISUSED;
	server = calloc(1, sizeof(*server));
	if (!server || uv_loop_init(&server->loop) < 0) {
		free(TAKE(server));
		mz_error("out of memory");
		return MZ_FAILED;
	}
	server->target = target;
	server->timeout_ms =
		(unsigned int)mz_args_number(args, MZ_OPT_TIMEOUT, DEFAULT_TIMEOUT_S) * 1000;
	r = mz_rpc_new(&server->loop, &server->rpc);
	if (r < 0) {
		mz_error("cannot start gRPC: %s", strerror(-r));
		return MZ_FAILED;
	}
	result = open_client(server);
	if (result == MZ_DONE)
		*ret_server = TAKE(server);
	return result;
}

void mz_server_free(struct mz_server *server)
{
	if (!server)
		return;
	mz_rpc_client_free(server->client);
	mz_rpc_free(server->rpc);
	uv_run(&server->loop, UV_RUN_DEFAULT);
	(void)uv_loop_close(&server->loop); /* every handle was closed above */
	free(server);
}

void mz_server_set_quiet(struct mz_server *server, unsigned int timeout_ms)
{
	server->is_quiet = true;
	server->timeout_ms = timeout_ms;
}

const char *mz_server_name(const struct mz_server *server)
{
	return server->target.server;
}

const char *mz_server_why(const struct mz_server *server)
{
	return server->why;
}

static int unavailable(const struct mz_server *server, const char *message)
{
	const char *target = server->target.server, *lab = server->target.lab;
	bool is_unix = !strncmp(target, "unix:", 5);
	const char *last = strrchr(message, ':');
	struct mz_lab found;

	if (*lab && mz_lab_load(lab, &found) == -ENOENT) {
		server_error(server, "there is no lab %s: mizar lab up --name %s", lab, lab);
		return -EHOSTUNREACH;
	}
	/* Of a socket, the system's own word is enough; gRPC wraps it in the path, twice. */
	if (is_unix && last)
		message = last + 1 + strspn(last + 1, " ");
	if (!strcmp(message, strerror(EACCES))) {
		server_error(server, "%s: permission denied: this needs root", target);
		return -EPERM;
	}
	server_error(server, "no controller answers at %s: %s%s", target, message,
		     is_unix ? ": is mizar-controller running? "
			       "Another is named with --server or --lab"
			     : "");
	return -EHOSTUNREACH;
}

static int fail(struct mz_server *server, enum mz_rpc_code code, const char *message)
{
	const char *target = server->target.server;

	message = message ?: "";
	switch (code) {
	case MZ_RPC_OK:
		return 0;
	case MZ_RPC_NOT_FOUND:
		return -ENOENT;
	case MZ_RPC_ABORTED:
		snprintf(server->why, sizeof(server->why), "%s", message);
		return -ESTALE;
	case MZ_RPC_UNAVAILABLE:
		return unavailable(server, message);
	case MZ_RPC_DEADLINE_EXCEEDED:
		server_error(server, "the controller at %s did not answer within %u s (--timeout)",
			     target, server->timeout_ms / 1000);
		return -ETIMEDOUT;
	case MZ_RPC_PERMISSION_DENIED:
	case MZ_RPC_UNAUTHENTICATED:
		server_error(server, "the controller at %s does not allow it: %s", target, message);
		return -EPERM;
	case MZ_RPC_INTERNAL:
	case MZ_RPC_UNKNOWN:
	case MZ_RPC_UNIMPLEMENTED:
		server_error(server, "the controller at %s failed: %s (%s)", target, message,
			     mz_rpc_code_name(code));
		return -EIO;
	case MZ_RPC_CANCELLED:
	case MZ_RPC_INVALID_ARGUMENT:
	case MZ_RPC_ALREADY_EXISTS:
	case MZ_RPC_RESOURCE_EXHAUSTED:
	case MZ_RPC_FAILED_PRECONDITION:
	case MZ_RPC_OUT_OF_RANGE:
		break;
	}
	server_error(server, "%s", *message ? message : mz_rpc_code_name(code));
	return -EIO;
}

/* ---- one answer ------------------------------------------------------------------------------ */

struct call {
	struct mz_server *server;
	mz_response_fn fn;
	void *user;
	bool is_done;
	int result;
};

static void on_done(enum mz_rpc_code code, const char *message, const ProtobufCMessage *response,
		    void *user)
{
	struct call *call = user;

	call->is_done = true;
	call->result = fail(call->server, code, message);
	if (!call->result && call->fn)
		call->result = call->fn(response, call->user);
}

int mz_server_call(struct mz_server *server, const char *method, const ProtobufCMessage *request,
		   const ProtobufCMessageDescriptor *response, mz_response_fn fn, void *user)
{
	struct call call = { server, fn, user, false, 0 };
	char path[64];
	int r;

	snprintf(path, sizeof(path), "/mizar.v1.Management/%s", method);
	r = mz_rpc_unary(server->client, path, request, response, server->timeout_ms, on_done,
			 &call);
	if (r < 0) {
		server_error(server, "cannot send the request: %s", strerror(-r));
		return r;
	}
	while (!call.is_done)
		uv_run(&server->loop, UV_RUN_ONCE);
	return call.result;
}

struct page {
	mz_object_fn fn;
	void *user;
	uint64_t last;
	bool more;
};

static int read_page(const ProtobufCMessage *message, void *user)
{
	const Mizar__V1__ListResponse *response = (const Mizar__V1__ListResponse *)message;
	struct page *page = user;
	int r;

	page->more = response->more && response->after_uid > page->last;
	page->last = response->after_uid;
	for (size_t i = 0; i < response->n_objects; i++) {
		_cleanup_(mz_object_freep) struct mz_object *object = NULL;

		r = mz_object_unwrap(response->objects[i], &object);
		if (r < 0)
			return r;
		r = page->fn(object, page->user);
		if (r)
			return r;
	}
	return 0;
}

int mz_server_list(struct mz_server *server, const struct mz_kind_info *kind, const char *ns,
		   const struct mz_selector *selector, mz_object_fn fn, void *user)
{
	struct page page = { fn, user, 0, true };
	int r;

	while (page.more) {
		Mizar__V1__ListRequest request = MIZAR__V1__LIST_REQUEST__INIT;

		request.kind = (char *)kind->name;
		request.namespace_ = kind->namespaced ? (char *)ns : NULL;
		request.has_after_uid = request.has_limit = true;
		request.after_uid = page.last;
		request.limit = PAGE_SIZE;
		if (selector) {
			request.n_labels = selector->n;
			request.labels = (Mizar__V1__Label **)selector->ptrs;
		}
		r = mz_server_call(server, "List", &request.base,
				   &mizar__v1__list_response__descriptor, read_page, &page);
		if (r)
			return r;
	}
	return 0;
}

static int take_object(const ProtobufCMessage *response, void *user)
{
	return mz_object_unwrap((const Mizar__V1__Object *)response, user);
}

int mz_server_get(struct mz_server *server, const struct mz_kind_info *kind, const char *ns,
		  const char *name, struct mz_object **ret_object)
{
	Mizar__V1__ObjectRef ref = MIZAR__V1__OBJECT_REF__INIT;

	ref.kind = (char *)kind->name;
	ref.namespace_ = kind->namespaced ? (char *)ns : NULL;
	ref.name = (char *)name;
	return mz_server_call(server, "Get", &ref.base, &mizar__v1__object__descriptor, take_object,
			      ret_object);
}

/* ---- events ---------------------------------------------------------------------------------- */

struct watch {
	struct mz_server *server;
	struct mz_rpc_stream *stream;
	uv_timer_t timer;
	mz_event_fn fn;
	void *user;
	bool is_closed;
	int result; /* of fn, or of the time: what on_close then finds is of no interest */
};

/* result 0: goes on. */
static void stop_watch(struct watch *watch, int result)
{
	if (!result || watch->result || watch->is_closed)
		return;
	watch->result = result;
	mz_rpc_stream_cancel(watch->stream);
}

static void on_event(struct mz_rpc_stream *stream, const ProtobufCMessage *message, void *user)
{
	struct watch *watch = user;

	if (!watch->result)
		stop_watch(watch, watch->fn((const Mizar__V1__WatchEvent *)message, watch->user));
}

static void on_close(struct mz_rpc_stream *stream, enum mz_rpc_code code, const char *message,
		     void *user)
{
	struct watch *watch = user;

	watch->is_closed = true;
	if (!watch->result)
		watch->result = fail(watch->server, code, message);
}

static void on_timeout(uv_timer_t *timer)
{
	stop_watch(timer->data, -ETIMEDOUT);
}

static int run_watch(struct watch *watch, const Mizar__V1__WatchRequest *request,
		     unsigned int timeout_ms)
{
	static const struct mz_rpc_stream_ops ops = { on_event, on_close };
	struct mz_server *server = watch->server;
	int r;

	r = mz_rpc_stream_open(server->client, "/mizar.v1.Management/Watch", &request->base,
			       &mizar__v1__watch_event__descriptor, &ops, watch, &watch->stream);
	if (r < 0) {
		server_error(server, "cannot send the request: %s", strerror(-r));
		return r;
	}
	if (timeout_ms)
		(void)uv_timer_start(&watch->timer, on_timeout, timeout_ms,
				     0); /* was initialised */
	while (!watch->is_closed)
		uv_run(&server->loop, UV_RUN_ONCE);
	return watch->result;
}

int mz_server_watch(struct mz_server *server, const struct mz_kind_info *kind, const char *ns,
		    const char *name, const struct mz_selector *selector, unsigned int timeout_ms,
		    mz_event_fn fn, void *user)
{
	Mizar__V1__WatchRequest request = MIZAR__V1__WATCH_REQUEST__INIT;
	struct watch watch = { .server = server, .fn = fn, .user = user };
	int r;

	request.kind = (char *)kind->name;
	request.namespace_ = kind->namespaced ? (char *)ns : NULL;
	request.name = (char *)name;
	if (selector) {
		request.n_labels = selector->n;
		request.labels = (Mizar__V1__Label **)selector->ptrs;
	}
	(void)uv_timer_init(&server->loop, &watch.timer); /* cannot fail */
	watch.timer.data = &watch;
	r = run_watch(&watch, &request, timeout_ms);
	uv_close((uv_handle_t *)&watch.timer, NULL);
	uv_run(&server->loop, UV_RUN_NOWAIT); /* lets go of the timer, which lives on this stack */
	return r;
}

const struct mz_kind_info *mz_kind_of_word(const char *word)
{
	const struct mz_kind_info *kind = mz_kind_find(word);
	char kinds[256] = "";
	size_t n = 0;

	for (size_t i = 1; !kind && i < MZ_N_KINDS && n < sizeof(kinds); i++)
		n += (size_t)snprintf(kinds + n, sizeof(kinds) - n, "%s%s", i > 1 ? ", " : "",
				      mz_kinds[i].plural);
	if (!kind)
		mz_error("'%s' is no kind; the kinds are: %s", word, kinds);
	return kind;
}
