// SPDX-License-Identifier: Apache-2.0
#include "rpc_common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct mz_rpc *rpc;
uv_loop_t *loop;
static char dir[64];
static unsigned int n_services; /* of the running test */

#define QUEUED_MAX 65536
#define BIG	   (17 << 20)

static void reply_version(struct mz_rpc_call *call, const char *version)
{
	Mizar__V1__InfoResponse response = MIZAR__V1__INFO_RESPONSE__INIT;

	response.version = (char *)version;
	mz_rpc_call_reply(call, &response.base);
}

static void on_later(uv_timer_t *timer)
{
	struct service *service = timer->data;

	reply_version(TAKE(service->later), "later");
}

static void on_echo(struct mz_rpc_call *call, const ProtobufCMessage *message, void *user)
{
	const Mizar__V1__ObjectRef *request = (const Mizar__V1__ObjectRef *)message;
	Mizar__V1__InfoRequest wrong = MIZAR__V1__INFO_REQUEST__INIT;
	struct service *service = user;

	service->n_received++;
	if (strcmp(request->name, "fail") == 0) {
		mz_rpc_call_finish(call, MZ_RPC_NOT_FOUND, "no \"%s\" in\nhere: %d%%", "fäil", 7);
	} else if (strcmp(request->name, "wrong") == 0) {
		mz_rpc_call_reply(call, &wrong.base);
	} else if (strcmp(request->name, "big") == 0) {
		char *text = malloc(BIG);

		memset(text, 'x', BIG);
		text[BIG - 1] = '\0';
		reply_version(call, text);
		free(text);
	} else if (strcmp(request->name, "later") == 0 || strcmp(request->name, "never") == 0) {
		service->later = call;
		if (request->name[0] == 'l')
			uv_timer_start(&service->timer, on_later, 50, 0);
	} else {
		reply_version(call, request->name);
	}
}

static void on_echo_close(struct mz_rpc_call *call, void *user)
{
	struct service *service = user;

	assert_ptr_equal(service->later, call);
	service->later = NULL;
	service->n_closed++;
	uv_timer_stop(&service->timer);
}

static void on_who(struct mz_rpc_call *call, const ProtobufCMessage *message, void *user)
{
	assert_non_null(mz_rpc_call_peer(call));
	reply_version(call, mz_rpc_call_peer_name(call) ?: "(none)");
}

struct count {
	struct service *service;
	uint64_t next, n;
};

static void count_on(struct mz_rpc_call *call, void *user)
{
	struct count *count = mz_rpc_call_data(call);
	Mizar__V1__InfoResponse response = MIZAR__V1__INFO_RESPONSE__INIT;
	static char text[1000];

	memset(text, 'x', sizeof(text) - 1);
	response.version = text;
	response.has_uptime_seconds = true;
	for (; count->next < count->n && mz_rpc_call_queued(call) < QUEUED_MAX; count->next++) {
		response.uptime_seconds = count->next;
		assert_int_equal(mz_rpc_call_send(call, &response.base), 0);
	}
	if (mz_rpc_call_queued(call) > count->service->queued_max)
		count->service->queued_max = mz_rpc_call_queued(call);
	if (count->next == count->n)
		mz_rpc_call_finish(call, MZ_RPC_OK, "counted");
}

static void on_count(struct mz_rpc_call *call, const ProtobufCMessage *message, void *user)
{
	const Mizar__V1__ObjectRef *request = (const Mizar__V1__ObjectRef *)message;
	struct count *count = calloc(1, sizeof(*count));

	count->service = user;
	count->service->n_open++;
	count->n = strtoull(request->name, NULL, 10);
	mz_rpc_call_set_data(call, count);
	mz_rpc_call_on_drain(call, count_on);
	count_on(call, user);
}

static void on_count_close(struct mz_rpc_call *call, void *user)
{
	struct service *service = user;

	service->n_closed++;
	free(mz_rpc_call_data(call));
}

static void on_chat_open(struct mz_rpc_call *call, void *user)
{
	struct service *service = user;

	service->n_open++;
}

static void on_chat_message(struct mz_rpc_call *call, const ProtobufCMessage *message, void *user)
{
	const Mizar__V1__Ack *ack = (const Mizar__V1__Ack *)message;
	Mizar__V1__Nack nack = MIZAR__V1__NACK__INIT;
	struct service *service = user;

	service->n_received++;
	nack.has_revision = true;
	nack.revision = ack->revision;
	assert_int_equal(mz_rpc_call_send(call, &nack.base), 0);
	if (ack->revision == 0) {
		mz_rpc_call_finish(call, MZ_RPC_ABORTED, "enough");
		assert_int_equal(mz_rpc_call_send(call, &nack.base), -EPIPE);
	}
}

static void on_chat_half_close(struct mz_rpc_call *call, void *user)
{
	struct service *service = user;

	service->n_half_closed++;
	mz_rpc_call_finish(call, MZ_RPC_OK, "bye");
}

static void on_chat_close(struct mz_rpc_call *call, void *user)
{
	struct service *service = user;

	service->n_closed++;
}

void service_new(struct service *service)
{
	static struct mz_rpc_method methods[] = {
		{ .name = "/test/Echo", .on_request = on_echo, .on_close = on_echo_close },
		{ .name = "/test/Who", .on_request = on_who },
		{ .name = "/test/Count",
		  .server_streams = true,
		  .on_request = on_count,
		  .on_close = on_count_close },
		{ .name = "/test/Chat",
		  .server_streams = true,
		  .client_streams = true,
		  .on_open = on_chat_open,
		  .on_message = on_chat_message,
		  .on_half_close = on_chat_half_close,
		  .on_close = on_chat_close },
		{ 0 },
	};

	for (size_t i = 0; methods[i].name; i++) {
		bool is_chat = methods[i].client_streams;

		methods[i].request =
			is_chat ? &mizar__v1__ack__descriptor : &mizar__v1__object_ref__descriptor;
		methods[i].response = is_chat ? &mizar__v1__nack__descriptor
					      : &mizar__v1__info_response__descriptor;
		methods[i].user = service;
	}

	*service = (struct service){ 0 };
	n_services++;
	uv_timer_init(loop, &service->timer);
	service->timer.data = service;
	assert_int_equal(mz_rpc_server_new(rpc, methods, &service->server), 0);
}

void service_listen_unix(struct service *service)
{
	service_new(service);
	assert_int_equal(mz_rpc_server_listen_unix(service->server, rpc_path("sock")), 0);
	assert_int_equal(mz_rpc_server_start(service->server), 0);
}

static void on_timer_closed(uv_handle_t *handle)
{
	*(bool *)handle->data = true;
}

void service_fini(struct service *service)
{
	bool is_closed = false;

	mz_rpc_server_free(TAKE(service->server));
	n_services--;
	assert_null(service->later);
	service->timer.data = &is_closed;
	uv_close((uv_handle_t *)&service->timer, on_timer_closed);
	run_until(&is_closed);
}

int rpc_setup(void **state)
{
	strcpy(dir, "/tmp/mizar-rpc-XXXXXX");
	assert_non_null(mkdtemp(dir));
	loop = malloc(sizeof(*loop));
	assert_int_equal(uv_loop_init(loop), 0);
	assert_int_equal(mz_rpc_new(loop, &rpc), 0);
	return 0;
}

int rpc_teardown(void **state)
{
	char command[100];

	if (n_services > 0) {
		/* The test has failed in the middle; what it left cannot be freed any more. */
		n_services = 0;
		return 0;
	}

	mz_rpc_free(TAKE(rpc));
	uv_run(loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(loop), 0);
	free(TAKE(loop));
	snprintf(command, sizeof(command), "rm -r %s", dir);
	assert_int_equal(system(command), 0);
	return 0;
}

const char *rpc_path(const char *name)
{
	static char paths[4][100];
	static unsigned int n;
	char *path = paths[n++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
	return path;
}

static void on_timeout(uv_timer_t *timer)
{
	*(bool *)timer->data = true;
}

static void run(const bool *flag, unsigned int ms, bool *ret_is_late)
{
	uv_timer_t *timer = calloc(1, sizeof(*timer));

	*ret_is_late = false;
	uv_timer_init(loop, timer);
	timer->data = ret_is_late;
	uv_timer_start(timer, on_timeout, ms, 0);
	while (!(flag && *flag) && !*ret_is_late)
		uv_run(loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)timer, (uv_close_cb)free);
}

void run_until(const bool *flag)
{
	bool is_late;

	run(flag, TIMEOUT_MS, &is_late);
	assert_false(is_late);
}

void run_for(unsigned int ms)
{
	bool is_late;

	run(NULL, ms, &is_late);
}

static void on_done(enum mz_rpc_code code, const char *message, const ProtobufCMessage *response,
		    void *user)
{
	const Mizar__V1__InfoResponse *info = (const Mizar__V1__InfoResponse *)response;
	struct result *result = user;

	assert_false(result->is_done);
	assert_int_equal(code == MZ_RPC_OK, response != NULL);
	result->is_done = true;
	result->code = code;
	result->message = strdup(message);
	result->version = info && info->version ? strdup(info->version) : NULL;
}

void result_fini(struct result *result)
{
	free(result->message);
	free(result->version);
}

struct result echo_within(struct mz_rpc_client *client, const char *method, const char *name,
			  unsigned int timeout_ms)
{
	Mizar__V1__ObjectRef request = MIZAR__V1__OBJECT_REF__INIT;
	struct result result = { 0 };

	request.name = (char *)name;
	assert_int_equal(mz_rpc_unary(client, method, &request.base,
				      &mizar__v1__info_response__descriptor, timeout_ms, on_done,
				      &result),
			 0);
	run_until(&result.is_done);
	return result;
}

void assert_echo(struct mz_rpc_client *client, const char *name)
{
	_cleanup_(result_fini) struct result result = echo_within(client, "/test/Echo", name, 5000);

	if (result.code != MZ_RPC_OK)
		print_error("%s: %s\n", mz_rpc_code_name(result.code), result.message);
	assert_int_equal(result.code, MZ_RPC_OK);
	assert_string_equal(result.version, name);
}

void assert_code(struct mz_rpc_client *client, const char *name, enum mz_rpc_code code)
{
	_cleanup_(result_fini) struct result result = echo_within(client, "/test/Echo", name, 5000);

	if (result.code != code)
		print_error("%s: %s\n", mz_rpc_code_name(result.code), result.message);
	assert_int_equal(result.code, code);
	assert_string_not_equal(result.message, "");
}

struct mz_rpc_client *unix_client(void)
{
	struct mz_rpc_client *client = NULL;
	char target[120];

	snprintf(target, sizeof(target), "unix:%s", rpc_path("sock"));
	assert_int_equal(mz_rpc_client_new(rpc, target, NULL, NULL, &client), 0);
	return client;
}
