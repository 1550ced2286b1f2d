/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lab's processes. PLACE/pid holds pid and start time (clock ticks since boot, proc(5)): the
 * two name a process for good, so that no stranger who got the pid later is ever signalled.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "lab/internal.h"

#define DYING_MS 5000

const char *mz_lab_place_path(const struct mz_lab *lab, unsigned int place, const char *file,
			      char buf[static MZ_LAB_PATH_SIZE])
{
	char name[MZ_LAB_PLACE_SIZE];

	return mz_lab_path(lab->name, buf, "%s/%s", mz_lab_place_name(place, name), file);
}

const char *mz_lab_log_path(const struct mz_lab *lab, unsigned int place,
			    char buf[static MZ_LAB_PATH_SIZE])
{
	return mz_lab_place_path(lab, place,
				 place == MZ_LAB_CTL ? "mizar-controller.log" : "mizard.log", buf);
}

/* With the state's letter of proc(5). */
static int read_stat(pid_t pid, char *ret_state, unsigned long long *ret_start)
{
	char path[64], buf[1024];
	_cleanup_close_ int fd = -1;
	const char *rest;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -ESRCH;
	n = read(fd, buf, sizeof(buf) - 1);
	if (n <= 0)
		return -ESRCH;
	buf[n] = 0;
	/* Field 2 is the name in parentheses, and may hold anything; 3 the state, 22 the start. */
	rest = strrchr(buf, ')');
	if (!rest || sscanf(rest + 1,
			    " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
			    "%*d %*d %llu",
			    ret_state, ret_start) != 2)
		return -ESRCH;
	return 0;
}

int mz_lab_start_time(pid_t pid, unsigned long long *ret_start)
{
	char state;
	int r = read_stat(pid, &state, ret_start);

	return r < 0 || state == 'Z' || state == 'X' ? -ESRCH : 0;
}

/*
 * A process that was killed looks gone as soon as its first thread is, while the others still hold
 * its files, and the locks on them: the descriptor tells when all are gone.
 */
static bool is_over(int fd, char state)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, state == 'Z' || state == 'X' ? DYING_MS : 0) > 0;
}

/* The recorded process, held by a descriptor. -ESRCH: it does not run (any more). */
static int open_recorded(const struct mz_lab *lab, unsigned int place, pid_t *ret_pid, int *ret_fd)
{
	unsigned long long recorded, start;
	char path[MZ_LAB_PATH_SIZE], state;
	_cleanup_close_ int fd = -1;
	FILE *file;
	int pid, n;

	file = fopen(mz_lab_place_path(lab, place, "pid", path), "re");
	if (!file)
		return errno == ENOENT ? -ESRCH : -errno;
	n = fscanf(file, "%d %llu", &pid, &recorded);
	(void)fclose(file); /* only read */
	if (n != 2 || pid <= 1)
		return -ESRCH;
	*ret_pid = pid;
	fd = pidfd_open(pid, 0);
	if (fd < 0)
		return -errno;
	/* Compared while the descriptor holds the process: the pid cannot change hands any more. */
	if (read_stat(pid, &state, &start) < 0 || start != recorded || is_over(fd, state))
		return -ESRCH;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int mz_lab_process_get(const struct mz_lab *lab, unsigned int place,
		       struct mz_lab_process *ret_process)
{
	struct mz_lab_process process = {};
	_cleanup_close_ int fd = -1;
	int r;

	r = open_recorded(lab, place, &process.pid, &fd);
	if (r < 0 && r != -ESRCH)
		return r;
	process.is_running = !r;
	*ret_process = process;
	return 0;
}

int mz_lab_process_signal(const struct mz_lab *lab, unsigned int place, int signal)
{
	_cleanup_close_ int fd = -1;
	pid_t pid;
	int r;

	r = open_recorded(lab, place, &pid, &fd);
	if (!r && pidfd_send_signal(fd, signal, NULL, 0) < 0)
		r = -errno;
	return r == -ESRCH ? 0 : r;
}

int mz_lab_process_wait(const struct mz_lab *lab, unsigned int place, int timeout_ms)
{
	_cleanup_close_ int fd = -1;
	struct pollfd p = { .events = POLLIN };
	pid_t pid;
	int r;

	r = open_recorded(lab, place, &pid, &fd);
	if (r < 0)
		return r == -ESRCH ? 0 : r;
	p.fd = fd;
	if (poll(&p, 1, timeout_ms) == 0) {
		if (pidfd_send_signal(fd, SIGKILL, NULL, 0) < 0 && errno != ESRCH)
			return -errno;
		if (poll(&p, 1, 5000) == 0)
			return -ETIMEDOUT;
	}
	(void)waitpid(pid, NULL, WNOHANG); /* only if it is a child of this very run */
	return 0;
}

int mz_lab_kill(const struct mz_lab *lab, unsigned int place)
{
	int r;

	r = mz_lab_process_signal(lab, place, SIGKILL);
	return r ?: mz_lab_process_wait(lab, place, 5000);
}

void mz_lab_process_show_log(const struct mz_lab *lab, unsigned int place)
{
	char path[MZ_LAB_PATH_SIZE], buf[2048];
	_cleanup_close_ int fd = -1;
	const char *text = buf;
	off_t size;
	off_t skipped;
	ssize_t n;

	fd = open(mz_lab_log_path(lab, place, path), O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	size = lseek(fd, 0, SEEK_END);
	skipped = size > (off_t)sizeof(buf) ? size - (off_t)sizeof(buf) + 1 : 0;
	n = pread(fd, buf, sizeof(buf) - 1, skipped);
	if (n <= 0)
		return;
	buf[n] = 0;
	if (skipped && strchr(buf, '\n'))
		text = strchr(buf, '\n') + 1;
	mz_lab_say(lab, "the end of %s:", path);
	fputs(text, stderr);
}
