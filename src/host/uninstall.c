// SPDX-License-Identifier: Apache-2.0
/*
 * The end of a host's data plane: endpoints' devices go down first, as without their agents the
 * endpoints would talk to the host's own stack (another mizard brings them up again); then
 * attachments, so that no packet meets half of it, then every pin by name, as other mount
 * namespaces may have the bpffs mounted too, then the mount.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <linux/magic.h>

#include "host/attach.h"
#include "host/device.h"
#include "host/gro.h"
#include "host/program.h"
#include "netlink/neighbour.h"

static void closedirp(DIR **dir)
{
	if (*dir)
		(void)closedir(*dir); /* opened for reading only */
}

/* Empties a directory, one level of folders deep: more we never make. */
static int empty_dir(int parent_fd, const char *name, int depth)
{
	int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	_cleanup_(closedirp) DIR *dir = NULL;
	struct dirent *entry;
	int r = 0;

	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (!dir) {
		(void)close(fd); /* opened for reading only */
		return -errno;
	}
	while (r == 0 && (entry = readdir(dir))) {
		bool is_dir = entry->d_type == DT_DIR;

		/* No pin has a dot in its name: "maps.debug" and "progs.debug" are the kernel's. */
		if (strchr(entry->d_name, '.'))
			continue;
		if (is_dir && depth)
			r = empty_dir(fd, entry->d_name, depth - 1);
		if (r == 0 && unlinkat(fd, entry->d_name, is_dir ? AT_REMOVEDIR : 0) < 0 &&
		    errno != ENOENT)
			r = -errno;
	}
	return r;
}

static bool is_bpffs(const char *path)
{
	struct statfs fs;

	return !statfs(path, &fs) && fs.f_type == BPF_FS_MAGIC;
}

/* Held while pins go, so that no mizard starts in between; -EBUSY: one is running. */
static int take_lock(const char *dir, int *ret_fd)
{
	_cleanup_close_ int fd = -1;
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/lock", dir);

	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EBUSY : -errno;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static int take_down(uint64_t uid, const struct mz_device *device, void *user)
{
	int r = mz_device_down(device->ifindex);

	return r == -ENODEV ? 0 : r;
}

struct managed {
	int ifindex;
	struct mz_addr addr;
};

static int find_managed(const struct mz_neighbour *neighbour, void *user)
{
	struct managed *found = user;

	if (neighbour->is_ours && neighbour->is_managed)
		*found = (struct managed){ neighbour->ifindex, neighbour->addr };
	return 0;
}

/* One a round, until none is left: the kernel need not look after them any more. */
static int release_neighbours(void)
{
	_cleanup_(mz_netlink_freep) struct mz_netlink *nl = NULL;
	struct managed found;
	int r = mz_netlink_open(&nl);

	while (r == 0) {
		found.ifindex = 0;
		r = mz_neighbour_each(nl, find_managed, &found);
		if (r == -EINTR) { /* they changed meanwhile */
			r = 0;
			continue;
		}
		if (r == 0 && !found.ifindex)
			break;
		if (r == 0)
			r = mz_neighbour_use(nl, found.ifindex, &found.addr);
	}
	return r;
}

int mz_programs_uninstall(const char *dir)
{
	_cleanup_close_ int lock_fd = -1;
	char bpf_dir[PATH_MAX];
	int n, r;

	n = snprintf(bpf_dir, sizeof(bpf_dir), "%s/bpf", dir);
	if (n < 0 || (size_t)n >= sizeof(bpf_dir))
		return -ENAMETOOLONG;
	mz_libbpf_to_debug();
	r = take_lock(dir, &lock_fd);
	if (r == 0 && is_bpffs(bpf_dir)) {
		r = mz_device_each(take_down, NULL);
		if (r == 0)
			r = release_neighbours();
	}
	if (r == 0)
		r = mz_gro_delete(dir, 0);
	if (r == 0)
		r = mz_attach_clsact.detach_all(bpf_dir);
	while (r == 0 && is_bpffs(bpf_dir)) {
		r = mz_detach_xdp_all(bpf_dir, 0);
		if (r == 0)
			r = mz_attach_tcx.detach_all(bpf_dir);
		if (r == 0)
			r = empty_dir(AT_FDCWD, bpf_dir, 1);
		if (r == 0 && umount2(bpf_dir, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
			r = -errno;
	}
	if (r == 0 && rmdir(bpf_dir) < 0 && errno != ENOENT)
		r = -errno;
	return r;
}
