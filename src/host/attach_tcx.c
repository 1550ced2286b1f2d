// SPDX-License-Identifier: Apache-2.0
/*
 * tcx (Linux 6.6): a BPF link per device, pinned. The link of a device that was deleted is dead
 * (-ENOLINK): its pin is all that is left to remove.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "host/attach.h"

/* enum bpf_attach_type of Linux 6.6; the headers here may be older. */
#define TCX_INGRESS ((enum bpf_attach_type)46)

#define PIN_SIZE 64

/* No such device is what a kernel with tcx says to interface index 0. */
static int tcx_probe(int prog_fd)
{
	int fd = bpf_link_create(prog_fd, 0, TCX_INGRESS, NULL);

	if (fd >= 0) {
		(void)close(fd); /* undoes it */
		return 1;
	}
	if (fd == -EPERM)
		return fd;
	return fd == -ENODEV;
}

/* bpffs keeps dots in names for itself. */
static int pin_path(char path[static PATH_MAX], const char *bpf_dir, const char *ifname,
		    int ifindex)
{
	char name[PIN_SIZE];
	char *p;
	int n;

	snprintf(name, sizeof(name), "%s-%d", ifname, ifindex);
	for (p = name; *p; p++) {
		if (*p == '.')
			*p = '_';
	}
	n = snprintf(path, PATH_MAX, "%s/link/%s", bpf_dir, name);
	return n < 0 || n >= PATH_MAX ? -ENAMETOOLONG : 0;
}

static void closedirp(DIR **dir)
{
	if (*dir)
		(void)closedir(*dir); /* opened for reading only */
}

/* The interface index at the end of a pin's name, or 0. */
static int pin_ifindex(const char *name)
{
	const char *dash = strrchr(name, '-');

	return dash ? atoi(dash + 1) : 0;
}

static int each_pin(const char *bpf_dir, int (*fn)(const char *path, int ifindex, void *user),
		    void *user)
{
	char dir_path[PATH_MAX], path[PATH_MAX];
	_cleanup_(closedirp) DIR *dir = NULL;
	struct dirent *entry;
	int n, r = 0;

	n = snprintf(dir_path, sizeof(dir_path), "%s/link", bpf_dir);
	if (n < 0 || (size_t)n >= sizeof(dir_path))
		return -ENAMETOOLONG;
	dir = opendir(dir_path);
	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while (r == 0 && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		n = snprintf(path, sizeof(path), "%s/%s", dir_path, entry->d_name);
		if (n < 0 || (size_t)n >= sizeof(path))
			return -ENAMETOOLONG;
		r = fn(path, pin_ifindex(entry->d_name), user);
	}
	return r;
}

static int unpin(const char *path)
{
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

struct pin_search {
	int ifindex;
	char path[PATH_MAX]; /* "": not found */
};

static int match_pin(const char *path, int ifindex, void *user)
{
	struct pin_search *search = user;

	if (ifindex != search->ifindex)
		return 0;
	snprintf(search->path, sizeof(search->path), "%s", path);
	return 1;
}

/* -ENOENT. Under its present name, or under one that the device had. */
static int find_pin(const char *bpf_dir, int ifindex, char ret_path[static PATH_MAX])
{
	struct pin_search search = { .ifindex = ifindex };
	char ifname[IF_NAMESIZE], path[PATH_MAX];
	int r;

	if (if_indextoname((unsigned int)ifindex, ifname)) {
		r = pin_path(path, bpf_dir, ifname, ifindex);
		if (r < 0)
			return r;
		if (!access(path, F_OK)) {
			memcpy(ret_path, path, sizeof(path));
			return 0;
		}
	}
	r = each_pin(bpf_dir, match_pin, &search);
	if (r < 0)
		return r;
	if (!search.path[0])
		return -ENOENT;
	memcpy(ret_path, search.path, sizeof(search.path));
	return 0;
}

/* -ENOLINK: it was a device that is gone. */
static int update_pin(const char *path, int prog_fd)
{
	_cleanup_close_ int link_fd = bpf_obj_get(path);

	if (link_fd < 0)
		return link_fd;
	return bpf_link_update(link_fd, prog_fd, NULL);
}

static int tcx_attach(const char *bpf_dir, int prog_fd, int ifindex)
{
	_cleanup_close_ int link_fd = -1;
	char path[PATH_MAX], ifname[IF_NAMESIZE];
	int r;

	if (ifindex <= 0 || !if_indextoname((unsigned int)ifindex, ifname))
		return -ENODEV;
	r = find_pin(bpf_dir, ifindex, path);
	if (r == 0) {
		r = update_pin(path, prog_fd);
		if (r != -ENOLINK)
			return r;
		r = unpin(path);
	}
	if (r < 0 && r != -ENOENT)
		return r;
	r = pin_path(path, bpf_dir, ifname, ifindex);
	if (r < 0)
		return r;
	link_fd = bpf_link_create(prog_fd, ifindex, TCX_INGRESS, NULL);
	if (link_fd < 0)
		return link_fd;
	return bpf_obj_pin(link_fd, path);
}

static int drop_pin(const char *path, int ifindex, void *user)
{
	_cleanup_close_ int link_fd = bpf_obj_get(path);

	/* Another process may hold the link open: without its pin it would stay attached. */
	if (link_fd >= 0)
		(void)bpf_link_detach(link_fd); /* -ENOLINK: it is already */
	return unpin(path);
}

static int drop_dead_pin(const char *path, int ifindex, void *user)
{
	char ifname[IF_NAMESIZE];

	return if_indextoname((unsigned int)ifindex, ifname) ? 0 : drop_pin(path, ifindex, user);
}

static int tcx_detach(const char *bpf_dir, int ifindex)
{
	char path[PATH_MAX], ifname[IF_NAMESIZE];
	int r;

	if (!if_indextoname((unsigned int)ifindex, ifname))
		return each_pin(bpf_dir, drop_dead_pin, NULL);
	r = find_pin(bpf_dir, ifindex, path);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return drop_pin(path, ifindex, NULL);
}

struct replacement {
	const int *prog_fds;
	int n_replaced;
};

static int replace_program(const char *path, int ifindex, void *user)
{
	struct replacement *replacement = user;
	_cleanup_close_ int link_fd = bpf_obj_get(path);
	struct bpf_link_info info = {};
	uint32_t size = sizeof(info);
	enum mz_hook hook;
	int r;

	if (link_fd < 0)
		return link_fd;
	r = bpf_obj_get_info_by_fd(link_fd, &info, &size);
	if (r == 0)
		r = mz_hook_of_program(info.prog_id, &hook);
	if (r == 0)
		r = bpf_link_update(link_fd, replacement->prog_fds[hook], NULL);
	if (r == -ENOLINK)
		return unpin(path);
	if (r < 0)
		mz_log_debug("programs: %s: %s", path, strerror(-r));
	else
		replacement->n_replaced++;
	return r;
}

static int tcx_update_all(const char *bpf_dir, const int prog_fds[static MZ_N_HOOKS])
{
	struct replacement replacement = { .prog_fds = prog_fds };
	int r = each_pin(bpf_dir, replace_program, &replacement);

	return r < 0 ? r : replacement.n_replaced > 0;
}

static int tcx_detach_all(const char *bpf_dir)
{
	return each_pin(bpf_dir, drop_pin, NULL);
}

const struct mz_attach_ops mz_attach_tcx = {
	.name = "tcx",
	.probe = tcx_probe,
	.attach = tcx_attach,
	.detach = tcx_detach,
	.update_all = tcx_update_all,
	.detach_all = tcx_detach_all,
};
