// SPDX-License-Identifier: Apache-2.0
#include "host/offload.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "mizar/tables.h"
#include "mizar.skel.h"

#define PATIENCE_MS 10000

struct answer {
	int r;
	unsigned int holds;
};

static unsigned long long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static void child(const void *elf, size_t size, pid_t parent, int fd)
{
	struct answer answer = {};

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* cannot fail */
	if (getppid() != parent)
		_exit(1);
	answer.r = mz_offload_try(elf, size, &answer.holds);
	_exit(write(fd, &answer, sizeof(answer)) != sizeof(answer));
}

int mz_offload_start(const void *elf, size_t size, struct mz_offload_test *ret_test)
{
	struct mz_offload_test test = { .start_ns = now_ns() };
	pid_t parent = getpid();
	int fds[2];

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	test.pid = fork();
	if (test.pid < 0) {
		int r = -errno;

		mz_closep(&fds[0]);
		mz_closep(&fds[1]);
		return r;
	}
	if (!test.pid)
		child(elf, size, parent, fds[1]);
	mz_closep(&fds[1]);
	test.fd = fds[0];
	*ret_test = test;
	return 0;
}

int mz_offload_start_own(struct mz_offload_test *ret_test)
{
	size_t size;
	const void *elf = mizar_bpf__elf_bytes(&size);

	return mz_offload_start(elf, size, ret_test);
}

void mz_offload_untested(const char *why, struct mz_offload *ret_offload)
{
	*ret_offload = (struct mz_offload){ .holds = MZ_OFFLOAD_SAFE };
	snprintf(ret_offload->text, sizeof(ret_offload->text),
		 "not tested: %s; endpoints cut UDP super-packets themselves", why);
}

static void describe(struct mz_offload *offload)
{
	static const char *const words[] = {
		"TCP and UDP super-packets do not pass: endpoints cut them themselves",
		"TCP super-packets pass; UDP ones do not: endpoints cut them themselves",
		"UDP super-packets pass; TCP ones do not: endpoints cut them themselves",
		"TCP and UDP super-packets pass",
	};

	snprintf(offload->text, sizeof(offload->text), "%s", words[offload->holds]);
}

int mz_offload_finish(struct mz_offload_test *test, struct mz_offload *ret_offload)
{
	struct answer answer = { .r = -ETIMEDOUT };
	struct pollfd fd = { .fd = test->fd, .events = POLLIN };
	struct mz_offload offload = {};

	if (poll(&fd, 1, PATIENCE_MS) > 0 &&
	    read(test->fd, &answer, sizeof(answer)) != sizeof(answer))
		answer.r = -ECHILD; /* it ended without a word */
	mz_closep(&test->fd);
	(void)kill(test->pid, SIGKILL); /* it has said all it has to say */
	(void)waitpid(test->pid, NULL, 0);
	if (answer.r == -EPROTO)
		return answer.r;
	if (answer.r < 0) {
		mz_offload_untested(strerror(-answer.r), ret_offload);
		return 0;
	}
	offload.holds = answer.holds;
	offload.ms = (now_ns() - test->start_ns) / 1000000;
	describe(&offload);
	*ret_offload = offload;
	return 0;
}
