// SPDX-License-Identifier: Apache-2.0
/* Messages and JSON: both ways for every kind and every row, and what is refused. */
#include "api.h"
#include "api/table.h"
#include "mizar/v1/local.pb-c.h"
#include "mizar/v1/rows.pb-c.h"

static json_t *parse(const char *text)
{
	json_error_t error;
	json_t *json = json_loads(text, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);

	if (!json)
		fail_msg("%s: %s", error.text, text);
	return json;
}

/* Every message of the table is usable, and named as protobuf-c names it. */
static void test_table(void **state)
{
	size_t i, n;

	for (i = 0; i < mz_n_messages; i++) {
		const struct mz_message *message = &mz_messages[i];
		const struct mz_field *field;

		assert_ptr_equal(mz_message_find(message->pbc), message);
		for (field = message->fields, n = 0; field->pbc; field++, n++) {
			char squeezed[64] = "";
			const char *p;

			/* snake_case without its underscores is camelCase in lower case */
			for (p = field->pbc->name; *p; p++)
				if (*p != '_')
					strncat(squeezed, p, 1);
			assert_int_equal(strcasecmp(squeezed, field->json), 0);
			assert_true(mz_field_size(field) > 0);
			assert_true(!field->message ==
				    (field->pbc->type != PROTOBUF_C_TYPE_MESSAGE));
			assert_true(!field->enumeration ==
				    (field->pbc->type != PROTOBUF_C_TYPE_ENUM));
			if (field->message)
				assert_ptr_equal(field->message->pbc, field->pbc->descriptor);
		}
		assert_int_equal(n, message->pbc->n_fields);
	}
	assert_null(mz_message_find(NULL));
}

static void test_kinds(void **state)
{
	assert_int_equal(mz_kind_find("Network")->kind, MZ_KIND_NETWORK);
	assert_int_equal(mz_kind_find("network")->kind, MZ_KIND_NETWORK);
	assert_int_equal(mz_kind_find("networks")->kind, MZ_KIND_NETWORK);
	assert_int_equal(mz_kind_find("net")->kind, MZ_KIND_NETWORK);
	assert_int_equal(mz_kind_find("vpc")->kind, MZ_KIND_VPC);
	assert_int_equal(mz_kind_find("ep")->kind, MZ_KIND_ENDPOINT);
	assert_null(mz_kind_find("nets"));
	assert_null(mz_kind_find(""));
	assert_true(mz_kind_find("bn")->managed);
	assert_false(mz_kind_find("bn")->namespaced);
}

/* JSON of the first becomes a message and the same JSON again. */
static void check_round_trip(const struct mz_message *message, const char *text)
{
	json_auto_t *json = parse(text), *again = NULL;
	struct mz_problems problems = {};
	ProtobufCMessage *msg = NULL;

	(void)mz_message_from_json(message, json, "", &problems, &msg); /* the next line tells */
	expect_problems(&problems, "");
	assert_int_equal(mz_message_to_json(message, msg, &again), 0);
	if (!json_equal(json, again))
		fail_msg("%s\nbecame\n%s", text, json_dumps(again, 0));
	protobuf_c_message_free_unpacked(msg, NULL);
}

static void test_objects_round_trip(void **state)
{
	static const struct {
		const char *kind, *json;
	} cases[] = {
		{ "Droplet",
		  "{\"metadata\":{\"name\":\"h1\",\"uid\":\"18446744073709551615\","
		  "\"labels\":{\"a\":\"b\",\"c\":\"\"},\"resourceVersion\":\"7\",\"generation\":"
		  "\"2\",\"creationTimestamp\":\"2026-11-21T07:43:04Z\","
		  "\"deletionTimestamp\":\"1970-01-01T00:00:00Z\"},"
		  "\"spec\":{\"address\":\"192.0.2.1\",\"unschedulable\":true},"
		  "\"status\":{\"phase\":\"Provisioned\",\"conditions\":[{\"type\":\"Ready\","
		  "\"status\":\"True\",\"reason\":\"Up\",\"message\":\"w\xc3\xb6rks\"}],"
		  "\"observedGeneration\":\"2\",\"connected\":true,\"endpoints\":4294967295,"
		  "\"bouncers\":0,\"dividers\":1,\"version\":\"0.1.0\"}}" },
		{ "VPC", "{\"spec\":{\"vni\":7,\"cidrs\":[\"10.0.0.0/8\"],"
			 "\"dividers\":2,\"divide\":false},"
			 "\"status\":{\"dividers\":[\"h1\",\"h2\"]}}" },
		{ "Network",
		  "{\"spec\":{\"vpc\":\"v\",\"kind\":\"group\",\"cidrs\":[\"a\",\"b\"],"
		  "\"gateways\":[\"c\"],\"bouncers\":1},\"status\":{\"bouncers\":[\"h1\"],"
		  "\"endpoints\":\"9\"}}" },
		{ "Endpoint",
		  "{\"spec\":{\"network\":\"n\",\"type\":\"simple\",\"addresses\":[\"a\"],"
		  "\"mac\":\"m\",\"droplet\":\"h1\"},\"status\":{\"droplet\":\"h1\","
		  "\"locationGeneration\":3,\"attached\":true}}" },
		{ "Bouncer", "{\"spec\":{\"namespace\":\"a\",\"network\":\"n\",\"droplet\":\"h1\"},"
			     "\"status\":{\"phase\":\"Unknown\",\"active\":true}}" },
		{ "Divider", "{\"spec\":{\"namespace\":\"a\",\"vpc\":\"v\",\"droplet\":\"h1\"},"
			     "\"status\":{\"phase\":\"Deleting\",\"active\":false}}" },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		check_round_trip(mz_kind_find(cases[i].kind)->message, cases[i].json);
}

static void test_rows_round_trip(void **state)
{
	static const char *const rows[] = {
		"{\"droplet\":{\"address\":\"192.0.2.1\"}}",
		"{\"endpoint\":{\"uid\":\"5\",\"vni\":7,\"network\":\"3\",\"namespace\":\"acme\","
		"\"name\":\"web-1\",\"mac\":\"02:00:00:00:00:01\",\"addresses\":[{\"address\":"
		"\"10.0.0.2\",\"prefixLength\":120,\"gateway\":\"10.0.0.1\"},{\"address\":"
		"\"fd00::2\",\"prefixLength\":64,\"gateway\":\"fd00::1\"}],\"generation\":1}}",
		"{\"vpc\":{\"vni\":7,\"divide\":true,\"dividers\":[\"192.0.2.1\",\"192.0.2.2\"]}}",
		"{\"prefix\":{\"vni\":7,\"prefix\":\"10.0.0.0\",\"prefixLength\":120,"
		"\"network\":\"3\"}}",
		"{\"member\":{\"vni\":7,\"address\":\"fd00::9\",\"network\":\"3\"}}",
		"{\"network\":{\"network\":\"3\",\"vni\":7,\"slot\":0,\"slotBits\":0,"
		"\"bouncers\":[\"2001:db8::1\"]}}",
		"{\"location\":{\"vni\":7,\"address\":\"10.0.0.2\",\"network\":\"3\","
		"\"host\":\"192.0.2.1\",\"generation\":1}}",
	};
	const struct mz_message *message = mz_message_find(&mizar__v1__row__descriptor);
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++)
		check_round_trip(message, rows[i]);
}

/* That an alternative without content was chosen is all that such a message says. */
static void test_empty_alternative(void **state)
{
	check_round_trip(mz_message_find(&mizar__v1__local_request__descriptor),
			 "{\"status\":{}}");
}

static void test_row_bytes(void **state)
{
	json_auto_t *json = parse("{\"location\":{\"address\":\"10.0.0.2\"}}");
	struct mz_problems problems = {};
	ProtobufCMessage *msg = NULL;
	const Mizar__V1__LocationRow *row;

	assert_int_equal(mz_message_from_json(mz_message_find(&mizar__v1__row__descriptor), json,
					      "", &problems, &msg),
			 0);
	row = ((Mizar__V1__Row *)msg)->location;
	assert_int_equal(row->address.len, 16);
	assert_memory_equal(row->address.data, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\2", 16);
	assert_false(row->has_host);
	protobuf_c_message_free_unpacked(msg, NULL);
}

struct refused {
	const char *json, *expected;
};

static void run_refused(const struct mz_message *message, const struct refused *cases, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		json_auto_t *json = parse(cases[i].json);
		struct mz_problems problems = {};
		ProtobufCMessage *msg = NULL;

		assert_int_equal(mz_message_from_json(message, json, "", &problems, &msg), -EINVAL);
		assert_null(msg);
		expect_problems(&problems, cases[i].expected);
	}
}

static void test_refused_objects(void **state)
{
	static const struct refused cases[] = {
		{ "[]", ": must be a map, not a list\n" },
		{ "{\"spec\":7}", "spec: must be a map, not a number\n" },
		{ "{\"spec\":{\"cidr\":1}}",
		  "spec.cidr: unknown field; did you mean spec.cidrs?\n" },
		{ "{\"spec\":{\"VPC\":\"a\"}}",
		  "spec.VPC: unknown field; did you mean spec.vpc?\n" },
		{ "{\"cidrs\":[]}", "cidrs: unknown field; did you mean spec.cidrs?\n" },
		{ "{\"spec\":{\"colour\":1}}", "spec.colour: unknown field; known here: vpc, kind, "
					       "cidrs, gateways, bouncers\n" },
		{ "{\"spec\":{\"vpc\":7}}",
		  "spec.vpc: must be text, not a number: put it in quotes\n" },
		{ "{\"spec\":{\"vpc\":true}}",
		  "spec.vpc: must be text, not true or false: put it in quotes\n" },
		{ "{\"spec\":{\"vpc\":[]}}", "spec.vpc: must be text, not a list\n" },
		{ "{\"spec\":{\"vpc\":\"a\\u0000b\"}}",
		  "spec.vpc: must not contain a NUL character\n" },
		{ "{\"spec\":{\"kind\":\"bridge\"}}",
		  "spec.kind: must be subnet or group, not \"bridge\"\n" },
		{ "{\"spec\":{\"kind\":0}}", "spec.kind: must be subnet or group, not a number\n" },
		{ "{\"spec\":{\"cidrs\":\"10.0.0.0/8\"}}",
		  "spec.cidrs: must be a list, not text\n" },
		{ "{\"spec\":{\"cidrs\":[\"a\",1,null]}}",
		  "spec.cidrs[1]: must be text, not a number: put it in quotes\n"
		  "spec.cidrs[2]: must be text, not null\n" },
		{ "{\"spec\":{\"bouncers\":\"2\"}}",
		  "spec.bouncers: must be a number, not text: leave out the quotes\n" },
		{ "{\"spec\":{\"bouncers\":-1}}",
		  "spec.bouncers: must be a whole number from 1 to 4\n" },
		{ "{\"spec\":{\"bouncers\":4294967296}}",
		  "spec.bouncers: must be a whole number from 1 to 4\n" },
		{ "{\"spec\":{\"bouncers\":1.5}}",
		  "spec.bouncers: must be a whole number from 1 to 4\n" },
		{ "{\"metadata\":{\"uid\":\"18446744073709551616\"}}",
		  "metadata.uid: must be a number, not text\n" },
		{ "{\"metadata\":{\"uid\":\"-1\"}}", "metadata.uid: must be a number, not text\n" },
		{ "{\"metadata\":{\"uid\":\"01\"}}", "metadata.uid: must be a number, not text\n" },
		{ "{\"metadata\":{\"uid\":\"\"}}", "metadata.uid: must be a number, not text\n" },
		{ "{\"metadata\":{\"uid\":\" 1\"}}", "metadata.uid: must be a number, not text\n" },
		{ "{\"metadata\":{\"creationTimestamp\":\"yesterday\"}}",
		  "metadata.creationTimestamp: must be a time in UTC, as 2026-11-21T07:43:04Z\n" },
		{ "{\"metadata\":{\"labels\":[]}}",
		  "metadata.labels: must be a map, not a list\n" },
		{ "{\"metadata\":{\"labels\":{\"a\":1,\"b\":[]}}}",
		  "metadata.labels[\"a\"]: must be text, not a number: put it in quotes\n"
		  "metadata.labels[\"b\"]: must be text, not a list\n" },
		{ "{\"status\":{\"conditions\":[{\"kind\":\"x\"}]}}",
		  "status.conditions[0].kind: unknown field; known here: type, status, reason, "
		  "message\n" },
		{ "{\"a\\u001b[31m\":1}",
		  "a?[31m: unknown field; known here: metadata, spec, status\n" },
	};

	run_refused(mz_kind_find("Network")->message, cases, ARRAY_SIZE(cases));
}

static void test_refused_rows(void **state)
{
	static const struct refused cases[] = {
		{ "{\"vpc\":{\"divide\":1}}", "vpc.divide: must be true or false, not a number\n" },
		{ "{\"droplet\":{},\"vpc\":{}}",
		  "vpc: only one of the alternatives can be given\n" },
		{ "{\"droplet\":{\"address\":\"10.0.0.256\"}}",
		  "droplet.address: must be an IPv4 or IPv6 address, as 10.0.0.2 or fd00::2, not "
		  "\"10.0.0.256\"\n" },
		{ "{\"endpoint\":{\"mac\":\"02:00\"}}",
		  "endpoint.mac: must be a unicast MAC address, as 02:00:00:00:00:01, not "
		  "\"02:00\"\n" },
		{ "{\"endpoint\":{\"mac\":7}}",
		  "endpoint.mac: must be text, not a number: put it in quotes\n" },
	};

	run_refused(mz_message_find(&mizar__v1__row__descriptor), cases, ARRAY_SIZE(cases));
}

static void test_path_of_caller(void **state)
{
	json_auto_t *json = parse("{\"droplet\":{\"x\":1}}");
	struct mz_problems problems = {};
	ProtobufCMessage *msg = NULL;

	assert_int_equal(mz_message_from_json(mz_message_find(&mizar__v1__row__descriptor), json,
					      "rows[3]", &problems, &msg), -EINVAL);
	expect_problems(&problems, "rows[3].droplet.x: unknown field; known here: address\n");
}

/* A value that is only in memory wrong has no JSON, and says so. */
static void test_no_json_form(void **state)
{
	const struct mz_message *message = mz_message_find(&mizar__v1__droplet_row__descriptor);
	Mizar__V1__DropletRow row = MIZAR__V1__DROPLET_ROW__INIT;
	Mizar__V1__NetworkSpec spec = MIZAR__V1__NETWORK_SPEC__INIT;
	uint8_t bytes[4] = { 10, 0, 0, 1 };
	json_t *json = NULL;

	row.has_address = 1;
	row.address = (ProtobufCBinaryData){ .len = sizeof(bytes), .data = bytes };
	assert_int_equal(mz_message_to_json(message, &row.base, &json), -EINVAL);
	spec.vpc = (char *)"\xc0\x80"; /* NUL in two bytes */
	message = mz_message_find(&mizar__v1__network_spec__descriptor);
	assert_int_equal(mz_message_to_json(message, &spec.base, &json), -EINVAL);
	spec.vpc = NULL;
	spec.has_kind = 1;
	spec.kind = (Mizar__V1__NetworkKind)9;
	assert_int_equal(mz_message_to_json(message, &spec.base, &json), -EINVAL);
	assert_null(json);
}

static void test_many_problems(void **state)
{
	json_auto_t *json = json_object();
	struct mz_problems problems = {};
	ProtobufCMessage *msg = NULL;
	char key[32];
	int i;

	for (i = 0; i < 100000; i++) {
		snprintf(key, sizeof(key), "key-%d", i);
		json_object_set_new(json, key, json_true());
	}
	assert_int_equal(mz_message_from_json(mz_kind_find("vpc")->message, json, "", &problems,
					      &msg), -EINVAL);
	assert_int_equal(problems.n_items, 101);
	assert_string_equal(problems.items[100].message,
			    "there are more problems; these are the first ones");
	mz_problems_fini(&problems);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_objects_round_trip),
		cmocka_unit_test(test_rows_round_trip),
		cmocka_unit_test(test_empty_alternative),
		cmocka_unit_test(test_row_bytes),
		cmocka_unit_test(test_refused_objects),
		cmocka_unit_test(test_refused_rows),
		cmocka_unit_test(test_path_of_caller),
		cmocka_unit_test(test_no_json_form),
		cmocka_unit_test(test_many_problems),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
