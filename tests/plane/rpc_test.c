// SPDX-License-Identifier: Apache-2.0
/* src/rpc over a Unix socket: unary calls, streams, and everything that ends them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "rpc_common.h"

#define N_CHAT 10000

static void test_unary(void **state)
{
	struct service service;
	struct mz_rpc_client *client;
	struct stat st;

	service_listen_unix(&service);
	assert_int_equal(stat(rpc_path("sock"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);

	client = unix_client();
	assert_echo(client, "web-1");
	assert_echo(client, "");
	assert_echo(client, "later");
	for (int i = 0; i < 100; i++)
		assert_echo(client, "again");
	mz_rpc_client_free(client);
	service_fini(&service);
	assert_int_equal(access(rpc_path("sock"), F_OK), -1);
}

static void test_errors(void **state)
{
	struct service service;
	struct mz_rpc_client *client;
	struct result result;

	service_listen_unix(&service);
	client = unix_client();

	/* A status with its text, as one line. */
	result = echo_within(client, "/test/Echo", "fail", 5000);
	assert_int_equal(result.code, MZ_RPC_NOT_FOUND);
	assert_string_equal(result.message, "no \"fäil\" in here: 7%");
	result_fini(&result);

	result = echo_within(client, "/test/None", "", 5000);
	assert_int_equal(result.code, MZ_RPC_UNIMPLEMENTED);
	assert_string_equal(result.message, "there is no method /test/None");
	result_fini(&result);

	assert_code(client, "big", MZ_RPC_RESOURCE_EXHAUSTED);
	assert_code(client, "wrong", MZ_RPC_INTERNAL);
	assert_echo(client, "still there");
	mz_rpc_client_free(client);
	service_fini(&service);
}

static void test_deadline(void **state)
{
	struct service service;
	struct mz_rpc_client *client;
	struct result result;
	uint64_t before;

	service_listen_unix(&service);
	client = unix_client();
	before = uv_hrtime();
	result = echo_within(client, "/test/Echo", "never", 200);
	assert_int_equal(result.code, MZ_RPC_DEADLINE_EXCEEDED);
	assert_in_range((uv_hrtime() - before) / 1000000, 190, 1500);
	result_fini(&result);

	/* The server hears of it, too. */
	run_for(200);
	assert_int_equal(service.n_closed, 1);
	assert_null(service.later);
	mz_rpc_client_free(client);
	service_fini(&service);
}

static void failed(enum mz_rpc_code code, const char *message, const ProtobufCMessage *response,
		   void *user)
{
	*(enum mz_rpc_code *)user = code;
}

/* A client is freed under a call, and a server under another one. */
static void test_freed_under_calls(void **state)
{
	struct service service;
	struct mz_rpc_client *client;
	Mizar__V1__ObjectRef request = MIZAR__V1__OBJECT_REF__INIT;
	enum mz_rpc_code code = MZ_RPC_OK;

	service_listen_unix(&service);
	request.name = (char *)"never";
	client = unix_client();
	assert_int_equal(mz_rpc_unary(client, "/test/Echo", &request.base,
				      &mizar__v1__info_response__descriptor, 0, failed, &code),
			 0);
	while (service.n_received == 0)
		uv_run(loop, UV_RUN_ONCE);
	mz_rpc_client_free(client);
	assert_int_equal(code, MZ_RPC_CANCELLED);
	while (service.n_closed == 0)
		uv_run(loop, UV_RUN_ONCE);

	client = unix_client();
	code = MZ_RPC_OK;
	assert_int_equal(mz_rpc_unary(client, "/test/Echo", &request.base,
				      &mizar__v1__info_response__descriptor, 0, failed, &code),
			 0);
	while (service.n_received == 1)
		uv_run(loop, UV_RUN_ONCE);
	service_fini(&service);
	assert_int_equal(service.n_closed, 2);
	while (code == MZ_RPC_OK)
		uv_run(loop, UV_RUN_ONCE);
	assert_int_equal(code, MZ_RPC_UNAVAILABLE);
	mz_rpc_client_free(client);
}

static void test_no_server(void **state)
{
	struct mz_rpc_client *client = unix_client();
	struct service service;
	uint64_t before;

	assert_code(client, "x", MZ_RPC_UNAVAILABLE);

	/* It comes up: the client finds it, soon. */
	service_listen_unix(&service);
	before = uv_hrtime();
	for (;;) {
		struct result result = echo_within(client, "/test/Echo", "x", 1000);
		enum mz_rpc_code code = result.code;

		result_fini(&result);
		if (code == MZ_RPC_OK)
			break;
		run_for(10);
	}
	assert_in_range((uv_hrtime() - before) / 1000000, 0, 2500);

	/* It goes and comes back. */
	service_fini(&service);
	assert_code(client, "x", MZ_RPC_UNAVAILABLE);
	service_listen_unix(&service);
	run_for(2500);
	assert_echo(client, "x");
	mz_rpc_client_free(client);
	service_fini(&service);
}

struct listener {
	bool is_closed;
	enum mz_rpc_code code;
	uint64_t n_messages, n_wrong;
	struct mz_rpc_client *free_in_message, *free_in_close;
	unsigned int slow_ms;
};

static void on_info(struct mz_rpc_stream *stream, const ProtobufCMessage *message, void *user)
{
	const Mizar__V1__InfoResponse *info = (const Mizar__V1__InfoResponse *)message;
	struct listener *listener = user;

	listener->n_wrong += info->uptime_seconds != listener->n_messages;
	listener->n_messages++;
	mz_rpc_client_free(TAKE(listener->free_in_message));
}

static void on_nack(struct mz_rpc_stream *stream, const ProtobufCMessage *message, void *user)
{
	const Mizar__V1__Nack *nack = (const Mizar__V1__Nack *)message;
	struct listener *listener = user;

	listener->n_wrong += nack->revision != listener->n_messages + 1 && nack->revision != 0;
	listener->n_messages++;
}

static void on_close(struct mz_rpc_stream *stream, enum mz_rpc_code code, const char *message,
		     void *user)
{
	struct listener *listener = user;

	assert_false(listener->is_closed);
	listener->is_closed = true;
	listener->code = code;
	mz_rpc_client_free(TAKE(listener->free_in_close));
}

static const struct mz_rpc_stream_ops info_ops = { on_info, on_close };
static const struct mz_rpc_stream_ops nack_ops = { on_nack, on_close };

static struct mz_rpc_stream *open_count(struct mz_rpc_client *client, const char *n,
					struct listener *listener)
{
	Mizar__V1__ObjectRef request = MIZAR__V1__OBJECT_REF__INIT;
	struct mz_rpc_stream *stream = NULL;

	request.name = (char *)n;
	assert_int_equal(mz_rpc_stream_open(client, "/test/Count", &request.base,
					    &mizar__v1__info_response__descriptor, &info_ops,
					    listener, &stream),
			 0);
	return stream;
}

static struct mz_rpc_stream *open_chat(struct mz_rpc_client *client, struct listener *listener)
{
	struct mz_rpc_stream *stream = NULL;

	assert_int_equal(mz_rpc_stream_open(client, "/test/Chat", NULL,
					    &mizar__v1__nack__descriptor, &nack_ops, listener,
					    &stream),
			 0);
	return stream;
}

static int chat(struct mz_rpc_stream *stream, uint64_t revision)
{
	Mizar__V1__Ack ack = MIZAR__V1__ACK__INIT;

	ack.has_revision = true;
	ack.revision = revision;
	return mz_rpc_stream_send(stream, &ack.base);
}

/* 20 MB in order, while the server never holds more than its bound. */
static void test_server_stream(void **state)
{
	struct listener listener = { 0 };
	struct service service;
	struct mz_rpc_client *client;
	struct mz_rpc_stream *stream;

	service_listen_unix(&service);
	client = unix_client();
	stream = open_count(client, "20000", &listener);
	assert_int_equal(mz_rpc_stream_send(stream, &(Mizar__V1__Ack)MIZAR__V1__ACK__INIT.base),
			 -EPIPE);
	run_until(&listener.is_closed);
	assert_int_equal(listener.code, MZ_RPC_OK);
	assert_int_equal(listener.n_messages, 20000);
	assert_int_equal(listener.n_wrong, 0);
	assert_in_range(service.queued_max, 1, 65536 + 2000);

	listener = (struct listener){ 0 };
	open_count(client, "0", &listener);
	run_until(&listener.is_closed);
	assert_int_equal(listener.code, MZ_RPC_OK);
	assert_int_equal(listener.n_messages, 0);
	mz_rpc_client_free(client);
	service_fini(&service);
	assert_int_equal(service.n_closed, 2);
}

/* A stream is cancelled in the middle; a client is freed in its own callbacks. */
static void test_cancelled(void **state)
{
	struct listener listener = { 0 };
	struct service service;
	struct mz_rpc_client *client;
	struct mz_rpc_stream *stream;

	service_listen_unix(&service);
	client = unix_client();
	stream = open_count(client, "1000000", &listener);
	while (listener.n_messages < 100)
		uv_run(loop, UV_RUN_ONCE);
	mz_rpc_stream_cancel(stream);
	run_until(&listener.is_closed);
	assert_int_equal(listener.code, MZ_RPC_CANCELLED);

	listener = (struct listener){ .free_in_message = client };
	open_count(client, "1000000", &listener);
	run_until(&listener.is_closed);
	assert_int_equal(listener.n_messages, 1);

	client = unix_client();
	listener = (struct listener){ .free_in_close = client };
	open_count(client, "10", &listener);
	run_until(&listener.is_closed);
	assert_int_equal(listener.n_messages, 10);

	while (service.n_closed < 3)
		uv_run(loop, UV_RUN_ONCE);
	service_fini(&service);
}

static void test_bidi(void **state)
{
	struct listener listener = { 0 };
	struct service service;
	struct mz_rpc_client *client;
	struct mz_rpc_stream *stream;
	uint64_t next = 1;

	service_listen_unix(&service);
	client = unix_client();
	stream = open_chat(client, &listener);
	while (next <= N_CHAT) {
		for (; next <= N_CHAT && mz_rpc_stream_queued(stream) < 4096; next++)
			assert_int_equal(chat(stream, next), 0);
		uv_run(loop, UV_RUN_ONCE);
	}
	mz_rpc_stream_half_close(stream);
	assert_int_equal(chat(stream, 1), -EPIPE);
	run_until(&listener.is_closed);
	assert_int_equal(listener.code, MZ_RPC_OK);
	assert_int_equal(listener.n_messages, N_CHAT);
	assert_int_equal(listener.n_wrong, 0);
	assert_int_equal(service.n_half_closed, 1);

	/* What is queued when the server ends the stream still arrives. */
	listener = (struct listener){ 0 };
	stream = open_chat(client, &listener);
	for (uint64_t i = 1; i <= 100; i++)
		assert_int_equal(chat(stream, i), 0);
	assert_int_equal(chat(stream, 0), 0);
	run_until(&listener.is_closed);
	assert_int_equal(listener.code, MZ_RPC_ABORTED);
	assert_int_equal(listener.n_messages, 101);
	while (service.n_closed < 2)
		uv_run(loop, UV_RUN_ONCE);
	mz_rpc_client_free(client);
	service_fini(&service);
}

/* Bytes that are no message, in both directions and kinds of method. */
static void test_garbage(void **state)
{
	struct listener listener = { 0 };
	Mizar__V1__InfoRequest empty = MIZAR__V1__INFO_REQUEST__INIT;
	static uint8_t junk[] = { 0x7f, 0xff, 0xff };
	ProtobufCMessageUnknownField field = { 1, PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED,
					       sizeof(junk), junk };
	struct service service;
	struct mz_rpc_client *client;
	struct mz_rpc_stream *stream = NULL;

	service_listen_unix(&service);
	client = unix_client();
	empty.base.n_unknown_fields = 1;
	empty.base.unknown_fields = &field; /* a field whose length lies */

	assert_int_equal(mz_rpc_stream_open(client, "/test/Count", &empty.base,
					    &mizar__v1__info_response__descriptor, &info_ops,
					    &listener, &stream),
			 0);
	run_until(&listener.is_closed);
	assert_int_equal(listener.code, MZ_RPC_INVALID_ARGUMENT);
	assert_int_equal(service.n_open, 0);

	listener = (struct listener){ 0 };
	stream = open_chat(client, &listener);
	assert_int_equal(mz_rpc_stream_send(stream, &empty.base), 0);
	run_until(&listener.is_closed);
	assert_int_equal(listener.code, MZ_RPC_INVALID_ARGUMENT);
	assert_int_equal(service.n_received, 0);

	/* A response that the client takes for another type: field 3 is a string there. */
	listener = (struct listener){ 0 };
	assert_int_equal(mz_rpc_stream_open(client, "/test/Chat", NULL,
					    &mizar__v1__host_hello__descriptor, &nack_ops,
					    &listener, &stream),
			 0);
	assert_int_equal(chat(stream, 1), 0);
	run_until(&listener.is_closed);
	assert_int_equal(listener.code, MZ_RPC_INTERNAL);
	mz_rpc_client_free(client);
	service_fini(&service);
}

/* A crowd of calls at once, on one connection and on many. */
static void test_crowd(void **state)
{
	struct listener listeners[200] = { 0 };
	struct mz_rpc_client *clients[20];
	struct service service;

	service_listen_unix(&service);
	for (size_t i = 0; i < ARRAY_SIZE(clients); i++)
		clients[i] = unix_client();
	for (size_t i = 0; i < ARRAY_SIZE(listeners); i++)
		open_count(clients[i % ARRAY_SIZE(clients)], "100", &listeners[i]);
	for (size_t i = 0; i < ARRAY_SIZE(listeners); i++) {
		run_until(&listeners[i].is_closed);
		assert_int_equal(listeners[i].code, MZ_RPC_OK);
		assert_int_equal(listeners[i].n_messages, 100);
		assert_int_equal(listeners[i].n_wrong, 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(clients); i++)
		mz_rpc_client_free(clients[i]);
	service_fini(&service);
}

static void test_paths(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct service first, second;
	struct mz_rpc_client *client = NULL;
	char long_path[200];
	FILE *file;
	int fd;

	service_listen_unix(&first);
	service_new(&second);
	assert_int_equal(mz_rpc_server_listen_unix(second.server, rpc_path("sock")), -EADDRINUSE);
	assert_int_equal(mz_rpc_server_listen_unix(second.server, rpc_path("no/sock")), -ENOENT);
	assert_int_equal(mz_rpc_server_listen_unix(second.server, "sock"), -EINVAL);
	memset(long_path, '/', sizeof(long_path));
	long_path[sizeof(long_path) - 1] = '\0';
	assert_int_equal(mz_rpc_server_listen_unix(second.server, long_path), -ENAMETOOLONG);
	file = fopen(rpc_path("file"), "w");
	fclose(file);
	assert_int_equal(mz_rpc_server_listen_unix(second.server, rpc_path("file")), -EEXIST);

	client = unix_client();
	assert_echo(client, "the first one");
	mz_rpc_client_free(client);
	service_fini(&first);

	/* Left behind by a server that was killed. */
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	strcpy(address.sun_path, rpc_path("sock"));
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	assert_int_equal(mz_rpc_server_listen_unix(second.server, rpc_path("sock")), 0);
	assert_int_equal(mz_rpc_server_start(second.server), 0);
	client = unix_client();
	assert_echo(client, "the second one");
	mz_rpc_client_free(client);
	service_fini(&second);
}

static void test_targets(void **state)
{
	static const char *const bad[] = {
		"",
		"unix:",
		"unix:relative",
		"host",
		"host:",
		":1",
		"host:0",
		"host:65536",
		"host:x",
		"host:1x",
		"::1:80",
		"[::1]",
		"[host]:80",
		"dns:///host:80",
		"ho st:80",
		"host/a:80",
		"unix:80",
		"tcp://1.2.3.4:80",
		"1.2.3.4:-80",
		"host:99999999999999999999",
	};
	const struct mz_rpc_tls tls = { "/dev/null", "/dev/null", "/dev/null" };
	struct mz_rpc_client *client = NULL;
	char path[200] = "unix:/";

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(mz_rpc_client_new(rpc, bad[i], NULL, NULL, &client), -EINVAL);
		assert_int_equal(mz_rpc_client_new(rpc, bad[i], &tls, NULL, &client), -EINVAL);
	}
	/* Plain TCP, and TLS where there is none. */
	assert_int_equal(mz_rpc_client_new(rpc, "127.0.0.1:7700", NULL, NULL, &client), -EINVAL);
	assert_int_equal(mz_rpc_client_new(rpc, "unix:/x", &tls, NULL, &client), -EINVAL);
	memset(path + 6, 'x', sizeof(path) - 7);
	assert_int_equal(mz_rpc_client_new(rpc, path, NULL, NULL, &client), -ENAMETOOLONG);
	assert_null(client);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_unary, rpc_setup, rpc_teardown),
		cmocka_unit_test_setup_teardown(test_errors, rpc_setup, rpc_teardown),
		cmocka_unit_test_setup_teardown(test_deadline, rpc_setup, rpc_teardown),
		cmocka_unit_test_setup_teardown(test_freed_under_calls, rpc_setup, rpc_teardown),
		cmocka_unit_test_setup_teardown(test_no_server, rpc_setup, rpc_teardown),
		cmocka_unit_test_setup_teardown(test_server_stream, rpc_setup, rpc_teardown),
		cmocka_unit_test_setup_teardown(test_cancelled, rpc_setup, rpc_teardown),
		cmocka_unit_test_setup_teardown(test_bidi, rpc_setup, rpc_teardown),
		cmocka_unit_test_setup_teardown(test_garbage, rpc_setup, rpc_teardown),
		cmocka_unit_test_setup_teardown(test_crowd, rpc_setup, rpc_teardown),
		cmocka_unit_test_setup_teardown(test_paths, rpc_setup, rpc_teardown),
		cmocka_unit_test_setup_teardown(test_targets, rpc_setup, rpc_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
