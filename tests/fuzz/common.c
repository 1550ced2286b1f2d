// SPDX-License-Identifier: Apache-2.0
/*
 * What targets say goes nowhere, but is formatted: a text that is not there would be found. It
 * stands in for base/log.c and cli/say.c.
 */
#include "fuzz.h"

#include <dirent.h>
#include <limits.h>
#include <stdarg.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/say.h"

static char directory[96];

void mz_log_setup(enum mz_log_level max, int journal)
{
}

static void swallow(const char *format, va_list ap)
{
	char *text = NULL;

	REQUIRE(vasprintf(&text, format, ap) >= 0);
	free(text);
}

void mz_log(enum mz_log_level level, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	swallow(format, ap);
	va_end(ap);
}

void mz_error(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	swallow(format, ap);
	va_end(ap);
}

void mz_note(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	swallow(format, ap);
	va_end(ap);
}

static void remove_directory(void)
{
	DIR *dir = opendir(directory);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		char path[PATH_MAX];

		(void)snprintf(path, sizeof(path), "%s/%s", directory, entry->d_name);
		(void)unlink(path); /* "." and ".." stay */
	}
	if (dir)
		(void)closedir(dir);
	(void)rmdir(directory);
}

const char *own_directory(void)
{
	if (!*directory) {
		const char *parent = getenv("TMPDIR"); /* run.sh removes it after a crash, too */

		(void)snprintf(directory, sizeof(directory), "%s/mizar-fuzz-XXXXXX",
			       parent ? parent : "/dev/shm");
		REQUIRE(mkdtemp(directory));
		(void)atexit(remove_directory);
	}
	return directory;
}

void write_file(const char *path, struct input content)
{
	FILE *file = fopen(path, "w");

	REQUIRE(file);
	REQUIRE(fwrite(content.data, 1, content.size, file) == content.size);
	REQUIRE(fclose(file) == 0);
}
