// SPDX-License-Identifier: Apache-2.0
#include "ipc/socket.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"

int mz_socket_address(const char *path, struct sockaddr_un *ret_address)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t length = strlen(path);

	if (length == 0)
		return -EINVAL;
	if (length >= sizeof(address.sun_path))
		return -ENAMETOOLONG;

	memcpy(address.sun_path, path, length);
	*ret_address = address;
	return 0;
}

/* 1: somebody listens; 0: nobody; -errno: cannot be told. */
static int is_answered(const struct sockaddr_un *address)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
		return 1;
	if (errno == EAGAIN) /* alive, and its backlog is full */
		return 1;

	return errno == ECONNREFUSED || errno == ENOENT ? 0 : -errno;
}

/* Removes what a server left behind; nothing that is alive or no socket. */
static int remove_stale(const struct sockaddr_un *address)
{
	struct stat st;
	int r;

	if (lstat(address->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;

	r = is_answered(address);
	if (r != 0)
		return r > 0 ? -EADDRINUSE : r;

	return unlink(address->sun_path) < 0 && errno != ENOENT ? -errno : 0;
}

int mz_socket_claim(const char *path)
{
	_cleanup_close_ int fd = -1;
	struct sockaddr_un address;
	int r;

	r = mz_socket_address(path, &address);
	if (r < 0)
		return r;

	r = remove_stale(&address);
	if (r < 0)
		return r;

	/* A trial, since gRPC's own bind says only that it failed, and not why. */
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;

	return unlink(path) < 0 ? -errno : 0;
}

mode_t mz_socket_private_begin(void)
{
	return umask(S_IXUSR | S_IRWXG | S_IRWXO);
}

void mz_socket_private_end(mode_t saved)
{
	umask(saved);
}
