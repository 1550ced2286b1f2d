// SPDX-License-Identifier: Apache-2.0
#include "base/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"

#define FILE_MAX     65536
#define SETTINGS_MAX 64 /* bits of `seen` */
#define BLANKS	     " \t\r"

/* Where the words that are being read come from, for messages. */
static struct {
	const char *daemon;
	const char *file; /* NULL: the command line */
	unsigned int line;
} place;

int mz_misused(const char *format, ...)
{
	va_list ap;

	fprintf(stderr, "%s: ", place.daemon);
	if (place.file) {
		fprintf(stderr, "%s:%u: ", place.file, place.line);
		format += strncmp(format, "--", 2) ? 0 : 2; /* as it is written there */
	}
	va_start(ap, format);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputs("\n", stderr);
	return -EINVAL;
}

int mz_setting_log_level(const char *value, enum mz_log_level *ret_level)
{
	static const char *const levels[] = {
		[MZ_LOG_ERR] = "error",
		[MZ_LOG_WARN] = "warning",
		[MZ_LOG_INFO] = "info",
		[MZ_LOG_DEBUG] = "debug",
	};
	size_t i;

	for (i = 0; value[0] && i < ARRAY_SIZE(levels); i++) {
		if (strncmp(levels[i], value, strlen(value)))
			continue; /* the start of a name will do */
		*ret_level = (enum mz_log_level)i;
		return 0;
	}
	return mz_misused("--log-level %s: use error, warning, info or debug", value);
}

int mz_setting_seconds(const char *name, const char *value, double min, double max,
		       uint64_t *ret_ns)
{
	size_t size = strlen(value);
	char *end = NULL;
	double seconds;

	/* strtod() takes much more. */
	if (!size || strspn(value, "0123456789.") != size || value[0] == '.' ||
	    value[size - 1] == '.')
		goto refuse;
	seconds = strtod(value, &end);
	if (*end || seconds < min || seconds > max)
		goto refuse;
	*ret_ns = (uint64_t)(seconds * 1e9);
	return 0;
refuse:
	return mz_misused("--%s %s: use %g to %g seconds", name, value, min, max);
}

static int set(const struct mz_setting *setting, void *options, const char *value)
{
	if (setting->set)
		return setting->set(options, value);
	*(const char **)((char *)options + setting->text) = value;
	return 0;
}

static int print_help(const struct mz_daemon *daemon)
{
	const struct mz_setting *s = daemon->settings;
	size_t i;

	printf("%s\n", daemon->usage);
	for (i = 0; i < daemon->n_settings; i++)
		printf("  --%-16s %-9s %s\n", s[i].name, s[i].value ?: "", s[i].doc);
	printf("  --%-16s %-9s %s\n", "config", "FILE", "options, as NAME = VALUE; these win");
	printf("  --%-16s %-9s %s\n", "version", "", "print the version");
	printf("  --%-16s %-9s %s\n", "help", "", "print this");
	return 1;
}

/* ---- the file -------------------------------------------------------------------------------- */

/* Up to FILE_MAX bytes, with a 0 behind them. */
static int read_text(const char *path, char **ret_text)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	_cleanup_free_ char *text = calloc(1, FILE_MAX + 1);
	size_t size = 0;
	ssize_t n = 1;

	if (!text)
		return mz_misused("--config %s: out of memory", path);
	while (fd >= 0 && n > 0 && size < FILE_MAX) {
		n = read(fd, text + size, FILE_MAX - size);
		size += n > 0 ? (size_t)n : 0;
	}
	if (fd < 0 || n < 0)
		return mz_misused("--config %s: cannot be read: %s", path, strerror(errno));
	if (size == FILE_MAX || strlen(text) != size)
		return mz_misused("--config %s: no text file, or longer than %d bytes", path,
				  FILE_MAX);
	*ret_text = TAKE(text);
	return 0;
}

static char *trim(char *text)
{
	size_t size;

	text += strspn(text, BLANKS);
	for (size = strlen(text); size && strchr(BLANKS, text[size - 1]); size--)
		text[size - 1] = 0;
	return text;
}

static int set_from_line(const struct mz_daemon *daemon, void *options, const char *name,
			 const char *value, uint64_t *seen)
{
	const struct mz_setting *setting;
	size_t i = 0;

	while (i < daemon->n_settings && strcmp(daemon->settings[i].name, name))
		i++;
	if (i == daemon->n_settings)
		return mz_misused("%s: no such option: %s --help lists them", name, daemon->name);
	setting = &daemon->settings[i];
	if (*seen & 1ULL << i)
		return mz_misused("%s: given twice: remove one of the lines", name);
	*seen |= 1ULL << i;
	if (!value[0])
		return mz_misused("%s: it has no value: give one, or remove the line", name);
	if (setting->value)
		return set(setting, options, value);
	if (!strcmp(value, "no"))
		return 0;
	if (strcmp(value, "yes"))
		return mz_misused("%s: '%s' is neither yes nor no", name, value);
	return set(setting, options, NULL);
}

static int read_file(const struct mz_daemon *daemon, void *options, char *text)
{
	char *line, *equals;
	uint64_t seen = 0;
	int r = 0;

	while (!r && text) {
		line = trim(strsep(&text, "\n"));
		place.line++;
		if (!line[0] || line[0] == '#')
			continue;
		equals = strchr(line, '=');
		if (!equals)
			return mz_misused("'%s': write NAME = VALUE", line);
		*equals = 0;
		r = set_from_line(daemon, options, trim(line), trim(equals + 1), &seen);
	}
	return r;
}

/* ---- the command line ------------------------------------------------------------------------ */

/* What getopt_long() returns; '?' is below them all. */
enum { ENDED = -1, CONFIG = 256, VERSION, HELP, FIRST_SETTING };

static void long_options(const struct mz_daemon *daemon,
			 struct option ret_longs[static SETTINGS_MAX + 4])
{
	size_t i;

	for (i = 0; i < daemon->n_settings; i++)
		ret_longs[i] = (struct option){
			.name = daemon->settings[i].name,
			.has_arg = daemon->settings[i].value ? required_argument : no_argument,
			.val = FIRST_SETTING + (int)i,
		};
	ret_longs[i++] = (struct option){ "config", required_argument, NULL, CONFIG };
	ret_longs[i++] = (struct option){ "version", no_argument, NULL, VERSION };
	ret_longs[i] = (struct option){ "help", no_argument, NULL, HELP };
}

/* The last --config, or NULL; what is wrong with others is said when they are parsed. */
static const char *find_config(int argc, char **argv, const struct option *longs)
{
	const char *path = NULL;
	int c;

	opterr = 0;
	optind = 0;
	while ((c = getopt_long(argc, argv, "", longs, NULL)) != ENDED)
		if (c == CONFIG)
			path = optarg;
	return path;
}

static int read_arguments(const struct mz_daemon *daemon, int argc, char **argv,
			  const struct option *longs, void *options)
{
	int c, r = 0;

	opterr = 1;
	optind = 0;
	while (!r && (c = getopt_long(argc, argv, "", longs, NULL)) != ENDED) {
		switch (c) {
		case '?': /* getopt has said what is wrong */
			return mz_misused("try %s --help", daemon->name);
		case CONFIG:
			break;
		case VERSION:
			printf("%s " MIZAR_VERSION "\n", daemon->name);
			return 1;
		case HELP:
			return print_help(daemon);
		default:
			r = set(&daemon->settings[c - FIRST_SETTING], options, optarg);
		}
	}
	if (!r && optind < argc)
		return mz_misused("%s: %s takes options only; try %s --help", argv[optind],
				  daemon->name, daemon->name);
	return r;
}

int mz_settings_read(const struct mz_daemon *daemon, int argc, char **argv, void *options,
		     char **ret_text)
{
	struct option longs[SETTINGS_MAX + 4] = {};
	const char *path;
	int r = 0;

	*ret_text = NULL;
	place.daemon = daemon->name;
	long_options(daemon, longs);
	path = find_config(argc, argv, longs);
	if (path)
		r = read_text(path, ret_text);
	if (!r && path) {
		place.file = path;
		place.line = 0;
		r = read_file(daemon, options, *ret_text);
		place.file = NULL;
	}
	return r ?: read_arguments(daemon, argc, argv, longs, options);
}
