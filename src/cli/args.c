/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parser. Options may stand anywhere; those before the verb are checked against it once it is
 * known. A verb is the first word, or the first two.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/args.h"

struct parser {
	int argc;
	char *const *argv;
	int next; /* argument to look at */
	struct mz_args *args;
	char *misuse;
};

static int misuse(struct parser *p, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int misuse(struct parser *p, const char *format, ...)
{
	const char *verb = p->args->verb ? p->args->verb->name : NULL;
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(p->misuse, MZ_MISUSE_SIZE, format, ap);
	va_end(ap);
	if (n >= 0 && n < MZ_MISUSE_SIZE)
		snprintf(p->misuse + n, MZ_MISUSE_SIZE - (size_t)n, "; see mizar %s%s--help",
			 verb ?: "", verb ? " " : "");
	return -EINVAL;
}

static bool is_one_of(const char *value, const char *choices)
{
	size_t size = strlen(value);

	for (const char *c = choices; c; c = strchr(c, '|')) {
		c += *c == '|';
		if (strcspn(c, "|") == size && !strncmp(c, value, size))
			return true;
	}
	return false;
}

static bool is_number(const char *value, uint64_t min, uint64_t max)
{
	unsigned long long n;

	if (!*value || strspn(value, "0123456789") != strlen(value) || strlen(value) > 18)
		return false;
	n = strtoull(value, NULL, 10);
	return n >= min && n <= max;
}

static int check_value(struct parser *p, const struct mz_option *o, const char *value)
{
	if (o->choices && !is_one_of(value, o->choices))
		return misuse(p, "--%s wants one of %s, not '%s'", o->name, o->choices, value);
	if (o->max && !is_number(value, o->min, o->max))
		return misuse(p, "--%s wants a number from %llu to %llu, not '%s'", o->name,
			      (unsigned long long)o->min, (unsigned long long)o->max, value);
	if (!*value)
		return misuse(p, "--%s wants %s, not nothing", o->name, o->value);
	return 0;
}

/* value: what stood behind "=", or NULL. */
static int take_option(struct parser *p, enum mz_option_id id, const char *value)
{
	const struct mz_option *o = &mz_options[id];
	int r;

	if (p->args->values[id])
		return misuse(p, "--%s is given twice", o->name);
	if (!o->value) {
		if (value)
			return misuse(p, "--%s takes no value", o->name);
		p->args->values[id] = "";
		return 0;
	}
	if (!value) {
		if (p->next >= p->argc)
			return misuse(p, "--%s wants a value: --%s %s", o->name, o->name, o->value);
		value = p->argv[p->next++];
	}
	r = check_value(p, o, value);
	if (r < 0)
		return r;
	p->args->values[id] = value;
	return 0;
}

static int take_field(struct parser *p, const struct mz_field *field, const char *value)
{
	struct mz_args *args = p->args;
	char flag[MZ_FLAG_SIZE];

	mz_field_flag(field, flag);
	for (size_t i = 0; i < args->n_fields; i++)
		if (args->fields[i].field == field)
			return misuse(p, "--%s is given twice; a list is written with commas",
				      flag);
	if (args->n_fields == MZ_FIELDS_MAX)
		return misuse(p, "too many fields");
	if (!value && mz_field_is_flag_bool(field))
		value = "true";
	if (!value) {
		if (p->next >= p->argc)
			return misuse(p, "--%s wants a value", flag);
		value = p->argv[p->next++];
	}
	args->fields[args->n_fields++] = (struct mz_field_arg){ field, value };
	return 0;
}

static int take_long(struct parser *p, const char *text)
{
	size_t size = strcspn(text, "=");
	const char *value = text[size] ? text + size + 1 : NULL;
	const struct mz_option *o = mz_option_find(text, size);
	const struct mz_verb *verb = p->args->verb;
	const struct mz_field *field;

	/* What a verb with fields does not take as an option may be the name of a field. */
	if (o && !(verb && verb->has_fields && !(verb->options & 1ULL << (o - mz_options))))
		return take_option(p, (enum mz_option_id)(o - mz_options), value);
	if (p->args->kind) {
		field = mz_field_by_flag(p->args->kind, text, size);
		if (field)
			return take_field(p, field, value);
		return misuse(p, "%s %s has no --%.*s", p->args->kind->article,
			      p->args->kind->name, (int)size, text);
	}
	if (p->args->verb && p->args->verb->has_fields)
		return misuse(p,
			      "--%.*s: the flags of a kind stand behind it: mizar %s KIND NAME "
			      "--FIELD VALUE",
			      (int)size, text, p->args->verb->name);
	return misuse(p, "unknown option --%.*s", (int)size, text);
}

/* "-n acme", "-nacme", "-An acme". */
static int take_letters(struct parser *p, const char *text)
{
	int r;

	for (; *text; text++) {
		size_t id = 0;

		while (id < MZ_N_OPTIONS && mz_options[id].letter != *text)
			id++;
		if (id == MZ_N_OPTIONS)
			return misuse(p, "unknown option -%c", *text);
		if (mz_options[id].value && text[1])
			return take_option(p, (enum mz_option_id)id, text + 1);
		r = take_option(p, (enum mz_option_id)id, NULL);
		if (r < 0)
			return r;
	}
	return 0;
}

static int take_kind(struct parser *p, const char *word)
{
	const struct mz_kind_info *kind = mz_kind_find(word);

	if (!kind)
		return misuse(p, "'%s' is no kind", word);
	if (kind->managed)
		return misuse(p, "%s %s is made by Mizar, not by users", kind->article,
			      kind->name);
	p->args->kind = kind;
	return 0;
}

static int take_word(struct parser *p, const char *word)
{
	struct mz_args *args = p->args;
	size_t n;

	if (!args->verb) {
		args->verb = args->group ? mz_verb_find(args->group, word, &n)
					 : mz_verb_find(word, NULL, &n);
		if (args->verb)
			return 0;
		if (args->group)
			return misuse(p, "unknown verb '%s %s'", args->group, word);
		if (mz_verb_is_group(word)) {
			args->group = word;
			return 0;
		}
		return misuse(p, "unknown verb '%s'", word);
	}
	args->words[args->n_words++] = word;
	return args->n_words == 1 && args->verb->has_fields ? take_kind(p, word) : 0;
}

/* What is behind "--": a command, or words. */
static int take_rest(struct parser *p)
{
	int r;

	if (p->args->verb && p->args->verb->has_command) {
		p->args->command = p->argv + p->next;
		p->next = p->argc;
		return 0;
	}
	while (p->next < p->argc) {
		r = take_word(p, p->argv[p->next++]);
		if (r < 0)
			return r;
	}
	return 0;
}

static int check_whole(struct parser *p)
{
	const struct mz_args *args = p->args;
	const struct mz_verb *verb = args->verb;

	if (mz_args_has(args, MZ_OPT_HELP))
		return 0;
	if (!verb && args->group)
		return misuse(p, "mizar %s wants a verb behind it", args->group);
	if (!verb)
		return misuse(p, "a verb is missing");
	for (size_t id = 0; id < MZ_N_OPTIONS; id++)
		if (args->values[id] && !(verb->options & (1ULL << id)))
			return misuse(p, "mizar %s does not take --%s", verb->name,
				      mz_options[id].name);
	if (args->n_words < verb->min_words)
		return misuse(p, "mizar %s wants %s", verb->name, verb->synopsis);
	if (args->n_words > verb->max_words)
		return misuse(p, "mizar %s: '%s' is one word too many", verb->name,
			      args->words[verb->max_words]);
	if (verb->has_command && (!args->command || (!verb->is_hidden && !args->command[0])))
		return misuse(p, "mizar %s wants a command behind --", verb->name);
	return 0;
}

static int parse(struct parser *p)
{
	int r;

	while (p->next < p->argc) {
		const char *arg = p->argv[p->next++];

		if (!strcmp(arg, "--"))
			r = take_rest(p);
		else if (!strncmp(arg, "--", 2))
			r = take_long(p, arg + 2);
		else if (arg[0] == '-' && arg[1])
			r = take_letters(p, arg + 1);
		else
			r = take_word(p, arg);
		/* Who asks for help has it, whatever else is wrong behind it. */
		if (r < 0 && mz_args_has(p->args, MZ_OPT_HELP))
			return 0;
		if (r < 0)
			return r;
	}
	return check_whole(p);
}

int mz_args_parse(int argc, char *const argv[], struct mz_args *ret_args,
		  char ret_misuse[static MZ_MISUSE_SIZE])
{
	struct mz_args args = {};
	struct parser p = { argc, argv, 1, &args, ret_misuse };
	int r;

	args.words = calloc((size_t)argc + 1, sizeof(*args.words));
	if (!args.words)
		return -ENOMEM;
	r = parse(&p);
	if (r < 0) {
		mz_args_fini(&args);
		return r;
	}
	*ret_args = args;
	return 0;
}

void mz_args_fini(struct mz_args *args)
{
	free(args->words);
	*args = (struct mz_args){};
}
