// SPDX-License-Identifier: Apache-2.0
/* Manifests: YAML as users write it, hostile YAML, many documents, lines; and YAML written. */
#include "api.h"

#define VPC "apiVersion: mizar.com/v1\nkind: VPC\nmetadata: {name: a}\n"

static int parse(const char *text, struct mz_problems *problems, struct mz_manifest *ret_manifest)
{
	return mz_manifest_parse(text, strlen(text), problems, ret_manifest);
}

static void expect_refused(const char *text, const char *expected)
{
	struct mz_problems problems = {};
	struct mz_manifest manifest = {};

	assert_int_equal(parse(text, &problems, &manifest), -EINVAL);
	assert_int_equal(manifest.n_objects, 0);
	expect_problems(&problems, expected);
}

static void test_documents(void **state)
{
	static const char text[] = "# first\n" VPC "---\n---\n# nothing\n---\n" VPC
				   "spec: {vni: 0x10}\n...\n";
	struct mz_problems problems = {};
	struct mz_manifest manifest = {};

	assert_int_equal(parse(text, &problems, &manifest), 0);
	assert_int_equal(manifest.n_objects, 2);
	assert_int_equal(manifest.lines[0], 2);
	assert_int_equal(manifest.lines[1], 9);
	assert_int_equal(manifest.objects[1]->vpc->spec->vni, 16);
	assert_int_equal(problems.n_items, 0);
	mz_manifest_fini(&manifest);
}

static void test_nothing(void **state)
{
	static const char *const texts[] = { "", "# a comment", "---\n", "---\n---\n", "null" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(texts); i++) {
		struct mz_problems problems = {};
		struct mz_manifest manifest = {};

		assert_int_equal(parse(texts[i], &problems, &manifest), 0);
		assert_int_equal(manifest.n_objects, 0);
		mz_manifest_fini(&manifest);
	}
}

static void test_json(void **state)
{
	static const char text[] =
		"{\"apiVersion\":\"mizar.com/v1\",\"kind\":\"Network\",\n"
		"\t\"metadata\":{\"name\":\"a\",\"labels\":{\"x\":\"\\u00e9\\/\\\"\"}},"
		"\"spec\":{\"vpc\":\"v\",\"cidrs\":[\"10.0.0.0/24\"],\"bouncers\":2}}";
	_cleanup_(mz_object_freep) struct mz_object *object = object_from_yaml(text);

	assert_string_equal(object->network->spec->cidrs[0], "10.0.0.0/24");
	assert_string_equal(object->network->metadata->labels[0]->value, "\xc3\xa9/\"");
}

static void test_list(void **state)
{
	static const char text[] =
		"apiVersion: v1\nkind: List\nmetadata: {}\nitems:\n"
		"- {apiVersion: mizar.com/v1, kind: VPC, metadata: {name: a}}\n"
		"- {apiVersion: mizar.com/v1, kind: Droplet, metadata: {name: b}}\n";
	struct mz_problems problems = {};
	struct mz_manifest manifest = {};

	assert_int_equal(parse(text, &problems, &manifest), 0);
	assert_int_equal(manifest.n_objects, 2);
	assert_int_equal(manifest.objects[1]->kind, MZ_KIND_DROPLET);
	assert_string_equal(mz_object_name(manifest.objects[1]), "b");
	mz_manifest_fini(&manifest);
	expect_refused("apiVersion: v2\nkind: List\nitem: []\n",
		       "apiVersion: must be mizar.com/v1\nitems: must be a list of objects\n"
		       "item: unknown field of a List\n");
}

static void test_header(void **state)
{
	expect_refused("7", ": an object must be a map with apiVersion, kind, metadata and spec\n");
	expect_refused("kind: VPC\n", "apiVersion: required: mizar.com/v1\n");
	expect_refused("apiVersion: v1\nkind: VPC\n",
		       "apiVersion: must be mizar.com/v1, not \"v1\"\n");
	expect_refused("apiVersion: 1\nkind: VPC\n", "apiVersion: must be mizar.com/v1\n");
	expect_refused(
		"apiVersion: mizar.com/v1\n",
		"kind: required: Droplet, VPC, Network, Endpoint or List\n");
	expect_refused("apiVersion: mizar.com/v1\nkind: Netwrk\n",
		       "kind: unknown kind; did you mean Network?\n");
	expect_refused(
		"apiVersion: mizar.com/v1\nkind: Pod\n",
		"kind: must be Droplet, VPC, Network, Endpoint or List, not "
		"\"Pod\"\n");
}

/* Output fields are read and dropped; what only looks like output is not. */
static void test_output_is_dropped(void **state)
{
	_cleanup_(mz_object_freep) struct mz_object *object = object_from_yaml(
		"apiVersion: mizar.com/v1\nkind: VPC\n"
		"metadata: {name: a, uid: 7, generation: \"3\", resourceVersion: \"9\"}\n"
		"status: {phase: Failed, dividers: [h1]}\n");
	const Mizar__V1__Metadata *metadata = mz_object_metadata(object);

	assert_false(metadata->has_uid);
	assert_false(metadata->has_generation);
	assert_true(metadata->has_resource_version);
	assert_int_equal(metadata->resource_version, 9);
	assert_false(object->vpc->status->has_phase);
	assert_int_equal(object->vpc->status->n_dividers, 0);
}

static void test_null_is_absent(void **state)
{
	_cleanup_(mz_object_freep) struct mz_object *object = object_from_yaml(
		"apiVersion: mizar.com/v1\nkind: VPC\nmetadata: {name: a, labels: }\nspec:\n");

	assert_int_equal(mz_object_metadata(object)->n_labels, 0);
	assert_non_null(object->vpc->spec);
}

static void test_refused_yaml(void **state)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
		{ "a: &x 1\n",
		  ": line 1, column 4: anchors (&name) and tags (!name) are not taken\n" },
		{ "a: !!str 1\n",
		  ": line 1, column 4: anchors (&name) and tags (!name) are not taken\n" },
		{ "a: !x {}\n",
		  ": line 1, column 4: anchors (&name) and tags (!name) are not taken\n" },
		{ "a: *x\n",
		  ": line 1, column 4: aliases (*name) are not taken: write the value out\n" },
		{ "a: 1\na: 2\n", ": line 2, column 1: the key a is here twice\n" },
		{ "a: 1\n\"a\": 2\n", ": line 2, column 1: the key a is here twice\n" },
		{ "1: a\n", ": line 1, column 1: the key 1 must be text: put it in quotes\n" },
		{ "true: a\n",
		  ": line 1, column 1: the key true must be text: put it in quotes\n" },
		{ "? [a]\n: b\n", ": line 1, column 3: a key must be text\n" },
		{ "? {a: b}\n: b\n", ": line 1, column 3: a key must be text\n" },
		{ "\"a\\0b\": 1\n",
		  ": line 1, column 1: a key must not contain a NUL character\n" },
		{ "a: .inf\n",
		  ": line 1, column 4: the number .inf is out of range; if it is text, put it in "
		  "quotes\n" },
		{ "a: 1e999\n",
		  ": line 1, column 4: the number 1e999 is out of range; if it is text, put it in "
		  "quotes\n" },
		{ "a: 18446744073709551615\n",
		  ": line 1, column 4: the number 18446744073709551615 is out of range; if it is "
		  "text, put it in quotes\n" },
		{ "a: [1\n",
		  ": line 2, column 1: while parsing a flow sequence: did not find expected ',' or "
		  "']'\n" },
		{ "a: b: c\n",
		  ": line 1, column 5: mapping values are not allowed in this context\n" },
		{ "\tx: 1\n", ": line 1, column 1: while scanning for the next token: found "
			      "character that cannot start any token\n" },
		{ "a: \"\\ud800\"\n", ": line 1, column 7: while parsing a quoted scalar: found "
				      "invalid Unicode character escape code\n" },
		{ "a: \xff\n", ": byte 4: invalid leading UTF-8 octet\n" },
		{ "a: \xc0\x80\n", ": byte 4: invalid length of a UTF-8 sequence\n" },
		{ "a: \x1b[31m\n", ": byte 4: control characters are not allowed\n" },
		{ "\xff\xfe" "a", ": byte 1: invalid leading UTF-8 octet\n" },
		{ "%YAML 3.0\n---\na\n", ": line 1, column 1: found incompatible YAML document\n" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		expect_refused(cases[i].text, cases[i].expected);
}

static void test_nul_in_text(void **state)
{
	struct mz_problems problems = {};
	struct mz_manifest manifest = {};

	assert_int_equal(mz_manifest_parse("a: \0b\n", 6, &problems, &manifest), -EINVAL);
	expect_problems(&problems, ": byte 4: control characters are not allowed\n");
}

/* Deep and wide: refused at once, whatever the form. */
static void test_hostile_sizes(void **state)
{
	struct mz_problems problems = {};
	struct mz_manifest manifest = {};
	size_t size = 16 * 1024 * 1024 + 1;
	char *text = malloc(size);

	assert_non_null(text);
	memset(text, '[', size);
	assert_int_equal(mz_manifest_parse(text, size, &problems, &manifest), -EINVAL);
	expect_problems(&problems, ": more than 16 MiB: split the manifest\n");
	assert_int_equal(mz_manifest_parse(text, size - 1, &problems, &manifest), -EINVAL);
	expect_problems(&problems, ": line 1, column 33: nested too deep\n");
	memset(text, '{', size);
	assert_int_equal(mz_manifest_parse(text, size - 1, &problems, &manifest), -EINVAL);
	expect_problems(&problems, ": line 1, column 2: a key must be text\n");
	memset(text, 'a', size);
	assert_int_equal(mz_manifest_parse(text, size - 1, &problems, &manifest), -EINVAL);
	expect_problems(&problems,
			": an object must be a map with apiVersion, kind, metadata and spec\n");
	free(text);
}

static void test_all_documents_are_looked_at(void **state)
{
	expect_refused(VPC "spec: {vnis: 1}\n---\n" VPC "---\n" VPC "spec: {divide: x}\n",
		       "spec.vnis: unknown field; did you mean spec.vni?\n"
		       "spec.divide: must be true or false, not text\n");
}

static void test_lines(void **state)
{
	static const char text[] = VPC			 /* 1 to 3 */
		"spec:\n"				 /* 4 */
		"  vnis: 1\n"				 /* 5 */
		"---\n"					 /* 6 */
		"apiVersion: mizar.com/v1\n"		 /* 7 */
		"kind: Network\n"
		"metadata:\n"
		"  labels:\n"				 /* 10 */
		"    app.io/x: 1\n"			 /* 11 */
		"spec:\n"				 /* 12 */
		"  cidrs:\n"				 /* 13 */
		"  - a\n"
		"  - 7\n"				 /* 15 */
		"---\n"
		"apiVersion: v1\n"
		"kind: List\n"
		"items:\n"
		"- " "apiVersion: mizar.com/v1\n"	 /* 20 */
		"  kind: VPC\n"
		"- " "apiVersion: mizar.com/v1\n"	 /* 22 */
		"  kind: VPC\n"
		"  spec:\n"
		"    vni: []\n";			 /* 25 */
	static const struct {
		unsigned int object;
		int line;
	} expected[] = { { 0, 5 }, { 1, 11 }, { 1, 15 }, { 3, 25 } };
	struct mz_problems problems = {};
	struct mz_manifest manifest = {};
	size_t i;

	assert_int_equal(parse(text, &problems, &manifest), -EINVAL);
	assert_int_equal(problems.n_items, ARRAY_SIZE(expected));
	for (i = 0; i < ARRAY_SIZE(expected); i++) {
		assert_int_equal(problems.items[i].object, expected[i].object);
		assert_int_equal(problems.items[i].line, expected[i].line);
	}
	mz_problems_fini(&problems);
}

/* Problems found behind the parser get their lines too; an absent field that of what is around. */
static void test_lines_of_checks(void **state)
{
	static const char text[] = VPC "---\napiVersion: mizar.com/v1\nkind: Network\n"
				       "metadata:\n  name: a\nspec:\n  bouncers: 9\n";
	struct mz_problems problems = {};
	struct mz_manifest manifest = {};

	assert_int_equal(parse(text, &problems, &manifest), 0);
	problems.object = 1;
	assert_int_equal(mz_object_check(manifest.objects[1], &problems), -EINVAL);
	assert_int_equal(mz_manifest_find_lines(text, strlen(text), &manifest, &problems), 0);
	assert_int_equal(problems.n_items, 3);
	assert_string_equal(problems.items[0].path, "spec.vpc");
	assert_int_equal(problems.items[0].line, 9);
	assert_string_equal(problems.items[1].path, "spec.bouncers");
	assert_int_equal(problems.items[1].line, 10);
	mz_problems_fini(&problems);
	mz_manifest_fini(&manifest);
}

/* Every kind of scalar survives a dump and a parse, also by readers of YAML 1.1. */
static void test_dump(void **state)
{
	static const char text[] =
		"{\"a\":\"true\",\"b\":\"10.0.0.1\",\"c\":\"10.0.0.0/24\","
		"\"d\":\"fd00::1\",\"e\":\"1\","
		"\"f\":\"1.5\",\"g\":\"\",\"h\":\"~\",\"i\":\"no\",\"j\":\"02:00:00:00:00:01\","
		"\"k\":\"2026-11-21T07:43:04Z\",\"l\":\"0x1f\",\"m\":\"a: b\",\"n\":\"- x\","
		"\"o\":\"two\\nlines\",\"p\":\" x \","
		"\"q\":\"\\u00e9\",\"r\":[1,true,null,{\"s\":[]}],"
		"\"t\":{},\"on\":1.5,\"u\":\"#x\",\"v\":\"1_0\",\"w\":\"0b1\",\"x\":\"{}\"}";
	static const char expected[] =
		"a: \"true\"\nb: 10.0.0.1\nc: 10.0.0.0/24\nd: fd00::1\ne: \"1\"\n"
		"f: \"1.5\"\ng: \"\"\nh: \"~\"\ni: \"no\"\nj: \"02:00:00:00:00:01\"\n"
		"k: \"2026-11-21T07:43:04Z\"\nl: \"0x1f\"\nm: 'a: b'\n\"n\": '- x'\n"
		"o: |-\n  two\n  lines\np: ' x '\nq: \xc3\xa9\nr:\n- 1\n- true\n- null\n- s: []\n"
		"t: {}\n\"on\": 1.5\nu: '#x'\nv: \"1_0\"\nw: \"0b1\"\nx: '{}'\n";
	json_auto_t *json = json_loads(text, 0, NULL);
	_cleanup_free_ char *dump = NULL;

	assert_non_null(json);
	assert_int_equal(mz_yaml_dump(json, &dump), 0);
	assert_string_equal(dump, expected);
}

static void test_dump_and_parse(void **state)
{
	static const char text[] =
		"apiVersion: mizar.com/v1\nkind: Network\nmetadata:\n  name: a\n  labels:\n"
		"    \"on\": \"1.10\"\n    b: \"\"\nspec:\n  vpc: \"007\"\n  kind: group\n"
		"  cidrs:\n  - 10.0.0.0/24\n  - fd00::/64\n";
	_cleanup_(mz_object_freep) struct mz_object *object = object_from_yaml(text);
	json_auto_t *json = NULL;
	_cleanup_free_ char *dump = NULL;

	assert_int_equal(mz_object_to_json(object, &json), 0);
	assert_int_equal(mz_yaml_dump(json, &dump), 0);
	assert_string_equal(dump, text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_documents),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_output_is_dropped),
		cmocka_unit_test(test_null_is_absent),
		cmocka_unit_test(test_refused_yaml),
		cmocka_unit_test(test_nul_in_text),
		cmocka_unit_test(test_hostile_sizes),
		cmocka_unit_test(test_all_documents_are_looked_at),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_lines_of_checks),
		cmocka_unit_test(test_dump),
		cmocka_unit_test(test_dump_and_parse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
