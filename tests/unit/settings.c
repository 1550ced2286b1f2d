// SPDX-License-Identifier: Apache-2.0
/* A daemon's options from a file and from the command line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/settings.h"

struct options {
	const char *name, *place;
	bool loud;
	uint64_t ns;
};

static int set_loud(void *options, const char *value)
{
	((struct options *)options)->loud = true;
	return 0;
}

static int set_place(void *options, const char *value)
{
	if (value[0] != '/')
		return mz_misused("--place %s: give an absolute path", value);
	((struct options *)options)->place = value;
	return 0;
}

static int set_wait(void *options, const char *value)
{
	return mz_setting_seconds("wait", value, 0.2, 3600, &((struct options *)options)->ns);
}

static const struct mz_setting rows[] = {
	{ "name", "NAME", "a name", .text = offsetof(struct options, name) },
	{ "place", "PATH", "a place", .set = set_place },
	{ "loud", NULL, "noise", .set = set_loud },
	{ "wait", "SECONDS", "a time", .set = set_wait },
};

static const struct mz_daemon daemon_rows = {
	.name = "test", .usage = "test", .settings = rows, .n_settings = ARRAY_SIZE(rows)
};

#define FILE_NAME "settings-test.conf"

static int read_with(const char *file, size_t size, const char *argument, struct options *options,
		     char **text)
{
	char *argv[] = { "test", "--config", FILE_NAME, (char *)argument, NULL };
	FILE *out = fopen(FILE_NAME, "w");
	int r;

	assert_non_null(out);
	assert_int_equal(fwrite(file, 1, size, out), size);
	assert_int_equal(fclose(out), 0);
	r = mz_settings_read(&daemon_rows, argument ? 4 : 3, argv, options, text);
	(void)remove(FILE_NAME);
	return r;
}

static void test_file(void **state)
{
	static const char file[] =
		"# all of it\n\n name= a = b\t\r\n  # more\nplace = /x\nloud = yes";
	_cleanup_free_ char *text = NULL;
	struct options options = {};

	assert_int_equal(read_with(file, strlen(file), NULL, &options, &text), 0);
	assert_string_equal(options.name, "a = b");
	assert_string_equal(options.place, "/x");
	assert_true(options.loud);
}

static void test_command_line_wins(void **state)
{
	static const char file[] = "name = a\nloud = no\n";
	_cleanup_free_ char *text = NULL;
	struct options options = {};

	assert_int_equal(read_with(file, strlen(file), "--name=b", &options, &text), 0);
	assert_string_equal(options.name, "b");
	assert_false(options.loud);
}

/* What is printed is on stderr, which the test takes for itself. */
static void expect_refused(const char *file, size_t size, const char *part)
{
	_cleanup_free_ char *text = NULL;
	struct options options = {};
	char said[1024] = "";
	int saved = dup(STDERR_FILENO);
	FILE *err = tmpfile();
	int r;

	assert_non_null(err);
	assert_true(dup2(fileno(err), STDERR_FILENO) >= 0);
	r = read_with(file, size, NULL, &options, &text);
	assert_true(dup2(saved, STDERR_FILENO) >= 0);
	(void)close(saved);
	rewind(err);
	(void)!fread(said, 1, sizeof(said) - 1, err);
	(void)fclose(err);
	assert_true(r < 0);
	if (!strstr(said, part))
		fail_msg("'%s' is not in: %s", part, said);
}

static void test_refusals(void **state)
{
	static const char *const cases[][2] = {
		{ "\nnmae = x", FILE_NAME ":2: nmae: no such option" },
		{ "config = x", ":1: config: no such option" },
		{ "name", ":1: 'name': write NAME = VALUE" },
		{ "name =  \n", ":1: name: it has no value" },
		{ "name = a\n\nname = b", ":3: name: given twice" },
		{ "place = x\n", ":1: place x: give an absolute path" },
		{ "loud = maybe\n", ":1: loud: 'maybe' is neither yes nor no" },
		{ "loud\n", ":1: 'loud': write NAME = VALUE" },
		{ "= x\n", ":1: : no such option" },
	};
	_cleanup_free_ char *large = calloc(1, 65536);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		expect_refused(cases[i][0], strlen(cases[i][0]), cases[i][1]);
	expect_refused("name = a\0b\n", 11, "no text file");
	memset(large, '#', 65536);
	expect_refused(large, 65536, "longer than 65536 bytes");
}

static void test_seconds(void **state)
{
	static const char *const bad[] = { "0.1", "3600.5", "0x10", "1e3", "+5", "5.",	"5s",
					   ".",	  ".5",	    "nan",  "inf", "-5", "1.2.3" };
	_cleanup_free_ char *text = NULL;
	struct options options = {};
	char line[32];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(line, sizeof(line), "wait = %s\n", bad[i]);
		expect_refused(line, strlen(line), ": use 0.2 to 3600 seconds");
	}
	assert_int_equal(read_with("wait = 2.5", 10, NULL, &options, &text), 0);
	assert_true(options.ns == 2500000000ULL);
}

static void test_log_level(void **state)
{
	enum mz_log_level level = MZ_LOG_INFO;

	assert_int_equal(mz_setting_log_level("debug", &level), 0);
	assert_int_equal(level, MZ_LOG_DEBUG);
	assert_int_equal(mz_setting_log_level("warn", &level), 0);
	assert_int_equal(level, MZ_LOG_WARN);
	assert_true(mz_setting_log_level("", &level) < 0);
	assert_true(mz_setting_log_level("errors", &level) < 0);
	assert_int_equal(level, MZ_LOG_WARN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_command_line_wins),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_seconds),
		cmocka_unit_test(test_log_level),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
