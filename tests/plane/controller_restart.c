// SPDX-License-Identifier: Apache-2.0
/*
 * Hosts and controllers that come and go: what travels is what differs, and what was acknowledged
 * is there.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "controller_common.h"

/* What a row says of bouncers that are not used. */
#define READY "\"ready\":1"
#define KNOWN "\"known\":1"

/* Two hosts, one network; both bounce. */
static void two_up(struct plane *plane, struct host *h)
{
	host_up(&h[0], plane, "h1");
	host_up(&h[1], plane, "h2");
	apply(plane, VPC NET);
	plane_until(plane, has_two_bouncers(plane));
	plane_until(plane, is(plane, "VPC", "a", "v", "status.phase", "Provisioned"));
}

static void make(struct plane *plane, unsigned int from, unsigned int n)
{
	char name[16];
	unsigned int i;

	for (i = from; i < from + n; i++) {
		snprintf(name, sizeof(name), "e%u", i);
		apply(plane, EP, name, "h1");
	}
	plane_until(plane, is(plane, "Endpoint", "a", name, "status.phase", "Provisioned"));
}

/* A host that comes back with what it had gets nothing; with changes meanwhile, only these. */
static void test_reconnect(void **state)
{
	struct plane *plane = *state;
	struct host h[2] = {};

	two_up(plane, h);
	make(plane, 0, 100);
	plane_wait(plane, 50);

	host_down(&h[1]);
	host_zero(&h[1]);
	host_up(&h[1], plane, "h2");
	plane_wait(plane, 100);
	assert_int_equal(h[1].n_rows + h[1].n_deletes, 0);
	assert_int_equal(h[1].n_equal, HASH_COUNT(h[1].scopes));

	host_down(&h[1]);
	host_zero(&h[1]);
	apply(plane, EP EP, "x1", "h1", "x2", "h1");
	assert_int_equal(delete (plane, "Endpoint", "a", "x1"), MZ_RPC_OK);
	host_up(&h[1], plane, "h2");
	plane_until(plane, host_rows(&h[1], "locations/") == 101);
	plane_wait(plane, 50);
	assert_int_equal(h[1].n_full, 0);
	assert_in_range(h[1].n_rows, 1, 3);
	host_free(&h[0]);
	host_free(&h[1]);
}

/* The same with a new controller: digests tell that nothing changed. */
static void test_restart(void **state)
{
	struct plane *plane = *state;
	struct host h[2] = {};

	two_up(plane, h);
	make(plane, 0, 100);
	plane_wait(plane, 100);
	host_zero(&h[0]);
	host_zero(&h[1]);

	plane_stop(plane, SIGKILL);
	plane_start(plane);
	assert_string_equal(get_field(plane, "Endpoint", "a", "e7", "status.phase"), "Unknown");
	host_up(&h[0], plane, "h1");
	host_up(&h[1], plane, "h2");
	plane_until(plane, is(plane, "Endpoint", "a", "e7", "status.phase", "Provisioned"));
	assert_int_equal(h[0].n_rows + h[1].n_rows + h[0].n_deletes + h[1].n_deletes, 0);
	assert_int_equal(h[0].n_full + h[1].n_full, 0);
	assert_string_equal(get_field(plane, "Network", "a", "n", "status.endpoints"), "100");

	/* Changes that a host was not told come as its scope whole, and of that scope only. */
	host_down(&h[0]);
	apply(plane, EP, "late", "h1");
	plane_until(plane, host_rows(&h[1], "locations/") == 101);
	plane_wait(plane, 20); /* its ack */
	plane_stop(plane, SIGKILL);
	host_zero(&h[0]);
	host_zero(&h[1]);
	plane_start(plane);
	host_up(&h[0], plane, "h1");
	host_up(&h[1], plane, "h2");
	plane_until(plane, is(plane, "Endpoint", "a", "late", "status.phase", "Provisioned"));
	plane_wait(plane, 50);
	assert_int_equal(h[1].n_full, 0);
	assert_int_equal(h[0].n_full, 2); /* host, locations */
	assert_int_equal(host_rows(&h[0], "host"), 101);
	assert_int_equal(host_rows(&h[0], "locations/"), 101);
	assert_int_equal(host_rows(&h[1], "locations/"), 101);
	host_free(&h[0]);
	host_free(&h[1]);
}

/* Rows that a host should not have, and lacks, are found by the digest. */
static void test_wiped_host(void **state)
{
	struct plane *plane = *state;
	struct host h[2] = {};
	struct held_scope *scope, *next;

	two_up(plane, h);
	make(plane, 0, 20);
	host_down(&h[0]);
	HASH_ITER(hh, h[0].scopes, scope, next)
		if (scope->id.kind == MIZAR__V1__SCOPE__KIND__LOCATIONS && scope->rows) {
			struct held_row *row = scope->rows;

			HASH_DEL(scope->rows, row);
			free(row);
		}
	host_zero(&h[0]);
	host_up(&h[0], plane, "h1");
	plane_until(plane, host_rows(&h[0], "locations/") == 20);
	assert_int_equal(h[0].n_full, 1);

	host_down(&h[0]);
	host_forget(&h[0]);
	host_up(&h[0], plane, "h1");
	plane_until(plane, host_rows(&h[0], "locations/") == 20 && host_rows(&h[0], "host") == 20);
	host_free(&h[0]);
	host_free(&h[1]);
}

/* A scope far larger than the window. */
static void test_large_scope(void **state)
{
	struct plane *plane = *state;
	struct host h[3] = {};
	char *yaml, *at;
	int i, round;

	two_up(plane, h);
	yaml = malloc(200 * 2000);
	for (round = 0; round < 25; round++) {
		for (at = yaml, i = 0; i < 2000; i++)
			at += sprintf(at,
				      "apiVersion: mizar.com/v1\nkind: Endpoint\nmetadata: "
				      "{namespace: a, "
				      "name: e%d}\nspec: {network: n, droplet: h1}\n---\n",
				      round * 2000 + i);
		mizar__v1__apply_response__free_unpacked(
			apply_request(plane, yaml, false, false, NULL), NULL);
	}
	free(yaml);
	plane_until(plane, is(plane, "Endpoint", "a", "e49999", "status.phase", "Provisioned"));
	assert_int_equal(host_rows(&h[1], "locations/"), 50000);

	host_down(&h[1]);
	host_forget(&h[1]);
	host_zero(&h[1]);
	host_up(&h[1], plane, "h2");
	plane_until(plane, host_rows(&h[1], "locations/") == 50000);
	host_free(&h[0]);
	host_free(&h[1]);
}

/* Killed in the middle of an apply storm: what was acknowledged is there. */
struct storm {
	unsigned int n_sent, n_acked, n_failed;
};

static void on_stored(enum mz_rpc_code code, const char *message, const ProtobufCMessage *response,
		      void *user)
{
	struct storm *storm = user;

	if (code == MZ_RPC_OK)
		storm->n_acked++;
	else
		storm->n_failed++;
}

static void send_endpoint(struct plane *plane, struct storm *storm)
{
	Mizar__V1__ApplyRequest request = MIZAR__V1__APPLY_REQUEST__INIT;
	Mizar__V1__Object message, *list[] = { &message };
	struct mz_object *object;
	char name[16];

	snprintf(name, sizeof(name), "s%05u", storm->n_sent++);
	assert_int_equal(mz_object_new(MZ_KIND_ENDPOINT, &object), 0);
	mz_string_set(&object->endpoint->metadata->name, name);
	mz_string_set(&object->endpoint->metadata->namespace_, "a");
	mz_string_set(&object->endpoint->spec->network, "n");
	mz_object_wrap(object, &message);
	request.n_objects = 1;
	request.objects = list;
	assert_int_equal(mz_rpc_unary(plane->client, "/mizar.v1.Management/Apply", &request.base,
				      &mizar__v1__apply_response__descriptor, 5000, on_stored,
				      storm),
			 0);
	mz_object_free(object);
}

static void test_killed_in_storm(void **state)
{
	struct plane *plane = *state;
	struct host h[2] = {};
	unsigned int round, stored;

	two_up(plane, h);
	for (round = 0; round < 5; round++) {
		struct storm storm = {};
		uint64_t end = uv_hrtime() + (50 + round * 37) * 1000000ULL;
		unsigned int before = count(plane, "Endpoint"), i;
		char name[16];

		while (uv_hrtime() < end) {
			while (storm.n_sent < storm.n_acked + 50)
				send_endpoint(plane, &storm);
			(void)uv_run(&plane->loop, UV_RUN_ONCE);
		}
		assert_int_equal(kill(plane->pid, SIGKILL), 0);
		plane_until(plane, storm.n_acked + storm.n_failed == storm.n_sent);
		plane_stop(plane, SIGKILL);
		plane_start(plane);
		stored = count(plane, "Endpoint") - before;
		if (round)
			continue; /* names repeat: later rounds change what exists */
		assert_in_range(stored, storm.n_acked, storm.n_sent);
		for (i = 0; i < storm.n_acked; i += 17) {
			snprintf(name, sizeof(name), "s%05u", i);
			assert_string_not_equal(get_field(plane, "Endpoint", "a", name, "spec.mac"),
						"");
		}
		host_up(&h[0], plane, "h1");
	}
	host_free(&h[0]);
	host_free(&h[1]);
}

/* Anew, with this patience with hosts that are down. */
static void restart_with(struct plane *plane, const char *dead_after)
{
	plane_stop(plane, SIGTERM);
	plane->options[0] = "--dead-after";
	plane->options[1] = dead_after;
	plane_start(plane);
}

/* A bouncer whose host is gone: another one takes its place, and keeps it. */
static void test_dead_bouncer(void **state)
{
	struct plane *plane = *state;
	struct host h[3] = {};
	int i;

	restart_with(plane, "1");
	two_up(plane, h);
	make(plane, 0, 5);
	host_up(&h[2], plane, "h3");
	assert_int_equal(host_rows(&h[2], "locations/"), -1);
	host_down(&h[1]);
	plane_wait(plane, 700);
	assert_int_equal(host_rows(&h[2], "locations/"), -1);
	/* It leaves, since there is another one, also when the new one takes its time. */
	h[2].silent = true;
	plane_until(plane, host_rows(&h[2], "locations/") == 5);
	plane_until(plane, !host_has(&h[0], "network/", "172.31.0.2"));
	assert_false(host_has(&h[0], "network/", "172.31.0.3"));
	h[2].silent = false;
	host_down(&h[2]);
	host_up(&h[2], plane, "h3");
	plane_until(plane, host_has(&h[0], "network/", "172.31.0.3"));
	plane_until(plane, count(plane, "Bouncer") == 2);
	/* When it comes back it is one too many: nothing is left on it. */
	host_up(&h[1], plane, "h2");
	plane_until(plane, host_rows(&h[1], "locations/") == -1);
	for (i = 0; i < 3; i++)
		host_free(&h[i]);
}

/* The only bouncer and the only divider: they are replaced as well, first in, then out. */
static void test_dead_last(void **state)
{
	struct plane *plane = *state;
	struct host h[2] = {};

	restart_with(plane, "1");
	host_up(&h[0], plane, "h1");
	apply(plane, VPC "apiVersion: mizar.com/v1\nkind: Network\n"
			 "metadata: {namespace: a, name: n}\n"
			 "spec: {vpc: v, cidrs: [10.1.0.0/16], bouncers: 1}\n");
	plane_until(plane, is(plane, "Network", "a", "n", "status.bouncers", "[\"h1\"]") &&
				   is(plane, "VPC", "a", "v", "status.dividers", "[\"h1\"]"));
	host_up(&h[1], plane, "h2");
	apply(plane, EP, "e", "h2");
	plane_until(plane, is(plane, "Endpoint", "a", "e", "status.phase", "Provisioned"));
	host_down(&h[0]);
	plane_until(plane, is(plane, "Network", "a", "n", "status.bouncers", "[\"h2\"]") &&
				   is(plane, "VPC", "a", "v", "status.dividers", "[\"h2\"]"));
	assert_int_equal(host_rows(&h[1], "locations/"), 1);
	plane_until(plane, count(plane, "Bouncer") == 1 && count(plane, "Divider") == 1);
	/* Empty, and of use again. */
	host_forget(&h[0]);
	host_up(&h[0], plane, "h1");
	plane_until(plane, host_rows(&h[0], "droplets") == 2);
	host_down(&h[1]);
	plane_until(plane, host_rows(&h[0], "locations/") == 1 &&
				   is(plane, "Network", "a", "n", "status.bouncers", "[\"h1\"]"));
	host_free(&h[0]);
	host_free(&h[1]);
}

/* A bouncer that was made anew is not sent to until it has its rows again. */
static void test_reborn_bouncer(void **state)
{
	struct plane *plane = *state;
	struct host h[2] = {};

	two_up(plane, h);
	make(plane, 0, 5);
	host_down(&h[1]);
	host_forget(&h[1]);
	host_zero(&h[0]);
	h[1].silent = true;
	host_up(&h[1], plane, "h2");
	plane_until(plane, host_has(&h[0], "network/", KNOWN));
	h[1].silent = false;
	host_down(&h[1]);
	host_up(&h[1], plane, "h2");
	plane_until(plane, has_two_bouncers(plane));
	assert_int_equal(host_rows(&h[1], "locations/"), 5);
	host_free(&h[0]);
	host_free(&h[1]);
}

/* A new controller does not know since when hosts are down: it gives them time. */
static void test_nobody_dead_at_first(void **state)
{
	struct plane *plane = *state;
	struct host h[3] = {};
	int i;

	restart_with(plane, "0.5");
	two_up(plane, h);
	host_up(&h[2], plane, "h3");
	plane_wait(plane, 50);
	plane_stop(plane, SIGKILL);
	for (i = 0; i < 3; i++)
		plane_until(plane, h[i].closed);
	plane_start(plane);
	host_up(&h[2], plane, "h3");
	plane_wait(plane, 2000);
	assert_int_equal(host_rows(&h[2], "locations/"), -1);
	assert_int_equal(count(plane, "Bouncer"), 2);
	for (i = 0; i < 3; i++)
		host_free(&h[i]);
}

/* A user deletes a bouncer: its place is taken elsewhere, without a moment without one. */
static void test_deleted_bouncer(void **state)
{
	struct plane *plane = *state;
	struct host h[3] = {};
	int i;

	two_up(plane, h);
	make(plane, 0, 5);
	host_up(&h[2], plane, "h3");
	assert_int_equal(delete (plane, "Bouncer", "", "a-n-h1"), MZ_RPC_OK);
	plane_until(plane, host_rows(&h[2], "locations/") == 5);
	plane_until(plane, host_rows(&h[0], "locations/") == -1);
	assert_int_equal(count(plane, "Bouncer"), 2);
	for (i = 0; i < 3; i++)
		host_free(&h[i]);
}

static void want_bouncers(struct plane *plane, unsigned int n)
{
	apply(plane,
	      "apiVersion: mizar.com/v1\nkind: Network\nmetadata: {namespace: a, name: n}\n"
	      "spec: {vpc: v, cidrs: [10.1.0.0/16], bouncers: %u}\n",
	      n);
}

/*
 * A host that has not heard that a bouncer leaves still sends there: that goes on. One that has not
 * heard of a new bouncer does not believe it: nobody uses that. Also after a restart.
 */
static void test_stages(void **state)
{
	struct plane *plane = *state;
	struct host h[3] = {};
	int i;

	restart_with(plane, "3");
	two_up(plane, h);
	host_up(&h[2], plane, "h3");
	apply(plane, EP, "e", "h3");
	plane_until(plane, is(plane, "Endpoint", "a", "e", "status.phase", "Provisioned"));
	host_down(&h[2]);
	want_bouncers(plane, 1);
	plane_until(plane, host_has(&h[0], "network/", READY));
	plane_wait(plane, 1500);
	assert_int_equal(host_rows(&h[0], "locations/"), 1);
	assert_int_equal(host_rows(&h[1], "locations/"), 1);
	assert_true(host_has(&h[0], "network/", READY));
	host_up(&h[2], plane, "h3");
	plane_until(plane, host_has(&h[2], "network/", KNOWN));
	plane_until(plane, host_rows(&h[0], "locations/") + host_rows(&h[1], "locations/") == 0);

	host_down(&h[2]);
	want_bouncers(plane, 2);
	plane_until(plane, host_has(&h[0], "network/", KNOWN));
	plane_wait(plane, 500);
	plane_stop(plane, SIGKILL);
	for (i = 0; i < 2; i++)
		plane_until(plane, h[i].closed);
	plane_start(plane);
	host_up(&h[0], plane, "h1");
	host_up(&h[1], plane, "h2");
	plane_wait(plane, 1500);
	assert_true(host_has(&h[0], "network/", KNOWN) && host_has(&h[1], "network/", KNOWN));
	assert_false(has_two_bouncers(plane));
	host_up(&h[2], plane, "h3");
	plane_until(plane, has_two_bouncers(plane) && !host_has(&h[2], "network/", READY));
	for (i = 0; i < 3; i++)
		host_free(&h[i]);
}

/* The only host there is: its bouncer goes, and comes again on the same host. */
static void test_deleted_last_bouncer(void **state)
{
	struct plane *plane = *state;
	struct host h = {};
	char uid[32];

	host_up(&h, plane, "h1");
	apply(plane, VPC NET);
	plane_until(plane, is(plane, "Bouncer", "", "a-n-h1", "status.active", "true"));
	snprintf(uid, sizeof(uid), "%s", get_field(plane, "Bouncer", "", "a-n-h1", "metadata.uid"));
	assert_int_equal(delete (plane, "Bouncer", "", "a-n-h1"), MZ_RPC_OK);
	plane_until(plane, is(plane, "Bouncer", "", "a-n-h1", "status.active", "true") &&
				   !is(plane, "Bouncer", "", "a-n-h1", "metadata.uid", uid));
	plane_until(plane, host_has(&h, "network/", "172.31.0.1"));
	assert_non_null(strstr(get_field(plane, "Network", "a", "n", "status.conditions"),
			       "1 of 2 bouncers"));
	host_free(&h);
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, plane_setup, plane_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_reconnect),	    TEST(test_restart),
		TEST(test_wiped_host),	    TEST(test_large_scope),
		TEST(test_killed_in_storm), TEST(test_dead_bouncer),
		TEST(test_dead_last),	    TEST(test_reborn_bouncer),
		TEST(test_nobody_dead_at_first),
		TEST(test_deleted_bouncer), TEST(test_deleted_last_bouncer),
		TEST(test_stages),
	};

	controller_program = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
