// SPDX-License-Identifier: Apache-2.0
/* Rules on one object: what the field table says, and what check.c says of each kind. */
#include "api.h"

struct rule_case {
	const char *kind, *spec;
	const char *expected; /* all problems; "": a good object */
};

static const struct rule_case vpcs[] = {
	{ "VPC", "{}", "" },
	{ "VPC", "{vni: 1, dividers: 4, divide: true}", "" },
	{ "VPC", "{vni: 16777215, cidrs: [10.0.0.0/8, 172.16.0.0/12, \"fd00::/8\"]}", "" },
	{ "VPC", "{vni: 0}", "spec.vni: must be from 1 to 16777215, not 0\n" },
	{ "VPC", "{vni: 16777216}", "spec.vni: must be from 1 to 16777215, not 16777216\n" },
	{ "VPC", "{dividers: 5}", "spec.dividers: must be from 1 to 4, not 5\n" },
	{ "VPC", "{cidrs: [10.0.0.0/8, 10.1.0.0/16]}",
	  "spec.cidrs[1]: 10.1.0.0/16 overlaps 10.0.0.0/8\n" },
	{ "VPC", "{cidrs: [\"fd00::/16\", \"FD00::/16\"]}",
	  "spec.cidrs[1]: FD00::/16 is in the list twice\n" },
	{ "VPC", "{cidrs: [10.0.0.1/24]}",
	  "spec.cidrs[0]: 10.0.0.1/24 has bits set behind its prefix length; did you mean "
	  "10.0.0.0/24?\n" },
	{ "VPC", "{cidrs: [\"fd00::1/64\"]}",
	  "spec.cidrs[0]: fd00::1/64 has bits set behind its prefix length; did you mean "
	  "fd00::/64?\n" },
	{ "VPC", "{cidrs: [10.0.0.0]}",
	  "spec.cidrs[0]: must be an IPv4 or IPv6 prefix, as 10.0.0.0/24 or fd00::/64, not "
	  "\"10.0.0.0\"\n" },
	{ "VPC", "{cidrs: [\"\"]}",
	  "spec.cidrs[0]: must not be empty; must be an IPv4 or IPv6 prefix, as 10.0.0.0/24 or "
	  "fd00::/64\n" },
	{ "VPC", "{cidrs: [224.0.0.0/8]}",
	  "spec.cidrs[0]: 224.0.0.0/8 overlaps 224.0.0.0/4, the multicast range\n" },
	{ "VPC", "{cidrs: [127.1.0.0/16]}",
	  "spec.cidrs[0]: 127.1.0.0/16 overlaps 127.0.0.0/8, the loopback range\n" },
	{ "VPC", "{cidrs: [\"fe80::/64\"]}",
	  "spec.cidrs[0]: fe80::/64 overlaps fe80::/10, the link-local range\n" },
	{ "VPC", "{cidrs: [\"ff02::/16\"]}",
	  "spec.cidrs[0]: ff02::/16 overlaps ff00::/8, the multicast range\n" },
	{ "VPC", "{cidrs: [0.0.0.0/0]}",
	  "spec.cidrs[0]: 0.0.0.0/0 overlaps 0.0.0.0/8, which means \"this network\"\n" },
	{ "VPC", "{cidrs: [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q]}",
	  "spec.cidrs: can have at most 16 items, not 17\n" },
};

static const struct rule_case networks[] = {
	{ "Network", "{vpc: v, cidrs: [10.0.0.0/24]}", "" },
	{ "Network", "{vpc: v, cidrs: [10.0.0.0/30, \"fd00::/126\"]}", "" },
	{ "Network", "{vpc: v, cidrs: [10.0.0.0/24], gateways: [10.0.0.254]}", "" },
	{ "Network", "{vpc: v, kind: group}", "" },
	{ "Network", "{cidrs: [10.0.0.0/24]}", "spec.vpc: required: the name of a VPC\n" },
	{ "Network", "{vpc: V, cidrs: [10.0.0.0/24]}",
	  "spec.vpc: must be a name of 1 to 63 lower case letters, digits and '-', with a letter "
	  "or digit at both ends, not \"V\"; did you mean v?\n" },
	{ "Network", "{vpc: v}",
	  "spec.cidrs: required for a subnet: one prefix per family, as [10.0.0.0/24, "
	  "\"fd00::/64\"]\n" },
	{ "Network", "{vpc: v, cidrs: [10.0.0.0/24, 10.0.1.0/24]}",
	  "spec.cidrs[1]: a second IPv4 prefix: give at most one per family\n" },
	{ "Network", "{vpc: v, cidrs: [\"fd00::/64\", \"fd01::/64\"]}",
	  "spec.cidrs[1]: a second IPv6 prefix: give at most one per family\n" },
	{ "Network", "{vpc: v, cidrs: [10.0.0.0/31]}",
	  "spec.cidrs[0]: 10.0.0.0/31 is too small: a subnet has at least 4 addresses (/30)\n" },
	{ "Network", "{vpc: v, cidrs: [\"fd00::/127\"]}",
	  "spec.cidrs[0]: fd00::/127 is too small: a subnet has at least 4 addresses (/126)\n" },
	{ "Network", "{vpc: v, cidrs: [10.0.0.0/24], gateways: [10.0.1.1]}",
	  "spec.gateways[0]: 10.0.1.1 lies in none of spec.cidrs\n" },
	{ "Network", "{vpc: v, cidrs: [10.0.0.0/24], gateways: [\"fd00::1\"]}",
	  "spec.gateways[0]: fd00::1 lies in none of spec.cidrs\n" },
	{ "Network", "{vpc: v, cidrs: [10.0.0.0/24], gateways: [10.0.0.0]}",
	  "spec.gateways[0]: 10.0.0.0 is the address of the network itself of 10.0.0.0/24\n" },
	{ "Network", "{vpc: v, cidrs: [10.0.0.0/24], gateways: [10.0.0.255]}",
	  "spec.gateways[0]: 10.0.0.255 is the broadcast address of 10.0.0.0/24\n" },
	{ "Network", "{vpc: v, cidrs: [\"fd00::/64\"], gateways: [\"fd00::\"]}",
	  "spec.gateways[0]: fd00:: is the address of the network itself of fd00::/64\n" },
	{ "Network", "{vpc: v, cidrs: [10.0.0.0/24], gateways: [10.0.0.1, 10.0.0.2]}",
	  "spec.gateways[1]: a second IPv4 address: give at most one per family\n" },
	{ "Network", "{vpc: v, cidrs: [10.0.0.0/24], gateways: [10.0.0.1/24]}",
	  "spec.gateways[0]: must be an IPv4 or IPv6 address, as 10.0.0.2 or fd00::2, not "
	  "\"10.0.0.1/24\"; did you mean 10.0.0.1?\n" },
	{ "Network", "{vpc: v, kind: group, cidrs: [10.0.0.0/24], gateways: [10.0.0.1]}",
	  "spec.cidrs: a group has none: its endpoints give their addresses; for a network with a "
	  "prefix, say kind: subnet\nspec.gateways: a group has none\n" },
};

static const struct rule_case endpoints[] = {
	{ "Endpoint", "{network: n}", "" },
	{ "Endpoint", "{network: n, addresses: [10.0.0.2, \"fd00::2\"], mac: 02:00:00:00:00:0a}",
	  "" },
	{ "Endpoint", "{}", "spec.network: required: the name of a Network\n" },
	{ "Endpoint", "{network: n, addresses: [10.0.0.2, 10.0.0.3]}",
	  "spec.addresses[1]: a second IPv4 address: give at most one per family\n" },
	{ "Endpoint", "{network: n, addresses: [224.0.0.1]}",
	  "spec.addresses[0]: 224.0.0.1 lies in 224.0.0.0/4, the multicast range: give a unicast "
	  "address\n" },
	{ "Endpoint", "{network: n, addresses: [255.255.255.255]}",
	  "spec.addresses[0]: 255.255.255.255 lies in 255.255.255.255, the broadcast address: give "
	  "a unicast address\n" },
	{ "Endpoint", "{network: n, addresses: [\"::1\"]}",
	  "spec.addresses[0]: ::1 lies in ::1, the loopback address: give a unicast address\n" },
	{ "Endpoint", "{network: n, addresses: [\"::ffff:10.0.0.1\"]}",
	  "spec.addresses[0]: must be an IPv4 or IPv6 address, as 10.0.0.2 or fd00::2, not "
	  "\"::ffff:10.0.0.1\"\n" },
	{ "Endpoint", "{network: n, addresses: [010.0.0.1]}",
	  "spec.addresses[0]: must be an IPv4 or IPv6 address, as 10.0.0.2 or fd00::2, not "
	  "\"010.0.0.1\"\n" },
	{ "Endpoint", "{network: n, mac: 01:00:5e:00:00:01}",
	  "spec.mac: must be a unicast MAC address, as 02:00:00:00:00:01, not "
	  "\"01:00:5e:00:00:01\"\n" },
	{ "Endpoint", "{network: n, mac: 00:00:00:00:00:00}",
	  "spec.mac: must be a unicast MAC address, as 02:00:00:00:00:01, not "
	  "\"00:00:00:00:00:00\"\n" },
	{ "Endpoint", "{network: n, mac: 02:6D:7A:00:00:01}",
	  "spec.mac: 02:6D:7A:00:00:01 is what endpoints see as their gateway's: give another\n" },
	{ "Endpoint", "{network: n, mac: 02-00-00-00-00-01}",
	  "spec.mac: must be a unicast MAC address, as 02:00:00:00:00:01, not "
	  "\"02-00-00-00-00-01\"; did you mean 02:00:00:00:00:01?\n" },
};

static const struct rule_case cluster_wide[] = {
	{ "Droplet", "{address: 192.0.2.1}", "" },
	{ "Droplet", "{}",
	  "spec.address: required: an IPv4 or IPv6 address, as 10.0.0.2 or fd00::2\n" },
	{ "Droplet", "{address: 127.0.0.1}",
	  "spec.address: 127.0.0.1 lies in 127.0.0.0/8, the loopback range: give a unicast "
	  "address\n" },
	{ "Bouncer", "{namespace: a, network: n, droplet: h1}", "" },
	{ "Bouncer", "{namespace: a, network: n}",
	  "spec.droplet: required: the name of a Droplet\n" },
	{ "Divider", "{namespace: a, vpc: v, droplet: h1}", "" },
	{ "Divider", "{namespace: a, droplet: h1}",
	  "spec.vpc: required: a name of 1 to 63 lower case letters, digits and '-', with a letter "
	  "or digit at both ends\n" },
};

static void run_cases(const struct rule_case *cases, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		_cleanup_(mz_object_freep) struct mz_object *object =
			object_of(cases[i].kind, cases[i].spec);
		struct mz_problems problems = {};
		int r = mz_object_check(object, &problems);

		expect_problems(&problems, cases[i].expected);
		assert_int_equal(r, *cases[i].expected ? -EINVAL : 0);
	}
}

static void test_vpc(void **state)
{
	run_cases(vpcs, ARRAY_SIZE(vpcs));
}

static void test_network(void **state)
{
	run_cases(networks, ARRAY_SIZE(networks));
}

static void test_endpoint(void **state)
{
	run_cases(endpoints, ARRAY_SIZE(endpoints));
}

static void test_cluster_wide(void **state)
{
	run_cases(cluster_wide, ARRAY_SIZE(cluster_wide));
}

static void test_metadata(void **state)
{
	static const struct {
		const char *metadata, *expected;
	} cases[] = {
		{ "{name: a, namespace: b, labels: {app: web, example.com/tier: \"\"}}", "" },
		{ "{}", "metadata.name: required: a name of 1 to 63 lower case letters, digits and "
			"'-', with a letter or digit at both ends\n" },
		{ "{name: -a}", "metadata.name: must be a name of 1 to 63 lower case letters, "
				"digits and '-', with a "
				"letter or digit at both ends, not \"-a\"\n" },
		{ "{name: a, labels: {\"a b\": c}}",
		  "metadata.labels[\"a b\"]: must be a label key: at most 63 letters, digits, '-', "
		  "'_' "
		  "and '.', with a letter or digit at both ends, and if wanted a DNS name and '/' "
		  "before it, not \"a b\"\n" },
		{ "{name: a, labels: {a: \"b c\"}}",
		  "metadata.labels[\"a\"]: must be a label value: at most 63 letters, digits, '-', "
		  "'_' and '.', with a letter or digit at both ends, or empty, not \"b c\"\n" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_(mz_object_freep) struct mz_object *object = NULL;
		struct mz_problems problems = {};
		char yaml[512];

		snprintf(yaml, sizeof(yaml), "apiVersion: mizar.com/v1\nkind: VPC\nmetadata: %s\n",
			 cases[i].metadata);
		object = object_from_yaml(yaml);
		(void)mz_object_check(object, &problems); /* its result is the next line's */
		expect_problems(&problems, cases[i].expected);
	}
}

static void test_namespace_of_cluster_wide(void **state)
{
	_cleanup_(mz_object_freep) struct mz_object *object = object_from_yaml(
		"apiVersion: mizar.com/v1\nkind: Droplet\n"
		"metadata: {name: h1, namespace: acme}\nspec: {address: 192.0.2.1}");
	struct mz_problems problems = {};

	assert_int_equal(mz_object_check(object, &problems), -EINVAL);
	expect_problems(&problems,
			"metadata.namespace: a Droplet belongs to the whole cluster: leave the "
			"namespace out\n");
}

/* What only a message from the wire can hold. */
static void test_from_the_wire(void **state)
{
	/* VPC{metadata{name: "\xff"}, spec{field 100: 1}} */
	static const uint8_t vpc[] = { 0x0a, 3, 0x0a, 1, 0xff, 0x12, 3, 0xa0, 0x06, 1 };
	/* Network{metadata{name: "a"}, spec{vpc: "v", kind: 9, cidrs: "10.0.0.0/24"}} */
	static const uint8_t network[] = { 0x0a, 3,    0x0a, 1,	   'a', 0x12, 18,  0x0a, 1,
					   'v',	 0x10, 9,    0x1a, 11,	'1',  '0', '.',	 '0',
					   '.',	 '0',  '.',  '0',  '/', '2',  '4' };
	_cleanup_(mz_object_freep) struct mz_object *a = NULL, *b = NULL;
	struct mz_problems problems = {};

	assert_int_equal(mz_object_unpack(MZ_KIND_VPC, vpc, sizeof(vpc), &a), 0);
	assert_int_equal(mz_object_check(a, &problems), -EINVAL);
	expect_problems(&problems,
			"metadata.name: must be UTF-8\nspec: has a field (number 100) that "
			"this version does not know: the sender is newer\n");
	assert_int_equal(mz_object_unpack(MZ_KIND_NETWORK, network, sizeof(network), &b), 0);
	assert_int_equal(mz_object_check(b, &problems), -EINVAL);
	expect_problems(&problems,
			"spec.kind: has the number 9, which this version does not know\n");
}

/* What only Mizar sets is not the client's fault. */
static void test_output_is_not_checked(void **state)
{
	_cleanup_(mz_object_freep) struct mz_object *object = object_of("VPC", "{}");
	struct mz_problems problems = {};

	object->vpc->status->has_phase = 1;
	object->vpc->status->phase = (Mizar__V1__Phase)99;
	assert_int_equal(mz_object_check(object, &problems), 0);
	expect_problems(&problems, "");
}

/* Long lists are refused, and cost nothing that grows with their square. */
static void test_long_lists(void **state)
{
	_cleanup_(mz_object_freep) struct mz_object *object = object_of("VPC", "{}");
	Mizar__V1__VPCSpec *spec = object->vpc->spec;
	struct mz_problems problems = {};
	size_t n = 100000;

	spec->cidrs = calloc(n, sizeof(*spec->cidrs));
	assert_non_null(spec->cidrs);
	for (; spec->n_cidrs < n; spec->n_cidrs++)
		spec->cidrs[spec->n_cidrs] = strdup("10.0.0.0/8");
	assert_int_equal(mz_object_check(object, &problems), -EINVAL);
	expect_problems(&problems, "spec.cidrs: can have at most 16 items, not 100000\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vpc),
		cmocka_unit_test(test_network),
		cmocka_unit_test(test_endpoint),
		cmocka_unit_test(test_cluster_wide),
		cmocka_unit_test(test_metadata),
		cmocka_unit_test(test_namespace_of_cluster_wide),
		cmocka_unit_test(test_from_the_wire),
		cmocka_unit_test(test_output_is_not_checked),
		cmocka_unit_test(test_long_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
