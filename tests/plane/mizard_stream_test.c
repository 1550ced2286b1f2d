// SPDX-License-Identifier: Apache-2.0
/*
 * mizard and its controller: what it says of itself, what it makes of updates, and that it goes on
 * without one.
 */
#include "fake_controller.h"

#include <errno.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "netlink/link.h"

#define FULL	  MIZAR__V1__SCOPE_UPDATE__MODE__FULL
#define DELTA	  MIZAR__V1__SCOPE_UPDATE__MODE__DELTA
#define EQUAL	  MIZAR__V1__SCOPE_UPDATE__MODE__EQUAL
#define DROP	  MIZAR__V1__SCOPE_UPDATE__MODE__DROP
#define DROPLETS  MIZAR__V1__SCOPE__KIND__DROPLETS
#define HOST	  MIZAR__V1__SCOPE__KIND__HOST
#define VPC	  MIZAR__V1__SCOPE__KIND__VPC
#define NETWORK	  MIZAR__V1__SCOPE__KIND__NETWORK
#define LOCATIONS MIZAR__V1__SCOPE__KIND__LOCATIONS

#define SEND(...)   fake_send(&(const struct fake_update){ __VA_ARGS__ })
#define ROWS(array) .rows = (array), .n_rows = ARRAY_SIZE(array)
#define ROW(row)    .rows = &(row), .n_rows = 1
#define DELETE(row) .deletes = &(row), .n_deletes = 1

static void start_mizard(void)
{
	mizard_start((const char *const[]){ "--address", "192.0.2.1", "--droplet", "h1",
					    "--controller", fake_target(), "--table-limit", "300",
					    "--log-level", "err", "--offload-test", "off", NULL });
}

static int setup(void **state)
{
	mizard_setup(state);
	fake_start();
	start_mizard();
	return 0;
}

static int teardown(void **state)
{
	fake_stop();
	return mizard_teardown(state);
}

static uint64_t rows_received(void)
{
	Mizar__V1__LocalResponse *response = mizard_status();
	uint64_t n = response->status->rows_received;

	mizar__v1__local_response__free_unpacked(response, NULL);
	return n;
}

static const Mizar__V1__ScopeState *find_scope(const Mizar__V1__HostHello *hello,
					       Mizar__V1__Scope__Kind kind, uint64_t id)
{
	size_t i;

	for (i = 0; i < hello->n_scopes; i++) {
		if (hello->scopes[i]->scope->kind == kind && hello->scopes[i]->scope->id == id)
			return hello->scopes[i];
	}
	return NULL;
}

static void introduces_itself(void **state)
{
	const struct mz_addr self = test_addr("192.0.2.1");
	const Mizar__V1__HostHello *hello = fake_expect_hello();
	Mizar__V1__LocalResponse *response;

	assert_string_equal(hello->droplet, "h1");
	assert_int_equal(hello->address.len, 16);
	assert_memory_equal(hello->address.data, &self, 16);
	assert_int_equal(hello->layout, MZ_LAYOUT_VERSION);
	assert_int_equal(hello->n_scopes, 0);
	assert_int_equal(hello->n_attached, 0);
	fake_expect_report();
	fake_expect_report();
	response = mizard_status();
	assert_true(response->status->connected);
	assert_string_equal(response->status->reason, "");
	mizar__v1__local_response__free_unpacked(response, NULL);
}

static void follows_a_scope(void **state)
{
	const struct mz_table_row a = location_row("10.0.0.2", 42, "192.0.2.1", 1);
	const struct mz_table_row b = location_row("10.0.0.3", 42, "192.0.2.2", 1);
	const struct mz_table_row c = location_row("10.0.0.4", 42, "192.0.2.2", 1);
	const struct mz_table_row b2 = location_row("10.0.0.3", 42, "192.0.2.3", 2);
	const struct mz_table_row other = location_row("10.0.0.2", 43, "192.0.2.1", 0);
	const struct mz_table_row elsewhere = location_row("10.1.0.2", 44, "192.0.2.1", 1);
	uint64_t ha = test_row_hash(&a), hb = test_row_hash(&b), hc = test_row_hash(&c);
	uint64_t hb2 = test_row_hash(&b2);

	fake_expect_hello();
	SEND(.kind = LOCATIONS, .id = 44, .mode = FULL, .revision = 1, ROW(elsewhere));
	fake_expect_ack(1, test_row_hash(&elsewhere));
	/* In chunks; only the last one is answered. */
	SEND(.kind = LOCATIONS, .id = 42, .mode = FULL, .revision = 5, ROW(a), .more = true);
	SEND(.kind = LOCATIONS, .id = 42, .mode = FULL, .revision = 5, ROW(b));
	fake_expect_ack(5, ha + hb);
	SEND(.kind = LOCATIONS, .id = 42, .mode = DELTA, .revision = 6, ROW(c), DELETE(a));
	fake_expect_ack(6, hb + hc);
	assert_no_row(&a);
	SEND(.kind = LOCATIONS, .id = 42, .mode = DELTA, .revision = 7, ROW(b2));
	fake_expect_ack(7, hb2 + hc);
	assert_row(&b2);
	SEND(.kind = LOCATIONS, .id = 42, .mode = EQUAL, .revision = 9);
	fake_expect_ack(9, hb2 + hc);
	/* What a FULL does not name goes, in this scope alone. */
	SEND(.kind = LOCATIONS, .id = 42, .mode = FULL, .revision = 10, ROW(c));
	fake_expect_ack(10, hc);
	assert_no_row(&b2);
	assert_row(&c);
	assert_row(&elsewhere);
	/* A delete of a row that another scope has by now changes nothing. */
	SEND(.kind = LOCATIONS, .id = 43, .mode = DELTA, .revision = 1, DELETE(c));
	fake_expect_ack(1, 0);
	assert_row(&c);
	SEND(.kind = LOCATIONS, .id = 43, .mode = DELTA, .revision = 2, ROW(other));
	fake_expect_ack(2, test_row_hash(&other));
	SEND(.kind = LOCATIONS, .id = 42, .mode = DROP, .revision = 11);
	fake_expect_ack(11, 0);
	assert_no_row(&c);
	assert_row(&other);
	assert_int_equal(rows_received(), 9);
}

static void names_what_it_holds(void **state)
{
	const struct mz_table_row droplets[] = { droplet_row("192.0.2.1"),
						 droplet_row("192.0.2.2") };
	const struct mz_table_row vpc = vpc_row("192.0.2.2");
	uint64_t digest = test_row_hash(&droplets[0]) + test_row_hash(&droplets[1]);
	const Mizar__V1__HostHello *hello;
	const Mizar__V1__ScopeState *scope;

	fake_expect_hello();
	SEND(.kind = DROPLETS, .mode = FULL, .revision = 3, ROWS(droplets));
	fake_expect_ack(3, digest);
	SEND(.kind = VPC, .id = 7, .mode = DELTA, .revision = 4, ROW(vpc));
	fake_expect_ack(4, test_row_hash(&vpc));
	SEND(.kind = NETWORK, .id = 5, .mode = FULL, .revision = 4); /* empty, and held */
	fake_expect_ack(4, 0);
	SEND(.kind = VPC, .id = 7, .mode = DROP, .revision = 5);
	fake_expect_ack(5, 0);

	mizard_kill(SIGKILL);
	fake_expect_close();
	start_mizard();
	hello = fake_expect_hello();
	assert_int_equal(hello->n_scopes, 2);
	scope = find_scope(hello, DROPLETS, 0);
	assert_non_null(scope);
	assert_int_equal(scope->epoch, FAKE_EPOCH);
	assert_int_equal(scope->revision, 3);
	assert_true(scope->digest == digest);
	assert_int_equal(scope->n_rows, 2);
	scope = find_scope(hello, NETWORK, 5);
	assert_non_null(scope);
	assert_int_equal(scope->revision, 4);
	SEND(.kind = DROPLETS, .mode = EQUAL, .revision = 8);
	fake_expect_ack(8, digest);
	assert_int_equal(rows_received(), 0);
}

static void refuses_rows(void **state)
{
	struct mz_table_row good = droplet_row("192.0.2.2"), bad = droplet_row("224.0.0.1");
	const struct mz_table_row location = location_row("10.0.0.2", 42, "192.0.2.1", 1);
	const struct mz_table_row worse = location_row("10.0.0.2", 42, "224.0.0.1", 1);
	const struct mz_table_row mixed[] = { bad, good };

	fake_expect_hello();
	SEND(.kind = DROPLETS, .mode = FULL, .revision = 3, ROW(good));
	fake_expect_ack(3, test_row_hash(&good));
	SEND(.kind = DROPLETS, .mode = FULL, .revision = 4, ROWS(mixed), .more = true);
	SEND(.kind = DROPLETS, .mode = FULL, .revision = 4);
	fake_expect_nack(4, "droplet", "224.0.0.1", "field address");
	assert_row(&good);
	/* One that is refused for its value is named all the same: its old value stays. */
	SEND(.kind = LOCATIONS, .id = 42, .mode = FULL, .revision = 1, ROW(location));
	fake_expect_ack(1, test_row_hash(&location));
	SEND(.kind = LOCATIONS, .id = 42, .mode = FULL, .revision = 2, ROW(worse));
	fake_expect_nack(2, "location", "vni 7 10.0.0.2", "field host");
	assert_row(&location);
	SEND(.kind = LOCATIONS, .id = 42, .mode = DROP, .revision = 3);
	fake_expect_ack(3, 0);
	SEND(.kind = LOCATIONS, .id = 43, .mode = DELTA, .revision = 1, ROW(location));
	fake_expect_nack(1, "location", "vni 7 10.0.0.2", "scope locations/42");
	assert_no_row(&location);
	/* The next good one is taken. */
	SEND(.kind = DROPLETS, .mode = DELTA, .revision = 5, ROW(good));
	fake_expect_ack(5, test_row_hash(&good));
}

static void refuses_what_does_not_fit(void **state)
{
	struct mz_table_row rows[50];
	uint64_t digest = 0, i, k;
	const Mizar__V1__Nack *nack;
	char text[32], want[64];

	fake_expect_hello();
	for (k = 0; k < 6; k++) {
		for (i = 0; i < ARRAY_SIZE(rows); i++) {
			snprintf(text, sizeof(text), "10.0.%u.%u", (unsigned int)k + 1,
				 (unsigned int)i + 1);
			rows[i] = location_row(text, 42, "192.0.2.1", 1);
			digest += test_row_hash(&rows[i]);
		}
		SEND(.kind = LOCATIONS, .id = 42, .mode = DELTA, .revision = k + 1, ROWS(rows));
		fake_expect_ack(k + 1, digest);
	}
	rows[0] = location_row("10.0.9.9", 42, "192.0.2.1", 1);
	SEND(.kind = LOCATIONS, .id = 42, .mode = DELTA, .revision = 7, ROW(rows[0]));
	snprintf(want, sizeof(want), "vni 7 10.0.9.9");
	fake_expect_nack(7, "location", want, "full");
	assert_int_equal(count_rows(MZ_TABLE_location), 300);
	/* All that were refused are named, up to 64 of them. */
	for (k = 0; k < 2; k++) {
		for (i = 0; i < ARRAY_SIZE(rows); i++) {
			snprintf(text, sizeof(text), "10.0.%u.%u", (unsigned int)k + 7,
				 (unsigned int)i + 1);
			rows[i] = location_row(text, 42, "192.0.2.1", 1);
		}
		SEND(.kind = LOCATIONS, .id = 42, .mode = DELTA, .revision = 8, ROWS(rows),
		     .more = !k);
	}
	nack = fake_expect_nack(8, "location", "vni 7 10.0.7.1", "full");
	assert_int_equal(nack->total, 100);
	assert_int_equal(nack->n_refused, 64);
	assert_string_equal(nack->refused[63]->key, "vni 7 10.0.8.14");
	rows[0] = location_row("10.0.9.9", 42, "192.0.2.1", 1);
	/* Room again. */
	SEND(.kind = LOCATIONS, .id = 42, .mode = FULL, .revision = 9, ROW(rows[0]));
	fake_expect_nack(9, "location", want, "full");
	SEND(.kind = LOCATIONS, .id = 42, .mode = FULL, .revision = 10, ROW(rows[0]));
	fake_expect_ack(10, test_row_hash(&rows[0]));
}

/* The stream ends in the middle of a FULL: nothing is swept, also not by the next one's rows. */
static void abandons_half_an_update(void **state)
{
	const struct mz_table_row a = droplet_row("192.0.2.2"), b = droplet_row("192.0.2.3");
	const struct mz_table_row both[] = { a, b };
	const Mizar__V1__HostHello *hello;

	fake_expect_hello();
	SEND(.kind = DROPLETS, .mode = FULL, .revision = 1, ROWS(both));
	fake_expect_ack(1, test_row_hash(&a) + test_row_hash(&b));
	SEND(.kind = DROPLETS, .mode = FULL, .revision = 2, ROW(a), .more = true);
	fake_run(100);
	fake_stop();
	fake_start();
	hello = fake_expect_hello();
	assert_int_equal(find_scope(hello, DROPLETS, 0)->revision, 1);
	assert_row(&b);
	SEND(.kind = DROPLETS, .mode = FULL, .revision = 2, ROW(b));
	fake_expect_ack(2, test_row_hash(&b));
	assert_no_row(&a);
}

static void drops_a_stream_of_nonsense(void **state)
{
	Mizar__V1__ControllerMessage message = MIZAR__V1__CONTROLLER_MESSAGE__INIT;
	Mizar__V1__ScopeUpdate update = MIZAR__V1__SCOPE_UPDATE__INIT;
	Mizar__V1__Scope scope = MIZAR__V1__SCOPE__INIT;

	fake_expect_hello();
	fake_send_message(&message); /* of a later version: not looked at */
	fake_expect_report();
	message.message_case = MIZAR__V1__CONTROLLER_MESSAGE__MESSAGE_UPDATE;
	message.update = &update;
	fake_send_message(&message);
	fake_expect_close();
	fake_expect_hello();
	update.scope = &scope;
	scope.has_kind = 1;
	scope.kind = 77;
	update.has_mode = update.has_epoch = 1;
	update.epoch = 1;
	fake_send_message(&message);
	fake_expect_close();
	fake_expect_hello();
}

/* ---- endpoints ------------------------------------------------------------------------------- */

static void attach_rows(struct mz_table_row rows[3])
{
	rows[0] = vpc_row("192.0.2.2");
	rows[1] = network_row(42, "192.0.2.2");
	rows[2] = endpoint_row(0x9a, "web-1", "10.0.0.2", 1);
}

static void attach_ok(void)
{
	Mizar__V1__LocalResponse *response = fake_attach("web-1", mizard_box());

	if (response->error)
		fail_msg("attach: %s", response->message);
	assert_true(response->attached->uid == 0x9a);
	mizar__v1__local_response__free_unpacked(response, NULL);
}

static void attach_refused(const char *name, int error, const char *text)
{
	Mizar__V1__LocalResponse *response = fake_attach(name, mizard_box());

	if ((int)response->error != error || !strstr(response->message, text))
		fail_msg("error %u, not %d, or no \"%s\" in: %s", response->error, error, text,
			 response->message ?: "nothing");
	mizar__v1__local_response__free_unpacked(response, NULL);
}

static void attaches(void **state)
{
	struct mz_table_row rows[3];
	const Mizar__V1__HostHello *hello;

	attach_rows(rows);
	fake_expect_hello();
	fake_answer_attach(rows, 3, MZ_RPC_OK);
	assert_true(!fake_device);
	attach_ok();
	fake_expect_device(0x9a);
	assert_int_equal(count_rows(MZ_TABLE_local), 1);
	assert_row(&rows[0]);
	assert_row(&rows[1]);
	/* An update that was compiled before the attach does not take it back. */
	SEND(.kind = HOST, .mode = FULL, .revision = 1);
	fake_expect_ack(1, test_row_hash(&rows[2]));
	assert_int_not_equal(if_nametoindex("mz9a"), 0);
	/* One that removes it by name does. */
	SEND(.kind = HOST, .mode = DELTA, .revision = 2, DELETE(rows[2]));
	assert_true(!fake_no_device);
	fake_expect_ack(2, 0);
	assert_true(fake_no_device == 0x9a); /* before the ack */
	assert_int_equal(if_nametoindex("mz9a"), 0);
	assert_int_equal(count_rows(MZ_TABLE_port) + count_rows(MZ_TABLE_local), 0);

	attach_ok();
	fake_stop();
	fake_start();
	hello = fake_expect_hello();
	assert_int_equal(hello->n_attached, 1);
	assert_true(hello->attached[0] == 0x9a);
	/* After a new hello the controller knows of it: now a FULL without it counts. */
	SEND(.kind = HOST, .mode = FULL, .revision = 3);
	fake_expect_ack(3, 0);
	assert_int_equal(if_nametoindex("mz9a"), 0);
	assert_int_equal(fake_n_detached, 0);
}

/* What Host.Attach brought is spared from a sweep only until the stream has said it, too. */
static void sweeps_what_the_stream_confirmed(void **state)
{
	struct mz_table_row rows[3];

	attach_rows(rows);
	fake_expect_hello();
	fake_answer_attach(rows, 3, MZ_RPC_OK);
	attach_ok();
	SEND(.kind = HOST, .mode = DELTA, .revision = 1, ROW(rows[2]));
	fake_expect_ack(1, test_row_hash(&rows[2]));
	/* It was deleted so long ago that the log does not have it any more. */
	SEND(.kind = HOST, .mode = FULL, .revision = 900);
	fake_expect_ack(900, 0);
	assert_int_equal(if_nametoindex("mz9a"), 0);
}

/* Detached and attached again, and the end of the earlier row comes only then. */
static void is_not_overtaken(void **state)
{
	struct mz_table_row rows[3], old = endpoint_row(0x9a, "web-1", "10.0.0.2", UINT32_MAX);

	attach_rows(rows); /* its generation is later */
	fake_expect_hello();
	fake_answer_attach(rows, 3, MZ_RPC_OK);
	attach_ok();
	SEND(.kind = HOST, .mode = FULL, .revision = 1, ROW(old));
	fake_expect_ack(1, test_row_hash(&rows[2]));
	SEND(.kind = HOST, .mode = DELTA, .revision = 2, DELETE(old));
	fake_expect_ack(2, test_row_hash(&rows[2]));
	assert_row(&rows[2]);
	assert_int_equal(count_rows(MZ_TABLE_local), 1);
	/* When the stream has said it too, all that follows is meant. */
	SEND(.kind = HOST, .mode = DELTA, .revision = 3, ROW(rows[2]));
	fake_expect_ack(3, test_row_hash(&rows[2]));
	SEND(.kind = HOST, .mode = DELTA, .revision = 4, ROW(old));
	fake_expect_ack(4, test_row_hash(&old));
	SEND(.kind = HOST, .mode = DELTA, .revision = 5, DELETE(rows[2]));
	fake_expect_ack(5, 0);
	assert_int_equal(if_nametoindex("mz9a"), 0);
}

/*
 * Looks all the time, in a process of its own, whether a packet for the address would find the
 * endpoint or where it went: exits with 0 when it has seen the second, with 1 on a gap.
 */
static pid_t watch_for_a_gap(const struct mz_vni_addr *key)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	while (!pid) {
		struct mz_local local;
		struct mz_moved moved;

		if (get_row(MZ_TABLE_local, key, &local) == 0)
			continue;
		_exit(get_row(MZ_TABLE_moved, key, &moved) == 0 ? 0 : 1);
	}
	return pid;
}

/* The endpoint goes to another host: a tombstone is there before it is gone here. */
static void leaves_tombstones(void **state)
{
	const struct mz_table_row moved = moved_row("10.0.0.2", "192.0.2.5", 2);
	struct mz_table_row rows[3];
	int status;
	pid_t pid;

	attach_rows(rows);
	fake_expect_hello();
	fake_answer_attach(rows, 3, MZ_RPC_OK);
	attach_ok();
	pid = watch_for_a_gap(&moved.key.vni_addr);
	SEND(.kind = HOST, .mode = DELTA, .revision = 1, ROW(moved), DELETE(rows[2]));
	fake_expect_ack(1, test_row_hash(&moved));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_row(&moved);
	assert_int_equal(count_rows(MZ_TABLE_local) + count_rows(MZ_TABLE_port), 0);
	/* It is over: gone by name, and by a sweep. */
	SEND(.kind = HOST, .mode = DELTA, .revision = 2, DELETE(moved));
	fake_expect_ack(2, 0);
	assert_no_row(&moved);
	SEND(.kind = HOST, .mode = FULL, .revision = 3, ROW(moved));
	fake_expect_ack(3, test_row_hash(&moved));
	mizard_kill(SIGKILL);
	fake_expect_close();
	start_mizard();
	fake_expect_hello();
	assert_row(&moved);
	SEND(.kind = HOST, .mode = FULL, .revision = 4);
	fake_expect_ack(4, 0);
	assert_no_row(&moved);
}

static void detach_main(void *user)
{
	(void)mizard_detach("web-1"); /* its device may be there again by now */
}

static void detaches(void **state)
{
	struct mz_table_row rows[3];
	uv_thread_t thread;

	attach_rows(rows);
	fake_expect_hello();
	fake_answer_attach(rows, 3, MZ_RPC_OK);
	attach_ok();
	assert_int_equal(fake_detach("web-1"), 0);
	fake_expect_no_device(0x9a);
	assert_int_equal(fake_n_detached, 1);
	assert_int_equal(if_nametoindex("mz9a"), 0);
	assert_int_equal(fake_detach("web-1"), 0);
	assert_int_equal(fake_n_detached, 2); /* the controller decides what is repeated */
	/* An attach meanwhile waits for its answer, or that would undo it. */
	fake_detach_ms = 300;
	assert_int_equal(uv_thread_create(&thread, detach_main, NULL), 0);
	fake_expect_detached(3);
	attach_ok();
	uv_thread_join(&thread);
	fake_detach_ms = 0;
	assert_int_not_equal(if_nametoindex("mz9a"), 0);
	/* Without a controller the device goes all the same; it is told later. */
	fake_stop();
	assert_int_equal(mizard_detach("web-1"), 0);
	assert_int_equal(if_nametoindex("mz9a"), 0);
	fake_start();
	fake_expect_hello();
	fake_expect_detached(1);
}

static void detach_as(const char *client)
{
	mizard_client = client;
	assert_int_equal(fake_detach("web-1"), 0);
	mizard_client = "test";
}

/* A container is gone, the next one has the endpoint, and then the first one's detach comes. */
static void keeps_what_another_client_has(void **state)
{
	char text[MZ_LINK_ALIAS_SIZE] = {};
	struct mz_table_row rows[3];

	attach_rows(rows);
	fake_expect_hello();
	fake_answer_attach(rows, 3, MZ_RPC_OK);
	memset(text, 'c', 120);
	mizard_client = text;
	attach_ok();
	detach_as("early");
	assert_int_not_equal(if_nametoindex("mz9a"), 0);
	mizard_client = "late";
	attach_ok(); /* the same device */
	detach_as(text);
	mizard_kill(SIGKILL);
	fake_expect_close();
	start_mizard();
	fake_expect_hello();
	detach_as(text);
	assert_int_not_equal(if_nametoindex("mz9a"), 0);
	assert_int_equal(count_rows(MZ_TABLE_local), 1);
	assert_int_equal(fake_n_detached, 0);
	detach_as("late");
	assert_int_equal(if_nametoindex("mz9a"), 0);
	detach_as(text); /* nobody has it: the controller decides */
	assert_int_equal(fake_n_detached, 2);
	/* Who is nobody in particular may take it from anybody, and nobody from him. */
	mizard_client = NULL;
	attach_ok();
	detach_as("late");
	assert_int_not_equal(if_nametoindex("mz9a"), 0);
	mizard_client = "late";
	attach_ok();
	detach_as(NULL);
	assert_int_equal(if_nametoindex("mz9a"), 0);
	text[120] = 'c';
	mizard_client = text;
	attach_refused("web-1", EINVAL, "client_uid: use at most 120");
	mizard_client = "a b";
	attach_refused("web-1", EINVAL, "client_uid: use at most 120");
	mizard_client = "test";
}

/* The endpoint's namespace goes without a word, while mizard runs and while it does not. */
static void gives_gone_endpoints_back(void **state)
{
	struct mz_table_row rows[3];

	attach_rows(rows);
	fake_expect_hello();
	fake_answer_attach(rows, 3, MZ_RPC_OK);
	attach_ok();
	mizard_end_box();
	fake_detach_ms = 300;
	fake_expect_detached(1);
	fake_expect_no_device(0x9a);
	assert_int_equal(count_rows(MZ_TABLE_port) + count_rows(MZ_TABLE_local), 0);

	mizard_new_box();
	attach_ok(); /* waits for the answer to Host.Detach, or that would undo it */
	fake_detach_ms = 0;
	mizard_kill(SIGKILL);
	mizard_end_box();
	fake_expect_close();
	start_mizard();
	assert_int_equal(fake_expect_hello()->n_attached, 0);
	fake_run(100);
	assert_int_equal(fake_n_detached, 1); /* the controller may know better */
	SEND(.kind = HOST, .mode = EQUAL, .revision = 1);
	fake_expect_ack(1, test_row_hash(&rows[2]));
	fake_expect_detached(2);
	SEND(.kind = HOST, .mode = EQUAL, .revision = 2);
	fake_expect_ack(2, test_row_hash(&rows[2]));
	fake_run(100);
	assert_int_equal(fake_n_detached, 2); /* once */
}

static void lose_tables(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/bpf", mizard_dir());
	assert_int_equal(umount2(path, MNT_DETACH), 0);
}

/* The tables were lost, the devices stayed: what does not belong here any more goes. */
static void removes_orphans(void **state)
{
	struct mz_table_row rows[3];

	attach_rows(rows);
	fake_expect_hello();
	fake_answer_attach(rows, 3, MZ_RPC_OK);
	attach_ok();
	mizard_kill(SIGTERM);
	fake_expect_close();
	lose_tables();
	start_mizard();
	assert_int_equal(fake_expect_hello()->n_attached, 1);
	/* It comes back to life with its row. */
	SEND(.kind = HOST, .mode = FULL, .revision = 1, ROW(rows[2]));
	fake_expect_ack(1, test_row_hash(&rows[2]));
	assert_int_equal(count_rows(MZ_TABLE_local), 1);

	mizard_kill(SIGTERM);
	fake_expect_close();
	lose_tables();
	start_mizard();
	fake_expect_hello();
	assert_int_not_equal(if_nametoindex("mz9a"), 0);
	SEND(.kind = HOST, .mode = FULL, .revision = 1);
	fake_expect_ack(1, 0);
	fake_expect_no_device(0x9a); /* it follows the ack */
	assert_int_equal(if_nametoindex("mz9a"), 0);
}

static void takes_failed_attaches_back(void **state)
{
	struct mz_table_row rows[3];
	Mizar__V1__LocalResponse *response;

	attach_rows(rows);
	fake_expect_hello();
	fake_answer_attach(NULL, 0, MZ_RPC_NOT_FOUND);
	attach_refused("web-1", ENOENT, "the controller says no");
	fake_answer_attach(NULL, 0, MZ_RPC_FAILED_PRECONDITION);
	attach_refused("web-1", EBUSY, "the controller says no");
	assert_int_equal(fake_n_detached, 0);
	fake_answer_attach(rows, 2, MZ_RPC_OK);
	attach_refused("web-1", EPROTO, "no row for it");
	fake_expect_detached(1);
	rows[2].value.endpoint.mac[0] = 1;
	fake_answer_attach(rows, 3, MZ_RPC_OK);
	attach_refused("web-1", EINVAL, "field mac");
	fake_expect_detached(2);
	attach_rows(rows);
	fake_answer_attach(rows, 3, MZ_RPC_OK);
	attach_ok();
	rows[2] = endpoint_row(0x9b, "web-2", "10.0.0.3", 1);
	fake_answer_attach(rows, 3, MZ_RPC_OK);
	attach_refused("web-2", EEXIST, "in use"); /* eth0 is web-1's */
	fake_expect_detached(3);
	assert_int_equal(if_nametoindex("mz9b"), 0);
	assert_int_equal(count_rows(MZ_TABLE_port), 1);
	/* What an earlier attach made stays, whatever happens to its repetition. */
	fake_answer_attach(rows, 2, MZ_RPC_OK);
	attach_refused("web-1", EPROTO, "no row for it");
	fake_run(100);
	assert_int_equal(fake_n_detached, 3);
	assert_int_equal(count_rows(MZ_TABLE_local), 1);
	fake_stop();
	response = mizard_attach("web-1", mizard_box());
	assert_int_equal(response->error, EHOSTUNREACH);
	mizar__v1__local_response__free_unpacked(response, NULL);
	assert_int_equal(count_rows(MZ_TABLE_local), 1);
}

int main(int argc, char **argv)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(introduces_itself),
		TEST(follows_a_scope),
		TEST(names_what_it_holds),
		TEST(refuses_rows),
		TEST(refuses_what_does_not_fit),
		TEST(abandons_half_an_update),
		TEST(drops_a_stream_of_nonsense),
		TEST(attaches),
		TEST(sweeps_what_the_stream_confirmed),
		TEST(is_not_overtaken),
		TEST(leaves_tombstones),
		TEST(detaches),
		TEST(keeps_what_another_client_has),
		TEST(takes_failed_attaches_back),
		TEST(gives_gone_endpoints_back),
		TEST(removes_orphans),
	};

	if (argc != 2)
		return 2;
	mizard_init(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
