/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removing a lab, also one that a crash left in any state: every step takes what is there and calls
 * the absent done; the record goes last, so that what failed can be tried again.
 */
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "host/program.h"
#include "lab/internal.h"
#include "netlink/namespace.h"

#define STOP_MS 5000

static unsigned int next_place(const struct mz_lab *lab, unsigned int place)
{
	return place == lab->n_hosts ? MZ_LAB_CTL : place + 1;
}

static int stop_all(const struct mz_lab *lab)
{
	char name[MZ_LAB_PLACE_SIZE];
	int r, first = 0;

	for (unsigned int p = 1; p <= MZ_LAB_CTL; p = next_place(lab, p))
		(void)mz_lab_process_signal(lab, p, SIGTERM); /* found out again when waiting */
	for (unsigned int p = 1; p <= MZ_LAB_CTL; p = next_place(lab, p)) {
		r = mz_lab_process_wait(lab, p, STOP_MS);
		if (r < 0)
			mz_lab_say(lab, "the process of %s does not end: %s",
				   mz_lab_place_name(p, name), strerror(-r));
		first = first ?: r;
	}
	return first;
}

static int uninstall(void *user)
{
	return mz_programs_uninstall(user);
}

/* The host's namespace is gone, and its devices with it: those of this one are not the lab's. */
static int uninstall_nowhere(char *dir)
{
	_cleanup_close_ int own = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	int r;

	if (own < 0 || unshare(CLONE_NEWNET) < 0)
		return -errno;
	r = uninstall(dir);
	if (setns(own, CLONE_NEWNET) < 0)
		abort(); /* going on in the wrong namespace would be worse */
	return r;
}

/* Filters are found by device: this wants the host's namespace. */
static int remove_data_plane(const struct mz_lab *lab, unsigned int place)
{
	char path[MZ_LAB_PATH_SIZE], dir[MZ_LAB_PATH_SIZE], name[MZ_LAB_PLACE_SIZE];
	_cleanup_close_ int fd = -1;
	int r;

	mz_lab_path(lab->name, dir, "%s", mz_lab_place_name(place, name));
	r = mz_netns_open(mz_lab_netns_path(lab, place, path), &fd);
	if (!r)
		r = mz_netns_call(fd, uninstall, dir);
	else
		r = uninstall_nowhere(dir);
	if (r == -EBUSY)
		mz_lab_say(lab, "%s: a mizard runs on %s that the lab did not start: stop it first",
			   name, dir);
	else if (r < 0)
		mz_lab_say(lab, "%s: its data plane cannot be removed: %s", name, strerror(-r));
	return r;
}

static int remove_namespace(const struct mz_lab *lab, unsigned int place)
{
	char path[MZ_LAB_PATH_SIZE];
	int r;

	r = mz_lab_netns_remove(mz_lab_netns_path(lab, place, path));
	if (r < 0)
		mz_lab_say(lab, "%s cannot be removed: %s", path, strerror(-r));
	return r;
}

/* Files and folders of this file system only: no mount is ever entered. */
static int remove_tree(const char *path)
{
	char *const paths[] = { (char *)path, NULL };
	FTS *fts = fts_open(paths, FTS_PHYSICAL | FTS_XDEV | FTS_NOCHDIR, NULL);
	FTSENT *entry;
	int r = 0;

	if (!fts)
		return -errno;
	while ((entry = fts_read(fts))) {
		if (entry->fts_info == FTS_D)
			continue;
		if (entry->fts_info == FTS_DP)
			r = rmdir(entry->fts_accpath) < 0 && errno != ENOENT ? -errno : r;
		else
			r = unlink(entry->fts_accpath) < 0 && errno != ENOENT ? -errno : r;
	}
	(void)fts_close(fts); /* only read from */
	return r;
}

static int remove_all(const struct mz_lab *lab)
{
	char path[MZ_LAB_PATH_SIZE];
	int r, first;

	first = stop_all(lab);
	for (unsigned int p = 1; p <= lab->n_hosts; p++) {
		r = remove_data_plane(lab, p);
		first = first ?: r;
	}
	for (unsigned int p = 1; p <= MZ_LAB_CTL; p = next_place(lab, p)) {
		r = remove_namespace(lab, p);
		first = first ?: r;
	}
	r = remove_namespace(lab, MZ_LAB_NET);
	first = first ?: r;
	if (first < 0)
		return first;
	r = remove_tree(mz_lab_path(lab->name, path, "%s", ""));
	if (r < 0)
		mz_lab_say(lab, "%s cannot be removed: %s", path, strerror(-r));
	return r;
}

int mz_lab_remove(const char *name)
{
	char path[MZ_LAB_PATH_SIZE];
	struct mz_lab lab;
	int r;

	if (!mz_lab_name_is_valid(name))
		return -EINVAL;
	r = mz_lab_load(name, &lab);
	if (!r)
		return remove_all(&lab);
	if (r != -ENOENT)
		return r;
	/* A crash before the record was written: nothing but folders can be there. */
	mz_lab_path(name, path, "%s", "");
	return access(path, F_OK) == 0 ? remove_tree(path) : 0;
}

int mz_lab_down(const char *name)
{
	_cleanup_close_ int lock = -1;
	int r;

	if (!mz_lab_name_is_valid(name))
		return -EINVAL;
	r = mz_lab_lock(name, &lock);
	if (r == -ENOENT)
		return 0; /* not even the folder of all labs */
	if (r < 0)
		return r;
	r = mz_lab_remove(name);
	if (!r)
		mz_lab_lock_remove(name);
	return r;
}
