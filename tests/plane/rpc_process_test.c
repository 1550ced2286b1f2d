// SPDX-License-Identifier: Apache-2.0
/*
 * src/rpc between processes that die or freeze: the test runs itself again as server or client, and
 * kills (SIGKILL) or stops (SIGSTOP) that process.
 */
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "rpc_common.h"

extern char **environ;

static pid_t spawn(const char *role)
{
	char *argv[] = { (char *)"rpc_process_test", (char *)role, (char *)rpc_path("sock"), NULL };
	pid_t pid;

	assert_int_equal(posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, environ), 0);
	return pid;
}

static void kill_peer(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

struct chat {
	bool is_closed, is_answered;
	enum mz_rpc_code code;
};

static void on_message(struct mz_rpc_stream *stream, const ProtobufCMessage *message, void *user)
{
	((struct chat *)user)->is_answered = true;
}

static void on_close(struct mz_rpc_stream *stream, enum mz_rpc_code code, const char *message,
		     void *user)
{
	struct chat *chat = user;

	chat->is_closed = true;
	chat->code = code;
}

/* An open stream on which one message has come back; tries until the server is there. */
static void open_chat(struct mz_rpc_client *client, struct chat *chat)
{
	static const struct mz_rpc_stream_ops ops = { on_message, on_close };
	Mizar__V1__Ack ack = MIZAR__V1__ACK__INIT;
	struct mz_rpc_stream *stream;

	ack.has_revision = true;
	ack.revision = 1;
	for (;;) {
		*chat = (struct chat){ 0 };
		assert_int_equal(mz_rpc_stream_open(client, "/test/Chat", NULL,
						    &mizar__v1__nack__descriptor, &ops, chat,
						    &stream),
				 0);
		assert_int_equal(mz_rpc_stream_send(stream, &ack.base), 0);
		while (!chat->is_answered && !chat->is_closed)
			uv_run(loop, UV_RUN_ONCE);
		if (chat->is_answered)
			return;
		run_for(20);
	}
}

static void test_server_killed(void **state)
{
	pid_t pid = spawn("serve");
	struct mz_rpc_client *client = unix_client();
	struct chat chat;
	uint64_t before;

	open_chat(client, &chat);
	kill_peer(pid);
	before = uv_hrtime();
	run_until(&chat.is_closed);
	assert_int_equal(chat.code, MZ_RPC_UNAVAILABLE);
	assert_in_range((uv_hrtime() - before) / 1000000, 0, 1000);

	/* Its successor takes the stale socket over, and the same client finds it. */
	pid = spawn("serve");
	before = uv_hrtime();
	open_chat(client, &chat);
	assert_in_range((uv_hrtime() - before) / 1000000, 0, 4000);
	kill_peer(pid);
	mz_rpc_client_free(client);
}

/* No packet says that it is gone: the pings do. */
static void test_server_frozen(void **state)
{
	pid_t pid = spawn("serve");
	struct mz_rpc_client *client = unix_client();
	struct chat chat;
	uint64_t before;

	open_chat(client, &chat);
	assert_int_equal(kill(pid, SIGSTOP), 0);
	before = uv_hrtime();
	run_until(&chat.is_closed);
	assert_int_equal(chat.code, MZ_RPC_UNAVAILABLE);
	assert_in_range((uv_hrtime() - before) / 1000000, 2000, 9500);
	mz_rpc_client_free(client);
	kill_peer(pid);
}

static void assert_client_noticed(int signal, uint64_t max_ms)
{
	struct service service;
	uint64_t before;
	pid_t pid;

	service_listen_unix(&service);
	pid = spawn("chat");
	while (service.n_received == 0)
		uv_run(loop, UV_RUN_ONCE);
	assert_int_equal(kill(pid, signal), 0);
	before = uv_hrtime();
	while (service.n_closed == 0 && (uv_hrtime() - before) / 1000000 < max_ms)
		run_for(10);
	assert_int_equal(service.n_closed, 1);
	assert_int_equal(service.n_half_closed, 0);
	kill_peer(pid);
	service_fini(&service);
}

static void test_client_killed(void **state)
{
	assert_client_noticed(SIGKILL, 1000);
}

static void test_client_frozen(void **state)
{
	assert_client_noticed(SIGSTOP, 9500);
}

/* What the two roles do; they never end by themselves. */
static int play(const char *role, const char *path)
{
	struct service service;
	struct mz_rpc_client *client;
	struct chat chat;
	char target[120];

	loop = uv_default_loop();
	if (mz_rpc_new(loop, &rpc) < 0)
		return 1;

	if (strcmp(role, "serve") == 0) {
		service_new(&service);
		if (mz_rpc_server_listen_unix(service.server, path) < 0)
			return 1;
		(void)mz_rpc_server_start(service.server); /* always 0 */
	} else {
		snprintf(target, sizeof(target), "unix:%s", path);
		if (mz_rpc_client_new(rpc, target, NULL, NULL, &client) < 0)
			return 1;
		open_chat(client, &chat);
	}
	uv_run(loop, UV_RUN_DEFAULT);
	return 1;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_server_killed, rpc_setup, rpc_teardown),
		cmocka_unit_test_setup_teardown(test_server_frozen, rpc_setup, rpc_teardown),
		cmocka_unit_test_setup_teardown(test_client_killed, rpc_setup, rpc_teardown),
		cmocka_unit_test_setup_teardown(test_client_frozen, rpc_setup, rpc_teardown),
	};

	if (argc == 3)
		return play(argv[1], argv[2]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
