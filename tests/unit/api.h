/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of src/api share: manifests in, problems out, one line of text each. */
#pragma once

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "api/field.h"

/* "path: message\n" of each; the caller frees. */
static inline char *problems_text(const struct mz_problems *problems)
{
	char *text = NULL;
	size_t size, i;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	for (i = 0; i < problems->n_items; i++)
		fprintf(out, "%s: %s\n", problems->items[i].path, problems->items[i].message);
	assert_int_equal(fclose(out), 0);
	return text;
}

static inline void expect_problems(struct mz_problems *problems, const char *expected)
{
	_cleanup_free_ char *text = problems_text(problems);

	assert_string_equal(text, expected);
	mz_problems_fini(problems);
}

/* One object from YAML, which must have nothing wrong in it. */
static inline struct mz_object *object_from_yaml(const char *yaml)
{
	struct mz_problems problems = {};
	struct mz_manifest manifest = {};
	struct mz_object *object;
	int r = mz_manifest_parse(yaml, strlen(yaml), &problems, &manifest);

	expect_problems(&problems, "");
	assert_int_equal(r, 0);
	assert_int_equal(manifest.n_objects, 1);
	object = manifest.objects[0];
	manifest.objects[0] = NULL;
	mz_manifest_fini(&manifest);
	return object;
}

/* Like "kind: VPC\nspec: {…}", with the rest around it. */
static inline struct mz_object *object_of(const char *kind, const char *spec)
{
	char yaml[4096];

	snprintf(yaml, sizeof(yaml),
		 "apiVersion: mizar.com/v1\nkind: %s\nmetadata: {name: x}\nspec: %s\n", kind, spec);
	return object_from_yaml(yaml);
}
