// SPDX-License-Identifier: Apache-2.0
/*
 * Endpoints that go from one host to another while they work: who has which rows at every step, and
 * what becomes of it when somebody changes his mind, or dies.
 *
 *	h1, h2: endpoints, and no roles      h3, h4: bouncers, divider
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "controller_common.h"

#define ROLELESS                                                                                   \
	"apiVersion: mizar.com/v1\nkind: Droplet\nmetadata: {name: h%d}\n"                         \
	"spec: {address: 172.31.0.%d, unschedulable: true}\n---\n"

struct four {
	struct plane *plane;
	struct host h[5]; /* from 1 */
	uint64_t uid;	  /* of a/e1 */
};

static void connect_all(struct four *f)
{
	static const char *const names[] = { "", "h1", "h2", "h3", "h4" };
	int i;

	for (i = 1; i <= 4; i++)
		if (!f->h[i].stream)
			host_up(&f->h[i], f->plane, names[i]);
}

/* e1 is on h1, with a device. Tombstones last for as long as is said. */
static void four_up(struct four *f, struct plane *plane, const char *tombstones)
{
	*f = (struct four){ .plane = plane };
	plane_stop(plane, SIGTERM);
	plane->options[0] = "--tombstones";
	plane->options[1] = tombstones;
	plane->options[2] = "--dead-after";
	plane->options[3] = "60";
	plane_start(plane);
	connect_all(f);
	apply(plane, ROLELESS ROLELESS VPC NET EP, 1, 1, 2, 2, "e1", "h1");
	f->uid = strtoul(get_field(plane, "Endpoint", "a", "e1", "metadata.uid"), NULL, 10);
	assert_int_equal(host_attach(&f->h[1], "a", "e1", NULL, NULL), MZ_RPC_OK);
	plane_until(plane, is(plane, "Endpoint", "a", "e1", "status.phase", "Provisioned") &&
				   host_rows(&f->h[3], "locations/") == 1 &&
				   host_rows(&f->h[4], "locations/") == 1 &&
				   has_two_bouncers(plane) &&
				   host_has(&f->h[1], "vpc/", "172.31.0.") && /* its divider */
				   host_has(&f->h[1], "network/", "172.31.0.3") &&
				   host_has(&f->h[1], "network/", "172.31.0.4") &&
				   !host_has(&f->h[1], "network/", "\"ready\":") &&
				   !host_has(&f->h[1], "network/", "\"known\":"));
}

static void four_free(struct four *f)
{
	int i;

	for (i = 1; i <= 4; i++)
		host_free(&f->h[i]);
}

static void migrate(struct four *f, const char *to)
{
	apply(f->plane, EP, "e1", to);
}

static bool endpoint_is(struct four *f, const char *path, const char *value)
{
	return is(f->plane, "Endpoint", "a", "e1", path, value);
}

static bool condition_has(struct four *f, const char *text)
{
	return strstr(get_field(f->plane, "Endpoint", "a", "e1", "status.conditions"), text);
}

/* The host has e1's own row, with this generation; a row of another host that has it now. */
static bool has_row(struct four *f, int h, unsigned int generation)
{
	char part[64];

	snprintf(part, sizeof(part), "\"generation\":%u", generation);
	return host_has(&f->h[h], "host", "\"name\":\"e1\"") && host_has(&f->h[h], "host", part);
}

static bool has_tombstone(struct four *f, int h, int host, unsigned int generation)
{
	char part[64];

	snprintf(part, sizeof(part), "\"host\":\"172.31.0.%d\",\"generation\":%u", host,
		 generation);
	return host_has(&f->h[h], "host", part);
}

static bool bouncers_say(struct four *f, int host, unsigned int generation)
{
	char part[64];

	snprintf(part, sizeof(part), "\"host\":\"172.31.0.%d\",\"generation\":%u", host,
		 generation);
	return host_has(&f->h[3], "locations/", part) && host_has(&f->h[4], "locations/", part);
}

/* It is there and nowhere else, and nothing is under way. */
static bool is_only_on(struct four *f, int h, unsigned int generation)
{
	int i;

	for (i = 1; i <= 4; i++)
		if (host_has(&f->h[i], "host", "\"name\":\"e1\"") != (i == h))
			return false;
	return has_row(f, h, generation) && bouncers_say(f, h, generation) &&
	       endpoint_is(f, "status.phase", "Provisioned");
}

/* Acks of h3 are lost until it is heard again: what waits for all bouncers does so. */
static void hear(struct four *f)
{
	f->h[3].silent = false;
	host_down(&f->h[3]);
	host_up(&f->h[3], f->plane, "h3");
}

/* Step by step: the new host is ready before bouncers send there, the old one until they do. */
static void test_steps(void **state)
{
	struct plane *plane = *state;
	unsigned int rows;
	struct four f;

	four_up(&f, plane, "1");
	host_zero(&f.h[1]);
	migrate(&f, "h2");
	plane_until(plane, has_row(&f, 2, 2));
	assert_true(endpoint_is(&f, "status.phase", "Init"));
	assert_true(endpoint_is(&f, "status.droplet", "h1"));
	assert_true(condition_has(&f, "waits for a device on h2"));

	/* That it asks for its rows is not yet a device. */
	f.h[2].slow_devices = true;
	assert_int_equal(host_attach(&f.h[3], "a", "e1", NULL, NULL), MZ_RPC_FAILED_PRECONDITION);
	assert_int_equal(host_attach(&f.h[2], "a", "e1", &rows, NULL), MZ_RPC_OK);
	assert_int_equal(rows, 3);
	host_down(&f.h[4]); /* whatever has it looked at */
	host_up(&f.h[4], plane, "h4");
	plane_wait(plane, 100);
	assert_true(has_row(&f, 1, 1) && bouncers_say(&f, 1, 1));

	f.h[3].silent = true;
	host_device(&f.h[2], f.uid);
	plane_until(plane, bouncers_say(&f, 2, 2));
	plane_wait(plane, 100);
	assert_true(condition_has(&f, "WaitsForBouncers"));
	assert_true(endpoint_is(&f, "status.droplet", "h2"));
	assert_int_equal(f.h[1].n_rows + f.h[1].n_deletes, 0);
	assert_true(has_row(&f, 1, 1));

	hear(&f);
	plane_until(plane, has_tombstone(&f, 1, 2, 2));
	assert_int_equal(f.h[1].n_delta, 1); /* both at once */
	assert_int_equal(f.h[1].n_rows, 1);
	assert_int_equal(f.h[1].n_deletes, 1);
	plane_until(plane, is_only_on(&f, 2, 2));
	assert_true(endpoint_is(&f, "status.attached", "true"));
	plane_wait(plane, 100);
	assert_true(has_tombstone(&f, 1, 2, 2)); /* and knows the VPC that it is in */
	assert_true(host_rows(&f.h[1], "vpc/") == 1 && host_rows(&f.h[1], "network/") == 1);

	/* Who gives it back on the old host changes nothing. */
	assert_int_equal(host_detach(&f.h[1], "a", "e1"), MZ_RPC_OK);
	migrate(&f, "h2"); /* again */
	plane_until(plane, host_rows(&f.h[1], "host") == 0); /* the tombstone is gone */
	plane_until(plane, host_rows(&f.h[1], "vpc/") < 0 && host_rows(&f.h[1], "network/") < 0);
	assert_true(is_only_on(&f, 2, 2));
	four_free(&f);
}

/* Another wish before the first has come true. */
static void test_changed_mind(void **state)
{
	struct plane *plane = *state;
	struct four f;

	four_up(&f, plane, "60");
	host_zero(&f.h[1]);
	migrate(&f, "h2");
	plane_until(plane, has_row(&f, 2, 2));
	migrate(&f, "h1");
	plane_until(plane, is_only_on(&f, 1, 1));
	assert_int_equal(f.h[1].n_rows + f.h[1].n_deletes, 0);

	/* On to h4, when h2 has its row: h2 is out of it. */
	migrate(&f, "h2");
	plane_until(plane, has_row(&f, 2, 3));
	migrate(&f, "h4");
	plane_until(plane, has_row(&f, 4, 4) && host_rows(&f.h[2], "host") == 0);
	assert_int_equal(host_attach(&f.h[2], "a", "e1", NULL, NULL), MZ_RPC_FAILED_PRECONDITION);

	/* Back to h1 while the bouncers still hear of h4: after that. */
	f.h[3].silent = true;
	assert_int_equal(host_attach(&f.h[4], "a", "e1", NULL, NULL), MZ_RPC_OK);
	plane_until(plane, bouncers_say(&f, 4, 4));
	migrate(&f, "h1");
	plane_wait(plane, 100);
	assert_true(has_row(&f, 1, 1));
	hear(&f);
	plane_until(plane, is_only_on(&f, 1, 5)); /* which never lost its device */
	assert_int_equal(f.h[1].n_devices, 1);
	plane_until(plane, has_tombstone(&f, 4, 1, 5));
	assert_int_equal(host_rows(&f.h[1], "host"), 1); /* no tombstone where it is */

	/* A tombstone follows the endpoint further. */
	migrate(&f, "h2");
	plane_until(plane, has_row(&f, 2, 6));
	assert_int_equal(host_attach(&f.h[2], "a", "e1", NULL, NULL), MZ_RPC_OK);
	plane_until(plane, is_only_on(&f, 2, 6));
	plane_until(plane, has_tombstone(&f, 4, 2, 6) && has_tombstone(&f, 1, 2, 6));

	/* On to h4, back to h2, which is away, and not back: h2 is left like any other. */
	migrate(&f, "h4");
	plane_until(plane, has_row(&f, 4, 7));
	f.h[3].silent = true;
	assert_int_equal(host_attach(&f.h[4], "a", "e1", NULL, NULL), MZ_RPC_OK);
	plane_until(plane, bouncers_say(&f, 4, 7));
	host_down(&f.h[2]);
	migrate(&f, "h2");
	hear(&f);
	plane_until(plane, condition_has(&f, "h2 is not connected: it stays on h4"));
	migrate(&f, "h4");
	connect_all(&f);
	plane_until(plane, is_only_on(&f, 4, 7) && has_tombstone(&f, 2, 4, 7));
	assert_int_equal(delete (plane, "Endpoint", "a", "e1"), MZ_RPC_OK);
	plane_until(plane, host_rows(&f.h[1], "host") == 0 && host_rows(&f.h[2], "host") == 0 &&
				   host_rows(&f.h[4], "host") == 0);
	four_free(&f);
}

/* Deleted in the middle: nothing is left anywhere. */
static void test_deleted(void **state)
{
	struct plane *plane = *state;
	struct four f;
	int phase, i;

	four_up(&f, plane, "60");
	for (phase = 0; phase < 2; phase++) {
		migrate(&f, "h2");
		plane_until(plane, host_has(&f.h[2], "host", "\"name\":\"e1\""));
		f.h[3].silent = phase;
		if (phase) {
			assert_int_equal(host_attach(&f.h[2], "a", "e1", NULL, NULL), MZ_RPC_OK);
			plane_until(plane, condition_has(&f, "WaitsForBouncers"));
		}
		assert_int_equal(delete (plane, "Endpoint", "a", "e1"), MZ_RPC_OK);
		hear(&f);
		for (i = 1; i <= 4; i++)
			plane_until(plane, host_rows(&f.h[i], "host") == 0);
		plane_until(plane, host_rows(&f.h[3], "locations/") == 0 &&
					   host_rows(&f.h[4], "locations/") == 0);
		migrate(&f, "h1");
		assert_int_equal(host_attach(&f.h[1], "a", "e1", NULL, NULL), MZ_RPC_OK);
		plane_until(plane, endpoint_is(&f, "status.phase", "Provisioned"));
	}
	four_free(&f);
}

/* The target dies: it stays. The old host dies: it goes, and the old host hears of it later. */
static void test_dead_hosts(void **state)
{
	struct plane *plane = *state;
	struct four f;
	char *text;

	four_up(&f, plane, "60");
	text = apply_refused(plane, EP, "e1", "h9");
	assert_non_null(strstr(text, "there is no Droplet h9"));
	free(text);

	migrate(&f, "h2");
	plane_until(plane, has_row(&f, 2, 2));
	host_down(&f.h[2]);
	plane_until(plane, condition_has(&f, "h2 is not connected: it stays on h1"));
	assert_true(condition_has(&f, "--to h1 cancels"));
	migrate(&f, "h1");
	plane_until(plane, endpoint_is(&f, "status.phase", "Provisioned"));
	connect_all(&f);
	plane_until(plane, is_only_on(&f, 1, 1));

	host_down(&f.h[1]);
	migrate(&f, "h2");
	plane_until(plane, has_row(&f, 2, 3));
	assert_int_equal(host_attach(&f.h[2], "a", "e1", NULL, NULL), MZ_RPC_OK);
	plane_until(plane, bouncers_say(&f, 2, 3) &&
				   endpoint_is(&f, "status.phase", "Provisioned"));
	assert_true(has_row(&f, 1, 1));
	connect_all(&f);
	plane_until(plane, is_only_on(&f, 2, 3) && has_tombstone(&f, 1, 2, 3));
	assert_int_equal(f.h[1].n_devices, 0);

	/* The device that h1 named when it came back is gone: it needs another one. */
	f.h[1].slow_devices = true;
	migrate(&f, "h1");
	plane_until(plane, has_row(&f, 1, 4));
	plane_wait(plane, 100);
	assert_true(condition_has(&f, "waits for a device on h1"));
	assert_true(endpoint_is(&f, "status.droplet", "h2") && bouncers_say(&f, 2, 3));
	assert_int_equal(f.h[2].n_devices, 1);
	host_device(&f.h[1], f.uid);
	plane_until(plane, is_only_on(&f, 1, 4));
	four_free(&f);
}

/* What has no device is nowhere that could be left: it goes at once. */
static void test_without_device(void **state)
{
	struct plane *plane = *state;
	struct four f;

	four_up(&f, plane, "60");
	migrate(&f, "h2");
	plane_until(plane, has_row(&f, 2, 2));
	assert_int_equal(host_detach(&f.h[1], "a", "e1"), MZ_RPC_OK);
	plane_until(plane, is_only_on(&f, 2, 3));
	assert_true(endpoint_is(&f, "status.attached", "false"));
	migrate(&f, "h1");
	plane_until(plane, is_only_on(&f, 1, 4));

	/* It is not known whether a host has one that is away: when it comes, it is. */
	host_down(&f.h[1]);
	migrate(&f, "h2");
	plane_until(plane, condition_has(&f, "waits for a device on h2"));
	connect_all(&f);
	plane_until(plane, host_has(&f.h[2], "host", "\"name\":\"e1\"") &&
				   endpoint_is(&f, "status.droplet", "h2") &&
				   endpoint_is(&f, "status.phase", "Provisioned"));
	four_free(&f);
}

/* A device that dies is none any more, also one that its host removes when it has just named it. */
static void test_lost_device(void **state)
{
	struct plane *plane = *state;
	struct four f;

	four_up(&f, plane, "60");
	host_no_device(&f.h[1], f.uid);
	plane_until(plane, endpoint_is(&f, "status.attached", "false"));
	host_device(&f.h[1], f.uid);
	plane_until(plane, endpoint_is(&f, "status.attached", "true"));
	migrate(&f, "h2");
	plane_until(plane, has_row(&f, 2, 2));
	host_no_device(&f.h[1], f.uid); /* so there is nothing to wait for */
	plane_until(plane, is_only_on(&f, 2, 3));

	/* Back to h1, which says of the device that it is about to remove that it is there. */
	assert_int_equal(host_attach(&f.h[2], "a", "e1", NULL, NULL), MZ_RPC_OK);
	migrate(&f, "h1");
	plane_until(plane, has_row(&f, 1, 4));
	assert_int_equal(host_attach(&f.h[1], "a", "e1", NULL, NULL), MZ_RPC_OK);
	plane_until(plane, is_only_on(&f, 1, 4));
	f.h[1].stuck = true;
	migrate(&f, "h2");
	plane_until(plane, has_row(&f, 2, 5));
	assert_int_equal(host_attach(&f.h[2], "a", "e1", NULL, NULL), MZ_RPC_OK);
	plane_until(plane, f.h[1].n_late && bouncers_say(&f, 2, 5));
	migrate(&f, "h1");
	plane_until(plane, condition_has(&f, "waits for a device on h1"));
	host_device(&f.h[1], f.uid);
	plane_wait(plane, 100);
	host_go_on(&f.h[1]);
	plane_until(plane, has_row(&f, 1, 6));
	plane_wait(plane, 100);
	assert_true(condition_has(&f, "waits for a device on h1"));
	assert_true(endpoint_is(&f, "status.droplet", "h2") && f.h[2].n_devices == 1);
	host_device(&f.h[1], f.uid);
	plane_until(plane, is_only_on(&f, 1, 6));

	/* Nor is it lost that it has one, if it says so before it answers. */
	f.h[2].stuck = true;
	migrate(&f, "h2");
	plane_until(plane, f.h[2].n_late);
	host_device(&f.h[2], f.uid);
	plane_wait(plane, 50);
	assert_true(endpoint_is(&f, "status.droplet", "h1"));
	host_go_on(&f.h[2]);
	plane_until(plane, is_only_on(&f, 2, 7));
	four_free(&f);
}

#define FIXED                                                                                      \
	"apiVersion: mizar.com/v1\nkind: Endpoint\nmetadata: {namespace: a, name: %s}\nspec: "     \
	"{network: n, droplet: %s, addresses: [10.1.0.99]}\n---\n"

/* It has no device, so it goes at once; but nobody has heard from h1 that it is gone there. */
static void leave_silent_h1(struct four *f)
{
	apply(f->plane, FIXED, "e2", "h1");
	plane_until(f->plane, is(f->plane, "Endpoint", "a", "e2", "status.phase", "Provisioned"));
	f->h[1].silent = true;
	apply(f->plane, FIXED, "e2", "h2");
	plane_until(f->plane, is(f->plane, "Endpoint", "a", "e2", "status.phase", "Provisioned") &&
				      is(f->plane, "Endpoint", "a", "e2", "status.droplet", "h2"));
}

static void restart_without_h1(struct four *f)
{
	int i;

	plane_stop(f->plane, SIGKILL);
	for (i = 1; i <= 4; i++)
		plane_until(f->plane, !f->h[i].stream);
	plane_start(f->plane);
	host_up(&f->h[2], f->plane, "h2");
	host_up(&f->h[3], f->plane, "h3");
	host_up(&f->h[4], f->plane, "h4");
}

static void h1_is_heard(struct four *f)
{
	f->h[1].silent = false;
	host_down(&f->h[1]);
	host_up(&f->h[1], f->plane, "h1");
	plane_until(f->plane, host_rows(&f->h[1], "host") == 1);
	plane_wait(f->plane, 50);
}

static void refused_as_held(struct four *f)
{
	char *text = apply_refused(f->plane, FIXED, "e3", "h2");

	assert_non_null(strstr(text, "whose host has not acknowledged that"));
	free(text);
}

/*
 * An address is another endpoint's when no host can deliver to the old one: not before the host has
 * acknowledged, or is away for too long; also if the controller dies meanwhile.
 */
static void test_held_address(void **state)
{
	struct plane *plane = *state;
	struct four f;
	uint64_t begin;
	int i;

	plane_stop(plane, SIGTERM);
	plane->options[4] = "--hold-addresses";
	plane->options[5] = "62";
	plane_start(plane);
	four_up(&f, plane, "60");
	apply(plane, FIXED, "e2", "h1");
	plane_until(plane, is(plane, "Endpoint", "a", "e2", "status.phase", "Provisioned"));
	/* Who deletes hears of it when the address is free. */
	assert_int_equal(delete (plane, "Endpoint", "a", "e2"), MZ_RPC_OK);

	/* Or when that takes too long, also where it has been before. */
	leave_silent_h1(&f);
	begin = uv_hrtime();
	assert_int_equal(delete (plane, "Endpoint", "a", "e2"), MZ_RPC_OK);
	assert_in_range(uv_hrtime() - begin, 900000000ULL, 5000000000ULL);
	refused_as_held(&f);
	host_down(&f.h[1]);
	refused_as_held(&f);
	h1_is_heard(&f);

	/* Of which a controller that was started meanwhile knows nothing. */
	leave_silent_h1(&f);
	restart_without_h1(&f);
	assert_int_equal(delete (plane, "Endpoint", "a", "e2"), MZ_RPC_OK);
	refused_as_held(&f);
	restart_without_h1(&f);
	refused_as_held(&f);
	h1_is_heard(&f);
	apply(plane, FIXED, "e3", "h2");
	plane_until(plane, is(plane, "Endpoint", "a", "e3", "status.phase", "Provisioned"));

	/* A host that is away is waited for, but not for ever, and nobody waits for that. */
	plane_stop(plane, SIGTERM);
	for (i = 1; i <= 4; i++)
		plane_until(plane, !f.h[i].stream);
	plane->options[5] = "1"; /* however long until it is dead */
	plane_start(plane);
	connect_all(&f);
	plane_until(plane, is(plane, "Endpoint", "a", "e3", "status.phase", "Provisioned"));
	f.h[2].silent = true; /* nor is one that has a stream, and never answers */
	assert_int_equal(delete (plane, "Endpoint", "a", "e3"), MZ_RPC_OK);
	plane_wait(plane, 300);
	f.h[2].silent = false;
	apply(plane, FIXED, "e3", "h2");
	host_down(&f.h[2]);
	begin = uv_hrtime();
	assert_int_equal(delete (plane, "Endpoint", "a", "e3"), MZ_RPC_OK);
	assert_in_range(uv_hrtime() - begin, 0, 700000000ULL);
	refused_as_held(&f);
	plane_wait(plane, 1500);
	apply(plane, FIXED, "e3", "h1");
	four_free(&f);
}

/* The controller dies at each step; hosts are told of devices by the hello. */
static void test_killed(void **state)
{
	struct plane *plane = *state;
	struct four f;
	int step, i;

	four_up(&f, plane, "60");
	migrate(&f, "h2");
	f.h[2].slow_devices = true;
	for (step = 0; step < 3; step++) {
		if (step == 1) {
			f.h[3].silent = true;
			f.h[2].devices[f.h[2].n_devices++] = f.uid; /* while it is away */
			host_down(&f.h[2]);
			connect_all(&f);
			plane_until(plane, condition_has(&f, "WaitsForBouncers"));
			assert_true(has_row(&f, 1, 1));
		}
		plane_stop(plane, SIGKILL);
		for (i = 1; i <= 4; i++)
			plane_until(plane, !f.h[i].stream);
		plane_start(plane);
		f.h[3].silent = false;
		connect_all(&f);
		if (!step) {
			plane_until(plane, condition_has(&f, "waits for a device on h2"));
			plane_until(plane, has_row(&f, 2, 2));
			assert_true(has_row(&f, 1, 1));
		} else {
			plane_until(plane, is_only_on(&f, 2, 2));
			plane_until(plane, has_tombstone(&f, 1, 2, 2));
		}
	}
	four_free(&f);
}

static void restart(struct four *f)
{
	int i;

	plane_stop(f->plane, SIGKILL);
	for (i = 1; i <= 4; i++)
		plane_until(f->plane, !f->h[i].stream);
	plane_start(f->plane);
	connect_all(f);
}

/* It outlasts the controller, and ends in its time. */
static void test_killed_tombstone(void **state)
{
	struct plane *plane = *state;
	struct four f;

	four_up(&f, plane, "2");
	migrate(&f, "h2");
	plane_until(plane, has_row(&f, 2, 2));
	assert_int_equal(host_attach(&f.h[2], "a", "e1", NULL, NULL), MZ_RPC_OK);
	plane_until(plane, is_only_on(&f, 2, 2) && has_tombstone(&f, 1, 2, 2));
	assert_true(strstr(get_field(plane, "Endpoint", "a", "e1", "status.left"),
			   "\"name\":\"h1\""));
	host_zero(&f.h[1]);
	restart(&f);
	plane_until(plane, is_only_on(&f, 2, 2) && f.h[1].n_equal >= 4);
	assert_int_equal(f.h[1].n_rows + f.h[1].n_deletes, 0);
	assert_true(has_tombstone(&f, 1, 2, 2) && host_rows(&f.h[1], "network/") == 1);
	plane_until(plane, host_rows(&f.h[1], "host") == 0 && host_rows(&f.h[1], "vpc/") < 0);
	host_zero(&f.h[1]);
	restart(&f);
	plane_until(plane, is_only_on(&f, 2, 2) && f.h[1].n_equal >= 2);
	assert_int_equal(f.h[1].n_rows, 0);
	four_free(&f);
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, plane_setup, plane_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_steps),      TEST(test_changed_mind),	  TEST(test_deleted),
		TEST(test_dead_hosts), TEST(test_without_device), TEST(test_killed),
		TEST(test_killed_tombstone), TEST(test_held_address), TEST(test_lost_device),
	};

	controller_program = argv[1];
	if (argc > 2)
		cmocka_set_test_filter(argv[2]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
