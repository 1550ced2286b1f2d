// SPDX-License-Identifier: Apache-2.0
/*
 * mizard's local socket. A real server, to which a client sends anything in pieces of any size, and
 * a real client, to which a server sends anything. The first byte chooses, and says how many
 * pieces.
 */
#include "fuzz.h"

#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ipc/ipc.h"
#include "ipc/socket.h"

#define ROUNDS	   64
#define TIMEOUT_MS 2000

static uv_loop_t loop;
static char server_path[128], client_path[128];
static int listener = -1;

/* Every request is answered, with what it asked. */
static void on_request(struct mz_ipc_request *request, const Mizar__V1__LocalRequest *message,
		       void *user)
{
	Mizar__V1__LocalResponse response = MIZAR__V1__LOCAL_RESPONSE__INIT;

	REQUIRE(!message->base.n_unknown_fields || message->base.unknown_fields);
	if (message->request_case == MIZAR__V1__LOCAL_REQUEST__REQUEST_ATTACH)
		response.message = message->attach->name;
	response.has_error = true;
	response.error = message->request_case;
	mz_ipc_reply(request, &response);
}

static int connect_to(const char *path)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address;

	REQUIRE(fd >= 0);
	REQUIRE(mz_socket_address(path, &address) == 0);
	REQUIRE(connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
	return fd;
}

static void to_server(struct input input, unsigned int n_pieces)
{
	struct mz_ipc_server *server = NULL;
	size_t piece = input.size / (n_pieces + 1) + 1;
	char answer[4096];
	int fd;

	REQUIRE(mz_ipc_server_new(&loop, server_path, on_request, NULL, &server) == 0);
	fd = connect_to(server_path);
	while (input.size) {
		struct input part = take(&input, piece);

		if (send(fd, part.data, part.size, MSG_NOSIGNAL) < 0)
			break; /* it hung up on us */
		(void)uv_run(&loop, UV_RUN_NOWAIT);
		(void)!read(fd, answer, sizeof(answer));
	}
	(void)shutdown(fd, SHUT_WR);
	for (int i = 0; i < ROUNDS && uv_run(&loop, UV_RUN_NOWAIT); i++)
		if (read(fd, answer, sizeof(answer)) == 0)
			break;
	(void)close(fd);
	mz_ipc_server_free(server);
	REQUIRE(uv_run(&loop, UV_RUN_DEFAULT) == 0);
}

static void *answer_client(void *user)
{
	struct input input = *(struct input *)user;
	int fd = accept(listener, NULL, NULL);
	char request[256];

	REQUIRE(fd >= 0);
	(void)!read(fd, request, sizeof(request));
	while (input.size) {
		ssize_t n = send(fd, input.data, input.size, MSG_NOSIGNAL);

		if (n <= 0)
			break;
		(void)take(&input, n);
	}
	(void)close(fd);
	return NULL;
}

static void to_client(struct input input)
{
	Mizar__V1__LocalStatusRequest status = MIZAR__V1__LOCAL_STATUS_REQUEST__INIT;
	Mizar__V1__LocalRequest request = MIZAR__V1__LOCAL_REQUEST__INIT;
	Mizar__V1__LocalResponse *response = NULL;
	pthread_t thread;
	int r;

	request.request_case = MIZAR__V1__LOCAL_REQUEST__REQUEST_STATUS;
	request.status = &status;
	REQUIRE(pthread_create(&thread, NULL, answer_client, &input) == 0);
	r = mz_ipc_call(client_path, &request, TIMEOUT_MS, &response);
	REQUIRE(pthread_join(thread, NULL) == 0);
	REQUIRE((r == 0) == !!response);
	if (response)
		mizar__v1__local_response__free_unpacked(response, NULL);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct sockaddr_un address;

	(void)snprintf(server_path, sizeof(server_path), "%s/server", own_directory());
	(void)snprintf(client_path, sizeof(client_path), "%s/client", own_directory());
	REQUIRE(uv_loop_init(&loop) == 0);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	REQUIRE(mz_socket_address(client_path, &address) == 0);
	REQUIRE(bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0);
	REQUIRE(listen(listener, 4) == 0);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	uint8_t how = take_byte(&input);

	if (how & 1)
		to_client(input);
	else
		to_server(input, how / 2);
	return 0;
}
