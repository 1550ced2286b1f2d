// SPDX-License-Identifier: Apache-2.0
/*
 * Manifests: documents to objects, a List counting as its items. Every document is looked at, also
 * behind one with problems.
 */
#include "api/field.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/problem.h"
#include "api/yaml_load.h"

void mz_manifest_fini(struct mz_manifest *manifest)
{
	size_t i;

	for (i = 0; i < manifest->n_objects; i++)
		mz_object_free(manifest->objects[i]);
	free(manifest->objects);
	free(manifest->lines);
	free(manifest->origins);
	*manifest = (struct mz_manifest){};
}

/* Room for one more in all three arrays; doubled at powers of two. */
static int grow(struct mz_manifest *manifest)
{
	size_t n = manifest->n_objects, room = n ? n * 2 : 1;
	struct mz_manifest_origin *origins;
	struct mz_object **objects;
	int *lines;

	if (n & (n - 1))
		return 0;
	objects = reallocarray(manifest->objects, room, sizeof(*objects));
	if (!objects)
		return -ENOMEM;
	manifest->objects = objects;
	lines = reallocarray(manifest->lines, room, sizeof(*lines));
	if (!lines)
		return -ENOMEM;
	manifest->lines = lines;
	origins = reallocarray(manifest->origins, room, sizeof(*origins));
	if (!origins)
		return -ENOMEM;
	manifest->origins = origins;
	return 0;
}

/* Also an object that is wrong takes its place, as NULL: problems name objects by their index. */
static int add_object(const json_t *json, const struct mz_yaml_document *document, ssize_t item,
		      struct mz_problems *problems, struct mz_manifest *manifest)
{
	struct mz_object *object = NULL;
	int r, q;

	r = grow(manifest);
	if (r < 0)
		return r;
	problems->object = (unsigned int)manifest->n_objects;
	q = mz_object_from_json(json, problems, &object);
	if (q == -ENOMEM)
		return q;
	manifest->objects[manifest->n_objects] = object;
	manifest->lines[manifest->n_objects] = document->line;
	manifest->origins[manifest->n_objects] = (struct mz_manifest_origin){
		.document = document->number,
		.item = item,
	};
	manifest->n_objects++;
	return q;
}

static bool is_list(const json_t *json)
{
	const char *kind = json_string_value(json_object_get(json, "kind"));

	return kind && !strcmp(kind, "List");
}

static int check_list(const json_t *json, struct mz_problems *problems)
{
	const char *version = json_string_value(json_object_get(json, "apiVersion"));
	json_t *map = (json_t *)json, *value; /* iteration wants it not const */
	const char *key;
	int r = 0;

	/* "v1" is what kubectl writes. */
	if (!version || (strcmp(version, MZ_API_VERSION) && strcmp(version, "v1")))
		r = mz_problem_add(problems, "apiVersion", "must be " MZ_API_VERSION);
	if (!json_is_array(json_object_get(json, "items")))
		r = mz_worse(r, mz_problem_add(problems, "items", "must be a list of objects"));
	json_object_foreach(map, key, value) if (strcmp(key, "apiVersion") && strcmp(key, "kind") &&
						 strcmp(key, "items") && strcmp(key, "metadata"))
		r = mz_worse(r, mz_problem_add(problems, key, "unknown field of a List"));
	return r;
}

static int add_document(const struct mz_yaml_document *document, struct mz_problems *problems,
			struct mz_manifest *manifest)
{
	const json_t *items = json_object_get(document->json, "items");
	size_t i;
	int r;

	if (!is_list(document->json))
		return add_object(document->json, document, -1, problems, manifest);
	problems->object = (unsigned int)manifest->n_objects;
	r = check_list(document->json, problems);
	for (i = 0; i < json_array_size(items) && r != -ENOMEM; i++)
		r = mz_worse(r, add_object(json_array_get(items, i), document, (ssize_t)i, problems,
					   manifest));
	return r;
}

/* The path in the document: an object of a List lies below the List's items. */
static int full_path(const struct mz_manifest_origin *origin, const char *path, char **ret_path)
{
	bool needs_dot = *path && *path != '[';
	char *full;

	if (origin->item < 0)
		full = strdup(path);
	else if (asprintf(&full, "items[%zd]%s%s", origin->item, needs_dot ? "." : "", path) < 0)
		full = NULL;
	if (!full)
		return -ENOMEM;
	*ret_path = full;
	return 0;
}

int mz_manifest_find_lines(const char *text, size_t size, const struct mz_manifest *manifest,
			   struct mz_problems *problems)
{
	struct mz_yaml_target targets[MZ_YAML_TARGETS_MAX];
	struct mz_problem *found[MZ_YAML_TARGETS_MAX];
	size_t n = 0, i;
	int r = 0;

	for (i = 0; i < problems->n_items && n < MZ_YAML_TARGETS_MAX; i++) {
		struct mz_problem *problem = &problems->items[i];
		char *path;

		if (problem->line || problem->object >= manifest->n_objects)
			continue;
		r = full_path(&manifest->origins[problem->object], problem->path, &path);
		if (r < 0)
			break;
		problem->document = manifest->origins[problem->object].document + 1;
		found[n] = problem;
		targets[n++] = (struct mz_yaml_target){
			.document = manifest->origins[problem->object].document,
			.path = path,
		};
	}
	if (n)
		mz_yaml_find_lines(text, size, targets, n);
	for (i = 0; i < n; i++) {
		found[i]->line = targets[i].line;
		free((char *)targets[i].path);
	}
	return r;
}

static int add_documents(const struct mz_yaml *yaml, struct mz_problems *problems,
			 struct mz_manifest *manifest)
{
	size_t i;
	int r = 0;

	for (i = 0; i < yaml->n_documents && r != -ENOMEM; i++)
		r = mz_worse(r, add_document(&yaml->documents[i], problems, manifest));
	return r;
}

int mz_manifest_parse(const char *text, size_t size, struct mz_problems *problems,
		      struct mz_manifest *ret_manifest)
{
	struct mz_manifest manifest = {};
	struct mz_yaml yaml;
	int r;

	problems->object = 0;
	r = mz_yaml_load(text, size, problems, &yaml);
	if (r < 0)
		return r;
	r = add_documents(&yaml, problems, &manifest);
	mz_yaml_fini(&yaml);
	if (r == -EINVAL)
		r = mz_worse(r, mz_manifest_find_lines(text, size, &manifest, problems));
	if (r < 0) {
		mz_manifest_fini(&manifest);
		return r;
	}
	*ret_manifest = manifest;
	return 0;
}
