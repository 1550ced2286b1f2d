// SPDX-License-Identifier: Apache-2.0
/*
 * From manifest to rows: who gets which rows, how many, and when an endpoint counts as provisioned.
 */
#include <stdio.h>
#include <string.h>

#include "controller_common.h"

/* Three hosts, a VPC and a network with its bouncers and divider active. */
struct three {
	struct plane *plane;
	struct host h[3];
};

static void three_up(struct three *t, struct plane *plane)
{
	*t = (struct three){ .plane = plane };
	host_up(&t->h[0], plane, "h1");
	host_up(&t->h[1], plane, "h2");
	host_up(&t->h[2], plane, "h3");
	assert_int_equal(apply(plane, VPC NET), 2);
	plane_until(plane, is(plane, "Network", "a", "n", "status.phase", "Provisioned"));
	plane_until(plane, is(plane, "VPC", "a", "v", "status.phase", "Provisioned"));
	plane_until(plane, has_two_bouncers(plane) && count(plane, "Divider") == 1);
	plane_wait(plane, 50);
}

static void three_free(struct three *t)
{
	int i;

	for (i = 0; i < 3; i++)
		host_free(&t->h[i]);
}

static unsigned int n_holders(const struct three *t, const char *scope)
{
	unsigned int i, n = 0;

	for (i = 0; i < 3; i++)
		n += host_rows(&t->h[i], scope) >= 0;
	return n;
}

/* What every host holds, what only bouncers and dividers hold; spread over hosts. */
static void test_scopes(void **state)
{
	struct plane *plane = *state;
	struct three t;
	int i;

	three_up(&t, plane);
	for (i = 0; i < 3; i++) {
		assert_int_equal(host_rows(&t.h[i], "droplets"), 3);
		assert_int_equal(host_rows(&t.h[i], "host"), 0);
	}
	assert_int_equal(n_holders(&t, "locations/"), 2);
	assert_int_equal(n_holders(&t, "routes/"), 1);
	/* One replica each: 2 bouncers and 1 divider on 3 hosts. */
	assert_int_equal(n_holders(&t, "vpc/"), 3);
	for (i = 0; i < 3; i++) {
		assert_false(host_rows(&t.h[i], "locations/") >= 0 &&
			     host_rows(&t.h[i], "routes/") >= 0);
		if (host_rows(&t.h[i], "routes/") >= 0)
			assert_true(host_has(&t.h[i], "routes/", "\"prefix\":\"10.1.0.0\""));
	}
	three_free(&t);
}

/* A VPC's hosts learn where endpoints are unless it says no, at any time. */
static void test_direct_path(void **state)
{
	struct plane *plane = *state;
	struct three t;
	int i;

	three_up(&t, plane);
	for (i = 0; i < 3; i++)
		plane_until(plane, host_has(&t.h[i], "vpc/", "\"direct\":true"));
	apply(plane, "apiVersion: mizar.com/v1\nkind: VPC\nmetadata: {namespace: a, name: v}\n"
		     "spec: {cidrs: [10.0.0.0/8], dividers: 1, directPath: false, divide: true}\n");
	for (i = 0; i < 3; i++)
		plane_until(plane, host_has(&t.h[i], "vpc/", "\"divide\":true") &&
					   host_has(&t.h[i], "vpc/", "\"direct\":false"));
	apply(plane, VPC);
	for (i = 0; i < 3; i++)
		plane_until(plane, host_has(&t.h[i], "vpc/", "\"direct\":true"));
	three_free(&t);
}

/* A new endpoint costs a row on its host and one on each bouncer, however many there are. */
static void test_constant_rows(void **state)
{
	struct plane *plane = *state;
	unsigned int first = 0, rows, i, n;
	struct three t;
	char name[16];

	three_up(&t, plane);
	for (n = 0; n < 300; n++) {
		for (i = 0; i < 3; i++)
			host_zero(&t.h[i]);
		snprintf(name, sizeof(name), "e%u", n);
		assert_int_equal(apply(plane, EP, name, "h1"), 1);
		plane_until(plane, is(plane, "Endpoint", "a", name, "status.phase", "Provisioned"));
		rows = t.h[0].n_rows + t.h[1].n_rows + t.h[2].n_rows;
		if (n == 1)
			first = rows;
		if (n > 1)
			assert_int_equal(rows, first);
	}
	assert_int_equal(first, 3);
	assert_int_equal(host_rows(&t.h[0], "host"), 300);
	assert_string_equal(get_field(plane, "Network", "a", "n", "status.endpoints"), "300");
	three_free(&t);
}

/* Provisioned means: its host and every bouncer have said so. */
static void test_waits_for_all(void **state)
{
	struct plane *plane = *state;
	struct host *bouncer = NULL;
	struct three t;
	int i;

	three_up(&t, plane);
	for (i = 0; i < 3; i++)
		if (host_rows(&t.h[i], "locations/") >= 0)
			bouncer = &t.h[i];
	bouncer->silent = true;
	apply(plane, EP, "e1", bouncer == &t.h[0] ? "h2" : "h1");
	plane_wait(plane, 300);
	assert_string_equal(get_field(plane, "Endpoint", "a", "e1", "status.phase"), "Init");
	/* The controller is in its first seconds, in which nobody is declared dead; after them the
	 * silent one leaves the set, and holds up nobody. */
	plane_until(plane, is(plane, "Endpoint", "a", "e1", "status.phase", "Provisioned"));
	for (i = 0; i < 3; i++)
		if (host_rows(&t.h[i], "network/") > 0 && &t.h[i] != bouncer)
			plane_until(plane, host_has(&t.h[i], "network/", "\"ready\":1"));
	/* It comes back with a new stream, and is taken in again. */
	host_down(bouncer);
	bouncer->silent = false;
	host_up(bouncer, plane, bouncer->name);
	plane_until(plane, has_two_bouncers(plane));
	three_free(&t);
}

#define ANYWHERE                                                                                   \
	"apiVersion: mizar.com/v1\nkind: Endpoint\nmetadata: {namespace: a, name: e}\n"           \
	"spec: {network: n}\n"

static void test_attach(void **state)
{
	struct plane *plane = *state;
	unsigned int rows;
	struct three t;
	char *text;

	three_up(&t, plane);
	apply(plane, ANYWHERE);
	assert_string_equal(get_field(plane, "Endpoint", "a", "e", "status.phase"), "Init");
	assert_string_equal(get_field(plane, "Endpoint", "a", "e", "spec.addresses"),
			    "[\"10.1.0.2\"]");

	assert_int_equal(host_attach(&t.h[1], "a", "e", &rows, NULL), MZ_RPC_OK);
	assert_int_equal(rows, 3);
	assert_int_equal(host_attach(&t.h[1], "a", "e", &rows, NULL), MZ_RPC_OK);
	plane_until(plane, is(plane, "Endpoint", "a", "e", "status.phase", "Provisioned"));
	assert_string_equal(get_field(plane, "Endpoint", "a", "e", "status.droplet"), "h2");
	assert_string_equal(get_field(plane, "Endpoint", "a", "e", "status.locationGeneration"),
			    "1");
	assert_string_equal(get_field(plane, "Endpoint", "a", "e", "status.attached"), "true");

	assert_int_equal(host_attach(&t.h[0], "a", "e", NULL, &text), MZ_RPC_FAILED_PRECONDITION);
	assert_non_null(strstr(text, "h2"));
	free(text);
	assert_int_equal(host_attach(&t.h[0], "a", "nobody", NULL, NULL), MZ_RPC_NOT_FOUND);

	assert_int_equal(host_detach(&t.h[1], "a", "e"), MZ_RPC_OK);
	assert_int_equal(host_detach(&t.h[1], "a", "e"), MZ_RPC_OK);
	plane_until(plane, host_rows(&t.h[1], "host") == 0);
	assert_int_equal(host_attach(&t.h[0], "a", "e", NULL, NULL), MZ_RPC_OK);
	plane_until(plane, host_has(&t.h[0], "host", "\"generation\":2"));
	three_free(&t);
}

/* Of an endpoint's row, among what the host has not looked at; NULL: none. */
static const Mizar__V1__EndpointRow *late_delete(const struct host *host)
{
	size_t i;

	for (i = 0; i < host->n_late; i++) {
		const Mizar__V1__ScopeUpdate *update =
			((const Mizar__V1__ControllerMessage *)host->late[i])->update;

		if (update->n_deletes &&
		    update->deletes[0]->row_case == MIZAR__V1__ROW__ROW_ENDPOINT)
			return update->deletes[0]->endpoint;
	}
	return NULL;
}

/* The answer to an attach overtakes the end of the earlier row, which says which one it means. */
static void test_overtaken(void **state)
{
	struct plane *plane = *state;
	struct three t;

	three_up(&t, plane);
	apply(plane, ANYWHERE);
	assert_int_equal(host_attach(&t.h[1], "a", "e", NULL, NULL), MZ_RPC_OK);
	plane_until(plane, is(plane, "Endpoint", "a", "e", "status.phase", "Provisioned"));
	t.h[1].stuck = true;
	assert_int_equal(host_detach(&t.h[1], "a", "e"), MZ_RPC_OK);
	plane_until(plane, late_delete(&t.h[1]));
	assert_int_equal(host_attach(&t.h[1], "a", "e", NULL, NULL), MZ_RPC_OK);
	assert_string_equal(get_field(plane, "Endpoint", "a", "e", "status.locationGeneration"),
			    "2");
	assert_int_equal(late_delete(&t.h[1])->generation, 1);
	host_go_on(&t.h[1]);
	plane_until(plane, host_has(&t.h[1], "host", "\"generation\":2"));
	plane_until(plane, is(plane, "Endpoint", "a", "e", "status.phase", "Provisioned"));
	three_free(&t);
}

/* A host that refuses a row: the endpoint says so. */
static void test_refused(void **state)
{
	struct plane *plane = *state;
	struct three t;

	three_up(&t, plane);
	t.h[0].refuses = "endpoint";
	apply(plane, EP, "e1", "h1");
	plane_until(plane, is(plane, "Endpoint", "a", "e1", "status.phase", "Failed"));
	assert_non_null(strstr(get_field(plane, "Endpoint", "a", "e1", "status.conditions"),
			       "the table is full"));
	t.h[0].refuses = NULL; /* tried again by itself */
	plane_until(plane, is(plane, "Endpoint", "a", "e1", "status.phase", "Provisioned"));
	three_free(&t);
}

/* Whatever the order of deletion, nothing stays behind. */
static void test_delete_orders(void **state)
{
	static const char *const orders[][3] = {
		{ "Endpoint", "Network", "VPC" },
		{ "VPC", "Network", "Endpoint" },
		{ "Network", "Endpoint", "VPC" },
	};
	struct plane *plane = *state;
	struct three t;
	size_t i, j;
	int h;

	three_up(&t, plane);
	for (i = 0; i < ARRAY_SIZE(orders); i++) {
		apply(plane, VPC NET EP, "x", "h2");
		plane_until(plane, is(plane, "Endpoint", "a", "x", "status.phase", "Provisioned"));
		for (j = 0; j < 3; j++) {
			const char *kind = orders[i][j];
			const char *name = *kind == 'E' ? "x" : *kind == 'N' ? "n" : "v";

			assert_int_equal(delete (plane, kind, "a", name), MZ_RPC_OK);
		}
		plane_until(plane, count(plane, "VPC") == 0);
		assert_int_equal(count(plane, "Network") + count(plane, "Endpoint") +
					 count(plane, "Bouncer") + count(plane, "Divider"),
				 0);
		for (h = 0; h < 3; h++)
			plane_until(plane, HASH_COUNT(t.h[h].scopes) == 2 &&
						   host_rows(&t.h[h], "host") == 0);
	}
	three_free(&t);
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, plane_setup, plane_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_scopes),	  TEST(test_direct_path), TEST(test_constant_rows),
		TEST(test_waits_for_all), TEST(test_attach),	  TEST(test_refused),
		TEST(test_delete_orders), TEST(test_overtaken),
	};

	controller_program = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
