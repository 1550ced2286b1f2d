// SPDX-License-Identifier: Apache-2.0
/*
 * The client's side: one connection a call, blocking up to a deadline. No event loop, so that a
 * program that asks one thing starts in no time.
 */
#include "ipc/ipc.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "ipc/frame.h"
#include "ipc/socket.h"
#include "ipc/unpack.h"

#define RETRY_MS 10

static int64_t now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts); /* always there */
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

static int wait_for(int fd, short events, int64_t deadline_ms)
{
	for (;;) {
		struct pollfd pfd = { .fd = fd, .events = events };
		int64_t left = deadline_ms - now_ms();
		int r;

		if (left <= 0)
			return -ETIMEDOUT;
		r = poll(&pfd, 1, (int)left);
		if (r > 0)
			return 0;
		if (r < 0 && errno != EINTR)
			return -errno;
	}
}

static int connect_to(const char *path, int64_t deadline_ms, int *ret_fd)
{
	_cleanup_close_ int fd = -1;
	struct sockaddr_un address;
	int r;

	r = mz_socket_address(path, &address);
	if (r < 0)
		return r;

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;

	while (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		/* The backlog is full, and poll(2) does not tell when it no longer is. */
		if (now_ms() + RETRY_MS > deadline_ms)
			return -ETIMEDOUT;
		(void)poll(NULL, 0, RETRY_MS); /* woken early: tried early */
	}

	*ret_fd = TAKE_FD(fd);
	return 0;
}

static int send_all(int fd, const uint8_t *data, size_t size, int64_t deadline_ms)
{
	while (size > 0) {
		ssize_t n = send(fd, data, size, MSG_NOSIGNAL);
		int r;

		if (n >= 0) {
			data += n;
			size -= (size_t)n;
			continue;
		}
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		r = wait_for(fd, POLLOUT, deadline_ms);
		if (r < 0)
			return r;
	}

	return 0;
}

/* -ECONNRESET: ended before. */
static int recv_all(int fd, uint8_t *data, size_t size, int64_t deadline_ms)
{
	while (size > 0) {
		ssize_t n = recv(fd, data, size, 0);
		int r;

		if (n == 0)
			return -ECONNRESET;
		if (n > 0) {
			data += n;
			size -= (size_t)n;
			continue;
		}
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		r = wait_for(fd, POLLIN, deadline_ms);
		if (r < 0)
			return r;
	}

	return 0;
}

static int recv_response(int fd, int64_t deadline_ms, Mizar__V1__LocalResponse **ret_response)
{
	uint8_t header[MZ_IPC_HEADER_SIZE];
	_cleanup_free_ uint8_t *data = NULL;
	ProtobufCMessage *message;
	size_t size;
	int r;

	r = recv_all(fd, header, sizeof(header), deadline_ms);
	if (r < 0)
		return r;

	r = mz_ipc_frame_size(header, sizeof(header), &size);
	if (r < 0)
		return -EPROTO;

	size -= MZ_IPC_HEADER_SIZE;
	data = malloc(size + 1); /* an empty response is one, too */
	if (!data)
		return -ENOMEM;

	r = recv_all(fd, data, size, deadline_ms);
	if (r < 0)
		return r;

	message = mz_message_unpack(&mizar__v1__local_response__descriptor, data, size);
	if (!message)
		return -EPROTO;

	*ret_response = (Mizar__V1__LocalResponse *)message;
	return 0;
}

int mz_ipc_call(const char *path, const Mizar__V1__LocalRequest *request, int timeout_ms,
		Mizar__V1__LocalResponse **ret_response)
{
	int64_t deadline_ms = now_ms() + timeout_ms;
	_cleanup_free_ uint8_t *data = NULL;
	_cleanup_close_ int fd = -1;
	size_t size;
	int r;

	r = mz_ipc_frame_pack(&request->base, &data, &size);
	if (r < 0)
		return r;

	r = connect_to(path, deadline_ms, &fd);
	if (r < 0)
		return r;

	/* A server that hung up on us may have said why. */
	r = send_all(fd, data, size, deadline_ms);
	if (r < 0 && r != -EPIPE && r != -ECONNRESET)
		return r;

	return recv_response(fd, deadline_ms, ret_response);
}
