/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A test program of its own mount and network namespace: what it mounts, makes and pins goes when
 * it ends, however it ends, and nothing of the machine is touched.
 */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

/* Exits 77 (skipped) where the privilege is missing. */
static inline void own_namespaces(void)
{
	if (unshare(CLONE_NEWNS | CLONE_NEWNET) < 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", "/mnt", "tmpfs", 0, NULL) < 0) {
		fprintf(stderr, "skipped: no namespaces of its own: %s\n", strerror(errno));
		exit(77);
	}
}

/* Another network namespace, that goes with its file descriptor. */
static inline int new_netns(void)
{
	int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), fd;

	if (own < 0 || unshare(CLONE_NEWNET) < 0)
		abort();
	fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(own, CLONE_NEWNET) < 0)
		abort();
	close(own);
	return fd;
}
