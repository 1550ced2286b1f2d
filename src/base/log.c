// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

static enum mz_log_level log_max = MZ_LOG_INFO;
static int log_journal;

static const struct {
	const char *name;
	int priority; /* syslog(3) */
} levels[] = {
	[MZ_LOG_ERR] = { "error", 3 },
	[MZ_LOG_WARN] = { "warning", 4 },
	[MZ_LOG_INFO] = { "info", 6 },
	[MZ_LOG_DEBUG] = { "debug", 7 },
};

void mz_log_setup(enum mz_log_level max, int journal)
{
	log_max = max;
	log_journal = journal;
}

void mz_log(enum mz_log_level level, const char *format, ...)
{
	char line[1024];
	va_list ap;

	if (level > log_max)
		return;

	va_start(ap, format);
	(void)vsnprintf(line, sizeof(line), format, ap); /* a cut line is still a line */
	va_end(ap);

	if (log_journal)
		fprintf(stderr, "<%d>%s\n", levels[level].priority, line);
	else
		fprintf(stderr, "%s: %s\n", levels[level].name, line);
}
