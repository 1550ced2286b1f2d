// SPDX-License-Identifier: Apache-2.0
/* The Geneve header of a tunnel packet, and its options. */
#include "underlay.h"

#include <string.h>

static void geneve_must_be_what_we_speak(void **state)
{
	struct tunnel_spec spec = spec_from(BOUNCER);
	struct frame in;

	for (spec.version = 1; spec.version <= 3; spec.version++)
		expect_refused(&spec, MZ_DROP_geneve_version);
	spec = spec_from(BOUNCER);
	spec.eth_proto = 0x0800;
	expect_refused(&spec, MZ_DROP_geneve_protocol);
	spec = spec_from(BOUNCER);
	spec.flags = 0x80;
	expect_refused(&spec, MZ_DROP_geneve_control);
	spec.flags = 0x3f; /* reserved: ignored */
	in = tunnel(&spec);
	in.bytes[GENEVE + 7] = 0xff;
	expect_delivered(&in);
}

static void unknown_options_are_skipped_in_any_order(void **state)
{
	static const uint8_t a[] = { 0xff, 0x4d, 0x05, 0x01, 1, 2, 3, 4 };
	static const uint8_t b[] = { 0x00, 0x00, 0x7f, 0x00 };
	static const uint8_t c[] = {
		0x01, 0x08, 0x05, 0xe2, 9, 9, 9, 9, 8, 8, 8, 8
	}; /* reserved bits */
	static const struct {
		const uint8_t *bytes;
		size_t size;
	} opts[] = { { a, sizeof(a) }, { b, sizeof(b) }, { c, sizeof(c) } };

	for (unsigned int order = 0; order < 27; order++) {
		uint8_t options[64];
		struct tunnel_spec spec = spec_from(BOUNCER);
		struct frame in;

		spec.options = options;
		for (unsigned int i = 0, rest = order; i < 3; i++, rest /= 3) {
			memcpy(options + spec.n_options, opts[rest % 3].bytes, opts[rest % 3].size);
			spec.n_options += opts[rest % 3].size;
		}
		in = tunnel(&spec);
		expect_delivered(&in);
	}
}

static void as_many_options_as_fit_are_walked(void **state)
{
	uint8_t options[252] = {};
	struct tunnel_spec spec = spec_from(BOUNCER);
	struct frame in;

	spec.options = options;
	spec.n_options = sizeof(options);
	in = tunnel(&spec); /* 63 of them, without data */
	expect_delivered(&in);
	options[3] = 31; /* the longest, and 31 more */
	in = tunnel(&spec);
	expect_delivered(&in);
	spec.n_ip_options = 40;
	in = tunnel(&spec);
	expect_delivered(&in);
	options[248 + 2] = 0x80; /* the last one is critical */
	expect_refused(&spec, MZ_DROP_geneve_critical);
}

static void critical_options_are_refused(void **state)
{
	uint8_t options[16] = { 0xff, 0x4d, 0x05, 0x01, 1, 2, 3, 4,
				0xff, 0x4d, 0x84, 0x01, 1, 2, 3, 4 };
	struct tunnel_spec spec = spec_from(BOUNCER);

	spec.options = options;
	spec.n_options = sizeof(options);
	spec.flags = 0x40;
	expect_refused(&spec, MZ_DROP_geneve_critical);
	spec.flags = 0; /* said by the option alone */
	expect_refused(&spec, MZ_DROP_geneve_critical);
	options[10] = 0x03; /* said by the header alone */
	spec.flags = 0x40;
	expect_refused(&spec, MZ_DROP_geneve_options);
	spec.n_options = 0;
	expect_refused(&spec, MZ_DROP_geneve_options);
}

static void lying_options_are_refused(void **state)
{
	uint8_t options[8] = { 0xff, 0x4d, 0x05, 0x02, 1, 2, 3, 4 };
	struct tunnel_spec spec = spec_from(BOUNCER);
	struct frame inner = inner_to_4(), in;

	spec.options = options; /* longer than all options together */
	spec.n_options = sizeof(options);
	expect_refused(&spec, MZ_DROP_geneve_options);
	in = tunnelled(BOUNCER, &inner); /* longer than the packet */
	in.bytes[GENEVE] = 63;
	expect_drop(TRANSIT, &in, MZ_DROP_geneve_options);
	options[3] = 31; /* options and header agree, and the packet ends before */
	in = tunnel(&spec);
	in.bytes[GENEVE] = 32;
	expect_drop(TRANSIT, &in, MZ_DROP_geneve_options);
}

int test_geneve(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup(f, plane_setup)
		TEST(geneve_must_be_what_we_speak),
		TEST(unknown_options_are_skipped_in_any_order),
		TEST(as_many_options_as_fit_are_walked),
		TEST(critical_options_are_refused),
		TEST(lying_options_are_refused),
#undef TEST
	};

	return cmocka_run_group_tests_name("geneve", tests, NULL, NULL);
}
