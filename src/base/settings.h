/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a daemon is told at its start. Every option is one row of a table: it is parsed from the
 * command line and from a file of `NAME = VALUE` lines, and printed by --help, from that row.
 * --config, --version and --help come with it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/log.h"

struct mz_setting {
	const char *name;  /* without the dashes */
	const char *value; /* what --help calls it; NULL: it takes none, and yes or no in a file */
	const char *doc;
	/*
	 * 0, or what mz_misused() returned. value is NULL if the option takes none; it lives as
	 * long as argv and ret_text of mz_settings_read().
	 */
	int (*set)(void *options, const char *value);
	size_t text; /* without set: where in options a const char * is set to the value */
};

struct mz_daemon {
	const char *name;
	const char *usage; /* the first lines of --help */
	const struct mz_setting *settings;
	size_t n_settings;
};

/*
 * Reads the file that --config names, then the command line, which wins. ret_text is set whatever
 * is returned; it is for free(), after the options.
 * 0: go on; 1: --help or --version was answered; -EINVAL: what is wrong was printed to stderr.
 */
int mz_settings_read(const struct mz_daemon *daemon, int argc, char **argv, void *options,
		     char **ret_text);

/*
 * Prints what is wrong, and where: the format starts with the option, as "--name value: ". Returns
 * -EINVAL.
 */
int mz_misused(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Setters for what all daemons have. -EINVAL as above. */
int mz_setting_log_level(const char *value, enum mz_log_level *ret_level);
/* Decimal digits with a point among them; in nanoseconds. name: of the option. */
int mz_setting_seconds(const char *name, const char *value, double min, double max,
		       uint64_t *ret_ns);
