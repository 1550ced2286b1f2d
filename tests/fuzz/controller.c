// SPDX-License-Identifier: Apache-2.0
/*
 * A whole controller with a store of its own, and calls of clients and hosts as bytes: each a byte
 * that says which, and a piece with the message. This file stands in for gRPC (src/rpc/call.c).
 * Every unary call is answered once; what is sent can be packed.
 */
#include "fuzz.h"

#include <stdarg.h>

#include "controller/methods.h"
#include "ipc/unpack.h"

#define CALLS_MAX 32
#define OPS_MAX	  48
#define CONNECT	  8 /* Host.Connect in the table of methods */

enum { RUN = CTL_N_METHODS, CLOSE, HALF_CLOSE, DRAIN, PEER, N_OPS };

struct mz_rpc_call {
	const struct mz_rpc_method *method;
	const char *peer_name;
	void *data;
	void (*on_drain)(struct mz_rpc_call *, void *);
	size_t queued;
	bool is_finished;
};

static struct mz_rpc_call *calls[CALLS_MAX];
static const char *peer_name;

static bool is_unary(const struct mz_rpc_call *call)
{
	return !call->method->client_streams && !call->method->server_streams;
}

/* The place of a call, or a free one for NULL; CALLS_MAX: there is none. */
static size_t place_of(const struct mz_rpc_call *call)
{
	size_t i = 0;

	while (i < CALLS_MAX && calls[i] != call)
		i++;
	return i;
}

static void forget(struct mz_rpc_call *call)
{
	size_t i = place_of(call);

	REQUIRE(i < CALLS_MAX);
	calls[i] = NULL;
	free(call);
}

static void hang_up(struct mz_rpc_call *call)
{
	if (call->method->on_close)
		call->method->on_close(call, call->method->user);
	forget(call);
}

static size_t packed_size(const ProtobufCMessage *message, const ProtobufCMessageDescriptor *type)
{
	size_t size = protobuf_c_message_get_packed_size(message);
	_cleanup_free_ uint8_t *data = malloc(size + 1);
	_cleanup_message_ ProtobufCMessage *again = NULL;

	REQUIRE(message->descriptor == type);
	REQUIRE(data && protobuf_c_message_pack(message, data) == size);
	again = mz_message_unpack(type, data, size);
	REQUIRE(again);
	return size;
}

const char *mz_rpc_call_peer_name(const struct mz_rpc_call *call)
{
	return call->peer_name;
}

const char *mz_rpc_call_peer(const struct mz_rpc_call *call)
{
	return call->peer_name ? "ipv4:192.0.2.1:4242" : "unix:";
}

void mz_rpc_call_set_data(struct mz_rpc_call *call, void *data)
{
	call->data = data;
}

void *mz_rpc_call_data(const struct mz_rpc_call *call)
{
	return call->data;
}

void mz_rpc_call_reply(struct mz_rpc_call *call, const ProtobufCMessage *response)
{
	REQUIRE(is_unary(call));
	(void)packed_size(response, call->method->response);
	forget(call);
}

void mz_rpc_call_finish(struct mz_rpc_call *call, enum mz_rpc_code code, const char *format, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, format);
	REQUIRE(vasprintf(&text, format, ap) >= 0);
	va_end(ap);
	free(text);
	if (is_unary(call))
		forget(call);
	else
		call->is_finished = true; /* on_close follows from the loop */
}

int mz_rpc_call_send(struct mz_rpc_call *call, const ProtobufCMessage *message)
{
	if (call->is_finished)
		return -EPIPE;
	call->queued += packed_size(message, call->method->response);
	return 0;
}

size_t mz_rpc_call_queued(const struct mz_rpc_call *call)
{
	return call->queued;
}

void mz_rpc_call_on_drain(struct mz_rpc_call *call, void (*on_drain)(struct mz_rpc_call *, void *))
{
	call->on_drain = on_drain;
}

static struct mz_rpc_call *call_new(const struct mz_rpc_method *method)
{
	size_t i = place_of(NULL);

	if (i == CALLS_MAX)
		return NULL;
	calls[i] = calloc(1, sizeof(*calls[i]));
	REQUIRE(calls[i]);
	calls[i]->method = method;
	calls[i]->peer_name = peer_name;
	return calls[i];
}

static void on_durable(int r, void *user)
{
	*(bool *)user = true;
}

/* Until all that was submitted is durable, and what follows from it was looked at. */
static void settle(struct ctl_controller *c)
{
	for (int round = 0; round < 3; round++) {
		struct mz_txn *txn = NULL;
		bool is_durable = false;

		REQUIRE(mz_txn_new(c->store, &txn) == 0);
		mz_txn_commit(txn, on_durable, &is_durable);
		while (!is_durable)
			(void)uv_run(c->loop, UV_RUN_ONCE);
		(void)uv_run(c->loop, UV_RUN_NOWAIT);
	}
	for (size_t i = 0; i < CALLS_MAX; i++)
		if (calls[i] && calls[i]->is_finished)
			hang_up(calls[i]);
}

static void drain(void)
{
	for (size_t i = 0; i < CALLS_MAX; i++) {
		struct mz_rpc_call *call = calls[i];

		if (!call || call->is_finished)
			continue;
		call->queued = 0;
		if (call->on_drain)
			call->on_drain(call, call->method->user);
	}
}

/* The open stream of a host, which is opened first if need be. */
static struct mz_rpc_call *host_stream(const struct mz_rpc_method *method, bool open)
{
	struct mz_rpc_call *call;

	for (size_t i = 0; i < CALLS_MAX; i++)
		if (calls[i] && calls[i]->method == method && !calls[i]->is_finished)
			return calls[i];
	call = open ? call_new(method) : NULL;
	if (call)
		method->on_open(call, method->user);
	return call && !call->is_finished ? call : NULL;
}

static void call_method(const struct mz_rpc_method *method, struct input piece)
{
	_cleanup_message_ ProtobufCMessage *message =
		mz_message_unpack(method->request, piece.data, piece.size);
	struct mz_rpc_call *call;

	if (!message)
		return;
	call = method->client_streams ? host_stream(method, true) : call_new(method);
	if (!call)
		return;
	if (method->client_streams)
		method->on_message(call, message, method->user);
	else
		method->on_request(call, message, method->user);
}

static void run_op(struct ctl_controller *c, const struct mz_rpc_method *methods, unsigned int op,
		   struct input piece)
{
	static const char *const names[] = { NULL, "droplet:h1", "admin:root", "droplet:", "" };
	struct mz_rpc_call *call;

	if (op < CTL_N_METHODS) {
		call_method(&methods[op], piece);
	} else if (op == RUN) {
		settle(c);
	} else if (op == CLOSE) {
		call = calls[take_byte(&piece) % CALLS_MAX];
		if (call)
			hang_up(call);
	} else if (op == HALF_CLOSE) {
		call = host_stream(&methods[CONNECT], false);
		if (call)
			call->method->on_half_close(call, call->method->user);
	} else if (op == DRAIN) {
		drain();
	} else {
		peer_name = names[take_byte(&piece) % 5];
	}
}

static bool is_one_unanswered(void)
{
	for (size_t i = 0; i < CALLS_MAX; i++)
		if (calls[i] && is_unary(calls[i]))
			return true;
	return false;
}

/* A deletion waits for the hosts that had the endpoint, a second at most. */
static void end_calls(struct ctl_controller *c)
{
	uint64_t end = uv_hrtime() + 3000000000;

	settle(c);
	while (is_one_unanswered() && uv_hrtime() < end)
		(void)uv_run(c->loop, UV_RUN_ONCE);
	for (size_t i = 0; i < CALLS_MAX; i++) {
		if (!calls[i])
			continue;
		REQUIRE(!is_unary(calls[i])); /* unanswered */
		hang_up(calls[i]);
	}
}

static void remove_store(const char *path)
{
	static const char *const suffixes[] = { "", "-wal", "-shm" };

	for (size_t i = 0; i < 3; i++) {
		char name[160];

		(void)snprintf(name, sizeof(name), "%s%s", path, suffixes[i]);
		(void)unlink(name);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mz_rpc_method methods[CTL_N_METHODS + 1];
	const struct ctl_times times = { 5000, 60000, 30000 };
	struct input input = { data, size };
	struct mz_store *store = NULL;
	struct ctl_controller c;
	char path[128];
	uv_loop_t loop;

	(void)snprintf(path, sizeof(path), "%s/store", own_directory());
	remove_store(path);
	peer_name = NULL;
	REQUIRE(uv_loop_init(&loop) == 0);
	REQUIRE(mz_store_open_sqlite(&loop, path, &store) == 0);
	REQUIRE(ctl_controller_init(&c, &loop, store, path, &times) == 0);
	ctl_methods(&c, methods);
	for (int i = 0; i < OPS_MAX && input.size; i++) {
		unsigned int op = take_byte(&input) % N_OPS;

		run_op(&c, methods, op, take_piece(&input));
	}
	end_calls(&c);
	mz_store_free(store);
	ctl_controller_fini(&c);
	REQUIRE(uv_run(&loop, UV_RUN_DEFAULT) == 0);
	REQUIRE(uv_loop_close(&loop) == 0);
	return 0;
}
