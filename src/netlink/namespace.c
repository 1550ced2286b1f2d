// SPDX-License-Identifier: Apache-2.0
#include "netlink/namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <linux/nsfs.h>

#include "base/cleanup.h"
#include "base/log.h"

#define OWN_NAMESPACE "/proc/thread-self/ns/net"

int mz_netns_open(const char *path, int *ret_fd)
{
	_cleanup_close_ int fd = -1;
	int type;

	/* Not blocking: the path is a client's word, and might be a FIFO. */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	type = ioctl(fd, NS_GET_NSTYPE);
	if (type != CLONE_NEWNET)
		return -ENOTTY;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int mz_netns_call(int netns_fd, int (*fn)(void *user), void *user)
{
	_cleanup_close_ int own = open(OWN_NAMESPACE, O_RDONLY | O_CLOEXEC);
	int r;

	if (own < 0)
		return -errno;
	if (setns(netns_fd, CLONE_NEWNET) < 0)
		return -errno;
	r = fn(user);
	if (setns(own, CLONE_NEWNET) < 0) {
		/* Going on in a stranger's namespace would be worse than dying. */
		mz_log_err("network namespace: cannot return to the own one: %s", strerror(errno));
		abort();
	}
	return r;
}

int mz_netns_is_own(int netns_fd)
{
	struct stat own, other;

	if (stat(OWN_NAMESPACE, &own) < 0 || fstat(netns_fd, &other) < 0)
		return -errno;
	return own.st_dev == other.st_dev && own.st_ino == other.st_ino;
}
