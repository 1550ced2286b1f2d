/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Named network namespaces, as `ip netns` makes and finds them: a file below /run/netns with the
 * namespace mounted on it. The directory is a shared mount, so that a name made in one mount
 * namespace is removed from all.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "lab/internal.h"
#include "netlink/link.h"
#include "netlink/namespace.h"

static int share_root(void)
{
	if (mkdir(MZ_NETNS_ROOT, 0755) < 0 && errno != EEXIST)
		return -errno;
	if (mount("", MZ_NETNS_ROOT, "none", MS_SHARED | MS_REC, NULL) == 0)
		return 0;
	/* EINVAL: it is no mount yet. */
	if (errno != EINVAL ||
	    mount(MZ_NETNS_ROOT, MZ_NETNS_ROOT, "none", MS_BIND | MS_REC, NULL) < 0 ||
	    mount("", MZ_NETNS_ROOT, "none", MS_SHARED | MS_REC, NULL) < 0)
		return -errno;
	return 0;
}

static int mount_new(const char *path)
{
	_cleanup_close_ int own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	int r = 0;

	if (own < 0)
		return -errno;
	if (unshare(CLONE_NEWNET) < 0)
		return -errno;
	if (mount("/proc/thread-self/ns/net", path, "none", MS_BIND, NULL) < 0)
		r = -errno;
	if (setns(own, CLONE_NEWNET) < 0)
		abort(); /* going on in the wrong namespace would be worse */
	return r;
}

static int up_loopback(const char *path)
{
	_cleanup_(mz_netlink_freep) struct mz_netlink *nl = NULL;
	_cleanup_close_ int fd = -1;
	struct mz_link lo;
	int r;

	r = mz_netns_open(path, &fd);
	if (!r)
		r = mz_netlink_open_at(fd, &nl);
	if (!r)
		r = mz_link_by_name(nl, "lo", &lo);
	if (!r)
		r = mz_link_change(nl, lo.ifindex, &(struct mz_link_change){ .up = 1 });
	return r;
}

int mz_lab_netns_add(const char *path)
{
	_cleanup_close_ int fd = -1;
	int r;

	if (mz_netns_open(path, &fd) == 0)
		return up_loopback(path);
	r = share_root();
	if (r < 0)
		return r;
	fd = open(path, O_RDONLY | O_CREAT | O_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	r = mount_new(path);
	if (!r)
		r = up_loopback(path);
	if (r < 0)
		(void)mz_lab_netns_remove(path); /* the first error is the one to tell */
	return r;
}

int mz_lab_netns_remove(const char *path)
{
	if (umount2(path, MNT_DETACH) < 0 && errno != EINVAL && errno != ENOENT)
		return -errno;
	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	return 0;
}
