// SPDX-License-Identifier: Apache-2.0
/*
 * Manifests with random damage, the same ones in every run. Most are refused; whatever is accepted
 * must survive everything that is done to an object, and come back the same from its own YAML.
 */
#include "api.h"
#include "api/columns.h"

#include <stdlib.h>

#define N_ROUNDS 5000

static const char seed[] =
	"# all that a manifest can have\n"
	"apiVersion: mizar.com/v1\n"
	"kind: Network\n"
	"metadata:\n"
	"  name: web\n"
	"  namespace: acme\n"
	"  resourceVersion: \"7\"\n"
	"  labels: {app: web, example.com/tier: 'a', \"x\": \"\\u00e9\"}\n"
	"spec:\n"
	"  vpc: prod\n"
	"  kind: subnet\n"
	"  cidrs: [10.0.1.0/24, \"fd00:10:1::/64\"]\n"
	"  gateways:\n"
	"  - 10.0.1.1\n"
	"  bouncers: 2\n"
	"status:\n"
	"  phase: Failed\n"
	"  conditions:\n"
	"  - message: |\n"
	"      two\n"
	"      lines\n"
	"---\n"
	"{\"apiVersion\":\"mizar.com/v1\",\"kind\":\"Endpoint\",\"metadata\":{\"name\":\"a\"},"
	"\"spec\":{\"network\":\"n\",\"mac\":\"02:00:00:00:00:01\",\"addresses\":[\"10.0.1.2\"]}}\n"
	"---\n"
	"apiVersion: v1\n"
	"kind: List\n"
	"items:\n"
	"- {apiVersion: mizar.com/v1, kind: VPC, metadata: {name: v}, spec: {divide: true}}\n";

/* xorshift: small, and the same everywhere. */
static uint32_t next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

/* One to four times: a byte changed, taken out or doubled, or a stretch copied elsewhere. */
static size_t damage(char *text, size_t size, size_t room, uint32_t *state)
{
	static const char nasty[] = "{}[]:,-?*&!|>'\"%@#\n\t \\0~.x\xff\xc3";
	uint32_t n = next_random(state) % 4 + 1;

	while (n--) {
		size_t at = next_random(state) % size, length = next_random(state) % 16 + 1;

		switch (next_random(state) % 4) {
		case 0:
			text[at] = nasty[next_random(state) % (sizeof(nasty) - 1)];
			break;
		case 1:
			text[at] = (char)next_random(state);
			break;
		case 2:
			if (at + length >= size)
				break;
			memmove(text + at, text + at + length, size - at - length);
			size -= length;
			break;
		case 3:
			if (size + length > room || at + length > size)
				break;
			memmove(text + at + length, text + at, size - at);
			size += length;
			break;
		}
	}
	return size;
}

static void expect_same_again(const struct mz_object *object)
{
	_cleanup_free_ char *dump = NULL;
	json_auto_t *json = NULL, *again = NULL;
	struct mz_object *parsed;

	assert_int_equal(mz_object_to_json(object, &json), 0);
	assert_int_equal(mz_yaml_dump(json, &dump), 0);
	parsed = object_from_yaml(dump);
	assert_int_equal(mz_object_to_json(parsed, &again), 0);
	assert_true(json_equal(json, again));
	mz_object_free(parsed);
}

static void use(struct mz_object *object, struct mz_problems *problems)
{
	char *cells[MZ_COLUMNS_MAX];
	int n, i;

	assert_int_equal(mz_object_set_defaults(object), 0);
	assert_int_equal(mz_object_check_update(object, object, problems), 0);
	if (!mz_object_check(object, problems))
		expect_same_again(object);
	n = mz_columns_cells(object, true, cells, MZ_COLUMNS_MAX);
	assert_true(n > 0);
	for (i = 0; i < n; i++)
		free(cells[i]);
}

static void test_damaged_manifests(void **state)
{
	size_t room = sizeof(seed) + 256, n_accepted = 0;
	char *text = malloc(room);
	uint32_t random = 2463534242;
	int round;

	assert_non_null(text);
	for (round = 0; round < N_ROUNDS; round++) {
		struct mz_problems problems = {};
		struct mz_manifest manifest = {};
		size_t size = sizeof(seed) - 1, i;
		int r;

		memcpy(text, seed, size);
		size = damage(text, size, room, &random);
		r = mz_manifest_parse(text, size, &problems, &manifest);
		assert_true(r == 0 || r == -EINVAL);
		assert_true((r == -EINVAL) == (problems.n_items > 0));
		n_accepted += !r;
		for (i = 0; i < manifest.n_objects; i++) {
			problems.object = (unsigned int)i;
			use(manifest.objects[i], &problems);
		}
		assert_int_equal(mz_manifest_find_lines(text, size, &manifest, &problems), 0);
		mz_manifest_fini(&manifest);
		mz_problems_fini(&problems);
	}
	/* Both happen often, or the damage is too weak or too strong to test anything. */
	assert_in_range(n_accepted, N_ROUNDS / 50, N_ROUNDS * 49 / 50);
	free(text);
}

/* Packed objects with random damage: unpacking or checking refuses, nothing else happens. */
static void test_damaged_packed_objects(void **state)
{
	_cleanup_(mz_object_freep) struct mz_object *object =
		object_of("Network", "{vpc: v, kind: subnet, cidrs: [10.0.0.0/24], bouncers: 3}");
	_cleanup_free_ uint8_t *data = NULL;
	uint32_t random = 88172645;
	size_t size;
	int round;

	assert_int_equal(mz_object_pack(object, &data, &size), 0);
	for (round = 0; round < N_ROUNDS; round++) {
		_cleanup_free_ char *text = malloc(size + 64);
		struct mz_object *damaged = NULL;
		struct mz_problems problems = {};
		size_t n;

		assert_non_null(text);
		memcpy(text, data, size);
		n = damage(text, size, size + 64, &random);
		if (mz_object_unpack(MZ_KIND_NETWORK, (uint8_t *)text, n, &damaged) < 0)
			continue;
		if (!mz_object_check(damaged, &problems))
			use(damaged, &problems);
		mz_object_free(damaged);
		mz_problems_fini(&problems);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_damaged_manifests),
		cmocka_unit_test(test_damaged_packed_objects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
