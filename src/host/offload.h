/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Do checksums and segmentation hold on this kernel? A child process sends super-packets through
 * the real programs, in network namespaces and with tables of its own: nothing of the host is
 * touched, and all is gone with the child, however it ends.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define MZ_OFFLOAD_TCP (1U << 0) /* super-packets of TCP */
#define MZ_OFFLOAD_UDP (1U << 1) /* of UDP (UDP_SEGMENT) */

/* What is known to hold since long; the rest only where a test has shown it. */
#define MZ_OFFLOAD_SAFE MZ_OFFLOAD_TCP

struct mz_offload {
	unsigned int holds; /* MZ_OFFLOAD_*: endpoints' devices do the others before they send */
	unsigned int ms;
	char text[160]; /* for operators */
};

struct mz_offload_test {
	pid_t pid;
	int fd;
	unsigned long long start_ns;
};

/* elf: the object with the programs. The child works while the caller does other things. */
int mz_offload_start(const void *elf, size_t size, struct mz_offload_test *ret_test);
/* As mz_offload_start(), with the object of this build. */
int mz_offload_start_own(struct mz_offload_test *ret_test);
/*
 * Waits for it, a few seconds at most. A test that could not be made leaves MZ_OFFLOAD_SAFE, and
 * says why. -EPROTO: not even a plain packet came through as it should.
 */
int mz_offload_finish(struct mz_offload_test *test, struct mz_offload *ret_offload);
/* Without a test. */
void mz_offload_untested(const char *why, struct mz_offload *ret_offload);

/* In the child: 0 and what holds, -EPROTO, or why it could not be tried. */
int mz_offload_try(const void *elf, size_t size, unsigned int *ret_holds);
