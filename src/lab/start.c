/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting a process of the lab. The child waits until its pid is recorded before it becomes the
 * program: whatever ends `mizar lab up`, there is never a process that nobody knows.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "lab/internal.h"
#include "netlink/namespace.h"

static bool is_program(const char *path)
{
	return access(path, X_OK) == 0;
}

static int find_program(const char *name, const char *folder, char ret_path[static PATH_MAX])
{
	char self[PATH_MAX];
	const char *dirs = getenv("PATH") ?: "";
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *slash;

	if (n > 0) {
		self[n] = 0;
		slash = strrchr(self, '/');
		*slash = 0;
		if (snprintf(ret_path, PATH_MAX, "%s/%s", self, name) < PATH_MAX &&
		    is_program(ret_path))
			return 0;
		if (snprintf(ret_path, PATH_MAX, "%s/../%s/%s", self, folder, name) < PATH_MAX &&
		    is_program(ret_path))
			return 0;
	}
	for (; *dirs; dirs += strspn(dirs, ":")) {
		int size = (int)strcspn(dirs, ":");

		if (snprintf(ret_path, PATH_MAX, "%.*s/%s", size, dirs, name) < PATH_MAX &&
		    is_program(ret_path))
			return 0;
		dirs += size;
	}
	return -ENOENT;
}

struct start {
	const char *program, *log;
	const char *const *argv;
	int netns_fd;
	int go_fd;    /* read end: the parent has recorded us; its end: the parent is gone */
	int error_fd; /* write end, closed by exec: errno if we do not get there */
};

static int redirect(const char *log)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int out = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);

	if (null < 0 || out < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 ||
	    dup2(out, STDERR_FILENO) < 0)
		return -errno;
	return 0;
}

static void run_child(const struct start *s)
{
	char go;
	int error;

	if (read(s->go_fd, &go, 1) != 1)
		_exit(1);
	if (setsid() >= 0 && setns(s->netns_fd, CLONE_NEWNET) == 0 && chdir("/") == 0 &&
	    redirect(s->log) == 0 && close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
		execv(s->program, (char *const *)s->argv);
	error = errno;
	(void)!write(s->error_fd, &error, sizeof(error)); /* nobody else to tell */
	_exit(1);
}

static int record(const char *path, pid_t pid)
{
	unsigned long long start;
	FILE *file;
	int r;

	r = mz_lab_start_time(pid, &start);
	if (r < 0)
		return r;
	file = fopen(path, "we");
	if (!file)
		return -errno;
	fprintf(file, "%d %llu\n", (int)pid, start);
	return fclose(file) < 0 ? -errno : 0;
}

static int run_parent(pid_t pid, const char *pid_path, int *go_fd, int error_fd)
{
	int r, error;

	r = record(pid_path, pid);
	if (!r && write(*go_fd, "", 1) != 1)
		r = -errno;
	(void)close(TAKE_FD(*go_fd)); /* without the byte, this ends the child */
	if (!r && read(error_fd, &error, sizeof(error)) == sizeof(error))
		r = -error;
	if (r < 0)
		(void)waitpid(pid, NULL, 0); /* it has ended, or is about to */
	return r;
}

int mz_lab_process_start(const struct mz_lab *lab, unsigned int place, const char *folder,
			 const char *const argv[])
{
	char program[PATH_MAX], log[MZ_LAB_PATH_SIZE], pid_path[MZ_LAB_PATH_SIZE];
	_cleanup_close_ int netns = -1, go_read = -1, go_write = -1, error_read = -1;
	_cleanup_close_ int error_write = -1;
	int go[2], error[2], r;
	pid_t pid;

	r = find_program(argv[0], folder, program);
	if (r < 0)
		return r;
	r = mz_netns_open(mz_lab_netns_path(lab, place, log), &netns);
	if (r < 0)
		return r;
	if (pipe2(go, O_CLOEXEC) < 0)
		return -errno;
	go_read = go[0], go_write = go[1];
	if (pipe2(error, O_CLOEXEC) < 0)
		return -errno;
	error_read = error[0], error_write = error[1];
	mz_lab_log_path(lab, place, log);
	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid) {
		(void)close(TAKE_FD(go_write)); /* else its end would never come */
		run_child(&(struct start){ program, log, argv, netns, go_read, error_write });
	}
	(void)close(TAKE_FD(error_write));
	return run_parent(pid, mz_lab_place_path(lab, place, "pid", pid_path), &go_write,
			  error_read);
}
