/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Problems inside src/api: a path is a chain of steps on the callers' stacks, written out only when
 * there is a problem to report; and the nearest valid name, for "did you mean".
 */
#pragma once

#include <stddef.h>

#include "api/field.h"

/* From the outermost field inward. One of name, key or (both NULL) an index. */
struct mz_path {
	const struct mz_path *parent; /* NULL: the object itself */
	const char *name;	      /* of a field */
	const char *key;	      /* of a map */
	size_t index;		      /* in a list */
};

#define MZ_PATH_SIZE 512
/* "spec.cidrs[1]"; a longer path is cut. Returns buf. */
const char *mz_path_format(const struct mz_path *path, char buf[static MZ_PATH_SIZE]);

/* As mz_problem_add. */
int mz_path_problem(struct mz_problems *problems, const struct mz_path *path, const char *format,
		    ...) __attribute__((format(printf, 3, 4)));

/* Of two results, the one to return when all problems are wanted: -ENOMEM, else any error. */
int mz_worse(int a, int b);

/* Starts with text set. best: NULL when no candidate is near. */
struct mz_nearest {
	const char *text;
	const char *best;
	size_t distance;
};
void mz_nearest_try(struct mz_nearest *nearest, const char *candidate);
