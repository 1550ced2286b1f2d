// SPDX-License-Identifier: Apache-2.0
/* The command line's parser: what is understood, and that every misuse names what was wrong. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "cli/args.h"

#define WORDS_MAX 16

/* Splits at blanks; '' is an empty word. */
static int split(char *text, char *argv[WORDS_MAX])
{
	int argc = 0;

	argv[argc++] = "mizar";
	for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
		argv[argc++] = strcmp(word, "''") ? word : "";
	argv[argc] = NULL;
	return argc;
}

static void test_misuse(void **state)
{
	static const struct {
		const char *line, *says;
	} cases[] = {
		{ "", "a verb is missing" },
		{ "fly", "'fly'" },
		{ "host", "mizar host wants a verb" },
		{ "host fly", "'host fly'" },
		{ "get", "KIND" },
		{ "describe network", "KIND NAME" },
		{ "describe network a b", "'b'" },
		{ "get networks --frobnicate", "--frobnicate" },
		{ "get networks -q", "-q" },
		{ "get networks -o", "--output wants a value" },
		{ "get networks -o xml", "'xml'" },
		{ "get networks -o tab", "--output" },
		{ "get networks -o table|wide", "--output" },
		{ "get networks -o ''", "--output" },
		{ "get networks -n ''", "--namespace" },
		{ "get networks -o json -o json", "--output is given twice" },
		{ "get networks -A -A", "--all-namespaces is given twice" },
		{ "get networks --all-namespaces=yes", "--all-namespaces takes no value" },
		{ "get networks --timeout 0", "--timeout" },
		{ "get networks --timeout -1", "--timeout" },
		{ "get networks --timeout 1e3", "--timeout" },
		{ "get networks --timeout 99999999999999999999", "--timeout" },
		{ "get networks --wait", "does not take --wait" },
		{ "--wait get networks", "does not take --wait" },
		{ "lab up --hosts 0", "--hosts" },
		{ "lab up --hosts 201", "--hosts wants a number from 1 to 200, not '201'" },
		{ "lab up --hosts three", "'three'" },
		{ "lab up --mtu 576", "--mtu" },
		{ "lab up -n acme", "does not take --namespace" },
		{ "lab up now", "'now'" },
		{ "lab exec h1", "command behind --" },
		{ "lab exec h1 --", "command behind --" },
		{ "lab exec -- true", "PLACE" },
		{ "wait network web --for Ready", "--for" },
		{ "create", "KIND" },
		{ "create network", "KIND NAME" },
		{ "create fish a", "'fish'" },
		{ "create bouncer a", "made by Mizar" },
		{ "create --cidrs 10.0.0.0/24 network a", "--cidrs" },
		{ "create network a --vni 7", "a Network has no --vni" },
		{ "create network a --cidrs", "--cidrs wants a value" },
		{ "create network a --cidrs 10.0.0.0/24 --cidrs 10.0.1.0/24",
		  "--cidrs is given twice" },
		{ "create vpc a --status 1", "--status" },
		{ "completion", "bash" },
		{ "host tables a b", "'b'" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char line[256], misuse[MZ_MISUSE_SIZE] = "", *argv[WORDS_MAX];
		struct mz_args args;
		int argc;

		strcpy(line, cases[i].line);
		argc = split(line, argv);
		if (mz_args_parse(argc, argv, &args, misuse) != -EINVAL)
			fail_msg("'%s' was understood", cases[i].line);
		if (!strstr(misuse, cases[i].says))
			fail_msg("'%s' says '%s', without '%s'", cases[i].line, misuse,
				 cases[i].says);
		assert_non_null(strstr(misuse, "--help"));
	}
}

static void test_understood(void **state)
{
	static const struct {
		const char *line, *verb;
		size_t n_words;
		enum mz_option_id id;
		const char *value;
	} cases[] = {
		{ "get networks", "get", 1, MZ_OPT_OUTPUT, NULL },
		{ "get networks web db -o json", "get", 3, MZ_OPT_OUTPUT, "json" },
		{ "get -ojson networks", "get", 1, MZ_OPT_OUTPUT, "json" },
		{ "get networks -An acme", "get", 1, MZ_OPT_NAMESPACE, "acme" },
		{ "get networks -Anacme", "get", 1, MZ_OPT_NAMESPACE, "acme" },
		{ "-n acme get networks", "get", 1, MZ_OPT_NAMESPACE, "acme" },
		{ "get networks --namespace=acme", "get", 1, MZ_OPT_NAMESPACE, "acme" },
		{ "get networks --selector=a=b", "get", 1, MZ_OPT_SELECTOR, "a=b" },
		{ "apply -f -", "apply", 0, MZ_OPT_FILE, "-" },
		{ "get networks -- -odd", "get", 2, MZ_OPT_FILE, NULL },
		{ "--lab x host tables location", "host tables", 1, MZ_OPT_LAB, "x" },
		{ "host --host h1 drops", "host drops", 0, MZ_OPT_HOST, "h1" },
		{ "lab up --hosts 200", "lab up", 0, MZ_OPT_HOSTS, "200" },
		{ "wait network web --for gone", "wait", 2, MZ_OPT_FOR, "gone" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char line[256], misuse[MZ_MISUSE_SIZE] = "", *argv[WORDS_MAX];
		struct mz_args args;
		int argc;

		strcpy(line, cases[i].line);
		argc = split(line, argv);
		if (mz_args_parse(argc, argv, &args, misuse) != 0)
			fail_msg("'%s': %s", cases[i].line, misuse);
		assert_string_equal(args.verb->name, cases[i].verb);
		assert_int_equal(args.n_words, cases[i].n_words);
		if (cases[i].value)
			assert_string_equal(args.values[cases[i].id], cases[i].value);
		else
			assert_null(args.values[cases[i].id]);
		mz_args_fini(&args);
	}
}

static void test_fields(void **state)
{
	char *argv[] = {
		"mizar", "create", "net", "web", "--vpc", "prod", "--cidrs=10.0.0.0/24,fd00::/64",
		NULL
	};
	char *divide[] = { "mizar", "create", "vpc", "prod", "--divide", "--vni", "7", NULL };
	char misuse[MZ_MISUSE_SIZE];
	struct mz_args args;

	assert_int_equal(mz_args_parse(7, argv, &args, misuse), 0);
	assert_string_equal(args.kind->name, "Network");
	assert_int_equal(args.n_fields, 2);
	assert_string_equal(args.fields[0].field->json, "vpc");
	assert_string_equal(args.fields[0].value, "prod");
	assert_string_equal(args.fields[1].value, "10.0.0.0/24,fd00::/64");
	mz_args_fini(&args);

	/* A boolean takes no value from the next word. */
	assert_int_equal(mz_args_parse(7, divide, &args, misuse), 0);
	assert_int_equal(args.n_fields, 2);
	assert_string_equal(args.fields[0].value, "true");
	assert_string_equal(args.fields[1].value, "7");
	mz_args_fini(&args);
}

static void test_help(void **state)
{
	static const char *const lines[] = { "--help",
					     "-h",
					     "get --help",
					     "lab --help",
					     "lab up --help --hosts",
					     "create network --help",
					     "get --help --nonsense" };

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		char line[256], misuse[MZ_MISUSE_SIZE] = "", *argv[WORDS_MAX];
		struct mz_args args;
		int argc;

		strcpy(line, lines[i]);
		argc = split(line, argv);
		if (mz_args_parse(argc, argv, &args, misuse) != 0)
			fail_msg("'%s': %s", lines[i], misuse);
		assert_true(mz_args_has(&args, MZ_OPT_HELP));
		mz_args_fini(&args);
	}
}

static void test_command(void **state)
{
	char *argv[] = { "mizar", "lab", "exec", "h1", "--", "ip", "--json", "-n", NULL };
	char misuse[MZ_MISUSE_SIZE];
	struct mz_args args;

	assert_int_equal(mz_args_parse(8, argv, &args, misuse), 0);
	assert_string_equal(args.command[0], "ip");
	assert_string_equal(args.command[2], "-n");
	assert_null(args.command[3]);
	mz_args_fini(&args);
}

/* What the rows promise to each other. */
static uint64_t options_with_fields(void)
{
	uint64_t options = 0;

	for (const struct mz_verb *v = mz_verbs; v->name; v++)
		options |= v->has_fields ? v->options : 0;
	return options;
}

static uint64_t option_bit(const char *name)
{
	const struct mz_option *o = mz_option_find(name, strlen(name));

	return o ? 1ULL << (o - mz_options) : 0;
}

static void test_rows(void **state)
{
	char flag[MZ_FLAG_SIZE];

	assert_true(MZ_N_OPTIONS <= 64);
	for (size_t i = 0; i < MZ_N_OPTIONS; i++) {
		assert_non_null(mz_options[i].name);
		assert_non_null(mz_options[i].doc);
		for (size_t j = 0; j < i; j++) {
			assert_string_not_equal(mz_options[i].name, mz_options[j].name);
			if (mz_options[i].letter)
				assert_int_not_equal(mz_options[i].letter, mz_options[j].letter);
		}
	}
	for (const struct mz_verb *v = mz_verbs; v->name; v++) {
		assert_non_null(v->run);
		assert_non_null(v->synopsis);
		assert_true(v->options & MZ_OPT_BIT(HELP));
		assert_true(v->max_words >= v->min_words);
	}
	/* Every phase that an object can have can be waited for. */
	for (const struct mz_field *f = mz_message_find(&mizar__v1__status__descriptor)->fields;
	     f->pbc; f++)
		for (size_t i = 0; f->enumeration && f->enumeration->values[i].json; i++)
			assert_non_null(strstr(mz_options[MZ_OPT_FOR].choices,
					       f->enumeration->values[i].json));
	/* A field that is called as an option could not be set. */
	for (size_t i = 1; i < MZ_N_KINDS; i++)
		for (const struct mz_field *f = mz_spec_fields(&mz_kinds[i]); f->pbc; f++)
			if (!mz_kinds[i].managed) {
				mz_field_flag(f, flag);
				assert_int_equal(options_with_fields() & option_bit(flag), 0);
			}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_misuse),	cmocka_unit_test(test_understood),
		cmocka_unit_test(test_fields),	cmocka_unit_test(test_help),
		cmocka_unit_test(test_command), cmocka_unit_test(test_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
