/* SPDX-License-Identifier: Apache-2.0 */
/* One maker or remover of a lab at a time; and words on stderr. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "lab/internal.h"

static void lock_path(const char *name, char buf[static MZ_LAB_PATH_SIZE])
{
	snprintf(buf, MZ_LAB_PATH_SIZE, MZ_LAB_ROOT "/.%s.lock", name);
}

int mz_lab_lock(const char *name, int *ret_fd)
{
	char path[MZ_LAB_PATH_SIZE];

	lock_path(name, path);
	for (;;) {
		_cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		struct stat held, present;

		if (fd < 0)
			return -errno;
		if (flock(fd, LOCK_EX) < 0)
			return -errno;
		/* Whoever held it before may have removed the file that we waited for. */
		if (fstat(fd, &held) == 0 && stat(path, &present) == 0 &&
		    held.st_ino == present.st_ino) {
			*ret_fd = TAKE_FD(fd);
			return 0;
		}
	}
}

void mz_lab_lock_remove(const char *name)
{
	char path[MZ_LAB_PATH_SIZE];

	lock_path(name, path);
	(void)unlink(path); /* an empty file that stays does no harm */
}

void mz_lab_say(const struct mz_lab *lab, const char *format, ...)
{
	va_list ap;

	fprintf(stderr, "mizar: lab %s: ", lab->name);
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
}
