// SPDX-License-Identifier: Apache-2.0
/*
 * Objects as bytes, from the wire or from a store: two of one kind, the second as an update of the
 * first. What has a JSON form comes back from it.
 */
#include "fuzz.h"

#include "api/columns.h"
#include "api/field.h"

static void through_json(const struct mz_object *object)
{
	_cleanup_(mz_object_freep) struct mz_object *back = NULL;
	struct mz_problems problems = {};
	json_t *json = NULL, *again = NULL;

	if (mz_object_to_json(object, &json) < 0)
		return; /* a value that no JSON form has */
	if (mz_object_from_json(json, &problems, &back) == 0) {
		REQUIRE(mz_object_to_json(back, &again) == 0);
		REQUIRE(json_equal(json, again));
	}
	json_decref(json);
	json_decref(again);
	mz_problems_fini(&problems);
}

static void use(struct mz_object *object)
{
	_cleanup_(mz_object_freep) struct mz_object *copy = NULL, *unwrapped = NULL;
	struct mz_problems problems = {};
	char *texts[MZ_COLUMNS_MAX];
	Mizar__V1__Object message;
	int n;

	/* protobuf-c takes a field of the number 0, and does not read what it writes of it. */
	if (mz_object_copy(object, &copy) < 0)
		return;
	mz_object_wrap(object, &message);
	REQUIRE(mz_object_unwrap(&message, &unwrapped) == 0);
	(void)mz_object_check(object, &problems);
	n = mz_columns_cells(object, true, texts, MZ_COLUMNS_MAX);
	for (int i = 0; i < n; i++)
		free(texts[i]);
	if (mz_object_clear_output(copy) == 0)
		through_json(copy);
	(void)mz_object_set_defaults(copy);
	mz_problems_fini(&problems);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(mz_object_freep) struct mz_object *old = NULL, *new = NULL;
	struct input input = { data, size };
	enum mz_kind kind = take_byte(&input) % (MZ_N_KINDS - 1) + 1;
	struct input first = take_piece(&input);
	struct mz_problems problems = {};

	if (mz_object_unpack(kind, first.data, first.size, &old) < 0)
		return 0;
	use(old);
	if (mz_object_unpack(kind, input.data, input.size, &new) < 0)
		return 0;
	use(new);
	(void)mz_object_check_update(old, new, &problems);
	mz_problems_fini(&problems);
	return 0;
}
