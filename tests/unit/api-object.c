// SPDX-License-Identifier: Apache-2.0
/* Objects of any kind: parts are never absent, packing and the oneof keep what is set. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/object.h"

static void test_new_has_all_parts(void **state)
{
	unsigned int kind;

	for (kind = 1; kind < MZ_N_KINDS; kind++) {
		_cleanup_(mz_object_freep) struct mz_object *object = NULL;

		assert_int_equal(mz_object_new(kind, &object), 0);
		assert_non_null(mz_object_metadata(object));
		assert_string_equal(mz_object_name(object), "");
		assert_string_equal(mz_object_namespace(object), "");
		assert_int_equal(object->kind, kind);
	}
}

static void test_no_such_kind(void **state)
{
	struct mz_object *object = NULL;

	assert_int_equal(mz_object_new(0, &object), -EINVAL);
	assert_int_equal(mz_object_new(MZ_N_KINDS, &object), -EINVAL);
	assert_int_equal(mz_object_unpack(MZ_N_KINDS, NULL, 0, &object), -EINVAL);
	assert_null(object);
}

static struct mz_object *make_network(void)
{
	struct mz_object *object = NULL;

	assert_int_equal(mz_object_new(MZ_KIND_NETWORK, &object), 0);
	assert_int_equal(mz_string_set(&mz_object_metadata(object)->name, "web"), 0);
	assert_int_equal(mz_string_set(&mz_object_metadata(object)->namespace_, "acme"), 0);
	assert_int_equal(mz_string_set(&object->network->spec->vpc, "prod"), 0);
	object->network->spec->has_bouncers = 1;
	object->network->spec->bouncers = 3;
	return object;
}

static void check_network(const struct mz_object *object)
{
	assert_int_equal(object->kind, MZ_KIND_NETWORK);
	assert_string_equal(mz_object_name(object), "web");
	assert_string_equal(mz_object_namespace(object), "acme");
	assert_string_equal(object->network->spec->vpc, "prod");
	assert_true(object->network->spec->has_bouncers);
	assert_int_equal(object->network->spec->bouncers, 3);
	assert_non_null(object->network->status);
}

static void test_copy_and_wrap(void **state)
{
	_cleanup_(mz_object_freep) struct mz_object *object = make_network();
	_cleanup_(mz_object_freep) struct mz_object *copy = NULL;
	_cleanup_(mz_object_freep) struct mz_object *unwrapped = NULL;
	Mizar__V1__Object message;

	assert_int_equal(mz_object_copy(object, &copy), 0);
	check_network(copy);
	assert_ptr_not_equal(copy->msg, object->msg);

	mz_object_wrap(object, &message);
	assert_int_equal(message.kind_case, MIZAR__V1__OBJECT__KIND_NETWORK);
	assert_ptr_equal(message.network, object->network);
	assert_int_equal(mz_object_unwrap(&message, &unwrapped), 0);
	check_network(unwrapped);
}

static void test_unwrap_nothing(void **state)
{
	Mizar__V1__Object message = MIZAR__V1__OBJECT__INIT;
	struct mz_object *object = NULL;

	assert_int_equal(mz_object_unwrap(&message, &object), -EINVAL);
	message.kind_case = MIZAR__V1__OBJECT__KIND_VPC;
	assert_int_equal(mz_object_unwrap(&message, &object), -EINVAL);
	message.kind_case = (Mizar__V1__Object__KindCase)99;
	assert_int_equal(mz_object_unwrap(&message, &object), -EINVAL);
	assert_null(object);
}

static void test_unpack_completes(void **state)
{
	_cleanup_(mz_object_freep) struct mz_object *object = NULL;
	static const uint8_t garbage[] = { 0x0a, 0x7f, 0xff };

	assert_int_equal(mz_object_unpack(MZ_KIND_VPC, garbage, sizeof(garbage), &object), -EINVAL);
	assert_null(object);
	assert_int_equal(mz_object_unpack(MZ_KIND_VPC, garbage, 0, &object), 0);
	assert_non_null(object->vpc->metadata);
	assert_non_null(object->vpc->spec);
	assert_non_null(object->vpc->status);
}

static void test_string_set(void **state)
{
	char *field = (char *)protobuf_c_empty_string;

	assert_int_equal(mz_string_set(&field, "one"), 0);
	assert_string_equal(field, "one");
	assert_int_equal(mz_string_set(&field, field + 1), 0); /* a part of itself */
	assert_string_equal(field, "ne");
	assert_int_equal(mz_string_set(&field, NULL), 0);
	assert_null(field);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_new_has_all_parts),
		cmocka_unit_test(test_no_such_kind),
		cmocka_unit_test(test_copy_and_wrap),
		cmocka_unit_test(test_unwrap_nothing),
		cmocka_unit_test(test_unpack_completes),
		cmocka_unit_test(test_string_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
