// SPDX-License-Identifier: Apache-2.0
/* The manifests in examples/, given as arguments: nothing is wrong in any of their objects. */
#include "api.h"

#include <stdlib.h>

static const char *const *files;

static char *read_file(const char *path, size_t *ret_size)
{
	const size_t max = 1 << 20;
	char *text = malloc(max);
	FILE *file = fopen(path, "r");

	assert_non_null(text);
	if (!file)
		fail_msg("%s: %s", path, strerror(errno));
	*ret_size = fread(text, 1, max, file);
	assert_true(*ret_size > 0 && *ret_size < max);
	fclose(file);
	return text;
}

static void test_examples(void **state)
{
	const char *const *file;

	assert_non_null(*files);
	for (file = files; *file; file++) {
		struct mz_problems problems = {};
		struct mz_manifest manifest = {};
		size_t size, i;
		char *text = read_file(*file, &size);

		(void)mz_manifest_parse(text, size, &problems, &manifest); /* the problems tell */
		expect_problems(&problems, "");
		assert_true(manifest.n_objects > 0);
		for (i = 0; i < manifest.n_objects; i++) {
			assert_int_equal(mz_object_set_defaults(manifest.objects[i]), 0);
			(void)mz_object_check(manifest.objects[i], &problems); /* likewise */
			expect_problems(&problems, "");
		}
		mz_manifest_fini(&manifest);
		free(text);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_examples) };

	files = (const char *const *)argv + 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
