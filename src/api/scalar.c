// SPDX-License-Identifier: Apache-2.0
/* Plain scalars by the core schema of YAML 1.2.2, section 10.3.2. */
#include "api/scalar.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"

static bool is_one_of(const char *text, const char *const *words)
{
	for (; *words; words++)
		if (!strcmp(text, *words))
			return true;
	return false;
}

static bool is_null(const char *text)
{
	static const char *const words[] = { "", "~", "null", "Null", "NULL", NULL };

	return is_one_of(text, words);
}

static bool is_true(const char *text)
{
	static const char *const words[] = { "true", "True", "TRUE", NULL };

	return is_one_of(text, words);
}

static bool is_false(const char *text)
{
	static const char *const words[] = { "false", "False", "FALSE", NULL };

	return is_one_of(text, words);
}

/* Whether all of text, at least one character, is made of set. */
static bool is_made_of(const char *text, const char *set)
{
	const char *p;

	for (p = text; *p; p++)
		if (!strchr(set, *p))
			return false;
	return p != text;
}

static const char *skip_sign(const char *text)
{
	return text + (*text == '+' || *text == '-');
}

/* 0: not an integer. */
static int integer_base(const char *text)
{
	if (!strncmp(text, "0o", 2) && is_made_of(text + 2, "01234567"))
		return 8;
	if (!strncmp(text, "0x", 2) && is_made_of(text + 2, "0123456789abcdefABCDEF"))
		return 16;
	return is_made_of(skip_sign(text), "0123456789") ? 10 : 0;
}

/* [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )? */
static bool is_float(const char *text)
{
	size_t before, after = 0;

	text = skip_sign(text);
	before = strspn(text, "0123456789");
	text += before;
	if (*text == '.') {
		after = strspn(text + 1, "0123456789");
		text += 1 + after;
	}
	if (!before && !after)
		return false;
	if (!*text)
		return true;
	return (*text == 'e' || *text == 'E') && is_made_of(skip_sign(text + 1), "0123456789");
}

static bool is_infinite_or_nan(const char *text)
{
	static const char *const words[] = { ".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN", NULL };

	return is_one_of(skip_sign(text), words);
}

static int resolve_integer(const char *text, int base, json_t **ret_json)
{
	json_t *json;
	long long n;

	errno = 0;
	n = strtoll(base == 10 ? text : text + 2, NULL, base);
	if (errno)
		return -ERANGE;
	json = json_integer(n);
	if (!json)
		return -ENOMEM;
	*ret_json = json;
	return 0;
}

static int resolve_float(const char *text, json_t **ret_json)
{
	double d = strtod(text, NULL);
	json_t *json;

	if (!isfinite(d))
		return -ERANGE;
	json = json_real(d);
	if (!json)
		return -ENOMEM;
	*ret_json = json;
	return 0;
}

int mz_scalar_resolve(const char *text, json_t **ret_json)
{
	int base = integer_base(text);
	json_t *json;

	if (base)
		return resolve_integer(text, base, ret_json);
	if (is_float(text))
		return resolve_float(text, ret_json);
	if (is_infinite_or_nan(text))
		return -ERANGE;
	if (is_null(text))
		json = json_null();
	else if (is_true(text) || is_false(text))
		json = json_boolean(is_true(text));
	else
		json = json_string(text);
	if (!json)
		return -ENOMEM;
	*ret_json = json;
	return 0;
}

/* 1_000, 1:30 (base 60), 0b1 and dates: numbers and times of YAML 1.1. */
static bool is_yaml_1_1_number(const char *text)
{
	text = skip_sign(text);
	if (!isdigit((unsigned char)*text))
		return false;
	if (is_made_of(text, "0123456789_:.") && strpbrk(text, "_:"))
		return true;
	if (!strncmp(text, "0b", 2))
		return true;
	return is_made_of(text, "0123456789-+:.TtZz ") && strlen(text) >= 8 && text[4] == '-';
}

bool mz_scalar_needs_quotes(const char *text)
{
	static const char *const yaml_1_1[] = { "y", "n", "yes", "no", "on", "off", NULL };
	const char *const *word;

	if (integer_base(text) || is_float(text) || is_infinite_or_nan(text) || is_null(text) ||
	    is_true(text) || is_false(text) || !strcmp(text, "<<") || !strcmp(text, "="))
		return true;
	for (word = yaml_1_1; *word; word++)
		if (!strcasecmp(text, *word))
			return true;
	return is_yaml_1_1_number(text);
}
