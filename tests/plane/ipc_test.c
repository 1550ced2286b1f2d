// SPDX-License-Identifier: Apache-2.0
/*
 * mizard's local socket: a real server on a loop of its own thread, and clients that behave,
 * dawdle, lie about lengths and leave.
 */
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cmocka.h>

#include "ipc/frame.h"
#include "ipc/ipc.h"

#define TIMEOUT_MS 5000
#define BIG	   (3U << 20)

struct fixture {
	char dir[64], path[80];
	uv_thread_t thread;
	uv_loop_t loop;
	uv_async_t stop;
	uv_sem_t ready;
	uv_timer_t later;
	struct mz_ipc_request *deferred;
	struct mz_ipc_server *server;
	int r;
};

static void reply_version(struct mz_ipc_request *request, const char *text)
{
	Mizar__V1__LocalResponse response = MIZAR__V1__LOCAL_RESPONSE__INIT;
	Mizar__V1__LocalStatus status = MIZAR__V1__LOCAL_STATUS__INIT;

	status.version = (char *)text;
	response.status = &status;
	mz_ipc_reply(request, &response);
}

static void on_later(uv_timer_t *timer)
{
	struct fixture *f = timer->data;

	reply_version(TAKE(f->deferred), "later");
}

/* status: at once; attach: the name comes back; detach: 100 ms later. */
static void on_request(struct mz_ipc_request *request, const Mizar__V1__LocalRequest *message,
		       void *user)
{
	struct fixture *f = user;

	switch (message->request_case) {
	case MIZAR__V1__LOCAL_REQUEST__REQUEST_ATTACH:
		reply_version(request, message->attach->name);
		break;
	case MIZAR__V1__LOCAL_REQUEST__REQUEST_DETACH:
		assert_null(f->deferred);
		f->deferred = request;
		uv_timer_start(&f->later, on_later, 100, 0);
		break;
	default:
		reply_version(request, "now");
	}
}

static void on_stop(uv_async_t *async)
{
	struct fixture *f = async->data;

	mz_ipc_server_free(f->server);
	uv_close((uv_handle_t *)&f->stop, NULL);
	uv_close((uv_handle_t *)&f->later, NULL);
}

static void serve(void *arg)
{
	struct fixture *f = arg;

	uv_loop_init(&f->loop);
	uv_async_init(&f->loop, &f->stop, on_stop);
	uv_timer_init(&f->loop, &f->later);
	f->stop.data = f;
	f->later.data = f;
	f->r = mz_ipc_server_new(&f->loop, f->path, on_request, f, &f->server);
	uv_sem_post(&f->ready);
	uv_run(&f->loop, UV_RUN_DEFAULT);
	if (f->deferred)
		reply_version(f->deferred, "the server is gone");
	assert_int_equal(uv_loop_close(&f->loop), 0);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->dir, "/tmp/mizar-ipc-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/sock", f->dir);
	uv_sem_init(&f->ready, 0);
	uv_thread_create(&f->thread, serve, f);
	uv_sem_wait(&f->ready);
	assert_int_equal(f->r, 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	uv_async_send(&f->stop);
	uv_thread_join(&f->thread);
	uv_sem_destroy(&f->ready);
	assert_int_equal(access(f->path, F_OK), -1);
	assert_int_equal(rmdir(f->dir), 0);
	free(f);
	return 0;
}

static void init_status(Mizar__V1__LocalRequest *request, Mizar__V1__LocalStatusRequest *status)
{
	mizar__v1__local_request__init(request);
	mizar__v1__local_status_request__init(status);
	request->request_case = MIZAR__V1__LOCAL_REQUEST__REQUEST_STATUS;
	request->status = status;
}

/* Still serves others, whatever was done to it. */
static void assert_serves(struct fixture *f)
{
	Mizar__V1__LocalStatusRequest status;
	Mizar__V1__LocalRequest request;
	Mizar__V1__LocalResponse *response = NULL;

	init_status(&request, &status);
	assert_int_equal(mz_ipc_call(f->path, &request, TIMEOUT_MS, &response), 0);
	assert_string_equal(response->status->version, "now");
	mizar__v1__local_response__free_unpacked(response, NULL);
}

static int raw_connect(struct fixture *f)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strcpy(address.sun_path, f->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* The response that comes next; NULL: the server hung up. */
static Mizar__V1__LocalResponse *raw_response(int fd)
{
	uint8_t data[4096];
	size_t size;

	if (recv(fd, data, MZ_IPC_HEADER_SIZE, MSG_WAITALL) != MZ_IPC_HEADER_SIZE)
		return NULL;
	assert_int_equal(mz_ipc_frame_size(data, MZ_IPC_HEADER_SIZE, &size), 1);
	size -= MZ_IPC_HEADER_SIZE;
	assert_true(size <= sizeof(data));
	assert_int_equal(recv(fd, data, size, MSG_WAITALL), size);
	return mizar__v1__local_response__unpack(NULL, size, data);
}

static void assert_refused(int fd, int error)
{
	Mizar__V1__LocalResponse *response = raw_response(fd);

	assert_non_null(response);
	assert_int_equal(response->error, error);
	assert_non_null(response->message);
	mizar__v1__local_response__free_unpacked(response, NULL);
	assert_null(raw_response(fd));
	close(fd);
}

static void test_call(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	assert_int_equal(stat(f->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_serves(f);
}

static void test_big(void **state)
{
	struct fixture *f = *state;
	Mizar__V1__LocalRequest request = MIZAR__V1__LOCAL_REQUEST__INIT;
	Mizar__V1__LocalAttach attach = MIZAR__V1__LOCAL_ATTACH__INIT;
	Mizar__V1__LocalResponse *response = NULL;
	char *name = malloc(MZ_IPC_MAX + 1);

	memset(name, 'x', MZ_IPC_MAX);
	name[BIG] = '\0';
	attach.name = name;
	request.request_case = MIZAR__V1__LOCAL_REQUEST__REQUEST_ATTACH;
	request.attach = &attach;
	assert_int_equal(mz_ipc_call(f->path, &request, TIMEOUT_MS, &response), 0);
	assert_string_equal(response->status->version, name);
	mizar__v1__local_response__free_unpacked(response, NULL);

	name[BIG] = 'x';
	name[MZ_IPC_MAX] = '\0';
	assert_int_equal(mz_ipc_call(f->path, &request, TIMEOUT_MS, &response), -EMSGSIZE);
	free(name);
}

static void test_deferred(void **state)
{
	struct fixture *f = *state;
	Mizar__V1__LocalRequest request = MIZAR__V1__LOCAL_REQUEST__INIT;
	Mizar__V1__LocalDetach detach = MIZAR__V1__LOCAL_DETACH__INIT;
	Mizar__V1__LocalResponse *response = NULL;

	request.request_case = MIZAR__V1__LOCAL_REQUEST__REQUEST_DETACH;
	request.detach = &detach;
	assert_int_equal(mz_ipc_call(f->path, &request, 20, &response), -ETIMEDOUT);
	assert_null(response);
	poll(NULL, 0, 200); /* the answer to nobody */
	assert_int_equal(mz_ipc_call(f->path, &request, TIMEOUT_MS, &response), 0);
	assert_string_equal(response->status->version, "later");
	mizar__v1__local_response__free_unpacked(response, NULL);
}

/* The server is freed while a handler still has a request (see serve()). */
static void test_freed_before_reply(void **state)
{
	struct fixture *f = *state;
	Mizar__V1__LocalRequest request = MIZAR__V1__LOCAL_REQUEST__INIT;
	Mizar__V1__LocalDetach detach = MIZAR__V1__LOCAL_DETACH__INIT;
	Mizar__V1__LocalResponse *response = NULL;

	request.request_case = MIZAR__V1__LOCAL_REQUEST__REQUEST_DETACH;
	request.detach = &detach;
	assert_int_equal(mz_ipc_call(f->path, &request, 20, &response), -ETIMEDOUT);
}

/* Requests in one piece, and then byte by byte: the answers come in order. */
static void test_pipelined(void **state)
{
	struct fixture *f = *state;
	Mizar__V1__LocalAttach attach = MIZAR__V1__LOCAL_ATTACH__INIT;
	Mizar__V1__LocalRequest request = MIZAR__V1__LOCAL_REQUEST__INIT;
	uint8_t stream[4096], *frame;
	size_t size = 0, frame_size;
	int fd = raw_connect(f);

	request.request_case = MIZAR__V1__LOCAL_REQUEST__REQUEST_ATTACH;
	request.attach = &attach;
	for (int i = 0; i < 16; i++) {
		char name[8];

		snprintf(name, sizeof(name), "n%d", i);
		attach.name = name;
		assert_int_equal(mz_ipc_frame_pack(&request.base, &frame, &frame_size), 0);
		memcpy(stream + size, frame, frame_size);
		size += frame_size;
		free(frame);
	}

	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < size; i += round ? 1 : size)
			assert_true(send(fd, stream + i, round ? 1 : size, 0) > 0);
		for (int i = 0; i < 16; i++) {
			Mizar__V1__LocalResponse *response = raw_response(fd);
			char name[8];

			snprintf(name, sizeof(name), "n%d", i);
			assert_string_equal(response->status->version, name);
			mizar__v1__local_response__free_unpacked(response, NULL);
		}
	}
	close(fd);
}

static void test_truncated(void **state)
{
	struct fixture *f = *state;
	Mizar__V1__LocalAttach attach = MIZAR__V1__LOCAL_ATTACH__INIT;
	Mizar__V1__LocalRequest request = MIZAR__V1__LOCAL_REQUEST__INIT;
	uint8_t *frame;
	size_t size;

	attach.name = (char *)"web-1";
	request.request_case = MIZAR__V1__LOCAL_REQUEST__REQUEST_ATTACH;
	request.attach = &attach;
	assert_int_equal(mz_ipc_frame_pack(&request.base, &frame, &size), 0);
	for (size_t n = 0; n < size; n++) {
		int fd = raw_connect(f);

		if (n > 0)
			assert_int_equal(send(fd, frame, n, 0), n);
		shutdown(fd, SHUT_WR);
		assert_null(raw_response(fd));
		close(fd);
	}
	free(frame);
	assert_serves(f);
}

static void test_garbage(void **state)
{
	struct fixture *f = *state;
	static const uint8_t lies[] = { 0xff, 0xff, 0xff, 0xff, 1, 2, 3 };
	static const uint8_t over[] = { 0x00, 0x40, 0x00, 0x01 }; /* MZ_IPC_MAX + 1 */
	static const uint8_t junk[] = { 0, 0, 0, 4, 0x0a, 0x7f, 0x00, 0x00 };
	int fd;

	fd = raw_connect(f);
	send(fd, lies, sizeof(lies), 0);
	assert_refused(fd, EMSGSIZE);

	fd = raw_connect(f);
	send(fd, over, sizeof(over), 0);
	assert_refused(fd, EMSGSIZE);

	fd = raw_connect(f);
	send(fd, junk, sizeof(junk), 0);
	assert_refused(fd, EPROTO);
	assert_serves(f);
}

/*
 * 4 MiB of empty rows: two bytes each on the wire, fifty in memory. Within the message limit, and
 * must not cost the server a gigabyte.
 */
static void test_amplified(void **state)
{
	struct fixture *f = *state;
	size_t length = MZ_IPC_MAX;
	uint8_t *data = calloc(1, MZ_IPC_HEADER_SIZE + length);
	uint8_t *p = data + MZ_IPC_HEADER_SIZE;
	size_t rows = (length - 5) / 2 * 2, sent = 0;
	int fd = raw_connect(f);

	length = rows + 5;
	data[0] = (uint8_t)(length >> 24), data[1] = (uint8_t)(length >> 16);
	data[2] = (uint8_t)(length >> 8), data[3] = (uint8_t)length;
	*p++ = 4 << 3 | 2; /* set, a LocalRowChange */
	for (int i = 0; i < 4; i++)
		*p++ = (uint8_t)((rows >> 7 * i & 0x7f) | (i < 3 ? 0x80 : 0));
	for (size_t i = 0; i < rows; i += 2)
		p[i] = 1 << 3 | 2; /* an empty Row */

	while (sent < MZ_IPC_HEADER_SIZE + length) {
		ssize_t n = send(fd, data + sent, MZ_IPC_HEADER_SIZE + length - sent, 0);

		assert_true(n > 0);
		sent += (size_t)n;
	}
	assert_refused(fd, EPROTO);
	free(data);
	assert_serves(f);
}

/* More half-open clients than places: the next ones wait, and are served as places become free. */
static void test_crowd(void **state)
{
	struct fixture *f = *state;
	Mizar__V1__LocalStatusRequest status;
	Mizar__V1__LocalRequest request;
	Mizar__V1__LocalResponse *response = NULL;
	int fds[64];

	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = raw_connect(f);
		assert_int_equal(send(fds[i], "\0\0", 2, 0), 2);
	}
	poll(NULL, 0, 100);
	init_status(&request, &status);
	assert_int_equal(mz_ipc_call(f->path, &request, 100, &response), -ETIMEDOUT);
	close(fds[0]);
	assert_serves(f);
	for (size_t i = 1; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
}

static void test_path_taken(void **state)
{
	struct fixture *f = *state;
	struct mz_ipc_server *server = NULL;
	uv_loop_t loop;
	char path[200];
	FILE *file;

	uv_loop_init(&loop);
	assert_int_equal(mz_ipc_server_new(&loop, f->path, on_request, f, &server), -EADDRINUSE);
	assert_serves(f);

	snprintf(path, sizeof(path), "%s/file", f->dir);
	file = fopen(path, "w");
	fclose(file);
	assert_int_equal(mz_ipc_server_new(&loop, path, on_request, f, &server), -EEXIST);
	assert_int_equal(unlink(path), 0);

	snprintf(path, sizeof(path), "%s/none/sock", f->dir);
	assert_int_equal(mz_ipc_server_new(&loop, path, on_request, f, &server), -ENOENT);
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(mz_ipc_server_new(&loop, path, on_request, f, &server), -ENAMETOOLONG);
	assert_null(server);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
}

/* A socket that a killed server left behind is replaced. */
static void test_stale(void **state)
{
	struct fixture *f = *state;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct mz_ipc_server *server = NULL;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	uv_loop_t loop;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/stale", f->dir);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);

	uv_loop_init(&loop);
	assert_int_equal(mz_ipc_server_new(&loop, address.sun_path, on_request, f, &server), 0);
	mz_ipc_server_free(server);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
}

static void test_no_server(void **state)
{
	struct fixture *f = *state;
	Mizar__V1__LocalStatusRequest status;
	Mizar__V1__LocalRequest request;
	Mizar__V1__LocalResponse *response = NULL;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	init_status(&request, &status);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/other", f->dir);
	assert_int_equal(mz_ipc_call(address.sun_path, &request, 100, &response), -ENOENT);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(mz_ipc_call(address.sun_path, &request, 100, &response), -ECONNREFUSED);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(mz_ipc_call(address.sun_path, &request, 100, &response), -ETIMEDOUT);
	unlink(address.sun_path);
	close(fd);
}

/* What a server may answer that is none. */
static void answer(void *arg)
{
	struct {
		int fd;
		const void *data;
		size_t size;
	} *a = arg;
	char request[64];
	int fd = accept(a->fd, NULL, NULL);

	assert_true(recv(fd, request, sizeof(request), 0) > 0);
	assert_int_equal(send(fd, a->data, a->size, MSG_NOSIGNAL), a->size);
	close(fd);
}

static void test_bad_answers(void **state)
{
	struct fixture *f = *state;
	static const struct {
		const char *data;
		size_t size;
		int r;
	} cases[] = {
		{ "", 0, -ECONNRESET },
		{ "\0\0\0", 3, -ECONNRESET },
		{ "\0\0\0\4\1", 5, -ECONNRESET },
		{ "\xff\xff\xff\xff", 4, -EPROTO },
		{ "\0\0\0\2\x12\x7f", 6, -EPROTO },
	};
	Mizar__V1__LocalStatusRequest status;
	Mizar__V1__LocalRequest request;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	init_status(&request, &status);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/bad", f->dir);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		Mizar__V1__LocalResponse *response = NULL;
		struct {
			int fd;
			const void *data;
			size_t size;
		} arg = { fd, cases[i].data, cases[i].size };
		uv_thread_t thread;

		uv_thread_create(&thread, answer, &arg);
		assert_int_equal(mz_ipc_call(address.sun_path, &request, TIMEOUT_MS, &response),
				 cases[i].r);
		assert_null(response);
		uv_thread_join(&thread);
	}
	unlink(address.sun_path);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_call, setup, teardown),
		cmocka_unit_test_setup_teardown(test_big, setup, teardown),
		cmocka_unit_test_setup_teardown(test_deferred, setup, teardown),
		cmocka_unit_test_setup_teardown(test_freed_before_reply, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pipelined, setup, teardown),
		cmocka_unit_test_setup_teardown(test_truncated, setup, teardown),
		cmocka_unit_test_setup_teardown(test_garbage, setup, teardown),
		cmocka_unit_test_setup_teardown(test_amplified, setup, teardown),
		cmocka_unit_test_setup_teardown(test_crowd, setup, teardown),
		cmocka_unit_test_setup_teardown(test_path_taken, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stale, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_server, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_answers, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
