// SPDX-License-Identifier: Apache-2.0
/*
 * What is admitted and what is not, with which words; and that a refused batch leaves nothing.
 */
#include <stdio.h>
#include <string.h>

#include "controller_common.h"

#define HEAD(kind, name)                                                                           \
	"apiVersion: mizar.com/v1\nkind: " kind "\nmetadata: {namespace: a, name: " name "}\n"
#define END   "\n---\n"
#define GROUP HEAD("Network", "g") "spec: {vpc: v, kind: group}" END

static const struct {
	const char *yaml;
	const char *problem; /* how it begins, with the path */
} refused[] = {
	{ HEAD("Network", "x") "spec: {vpc: nobody, cidrs: [10.2.0.0/16]}",
	  "spec.vpc: there is no VPC a/nobody" },
	{ HEAD("Network", "x") "spec: {vpc: v, cidrs: [192.168.0.0/16]}",
	  "spec.cidrs[0]: 192.168.0.0/16 lies outside of the cidrs of VPC v" },
	{ HEAD("Network", "x") "spec: {vpc: v, cidrs: [10.1.128.0/24]}",
	  "spec.cidrs[0]: 10.1.128.0/24 overlaps 10.1.0.0/16 of network n" },
	{ HEAD("Network", "x") "spec: {vpc: v, cidrs: [10.2.0.0/16]}" END HEAD(
		  "Network", "y") "spec: {vpc: v, cidrs: [10.2.3.0/24]}",
	  "spec.cidrs[0]: 10.2.3.0/24 overlaps 10.2.0.0/16 of network x" },
	{ HEAD("Network", "x") "spec: {vpc: v, cidrs: [10.2.0.0/16]}" END HEAD(
		  "Network", "x") "spec: {vpc: v, cidrs: [10.3.0.0/16]}",
	  "metadata.name: is the same as that of object 2" },
	{ HEAD("VPC", "w") "spec: {vni: 4242}" END HEAD("VPC", "x") "spec: {vni: 4242}",
	  "spec.vni: 4242 is the VNI of another VPC" },
	{ HEAD("VPC", "v") "spec: {cidrs: [172.16.0.0/12], dividers: 1}",
	  "spec.cidrs: 10.1.0.0/16 of network n would lie outside" },
	{ HEAD("VPC", "v") "spec: {vni: 77}", "spec.vni: " },
	{ HEAD("Endpoint", "x") "spec: {network: nobody}", "spec.network: there is no Network" },
	{ HEAD("Endpoint", "x") "spec: {network: n, droplet: nobody}",
	  "spec.droplet: there is no Droplet nobody" },
	{ HEAD("Endpoint", "x") "spec: {network: n, addresses: [10.2.0.5]}",
	  "spec.addresses[0]: 10.2.0.5 is not in network n (10.1.0.0/16)" },
	{ HEAD("Endpoint", "x") "spec: {network: n, addresses: [10.1.0.1]}",
	  "spec.addresses[0]: 10.1.0.1 is the network's gateway" },
	{ HEAD("Endpoint", "x") "spec: {network: n, addresses: [10.1.0.0]}",
	  "spec.addresses[0]: 10.1.0.0 is the address of the network" },
	{ HEAD("Endpoint", "x") "spec: {network: n, addresses: [10.1.255.255]}",
	  "spec.addresses[0]: 10.1.255.255 is the network's broadcast" },
	{ HEAD("Endpoint", "x") "spec: {network: n, addresses: [10.1.0.9]}",
	  "spec.addresses[0]: 10.1.0.9 is in use by another endpoint" },
	{ HEAD("Endpoint", "x") "spec: {network: n, addresses: [10.1.0.7]}" END HEAD(
		  "Endpoint", "y") "spec: {network: n, addresses: [10.1.0.7]}",
	  "spec.addresses[0]: 10.1.0.7 is in use by another endpoint" },
	{ GROUP HEAD("Endpoint", "x") "spec: {network: g}", "spec.addresses: is required" },
	{ GROUP HEAD("Endpoint", "x") "spec: {network: g, addresses: [10.1.0.77]}",
	  "spec.addresses[0]: 10.1.0.77 is in the subnet network n" },
	{ GROUP HEAD("Endpoint", "x") "spec: {network: g, addresses: [11.0.0.1]}",
	  "spec.addresses[0]: 11.0.0.1 lies outside of the cidrs of VPC v" },
	{ HEAD("Endpoint", "used") "spec: {network: n, addresses: [10.1.0.10]}", "spec.addresses" },
	{ HEAD("Bouncer", "x") "spec: {namespace: a, network: n, droplet: h1}",
	  "kind: Bouncer objects are made by Mizar" },
	{ "apiVersion: mizar.com/v1\nkind: Droplet\nmetadata: {name: h9}\n"
	  "spec: {address: 172.31.0.1}",
	  "spec.address: 172.31.0.1 is the address of another droplet" },
	{ "apiVersion: mizar.com/v1\nkind: Droplet\nmetadata: {name: h9}\n"
	  "spec: {address: 'fd00::9'}",
	  "spec.address: fd00::9 is not of the family of droplet h1" },
	{ "apiVersion: mizar.com/v1\nkind: Droplet\nmetadata: {name: h9}\n"
	  "spec: {address: '::9'}",
	  "spec.address: ::9 lies in ::/32, of which nobody has an address" },
};

static void prepare(struct plane *plane, struct host *host)
{
	host_up(host, plane, "h1");
	apply(plane, VPC NET HEAD("Endpoint", "used") "spec: {network: n, addresses: [10.1.0.9]}");
}

static void test_refused(void **state)
{
	struct plane *plane = *state;
	struct host host = {};
	size_t i;

	prepare(plane, &host);
	for (i = 0; i < ARRAY_SIZE(refused); i++) {
		/* Something good with it must not be stored either. */
		char *problem = apply_refused(plane, "%s%s", HEAD("VPC", "fine") "spec: {}" END,
					      refused[i].yaml);

		if (strncmp(problem, refused[i].problem, strlen(refused[i].problem)))
			fail_msg("case %zu: %s", i, problem);
		free(problem);
		assert_null(get(plane, "VPC", "a", "fine"));
	}
	assert_int_equal(count(plane, "Endpoint"), 1);
	assert_int_equal(count(plane, "Network"), 1);
	/* A refused batch has taken nothing: neither VNI nor address. */
	apply(plane, HEAD("VPC", "w") "spec: {vni: 4242}" END HEAD(
			     "Endpoint", "x") "spec: {network: n, addresses: [10.1.0.7]}");
	host_free(&host);
}

/* The first droplet decides for all, also for those that come with it. */
static void test_one_family(void **state)
{
	struct plane *plane = *state;
	const char *both = "apiVersion: mizar.com/v1\nkind: Droplet\nmetadata: {name: h1}\n"
			   "spec: {address: 'fd00::1'}" END
			   "apiVersion: mizar.com/v1\nkind: Droplet\nmetadata: {name: h2}\n"
			   "spec: {address: 172.31.0.2}";
	char *problem = apply_refused(plane, "%s", both);

	assert_string_equal(problem, "spec.address: 172.31.0.2 is not of the family of droplet h1: "
				     "the underlay has IPv4 or IPv6 addresses, not both");
	free(problem);
	assert_int_equal(count(plane, "Droplet"), 0);
}

/* Objects may refer to what comes later; explicit addresses go before chosen ones. */
static void test_order_of_batch(void **state)
{
	struct plane *plane = *state;

	assert_int_equal(
		apply(plane,
		      HEAD("Endpoint", "free") "spec: {network: n}" END HEAD(
			      "Endpoint",
			      "fixed") "spec: {network: n, addresses: [10.1.0.2]}" END NET VPC),
		4);
	assert_string_equal(get_field(plane, "Endpoint", "a", "fixed", "spec.addresses"),
			    "[\"10.1.0.2\"]");
	assert_string_equal(get_field(plane, "Endpoint", "a", "free", "spec.addresses"),
			    "[\"10.1.0.3\"]");
	assert_string_equal(get_field(plane, "Network", "a", "n", "spec.gateways"),
			    "[\"10.1.0.1\"]");
}

/* Applying again changes nothing; what was chosen stays; generation counts changes of the spec. */
static void test_again(void **state)
{
	struct plane *plane = *state;
	struct host host = {};
	char version[32];

	prepare(plane, &host);
	assert_int_equal(apply(plane, VPC NET), 0);
	snprintf(version, sizeof(version), "%s",
		 get_field(plane, "VPC", "a", "v", "metadata.resourceVersion"));
	assert_int_equal(apply(plane, VPC), 0);
	assert_string_equal(get_field(plane, "VPC", "a", "v", "metadata.resourceVersion"), version);

	assert_int_equal(apply(plane, "apiVersion: mizar.com/v1\nkind: VPC\n"
				      "metadata: {namespace: a, name: v, labels: {x: 'y'}}\n"
				      "spec: {cidrs: [10.0.0.0/8, 'fd00::/16'], dividers: 1}"),
			 1);
	assert_string_equal(get_field(plane, "VPC", "a", "v", "metadata.generation"), "1");
	assert_int_equal(apply(plane, HEAD("VPC", "v") "spec: {divide: true, dividers: 1}"), 1);
	assert_string_equal(get_field(plane, "VPC", "a", "v", "metadata.generation"), "2");
	assert_string_equal(get_field(plane, "VPC", "a", "v", "spec.vni"), "1");
	plane_until(plane, host_has(&host, "vpc/", "\"divide\":true"));
	host_free(&host);
}

static void test_dry_run_and_create(void **state)
{
	struct plane *plane = *state;
	Mizar__V1__ApplyResponse *response;

	response = apply_request(plane, VPC NET, true, false, NULL);
	assert_int_equal(response->n_results, 2);
	assert_int_equal(response->results[0], MIZAR__V1__APPLY_RESPONSE__RESULT__CREATED);
	assert_int_equal(response->n_objects, 2);
	mizar__v1__apply_response__free_unpacked(response, NULL);
	assert_int_equal(count(plane, "VPC"), 0);

	response = apply_request(plane, VPC, false, true, NULL);
	assert_int_equal(response->n_errors, 0);
	mizar__v1__apply_response__free_unpacked(response, NULL);
	response = apply_request(plane, VPC, false, true, NULL);
	assert_int_equal(response->n_errors, 1);
	assert_string_equal(response->errors[0]->path, "metadata.name");
	mizar__v1__apply_response__free_unpacked(response, NULL);
}

static void test_conflict(void **state)
{
	struct plane *plane = *state;
	Mizar__V1__ApplyResponse *response;
	enum mz_rpc_code code;
	char yaml[512];

	apply(plane, VPC);
	snprintf(yaml, sizeof(yaml),
		 "apiVersion: mizar.com/v1\nkind: VPC\nmetadata: {namespace: a, name: v, "
		 "resourceVersion: '%s'}\nspec: {divide: true}",
		 get_field(plane, "VPC", "a", "v", "metadata.resourceVersion"));
	response = apply_request(plane, yaml, false, false, &code);
	assert_int_equal(code, MZ_RPC_OK);
	mizar__v1__apply_response__free_unpacked(response, NULL);
	assert_null(apply_request(plane, yaml, false, false, &code));
	assert_int_equal(code, MZ_RPC_ABORTED);
	/* What is gone is changed as little. */
	assert_int_equal(delete (plane, "VPC", "a", "v"), MZ_RPC_OK);
	assert_null(apply_request(plane, yaml, false, false, &code));
	assert_int_equal(code, MZ_RPC_ABORTED);
	assert_int_equal(count(plane, "VPC"), 0);
}

static void test_full_network(void **state)
{
	struct plane *plane = *state;
	char *problem;

	apply(plane, VPC HEAD("Network", "small") "spec: {vpc: v, cidrs: [10.9.0.0/29]}");
	apply(plane,
	      HEAD("Endpoint", "e1") "spec: {network: small}" END HEAD(
		      "Endpoint",
		      "e2") "spec: {network: small}" END HEAD("Endpoint",
							      "e3") "spec: {network: small}" END
		      HEAD("Endpoint", "e4") "spec: {network: small}" END HEAD(
			      "Endpoint", "e5") "spec: {network: small}");
	problem = apply_refused(plane, HEAD("Endpoint", "e6") "spec: {network: small}");
	assert_string_equal(problem,
			    "spec.addresses: all addresses of 10.9.0.0/29 of network small "
			    "are in use");
	free(problem);
	assert_int_equal(delete (plane, "Endpoint", "a", "e3"), MZ_RPC_OK);
	apply(plane, HEAD("Endpoint", "e6") "spec: {network: small}");
	assert_string_equal(get_field(plane, "Endpoint", "a", "e6", "spec.addresses"),
			    "[\"10.9.0.4\"]");
}

/* What is being deleted takes no new children, and its name is not free yet. */
static void test_deleting(void **state)
{
	struct plane *plane = *state;
	struct host host = {};
	char *problem;

	prepare(plane, &host);
	assert_int_equal(delete (plane, "Network", "a", "n"), MZ_RPC_OK);
	assert_string_equal(get_field(plane, "Network", "a", "n", "status.phase"), "Deleting");
	problem = apply_refused(plane, HEAD("Endpoint", "x") "spec: {network: n}");
	assert_string_equal(problem,
			    "spec.network: Network n is being deleted: wait until it is gone");
	free(problem);
	problem = apply_refused(plane, NET);
	assert_non_null(strstr(problem, "metadata.name: Network n is being deleted"));
	free(problem);
	assert_int_equal(delete (plane, "Endpoint", "a", "used"), MZ_RPC_OK);
	plane_until(plane, count(plane, "Network") == 0);
	apply(plane, NET);
	host_free(&host);
}

/* A migrated endpoint: the new host has its row, the old one no more; the generation counts. */
static void test_migration(void **state)
{
	struct plane *plane = *state;
	struct host h[2] = {};

	host_up(&h[0], plane, "h1");
	host_up(&h[1], plane, "h2");
	apply(plane, VPC NET EP, "e", "h1");
	plane_until(plane, is(plane, "Endpoint", "a", "e", "status.phase", "Provisioned"));
	apply(plane, EP, "e", "h2");
	plane_until(plane, is(plane, "Endpoint", "a", "e", "status.phase", "Provisioned"));
	assert_int_equal(host_rows(&h[0], "host"), 0);
	assert_int_equal(host_rows(&h[1], "host"), 1);
	assert_string_equal(get_field(plane, "Endpoint", "a", "e", "status.locationGeneration"),
			    "2");
	/* Deleted and made again, it is still later than what it was. */
	assert_int_equal(delete (plane, "Endpoint", "a", "e"), MZ_RPC_OK);
	apply(plane,
	      HEAD("Endpoint", "e") "spec: {network: n, droplet: h1, addresses: [10.1.0.2]}");
	assert_string_equal(get_field(plane, "Endpoint", "a", "e", "status.locationGeneration"),
			    "3");
	host_free(&h[0]);
	host_free(&h[1]);
}

/* ---- hosts ----------------------------------------------------------------------------------- */

static void expect_refused(struct plane *plane, const char *name, const char *address,
			   enum mz_rpc_code code, const char *part)
{
	struct host host = {};

	snprintf(host.address, sizeof(host.address), "%s", address);
	host_connect(&host, plane, name);
	plane_until(plane, host.closed);
	assert_int_equal(host.code, code);
	if (!strstr(host.why, part))
		fail_msg("%s", host.why);
	host_free(&host);
}

static void test_hello(void **state)
{
	struct plane *plane = *state;
	struct host host = {}, again = {};

	host_up(&host, plane, "h1");
	expect_refused(plane, "h1", "172.31.0.77", MZ_RPC_FAILED_PRECONDITION,
		       "has the address 172.31.0.1, and its host says 172.31.0.77");
	expect_refused(plane, "h2", "172.31.0.1", MZ_RPC_FAILED_PRECONDITION,
		       "is that of droplet h1");
	expect_refused(plane, "h3", "fd00::3", MZ_RPC_FAILED_PRECONDITION,
		       "not of the family of droplet h1");
	expect_refused(plane, "Bad_Name", "172.31.0.3", MZ_RPC_INVALID_ARGUMENT, "DNS label");
	expect_refused(plane, "h3", "224.0.0.1", MZ_RPC_INVALID_ARGUMENT, "unicast");
	assert_true(host.welcome);
	assert_int_equal(count(plane, "Droplet"), 1);

	host_up(&again, plane, "h1");
	plane_until(plane, host.closed);
	assert_int_equal(host.code, MZ_RPC_ABORTED);
	assert_string_equal(get_field(plane, "Droplet", "", "h1", "status.connected"), "true");
	host_free(&host);
	host_free(&again);
}

static void test_delete_droplet(void **state)
{
	struct plane *plane = *state;
	struct host h[2] = {};

	host_up(&h[0], plane, "h1");
	host_up(&h[1], plane, "h2");
	apply(plane, VPC NET EP, "e", "h2");
	plane_until(plane, is(plane, "Endpoint", "a", "e", "status.phase", "Provisioned"));
	assert_int_equal(delete (plane, "Droplet", "", "h2"), MZ_RPC_FAILED_PRECONDITION);
	host_down(&h[1]);
	assert_int_equal(delete (plane, "Droplet", "", "h2"), MZ_RPC_FAILED_PRECONDITION);
	assert_int_equal(delete (plane, "Endpoint", "a", "e"), MZ_RPC_OK);
	assert_int_equal(delete (plane, "Droplet", "", "h2"), MZ_RPC_OK);
	plane_until(plane, count(plane, "Droplet") == 1);
	plane_until(plane, host_rows(&h[0], "droplets") == 1);
	assert_false(host_has(&h[0], "network/", "172.31.0.2"));
	assert_int_equal(delete (plane, "Droplet", "", "h2"), MZ_RPC_OK);
	host_free(&h[0]);
	host_free(&h[1]);
}

/* No new bouncers where the operator wants none. */
static void test_unschedulable(void **state)
{
	struct plane *plane = *state;
	struct host h[2] = {};

	host_up(&h[0], plane, "h1");
	host_up(&h[1], plane, "h2");
	apply(plane, "apiVersion: mizar.com/v1\nkind: Droplet\nmetadata: {name: h1}\n"
		     "spec: {address: 172.31.0.1, unschedulable: true}");
	apply(plane, VPC NET);
	plane_until(plane, is(plane, "Network", "a", "n", "status.bouncers", "[\"h2\"]"));
	plane_wait(plane, 100);
	assert_int_equal(host_rows(&h[0], "locations/"), -1);
	apply(plane, "apiVersion: mizar.com/v1\nkind: Droplet\nmetadata: {name: h1}\n"
		     "spec: {address: 172.31.0.1, unschedulable: false}");
	plane_until(plane, host_rows(&h[0], "locations/") == 0);
	host_free(&h[0]);
	host_free(&h[1]);
}

/* A group's members are rows of the dividers. */
static void test_group(void **state)
{
	struct plane *plane = *state;
	struct host host = {};

	host_up(&host, plane, "h1");
	apply(plane, VPC GROUP HEAD("Endpoint",
				    "m") "spec: {network: g, droplet: h1, addresses: [10.7.7.7]}");
	plane_until(plane, is(plane, "Endpoint", "a", "m", "status.phase", "Provisioned"));
	plane_until(plane, host_has(&host, "routes/", "\"address\":\"10.7.7.7\""));
	assert_true(host_has(&host, "host", "\"prefixLength\":128"));
	assert_int_equal(delete (plane, "Endpoint", "a", "m"), MZ_RPC_OK);
	plane_until(plane, host_rows(&host, "routes/") == 0);
	host_free(&host);
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, plane_setup, plane_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_refused),	  TEST(test_one_family), TEST(test_order_of_batch),
		TEST(test_again),	  TEST(test_dry_run_and_create),
		TEST(test_conflict),	  TEST(test_full_network),
		TEST(test_deleting),	  TEST(test_migration),
		TEST(test_hello),	  TEST(test_delete_droplet),
		TEST(test_unschedulable), TEST(test_group),
	};

	controller_program = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
