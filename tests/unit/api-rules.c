// SPDX-License-Identifier: Apache-2.0
/* What happens to an object around the checks: defaults, canonical text, updates, columns. */
#include "api.h"
#include "api/columns.h"
#include "api/text.h"

static void test_defaults(void **state)
{
	_cleanup_(mz_object_freep) struct mz_object *object = object_of(
		"Network", "{vpc: v, cidrs: [\"FD00:0::/64\"], gateways: [\"fd00::0:1\"]}");
	const Mizar__V1__NetworkSpec *spec = object->network->spec;

	assert_int_equal(mz_object_set_defaults(object), 0);
	assert_string_equal(mz_object_namespace(object), "default");
	assert_true(spec->has_kind);
	assert_int_equal(spec->kind, MIZAR__V1__NETWORK_KIND__NETWORK_KIND_SUBNET);
	assert_true(spec->has_bouncers);
	assert_int_equal(spec->bouncers, 2);
	assert_string_equal(spec->cidrs[0], "fd00::/64");
	assert_string_equal(spec->gateways[0], "fd00::1");
	assert_false(object->network->status->has_phase);
}

static void test_defaults_keep_what_is_set(void **state)
{
	_cleanup_(mz_object_freep) struct mz_object *vpc = object_of("VPC", "{dividers: 1}");
	_cleanup_(mz_object_freep) struct mz_object *droplet =
		object_of("Droplet", "{address: 192.0.2.1, unschedulable: true}");
	_cleanup_(mz_object_freep) struct mz_object *endpoint =
		object_of("Endpoint", "{network: n, mac: 02:00:00:00:00:AB, addresses: [x]}");

	assert_int_equal(mz_object_set_defaults(vpc), 0);
	assert_int_equal(vpc->vpc->spec->dividers, 1);
	assert_int_equal(mz_object_set_defaults(droplet), 0);
	assert_true(droplet->droplet->spec->unschedulable);
	assert_string_equal(mz_object_namespace(droplet), "");
	assert_int_equal(mz_object_set_defaults(endpoint), 0);
	assert_string_equal(endpoint->endpoint->spec->mac, "02:00:00:00:00:ab");
	assert_string_equal(endpoint->endpoint->spec->addresses[0], "x");
}

static void test_clear_output(void **state)
{
	_cleanup_(mz_object_freep) struct mz_object *object = object_of("Endpoint", "{network: n}");
	Mizar__V1__Metadata *metadata = mz_object_metadata(object);

	metadata->has_uid = 1;
	metadata->uid = 7;
	metadata->has_resource_version = 1;
	object->endpoint->status->has_phase = 1;
	assert_int_equal(mz_string_set(&object->endpoint->status->droplet, "h1"), 0);
	assert_int_equal(mz_object_clear_output(object), 0);
	assert_false(metadata->has_uid);
	assert_true(metadata->has_resource_version);
	assert_false(object->endpoint->status->has_phase);
	assert_null(object->endpoint->status->droplet);
	assert_string_equal(object->endpoint->spec->network, "n");
}

#define FIXED                                                                                      \
	": cannot change once it is set: delete the object and create it again, or leave the "     \
	"field "                                                                                   \
	"out\n"

static void test_updates(void **state)
{
	static const struct {
		const char *kind, *old, *new, *expected;
	} cases[] = {
		{ "VPC", "{vni: 7, dividers: 1}", "{vni: 7, dividers: 2, cidrs: [10.0.0.0/8]}",
		  "" },
		{ "VPC", "{vni: 7}", "{}", "" },
		{ "VPC", "{}", "{vni: 7}", "" },
		{ "VPC", "{vni: 7}", "{vni: 8}", "spec.vni" FIXED },
		{ "Network", "{vpc: a, cidrs: [10.0.0.0/24, \"fd00::/64\"]}",
		  "{vpc: a, cidrs: [\"FD00::/64\", 10.0.0.0/24]}", "" },
		{ "Network", "{vpc: a, cidrs: [10.0.0.0/24]}", "{vpc: a, cidrs: [10.0.1.0/24]}",
		  "spec.cidrs" FIXED },
		{ "Network", "{vpc: a, cidrs: [10.0.0.0/24]}",
		  "{vpc: b, cidrs: [10.0.0.0/24, \"fd00::/64\"]}",
		  "spec.vpc" FIXED "spec.cidrs" FIXED },
		{ "Network", "{kind: subnet}", "{kind: group}", "spec.kind" FIXED },
		{ "Endpoint", "{network: n, droplet: a}", "{network: n, droplet: b}", "" },
		{ "Endpoint", "{mac: 02:00:00:00:00:0a}", "{mac: 02:00:00:00:00:0A}", "" },
		{ "Endpoint", "{mac: 02:00:00:00:00:0a}", "{mac: 02:00:00:00:00:0b}",
		  "spec.mac" FIXED },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(mz_object_freep) struct mz_object *old =
			object_of(cases[i].kind, cases[i].old);
		_cleanup_(mz_object_freep) struct mz_object *new =
			object_of(cases[i].kind, cases[i].new);
		struct mz_problems problems = {};
		int r = mz_object_check_update(old, new, &problems);

		expect_problems(&problems, cases[i].expected);
		assert_int_equal(r, *cases[i].expected ? -EINVAL : 0);
	}
}

static void expect_columns(const struct mz_object *object, bool wide, const char *expected)
{
	const char *headers[MZ_COLUMNS_MAX];
	char *cells[MZ_COLUMNS_MAX], text[1024] = "";
	size_t used = 0;
	int n, i;

	n = mz_columns_cells(object, wide, cells, MZ_COLUMNS_MAX);
	assert_int_equal(n, mz_columns_headers(&mz_kinds[object->kind], wide, headers,
					       MZ_COLUMNS_MAX));
	for (i = 0; i < n; i++) {
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s=%s ", headers[i],
					 cells[i]);
		free(cells[i]);
	}
	assert_string_equal(text, expected);
}

static void test_columns(void **state)
{
	_cleanup_(mz_object_freep) struct mz_object *object = object_of(
		"Endpoint", "{network: n, type: simple, addresses: [10.0.0.2, \"fd00::2\"]}");
	Mizar__V1__EndpointStatus *status = object->endpoint->status;

	expect_columns(
		object, false,
		"NAME=x NETWORK=n ADDRESSES=10.0.0.2,fd00::2 PHASE=- DROPLET=- ATTACHED=false ");
	status->has_phase = status->has_location_generation = status->has_attached = 1;
	status->phase = MIZAR__V1__PHASE__PHASE_PROVISIONED;
	status->location_generation = 4294967295;
	status->attached = 1;
	expect_columns(object, true,
		       "NAME=x UID=- NETWORK=n TYPE=simple ADDRESSES=10.0.0.2,fd00::2 MAC=- "
		       "PHASE=Provisioned DROPLET=- LOCGEN=4294967295 ATTACHED=true ");
}

static void test_columns_into_small_array(void **state)
{
	_cleanup_(mz_object_freep) struct mz_object *object = object_of("VPC", "{}");
	const char *headers[1] = {};
	char *cells[1] = {};

	assert_int_equal(mz_columns_cells(object, false, cells, 1), 1);
	assert_string_equal(cells[0], "x");
	free(cells[0]);
	assert_true(mz_columns_headers(&mz_kinds[MZ_KIND_VPC], false, headers, 1) > 1);
	assert_string_equal(headers[0], "NAME");
}

static void test_all_kinds_fit(void **state)
{
	size_t i;

	for (i = 1; i < MZ_N_KINDS; i++)
		assert_true(mz_columns_headers(&mz_kinds[i], true, NULL, 0) <= MZ_COLUMNS_MAX);
}

static void test_formats(void **state)
{
	static const struct {
		enum mz_format format;
		const char *text;
		int r;
	} cases[] = {
		{ MZ_FORMAT_DNS_LABEL, "a", 0 },
		{ MZ_FORMAT_DNS_LABEL, "0-9", 0 },
		{ MZ_FORMAT_DNS_LABEL, "", -EINVAL },
		{ MZ_FORMAT_DNS_LABEL, "a.b", -EINVAL },
		{ MZ_FORMAT_DNS_LABEL, "a-", -EINVAL },
		{ MZ_FORMAT_DNS_LABEL, "\xc3\xa9", -EINVAL },
		{ MZ_FORMAT_DNS_LABEL,
		  "a23456789-123456789-123456789-123456789-123456789-123456789-123", 0 },
		{ MZ_FORMAT_DNS_LABEL,
		  "a23456789-123456789-123456789-123456789-123456789-123456789-1234", -EINVAL },
		{ MZ_FORMAT_IFNAME, "eth0", 0 },
		{ MZ_FORMAT_IFNAME, "123456789012345", 0 },
		{ MZ_FORMAT_IFNAME, "1234567890123456", -EINVAL },
		{ MZ_FORMAT_IFNAME, "..", -EINVAL },
		{ MZ_FORMAT_IFNAME, "a/b", -EINVAL },
		{ MZ_FORMAT_IFNAME, "a b", -EINVAL },
		{ MZ_FORMAT_LABEL_KEY, "a.example.com/B_c.d", 0 },
		{ MZ_FORMAT_LABEL_KEY, "a/b/c", -EINVAL },
		{ MZ_FORMAT_LABEL_KEY, "/a", -EINVAL },
		{ MZ_FORMAT_LABEL_KEY, "a/", -EINVAL },
		{ MZ_FORMAT_LABEL_KEY, "A.com/x", -EINVAL },
		{ MZ_FORMAT_LABEL_KEY, "a..com/x", -EINVAL },
		{ MZ_FORMAT_LABEL_VALUE, "", 0 },
		{ MZ_FORMAT_LABEL_VALUE, "1.10", 0 },
		{ MZ_FORMAT_LABEL_VALUE, ".a", -EINVAL },
		{ MZ_FORMAT_PREFIX, "10.0.0.0/33", -EINVAL },
		{ MZ_FORMAT_PREFIX, "10.0.0.0/08", -EINVAL },
		{ MZ_FORMAT_PREFIX, "10.0.0.0/", -EINVAL },
		{ MZ_FORMAT_PREFIX, "/8", -EINVAL },
		{ MZ_FORMAT_PREFIX, "::/128", 0 },
		{ MZ_FORMAT_IP, "fe80::1%eth0", -EINVAL },
		{ MZ_FORMAT_ANY, "\xed\xa0\x80", -EINVAL }, /* a surrogate */
		{ MZ_FORMAT_ANY, "\xf4\x90\x80\x80", -EINVAL }, /* behind U+10FFFF */
		{ MZ_FORMAT_ANY, "\xe0\x80\x80", -EINVAL }, /* NUL in three bytes */
		{ MZ_FORMAT_ANY, "\xf0\x9f\x98\x80", 0 },
		{ MZ_FORMAT_ANY, "\xe2\x82", -EINVAL }, /* cut off */
	};
	char hint[MZ_HINT_SIZE];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		if (mz_format_check(cases[i].format, cases[i].text, hint) != cases[i].r)
			fail_msg("case %zu: %s", i, cases[i].text);
}

static void test_times(void **state)
{
	static const char *const wrong[] = {
		"", "2026-11-21", "2026-11-21T07:43:04", "2026-11-21T07:43:04+00:00",
		"2026-02-30T00:00:00Z", "2026-11-21T24:00:00Z", "2026-1-1T0:0:0Z",
		"2026-11-21T07:43:04Z ", "1969-12-31T23:59:59Z",
	};
	char buf[MZ_TIME_STRLEN];
	uint64_t seconds = 0;
	size_t i;

	assert_int_equal(mz_time_parse("2026-11-21T07:43:04Z", &seconds), 0);
	assert_int_equal(seconds, 1795246984);
	assert_int_equal(mz_time_format(seconds, buf), 0);
	assert_string_equal(buf, "2026-11-21T07:43:04Z");
	assert_int_equal(mz_time_format(253402300799, buf), 0);
	assert_string_equal(buf, "9999-12-31T23:59:59Z");
	assert_int_equal(mz_time_format(253402300800, buf), -EINVAL);
	assert_int_equal(mz_time_format(UINT64_MAX, buf), -EINVAL);
	for (i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(mz_time_parse(wrong[i], &seconds), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_defaults_keep_what_is_set),
		cmocka_unit_test(test_clear_output),
		cmocka_unit_test(test_updates),
		cmocka_unit_test(test_columns),
		cmocka_unit_test(test_columns_into_small_array),
		cmocka_unit_test(test_all_kinds_fit),
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
