// SPDX-License-Identifier: Apache-2.0
/*
 * Collected problems. Texts contain parts of what a stranger wrote, and end up on terminals and in
 * logs: control characters are taken out, lengths and the number of problems are bounded.
 */
#include "api/problem.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PROBLEMS_MAX	 100
#define MESSAGE_MAX_SIZE 1024

void mz_problems_fini(struct mz_problems *problems)
{
	size_t i;

	for (i = 0; i < problems->n_items; i++) {
		free(problems->items[i].path);
		free(problems->items[i].message);
	}
	free(problems->items);
	*problems = (struct mz_problems){};
}

static void clean(char *text)
{
	unsigned char *p;

	for (p = (unsigned char *)text; *p; p++) {
		bool c1 = p[0] == 0xc2 && p[1] >= 0x80 && p[1] <= 0x9f; /* U+0080 to U+009F */

		if (*p < 0x20 || *p == 0x7f)
			*p = '?';
		else if (c1)
			p[0] = p[1] = '?';
	}
}

static int add(struct mz_problems *problems, const char *path, const char *message)
{
	_cleanup_free_ char *path_copy = strdup(path), *message_copy = strdup(message);
	struct mz_problem *items;

	if (!path_copy || !message_copy)
		return -ENOMEM;
	items = reallocarray(problems->items, problems->n_items + 1, sizeof(*items));
	if (!items)
		return -ENOMEM;
	clean(path_copy);
	clean(message_copy);
	items[problems->n_items++] = (struct mz_problem){
		.object = problems->object,
		.path = TAKE(path_copy),
		.message = TAKE(message_copy),
	};
	problems->items = items;
	return -EINVAL;
}

static int add_formatted(struct mz_problems *problems, const char *path, const char *format,
			 va_list args)
{
	char message[MESSAGE_MAX_SIZE];

	if (problems->n_items > PROBLEMS_MAX)
		return -EINVAL;
	if (problems->n_items == PROBLEMS_MAX)
		return add(problems, "", "there are more problems; these are the first ones");
	vsnprintf(message, sizeof(message), format, args);
	return add(problems, path, message);
}

int mz_problem_add(struct mz_problems *problems, const char *path, const char *format, ...)
{
	va_list args;
	int r;

	va_start(args, format);
	r = add_formatted(problems, path, format, args);
	va_end(args);
	return r;
}

/* Appends what fits. */
__attribute__((format(printf, 3, 4))) static size_t append(char buf[static MZ_PATH_SIZE],
							   size_t used, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(buf + used, MZ_PATH_SIZE - used, format, args);
	va_end(args);
	return used + strlen(buf + used);
}

static size_t append_path(const struct mz_path *path, char buf[static MZ_PATH_SIZE])
{
	size_t used;

	if (!path)
		return 0;
	used = append_path(path->parent, buf);
	if (path->key)
		return append(buf, used, "[\"%.64s\"]", path->key);
	if (path->name)
		return append(buf, used, "%s%.64s", used ? "." : "", path->name);
	return append(buf, used, "[%zu]", path->index);
}

const char *mz_path_format(const struct mz_path *path, char buf[static MZ_PATH_SIZE])
{
	*buf = 0;
	(void)append_path(path, buf); /* the size is for the recursion */
	return buf;
}

int mz_path_problem(struct mz_problems *problems, const struct mz_path *path, const char *format,
		    ...)
{
	char text[MZ_PATH_SIZE];
	va_list args;
	int r;

	va_start(args, format);
	r = add_formatted(problems, mz_path_format(path, text), format, args);
	va_end(args);
	return r;
}

int mz_worse(int a, int b)
{
	if (a == -ENOMEM || b == -ENOMEM)
		return -ENOMEM;
	return a < 0 ? a : b;
}

#define NAME_MAX_SIZE 64

/* Levenshtein's distance, letters in any case. Texts of at most NAME_MAX_SIZE. */
static size_t distance(const char *a, const char *b)
{
	size_t row[NAME_MAX_SIZE + 1], n = strlen(b), i, j;

	for (j = 0; j <= n; j++)
		row[j] = j;
	for (i = 0; a[i]; i++) {
		size_t diagonal = row[0];

		row[0] = i + 1;
		for (j = 0; j < n; j++) {
			bool same = tolower((unsigned char)a[i]) == tolower((unsigned char)b[j]);
			size_t best = diagonal + (same ? 0 : 1);

			diagonal = row[j + 1];
			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (diagonal + 1 < best)
				best = diagonal + 1;
			row[j + 1] = best;
		}
	}
	return row[n];
}

void mz_nearest_try(struct mz_nearest *nearest, const char *candidate)
{
	size_t size = strlen(nearest->text), d;

	if (size > NAME_MAX_SIZE || strlen(candidate) > NAME_MAX_SIZE)
		return;
	d = distance(nearest->text, candidate);
	/* Nearer than that, a wrong name is a typing error; farther, the guess would mislead. */
	if (d > (size + 1) / 3)
		return;
	if (!nearest->best || d < nearest->distance) {
		nearest->best = candidate;
		nearest->distance = d;
	}
}
