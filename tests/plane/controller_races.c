// SPDX-License-Identifier: Apache-2.0
/*
 * Requests that overtake each other: each is sent before the one before it is durable.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "controller_common.h"

/* One call under way. */
struct ask {
	bool done;
	enum mz_rpc_code code;
	char text[512];
	ProtobufCMessage *message;
};

static void on_answer(enum mz_rpc_code code, const char *text, const ProtobufCMessage *response,
		      void *user)
{
	struct ask *ask = user;

	ask->done = true;
	ask->code = code;
	snprintf(ask->text, sizeof(ask->text), "%s", text ?: "");
	if (response) {
		size_t size = protobuf_c_message_get_packed_size(response);
		uint8_t *data = malloc(size + 1);

		protobuf_c_message_pack(response, data);
		ask->message = protobuf_c_message_unpack(response->descriptor, NULL, size, data);
		free(data);
	}
}

static void ask_free(struct ask *ask)
{
	if (ask->message)
		protobuf_c_message_free_unpacked(ask->message, NULL);
	*ask = (struct ask){};
}

static void send_request(struct plane *plane, const char *method, const ProtobufCMessage *request,
			 const ProtobufCMessageDescriptor *response, struct ask *ask)
{
	*ask = (struct ask){};
	assert_int_equal(mz_rpc_unary(plane->client, method, request, response, 10000, on_answer,
				      ask), 0);
}

static void send_apply(struct plane *plane, const char *yaml, struct ask *ask)
{
	Mizar__V1__ApplyRequest request = MIZAR__V1__APPLY_REQUEST__INIT;
	struct mz_problems problems = {};
	struct mz_manifest manifest = {};
	Mizar__V1__Object objects[8], *list[8];
	size_t i;

	assert_int_equal(mz_manifest_parse(yaml, strlen(yaml), &problems, &manifest), 0);
	assert_true(manifest.n_objects <= ARRAY_SIZE(objects));
	for (i = 0; i < manifest.n_objects; i++) {
		mz_object_wrap(manifest.objects[i], &objects[i]);
		list[i] = &objects[i];
	}
	request.n_objects = manifest.n_objects;
	request.objects = list;
	send_request(plane, "/mizar.v1.Management/Apply", &request.base,
		     &mizar__v1__apply_response__descriptor, ask);
	mz_manifest_fini(&manifest);
}

static void send_delete(struct plane *plane, const char *kind, const char *ns, const char *name,
			struct ask *ask)
{
	Mizar__V1__DeleteRequest request = MIZAR__V1__DELETE_REQUEST__INIT;
	Mizar__V1__ObjectRef ref = MIZAR__V1__OBJECT_REF__INIT;

	ref.kind = (char *)kind;
	ref.namespace_ = (char *)ns;
	ref.name = (char *)name;
	request.object = &ref;
	send_request(plane, "/mizar.v1.Management/Delete", &request.base,
		     &mizar__v1__delete_response__descriptor, ask);
}

static void send_attach(struct plane *plane, const char *droplet, const char *ns, const char *name,
			struct ask *ask)
{
	Mizar__V1__AttachRequest request = MIZAR__V1__ATTACH_REQUEST__INIT;

	request.namespace_ = (char *)ns;
	request.name = (char *)name;
	request.droplet = (char *)droplet;
	send_request(plane, "/mizar.v1.Host/Attach", &request.base,
		     &mizar__v1__attach_response__descriptor, ask);
}

#define FREE_EP                                                                                \
	"apiVersion: mizar.com/v1\nkind: Endpoint\nmetadata: {namespace: a, name: e}\n"        \
	"spec: {network: n}\n"

/* Two clients, one prefix: one of them is refused. */
static void test_overlapping(void **state)
{
	struct plane *plane = *state;
	struct ask asks[2];
	char yaml[512];
	unsigned int i, j, n;

	apply(plane, VPC);
	for (i = 0; i < 50; i++) {
		for (j = 0; j < 2; j++) {
			snprintf(yaml, sizeof(yaml),
				 "apiVersion: mizar.com/v1\nkind: Network\n"
				 "metadata: {namespace: a, name: n%u-%u}\n"
				 "spec: {vpc: v, cidrs: [10.%u.%u.0/%u]}\n",
				 i, j, i, j, 16 + 8 * j);
			if (!j)
				*strstr(yaml, ".0.0/") = '.';
			send_apply(plane, yaml, &asks[j]);
		}
		plane_until(plane, asks[0].done && asks[1].done);
		n = 0;
		for (j = 0; j < 2; j++) {
			n += !((Mizar__V1__ApplyResponse *)asks[j].message)->n_errors;
			ask_free(&asks[j]);
		}
		assert_int_equal(n, 1);
	}
}

/*
 * An endpoint that is moved, or attached, to a droplet whose deletion is on its way: it stays where
 * it is, or the droplet stays until it has left.
 */
static void test_move_to_deleted_droplet(void **state)
{
	struct plane *plane = *state;
	struct ask deletion, move;
	struct host h = {}, gone = { .plane = plane, .name = "h9" };
	unsigned int i;
	char yaml[512];

	host_up(&h, plane, "h1");
	apply(plane, VPC NET EP FREE_EP, "m", "h1");
	snprintf(yaml, sizeof(yaml), EP, "m", "h9");
	for (i = 0; i < 100; i++) {
		apply(plane, "apiVersion: mizar.com/v1\nkind: Droplet\nmetadata: {name: h9}\n"
			     "spec: {address: 172.31.0.9}\n");
		send_delete(plane, "Droplet", "", "h9", &deletion);
		plane_wait(plane, i / 2 % 4);
		if (i & 1)
			send_attach(plane, "h9", "a", "e", &move);
		else
			send_apply(plane, yaml, &move);
		plane_until(plane, deletion.done && move.done);
		if (deletion.code != MZ_RPC_OK) {
			/* The move was first, though asked for later: then it holds the droplet. */
			assert_int_equal(deletion.code, MZ_RPC_FAILED_PRECONDITION);
			assert_int_equal(host_detach(&gone, "a", "e"), MZ_RPC_OK);
			apply(plane, EP, "m", "h1");
			plane_until(plane, is(plane, "Endpoint", "a", "m", "status.droplet", "h1"));
			assert_int_equal(delete (plane, "Droplet", "", "h9"), MZ_RPC_OK);
		}
		ask_free(&deletion);
		ask_free(&move);
		plane_until(plane, count(plane, "Droplet") == 1);
	}
	assert_true(is(plane, "Endpoint", "a", "m", "status.droplet", "h1"));
	assert_true(is(plane, "Endpoint", "a", "m", "status.phase", "Provisioned"));
	assert_true(is(plane, "Endpoint", "a", "e", "status.droplet", ""));
	host_free(&h);
}

/* Whether a/e, as it is now, is attached: only if it is the one with this uid. */
static void assert_attached(struct plane *plane, uint64_t uid)
{
	_cleanup_(mz_object_freep) struct mz_object *object = get(plane, "Endpoint", "a", "e");
	bool is_it = mz_object_metadata(object)->uid == uid;

	assert_string_equal(get_field(plane, "Endpoint", "a", "e", "status.attached"),
			    is_it ? "true" : "false");
}

/*
 * An endpoint that is deleted, and made anew, while a host attaches it. Calls of one client may
 * overtake each other, so any of the two may be attached; but the rows that the host got and what
 * the controller says of the endpoint that there is now are always of one mind.
 */
static void test_attach_of_deleted(void **state)
{
	struct plane *plane = *state;
	struct ask attach, delete, create;
	struct host h = {};
	unsigned int i;

	host_up(&h, plane, "h1");
	apply(plane, VPC NET);
	for (i = 0; i < 100; i++) {
		uint64_t attached = 0;

		apply(plane, FREE_EP);
		send_attach(plane, "h1", "a", "e", &attach);
		send_delete(plane, "Endpoint", "a", "e", &delete);
		if (i & 1)
			send_apply(plane, FREE_EP, &create);
		else
			create = (struct ask){ .done = true };
		plane_until(plane, attach.done && delete.done && create.done);
		if (attach.code == MZ_RPC_OK)
			attached = ((Mizar__V1__AttachResponse *)attach.message)
					   ->rows[0]->endpoint->uid;
		else
			assert_int_equal(attach.code, MZ_RPC_NOT_FOUND);
		apply(plane, FREE_EP); /* if it was deleted last */
		assert_attached(plane, attached);
		ask_free(&attach);
		ask_free(&delete);
		ask_free(&create);
		send_delete(plane, "Endpoint", "a", "e", &delete);
		plane_until(plane, delete.done);
		ask_free(&delete);
	}
	host_free(&h);
}

#define AT(name, i)                                                                                \
	"apiVersion: mizar.com/v1\nkind: Endpoint\nmetadata: {namespace: a, name: " name "%u}\n"  \
	"spec: {network: n, droplet: h1, addresses: [10.1.1.%u]}\n---\n", i, i

/*
 * An address that is asked for while its endpoint is being deleted, by a controller that did not
 * make it: it is refused until the host has acknowledged; then it is the new one's, and stays so.
 */
static void test_address_of_deleted(void **state)
{
	struct plane *plane = *state;
	struct ask deletion, apply_new;
	char yaml[512], name[16], *text;
	struct host h = {};
	unsigned int i;

	host_up(&h, plane, "h1");
	apply(plane, VPC NET);
	for (i = 1; i <= 40; i++)
		apply(plane, AT("old", i));
	plane_stop(plane, SIGKILL);
	plane_until(plane, h.closed);
	plane_start(plane);
	host_up(&h, plane, "h1");
	for (i = 1; i <= 40; i++) {
		snprintf(name, sizeof(name), "old%u", i);
		snprintf(yaml, sizeof(yaml), AT("new", i));
		send_delete(plane, "Endpoint", "a", name, &deletion);
		send_apply(plane, yaml, &apply_new);
		h.silent = true;
		plane_until(plane, apply_new.done);
		assert_true(((Mizar__V1__ApplyResponse *)apply_new.message)->n_errors);
		h.silent = false;
		host_down(&h);
		host_up(&h, plane, "h1");
		plane_until(plane, deletion.done);
		ask_free(&deletion);
		do {
			ask_free(&apply_new);
			send_apply(plane, yaml, &apply_new);
			plane_until(plane, apply_new.done);
		} while (((Mizar__V1__ApplyResponse *)apply_new.message)->n_errors);
		ask_free(&apply_new);
		plane_wait(plane, i % 8);
		text = apply_refused(plane, AT("third", i));
		assert_non_null(strstr(text, "is in use by another endpoint"));
		free(text);
	}
	host_free(&h);
}

#define FIXED                                                                                      \
	"apiVersion: mizar.com/v1\nkind: Endpoint\nmetadata: {namespace: a, name: %s}\nspec: "     \
	"{network: n, droplet: h1, addresses: [10.1.0.99]}\n---\n"

static bool admits(struct plane *plane, const char *name)
{
	Mizar__V1__ApplyResponse *response;
	char yaml[256];
	bool is_good;

	snprintf(yaml, sizeof(yaml), FIXED, name);
	response = apply_request(plane, yaml, false, false, NULL);
	is_good = !response->n_errors;
	mizar__v1__apply_response__free_unpacked(response, NULL);
	return is_good;
}

/* A host that refuses one endpoint has the others. */
static void test_one_refused(void **state)
{
	struct plane *plane = *state;
	struct host h = {};

	host_up(&h, plane, "h1");
	apply(plane, VPC NET EP, "bad", "h1");
	plane_until(plane, is(plane, "Endpoint", "a", "bad", "status.phase", "Provisioned"));
	assert_int_equal(delete(plane, "Endpoint", "a", "bad"), MZ_RPC_OK);
	h.refuses = "endpoint";
	h.refuses_name = "bad";
	apply(plane, EP, "bad", "h1");
	plane_until(plane, is(plane, "Endpoint", "a", "bad", "status.phase", "Failed"));
	apply(plane, EP, "good", "h1");
	plane_until(plane, is(plane, "Endpoint", "a", "good", "status.phase", "Provisioned"));
	assert_string_equal(get_field(plane, "Endpoint", "a", "bad", "status.phase"), "Failed");

	/* Nor does an address that is free by now wait for what is refused: see below. */
	apply(plane, FIXED, "gone");
	host_down(&h);
	assert_int_equal(delete(plane, "Endpoint", "a", "gone"), MZ_RPC_OK);

	/* Also of an update with both kinds, and after a restart, when all is sent. */
	plane_stop(plane, SIGKILL);
	plane_start(plane);
	apply(plane, EP EP, "good2", "h1", "bad2", "h1");
	assert_false(admits(plane, "again"));
	host_up(&h, plane, "h1");
	plane_until(plane, is(plane, "Endpoint", "a", "bad", "status.phase", "Failed") &&
				   is(plane, "Endpoint", "a", "bad2", "status.phase", "Failed"));
	assert_non_null(strstr(get_field(plane, "Endpoint", "a", "bad", "status.conditions"),
			       "the table is full"));
	plane_until(plane, is(plane, "Endpoint", "a", "good", "status.phase", "Provisioned") &&
				   is(plane, "Endpoint", "a", "good2", "status.phase",
				      "Provisioned"));
	plane_until(plane, admits(plane, "again"));
	apply(plane, EP EP, "good3", "h1", "bad3", "h1");
	plane_until(plane, is(plane, "Endpoint", "a", "bad3", "status.phase", "Failed") &&
				   is(plane, "Endpoint", "a", "good3", "status.phase",
				      "Provisioned"));
	/* Those that it names are not all: then who is not named may have been. */
	h.hides = true;
	plane_stop(plane, SIGKILL);
	plane_until(plane, h.closed);
	plane_start(plane);
	host_up(&h, plane, "h1");
	plane_until(plane, is(plane, "Endpoint", "a", "bad", "status.phase", "Failed"));
	assert_string_equal(get_field(plane, "Endpoint", "a", "good", "status.phase"), "Unknown");
	h.refuses = NULL;
	plane_until(plane, is(plane, "Endpoint", "a", "bad", "status.phase", "Provisioned") &&
				   is(plane, "Endpoint", "a", "bad3", "status.phase",
				      "Provisioned"));
	assert_string_equal(get_field(plane, "Endpoint", "a", "good", "status.phase"),
			    "Provisioned");
	host_free(&h);
}

/* Endpoints eFIRST and so on, on host h1. */
static void apply_many(struct plane *plane, unsigned int first, unsigned int n)
{
	char *yaml = NULL;
	size_t size;
	FILE *text = open_memstream(&yaml, &size);
	unsigned int i;

	for (i = 0; i < n; i++) {
		char name[16];

		snprintf(name, sizeof(name), "e%u", first + i);
		fprintf(text, EP, name, "h1");
	}
	fclose(text);
	assert_int_equal(apply(plane, "%s", yaml), n);
	free(yaml);
}

/* Names of the network's bouncers, as the controller has them. */
static void bouncers(struct plane *plane, char ret_text[static 256])
{
	snprintf(ret_text, 256, "%s", get_field(plane, "Network", "a", "n", "status.bouncers"));
}

/*
 * A controller whose start takes longer than it waits for hosts (a large store; here it is stopped
 * while it reads): hosts have as long to come back as after a quick one, and nothing is moved.
 */
static void test_slow_start(void **state)
{
	struct plane *plane = *state;
	struct host h[3] = {};
	char names[3][8] = { "h1", "h2", "h3" }, wal[128], before[256], after[256], line[1024];
	unsigned int i, tries;
	struct stat st;
	FILE *log;

	for (i = 0; i < 3; i++)
		host_up(&h[i], plane, names[i]);
	apply(plane, VPC NET);
	plane_until(plane, is(plane, "Network", "a", "n", "status.phase", "Provisioned") &&
			   count(plane, "Bouncer") == 2);
	plane_wait(plane, 200);
	for (i = 0; i < 4; i++)
		apply_many(plane, i * 5000, 5000);
	bouncers(plane, before);
	plane_stop(plane, SIGKILL);
	for (i = 0; i < 3; i++)
		plane_until(plane, h[i].closed);

	snprintf(wal, sizeof(wal), "%s-shm", plane->store);
	(void)unlink(wal);
	plane_spawn(plane);
	for (tries = 0; stat(wal, &st) < 0 && tries < 10000; tries++)
		usleep(100);
	usleep(20000);
	assert_int_equal(kill(plane->pid, SIGSTOP), 0);
	if (access(plane->socket, F_OK) >= 0)
		print_message("it had read all already: this shows nothing\n");
	sleep(11);
	assert_int_equal(kill(plane->pid, SIGCONT), 0);
	plane_connect(plane);
	for (i = 0; i < 3; i++) {
		plane_wait(plane, 1300);
		host_up(&h[i], plane, names[i]);
	}
	plane_wait(plane, 500);
	bouncers(plane, after);
	assert_string_equal(after, before);
	assert_int_equal(count(plane, "Bouncer"), 2);
	snprintf(line, sizeof(line), "%s/log", plane->dir);
	log = fopen(line, "r");
	while (fgets(line, sizeof(line), log))
		assert_null(strstr(line, "placed elsewhere"));
	fclose(log);
	for (i = 0; i < 3; i++)
		host_free(&h[i]);
}

int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, plane_setup, plane_teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_overlapping),
		TEST(test_move_to_deleted_droplet),
		TEST(test_attach_of_deleted),
		TEST(test_address_of_deleted),
		TEST(test_one_refused),
		TEST(test_slow_start),
	};

	controller_program = argv[1];
	if (argc > 2)
		cmocka_set_test_filter(argv[2]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
