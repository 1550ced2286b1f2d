// SPDX-License-Identifier: Apache-2.0
#include "host/pinned.h"

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

#define PIN_SIZE 64

/* bpffs keeps dots in names for itself. */
static int pin_path(const struct mz_pinned *kind, char path[static PATH_MAX], const char *bpf_dir,
		    const char *ifname, int ifindex)
{
	char name[PIN_SIZE];
	char *p;
	int n;

	snprintf(name, sizeof(name), "%s-%d", ifname, ifindex);
	for (p = name; *p; p++) {
		if (*p == '.')
			*p = '_';
	}
	n = snprintf(path, PATH_MAX, "%s/%s/%s", bpf_dir, kind->folder, name);
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

static int each_pin(const struct mz_pinned *kind, const char *bpf_dir,
		    int (*fn)(const char *path, int ifindex, void *user), void *user)
{
	char dir_path[PATH_MAX], path[PATH_MAX];
	_cleanup_(closedirp) DIR *dir = NULL;
	struct dirent *entry;
	int n, r = 0;

	n = snprintf(dir_path, sizeof(dir_path), "%s/%s", bpf_dir, kind->folder);
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
static int find_pin(const struct mz_pinned *kind, const char *bpf_dir, int ifindex,
		    char ret_path[static PATH_MAX])
{
	struct pin_search search = { .ifindex = ifindex };
	char ifname[IF_NAMESIZE], path[PATH_MAX];
	int r;

	if (if_indextoname((unsigned int)ifindex, ifname)) {
		r = pin_path(kind, path, bpf_dir, ifname, ifindex);
		if (r < 0)
			return r;
		if (!access(path, F_OK)) {
			memcpy(ret_path, path, sizeof(path));
			return 0;
		}
	}
	r = each_pin(kind, bpf_dir, match_pin, &search);
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

int mz_pinned_attach(const struct mz_pinned *kind, const char *bpf_dir, int prog_fd, int ifindex)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = kind->flags);
	_cleanup_close_ int link_fd = -1;
	char path[PATH_MAX], ifname[IF_NAMESIZE];
	int r;

	if (ifindex <= 0 || !if_indextoname((unsigned int)ifindex, ifname))
		return -ENODEV;
	r = find_pin(kind, bpf_dir, ifindex, path);
	if (r == 0) {
		r = update_pin(path, prog_fd);
		if (r != -ENOLINK)
			return r;
		r = unpin(path);
	}
	if (r < 0 && r != -ENOENT)
		return r;
	r = pin_path(kind, path, bpf_dir, ifname, ifindex);
	if (r < 0)
		return r;
	link_fd = bpf_link_create(prog_fd, ifindex, kind->type, &opts);
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

int mz_pinned_detach(const struct mz_pinned *kind, const char *bpf_dir, int ifindex)
{
	char path[PATH_MAX], ifname[IF_NAMESIZE];
	int r;

	if (!if_indextoname((unsigned int)ifindex, ifname))
		return each_pin(kind, bpf_dir, drop_dead_pin, NULL);
	r = find_pin(kind, bpf_dir, ifindex, path);
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

int mz_pinned_update_all(const struct mz_pinned *kind, const char *bpf_dir,
			 const int prog_fds[static MZ_N_HOOKS])
{
	struct replacement replacement = { .prog_fds = prog_fds };
	int r = each_pin(kind, bpf_dir, replace_program, &replacement);

	return r < 0 ? r : replacement.n_replaced > 0;
}

static int drop_pin_of_another(const char *path, int ifindex, void *user)
{
	const int *except = user;

	return ifindex == *except ? 0 : drop_pin(path, ifindex, NULL);
}

int mz_pinned_detach_all(const struct mz_pinned *kind, const char *bpf_dir, int except)
{
	return each_pin(kind, bpf_dir, drop_pin_of_another, &except);
}
