/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A test program of its own mount and network namespace: what it mounts, makes and pins goes when
 * it ends, however it ends, and nothing of the machine is touched.
 */
#pragma once

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

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
