// SPDX-License-Identifier: Apache-2.0
/*
 * Manifests, YAML or JSON. What is accepted has one meaning: an object goes to JSON and YAML and
 * comes back as it was.
 */
#include "fuzz.h"

#include "api/columns.h"
#include "api/field.h"

static void require_equal(const struct mz_object *a, const struct mz_object *b)
{
	_cleanup_free_ uint8_t *a_data = NULL, *b_data = NULL;
	size_t a_size, b_size;

	REQUIRE(a->kind == b->kind);
	REQUIRE(mz_object_pack(a, &a_data, &a_size) == 0);
	REQUIRE(mz_object_pack(b, &b_data, &b_size) == 0);
	REQUIRE(a_size == b_size && !memcmp(a_data, b_data, a_size));
}

static void through_yaml(const struct mz_object *object, const json_t *json)
{
	struct mz_problems problems = {};
	struct mz_manifest manifest = {};
	char *text = NULL;

	REQUIRE(mz_yaml_dump(json, &text) == 0);
	REQUIRE(mz_manifest_parse(text, strlen(text), &problems, &manifest) == 0);
	REQUIRE(manifest.n_objects == 1);
	require_equal(object, manifest.objects[0]);
	mz_manifest_fini(&manifest);
	mz_problems_fini(&problems);
	free(text);
}

static void through_json(const struct mz_object *object)
{
	_cleanup_(mz_object_freep) struct mz_object *back = NULL, *packed = NULL;
	_cleanup_free_ uint8_t *data = NULL;
	struct mz_problems problems = {};
	json_t *json = NULL;
	size_t size;

	REQUIRE(mz_object_to_json(object, &json) == 0);
	REQUIRE(mz_object_from_json(json, &problems, &back) == 0);
	require_equal(object, back);
	through_yaml(object, json);
	REQUIRE(mz_object_pack(object, &data, &size) == 0);
	REQUIRE(mz_object_unpack(object->kind, data, size, &packed) == 0);
	require_equal(object, packed);
	mz_problems_fini(&problems);
	json_decref(json);
}

static void cells(const struct mz_object *object)
{
	char *texts[MZ_COLUMNS_MAX];
	int n = mz_columns_cells(object, true, texts, MZ_COLUMNS_MAX);

	for (int i = 0; i < n; i++)
		free(texts[i]);
}

/* Defaults are set once, and what is right stays right. */
static void rules(struct mz_object *object)
{
	_cleanup_(mz_object_freep) struct mz_object *once = NULL;
	struct mz_problems before = {}, after = {};
	int r;

	REQUIRE(mz_object_set_defaults(object) == 0);
	REQUIRE(mz_object_copy(object, &once) == 0);
	r = mz_object_check(object, &before);
	REQUIRE((r == 0) == !before.n_items);
	REQUIRE(mz_object_set_defaults(object) == 0);
	require_equal(object, once);
	REQUIRE(mz_object_check(object, &after) == r);
	REQUIRE(mz_object_check_update(once, object, &after) == 0);
	mz_problems_fini(&before);
	mz_problems_fini(&after);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct mz_problems problems = {};
	struct mz_manifest manifest = {};
	int r = mz_manifest_parse((const char *)data, size, &problems, &manifest);

	REQUIRE(r == 0 || r == -EINVAL);
	REQUIRE((r == 0) == !problems.n_items);
	for (size_t i = 0; r == 0 && i < manifest.n_objects; i++) {
		REQUIRE(mz_object_clear_output(manifest.objects[i]) == 0);
		through_json(manifest.objects[i]);
		cells(manifest.objects[i]);
		rules(manifest.objects[i]);
		through_json(manifest.objects[i]);
		problems.object = i;
		(void)mz_problem_add(&problems, "spec", "wanted for its line");
	}
	if (r == 0)
		(void)mz_manifest_find_lines((const char *)data, size, &manifest, &problems);
	mz_manifest_fini(&manifest);
	mz_problems_fini(&problems);
	return 0;
}
