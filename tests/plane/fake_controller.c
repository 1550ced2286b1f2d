// SPDX-License-Identifier: Apache-2.0
#include "fake_controller.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

#define TIMEOUT_MS 10000
#define ROWS_MAX   64

struct rows {
	struct mz_table_row rows[ROWS_MAX];
	struct mz_row_buffer buffers[ROWS_MAX];
	Mizar__V1__Row *ptrs[ROWS_MAX];
	size_t n;
};

static uv_loop_t loop;
static uv_timer_t deadline, detach_timer;
static struct mz_rpc *rpc;
static struct mz_rpc_server *server;
static struct mz_rpc_call *stream;	 /* the latest, if it is open */
static Mizar__V1__HostMessage *received; /* to be looked at */
static Mizar__V1__HostMessage *shown;	 /* the test has it */
static unsigned int n_reports;
static bool is_late;
static char target[128];
static struct rows answer;
static enum mz_rpc_code answer_code;

unsigned int fake_n_attached, fake_n_detached, fake_detach_ms;
uint64_t fake_device, fake_no_device;
static struct mz_rpc_call *detaching;

/* ---- service --------------------------------------------------------------------------------- */

static void on_open(struct mz_rpc_call *call, void *user)
{
	stream = call;
}

static void on_message(struct mz_rpc_call *call, const ProtobufCMessage *message, void *user)
{
	const Mizar__V1__HostMessage *msg = (const Mizar__V1__HostMessage *)message;
	size_t size = protobuf_c_message_get_packed_size(message);
	_cleanup_free_ uint8_t *data = malloc(size + 1);

	if (msg->message_case == MIZAR__V1__HOST_MESSAGE__MESSAGE_REPORT) {
		n_reports++;
		return;
	}
	if (msg->message_case == MIZAR__V1__HOST_MESSAGE__MESSAGE_DEVICES) {
		assert_int_equal(msg->devices->n_added + msg->devices->n_removed, 1);
		if (msg->devices->n_added)
			fake_device = msg->devices->added[0];
		else
			fake_no_device = msg->devices->removed[0];
		return;
	}
	assert_null(received); /* every test waits for one answer at a time */
	protobuf_c_message_pack(message, data);
	received = mizar__v1__host_message__unpack(NULL, size, data);
}

static void on_close(struct mz_rpc_call *call, void *user)
{
	if (stream == call)
		stream = NULL;
}

static void on_attach(struct mz_rpc_call *call, const ProtobufCMessage *request, void *user)
{
	Mizar__V1__AttachResponse response = MIZAR__V1__ATTACH_RESPONSE__INIT;

	assert_string_equal(((const Mizar__V1__AttachRequest *)request)->droplet, "h1");
	assert_null(detaching);
	fake_n_attached++;
	if (answer_code != MZ_RPC_OK) {
		mz_rpc_call_finish(call, answer_code, "the controller says no");
		return;
	}
	response.rows = answer.ptrs;
	response.n_rows = answer.n;
	mz_rpc_call_reply(call, &response.base);
}

static void on_detach_timer(uv_timer_t *timer)
{
	Mizar__V1__DetachResponse response = MIZAR__V1__DETACH_RESPONSE__INIT;

	if (detaching)
		mz_rpc_call_reply(TAKE(detaching), &response.base);
}

static void on_detach_close(struct mz_rpc_call *call, void *user)
{
	detaching = NULL;
}

static void on_detach(struct mz_rpc_call *call, const ProtobufCMessage *request, void *user)
{
	assert_string_equal(((const Mizar__V1__DetachRequest *)request)->droplet, "h1");
	assert_string_equal(((const Mizar__V1__DetachRequest *)request)->namespace_, "red");
	fake_n_detached++;
	assert_null(detaching);
	detaching = call;
	uv_timer_start(&detach_timer, on_detach_timer, fake_detach_ms, 0);
}

static const struct mz_rpc_method methods[] = {
	{
		.name = "/mizar.v1.Host/Connect",
		.request = &mizar__v1__host_message__descriptor,
		.response = &mizar__v1__controller_message__descriptor,
		.client_streams = true,
		.server_streams = true,
		.on_open = on_open,
		.on_message = on_message,
		.on_close = on_close,
	},
	{
		.name = "/mizar.v1.Host/Attach",
		.request = &mizar__v1__attach_request__descriptor,
		.response = &mizar__v1__attach_response__descriptor,
		.on_request = on_attach,
	},
	{
		.name = "/mizar.v1.Host/Detach",
		.request = &mizar__v1__detach_request__descriptor,
		.response = &mizar__v1__detach_response__descriptor,
		.on_request = on_detach,
		.on_close = on_detach_close,
	},
	{},
};

/* ---- life ------------------------------------------------------------------------------------ */

void fake_start(void)
{
	char path[100];

	snprintf(path, sizeof(path), "%s/controller.sock", mizard_dir());
	snprintf(target, sizeof(target), "unix:%s", path);
	fake_n_attached = fake_n_detached = fake_detach_ms = n_reports = 0;
	fake_device = fake_no_device = 0;
	assert_int_equal(uv_loop_init(&loop), 0);
	uv_timer_init(&loop, &deadline);
	uv_timer_init(&loop, &detach_timer);
	assert_int_equal(mz_rpc_new(&loop, &rpc), 0);
	assert_int_equal(mz_rpc_server_new(rpc, methods, &server), 0);
	assert_int_equal(mz_rpc_server_listen_unix(server, path), 0);
	assert_int_equal(mz_rpc_server_start(server), 0);
}

void fake_stop(void)
{
	if (!server)
		return;
	mz_rpc_server_free(TAKE(server));
	mz_rpc_free(TAKE(rpc));
	uv_close((uv_handle_t *)&deadline, NULL);
	uv_close((uv_handle_t *)&detach_timer, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	mizar__v1__host_message__free_unpacked(TAKE(received), NULL);
	mizar__v1__host_message__free_unpacked(TAKE(shown), NULL);
}

const char *fake_target(void)
{
	return target;
}

/* ---- waiting --------------------------------------------------------------------------------- */

static void on_deadline(uv_timer_t *timer)
{
	is_late = true;
}

static void wait_begin(unsigned int ms)
{
	is_late = false;
	uv_timer_start(&deadline, on_deadline, ms, 0);
}

/* While (wait(cond)): false once cond holds; fails the test when it is late. */
#define WAIT(cond, what)                                                                           \
	do {                                                                                       \
		wait_begin(TIMEOUT_MS);                                                            \
		while (!(cond) && !is_late)                                                        \
			uv_run(&loop, UV_RUN_ONCE);                                                \
		if (!(cond))                                                                       \
			fail_msg("%s did not come", what);                                         \
	} while (0)

void fake_run(unsigned int ms)
{
	wait_begin(ms);
	while (!is_late)
		uv_run(&loop, UV_RUN_ONCE);
}

const Mizar__V1__HostMessage *fake_expect_message(void)
{
	WAIT(received, "a message");
	mizar__v1__host_message__free_unpacked(TAKE(shown), NULL);
	shown = TAKE(received);
	return shown;
}

const Mizar__V1__HostHello *fake_expect_hello(void)
{
	Mizar__V1__ControllerMessage message = MIZAR__V1__CONTROLLER_MESSAGE__INIT;
	Mizar__V1__HostWelcome welcome = MIZAR__V1__HOST_WELCOME__INIT;
	const Mizar__V1__HostMessage *hello = fake_expect_message();

	assert_int_equal(hello->message_case, MIZAR__V1__HOST_MESSAGE__MESSAGE_HELLO);
	welcome.has_report_interval_ms = 1;
	welcome.report_interval_ms = 100;
	message.message_case = MIZAR__V1__CONTROLLER_MESSAGE__MESSAGE_WELCOME;
	message.welcome = &welcome;
	fake_send_message(&message);
	return hello->hello;
}

void fake_expect_ack(uint64_t revision, uint64_t digest)
{
	const Mizar__V1__HostMessage *message = fake_expect_message();

	if (message->message_case == MIZAR__V1__HOST_MESSAGE__MESSAGE_NACK)
		fail_msg("nack: %s %s: %s", message->nack->refused[0]->table,
			 message->nack->refused[0]->key, message->nack->refused[0]->reason);
	assert_int_equal(message->message_case, MIZAR__V1__HOST_MESSAGE__MESSAGE_ACK);
	assert_int_equal(message->ack->epoch, FAKE_EPOCH);
	assert_int_equal(message->ack->revision, revision);
	assert_true(message->ack->digest == digest);
}

const Mizar__V1__Nack *fake_expect_nack(uint64_t revision, const char *table, const char *key,
					const char *reason)
{
	const Mizar__V1__HostMessage *message = fake_expect_message();
	const Mizar__V1__Nack__Refused *first;

	assert_int_equal(message->message_case, MIZAR__V1__HOST_MESSAGE__MESSAGE_NACK);
	assert_int_equal(message->nack->epoch, FAKE_EPOCH);
	assert_int_equal(message->nack->revision, revision);
	assert_in_range(message->nack->n_refused, 1, message->nack->total);
	first = message->nack->refused[0];
	assert_string_equal(first->table, table);
	assert_string_equal(first->key, key);
	if (!strstr(first->reason, reason))
		fail_msg("no \"%s\" in: %s", reason, first->reason);
	return message->nack;
}

void fake_expect_report(void)
{
	unsigned int before = n_reports;

	WAIT(n_reports > before, "a report");
}

void fake_expect_device(uint64_t uid)
{
	WAIT(fake_device == uid, "Devices");
	fake_device = 0;
}

void fake_expect_no_device(uint64_t uid)
{
	WAIT(fake_no_device == uid, "the end of the device");
	fake_no_device = 0;
}

void fake_expect_detached(unsigned int n)
{
	WAIT(fake_n_detached >= n, "Host.Detach");
	assert_int_equal(fake_n_detached, n);
}

void fake_expect_close(void)
{
	WAIT(!stream, "the stream's end");
}

/* ---- sending --------------------------------------------------------------------------------- */

static void fill(struct rows *to, const struct mz_table_row *rows, size_t n_rows)
{
	size_t i;

	assert_true(n_rows <= ROWS_MAX);
	for (i = 0; i < n_rows; i++) {
		to->rows[i] = rows[i];
		to->ptrs[i] = (Mizar__V1__Row *)mz_row_from_table(
			rows[i].table, &to->rows[i].key, &to->rows[i].value, &to->buffers[i]);
	}
	to->n = n_rows;
}

void fake_send_message(const Mizar__V1__ControllerMessage *message)
{
	assert_non_null(stream);
	assert_int_equal(mz_rpc_call_send(stream, &message->base), 0);
}

void fake_send(const struct fake_update *update)
{
	Mizar__V1__ControllerMessage message = MIZAR__V1__CONTROLLER_MESSAGE__INIT;
	Mizar__V1__ScopeUpdate msg = MIZAR__V1__SCOPE_UPDATE__INIT;
	Mizar__V1__Scope scope = MIZAR__V1__SCOPE__INIT;
	static struct rows rows, deletes;

	fill(&rows, update->rows, update->n_rows);
	fill(&deletes, update->deletes, update->n_deletes);
	scope.has_kind = scope.has_id = 1;
	scope.kind = update->kind;
	scope.id = update->id;
	msg.scope = &scope;
	msg.has_mode = msg.has_epoch = msg.has_revision = msg.has_more = 1;
	msg.mode = update->mode;
	msg.epoch = FAKE_EPOCH;
	msg.revision = update->revision;
	msg.more = update->more;
	msg.rows = rows.ptrs;
	msg.n_rows = rows.n;
	msg.deletes = deletes.ptrs;
	msg.n_deletes = deletes.n;
	message.message_case = MIZAR__V1__CONTROLLER_MESSAGE__MESSAGE_UPDATE;
	message.update = &msg;
	fake_send_message(&message);
}

void fake_answer_attach(const struct mz_table_row *rows, size_t n_rows, enum mz_rpc_code code)
{
	fill(&answer, rows, n_rows);
	answer_code = code;
}

/* ---- local calls that mizard answers after the controller -------------------------------------
 */

struct local_call {
	const char *name, *netns; /* netns NULL: detach */
	Mizar__V1__LocalResponse *response;
	int error;
	uv_async_t done;
	bool is_done;
};

static void on_done(uv_async_t *async)
{
	struct local_call *call = async->data;

	call->is_done = true;
}

static void call_main(void *user)
{
	struct local_call *call = user;

	if (call->netns)
		call->response = mizard_attach(call->name, call->netns);
	else
		call->error = mizard_detach(call->name);
	uv_async_send(&call->done);
}

static void local_call(struct local_call *call)
{
	uv_thread_t thread;

	uv_async_init(&loop, &call->done, on_done);
	call->done.data = call;
	assert_int_equal(uv_thread_create(&thread, call_main, call), 0);
	WAIT(call->is_done, "mizard's answer");
	uv_thread_join(&thread);
	uv_close((uv_handle_t *)&call->done, NULL);
	uv_run(&loop, UV_RUN_NOWAIT);
}

Mizar__V1__LocalResponse *fake_attach(const char *name, const char *netns)
{
	struct local_call call = { .name = name, .netns = netns };

	local_call(&call);
	return call.response;
}

int fake_detach(const char *name)
{
	struct local_call call = { .name = name };

	local_call(&call);
	return call.error;
}
