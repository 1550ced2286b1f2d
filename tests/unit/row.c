// SPDX-License-Identifier: Apache-2.0
/*
 * Rows as they travel: what is well-formed, what they are called, and the hash that the controller
 * and a host must agree on to the bit.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "row/row.h"

/* One row of every kind, all of them well-formed; a test breaks one field. */
struct rows {
	struct mz_addr host, ip4, ip6, gateway, prefix;
	uint8_t mac[6];
	ProtobufCBinaryData replicas[MZ_REPLICAS_MAX + 1];
	Mizar__V1__EndpointAddress addrs[3], *addr_ptrs[3];
	Mizar__V1__DropletRow droplet;
	Mizar__V1__EndpointRow endpoint;
	Mizar__V1__VpcRow vpc;
	Mizar__V1__PrefixRow route;
	Mizar__V1__MemberRow member;
	Mizar__V1__NetworkRow network;
	Mizar__V1__LocationRow location;
	Mizar__V1__MovedRow moved;
};

static struct mz_addr addr(const char *text)
{
	struct mz_addr a;

	assert_int_equal(mz_addr_parse(text, &a), 0);
	return a;
}

#define SET(message, field, value) ((message)->has_##field = 1, (message)->field = (value))
#define SET_ADDR(message, field, value)                                                            \
	((message)->has_##field = 1, mz_row_set_addr(&(message)->field, value))

static void init_endpoint(struct rows *r)
{
	size_t i;

	r->endpoint = (Mizar__V1__EndpointRow)MIZAR__V1__ENDPOINT_ROW__INIT;
	SET(&r->endpoint, uid, 9);
	SET(&r->endpoint, vni, 7);
	SET(&r->endpoint, network, 42);
	SET(&r->endpoint, generation, 1);
	r->endpoint.namespace_ = "red";
	r->endpoint.name = "web-1";
	r->endpoint.has_mac = 1;
	r->endpoint.mac = (ProtobufCBinaryData){ .len = 6, .data = r->mac };
	for (i = 0; i < ARRAY_SIZE(r->addrs); i++) {
		r->addrs[i] = (Mizar__V1__EndpointAddress)MIZAR__V1__ENDPOINT_ADDRESS__INIT;
		SET_ADDR(&r->addrs[i], address, i ? &r->ip6 : &r->ip4);
		SET(&r->addrs[i], prefix_length, 120);
		r->addr_ptrs[i] = &r->addrs[i];
	}
	SET_ADDR(&r->addrs[0], gateway, &r->gateway);
	r->endpoint.n_addresses = 2;
	r->endpoint.addresses = r->addr_ptrs;
}

static void init(struct rows *r)
{
	size_t i;

	memset(r, 0, sizeof(*r));
	r->host = addr("192.0.2.1");
	r->ip4 = addr("10.0.0.2");
	r->ip6 = addr("fd00::2");
	r->gateway = addr("10.0.0.1");
	r->prefix = addr("10.0.0.0");
	memcpy(r->mac, "\x02\0\0\0\0\1", 6);
	for (i = 0; i < ARRAY_SIZE(r->replicas); i++)
		mz_row_set_addr(&r->replicas[i], &r->host);
	init_endpoint(r);

	r->droplet = (Mizar__V1__DropletRow)MIZAR__V1__DROPLET_ROW__INIT;
	SET_ADDR(&r->droplet, address, &r->host);

	r->vpc = (Mizar__V1__VpcRow)MIZAR__V1__VPC_ROW__INIT;
	SET(&r->vpc, vni, 7);
	SET(&r->vpc, divide, 0);
	SET(&r->vpc, direct, 1);
	r->vpc.dividers = r->replicas;
	r->vpc.n_dividers = 2;

	r->route = (Mizar__V1__PrefixRow)MIZAR__V1__PREFIX_ROW__INIT;
	SET(&r->route, vni, 7);
	SET_ADDR(&r->route, prefix, &r->prefix);
	SET(&r->route, prefix_length, 120);
	SET(&r->route, network, 42);

	r->member = (Mizar__V1__MemberRow)MIZAR__V1__MEMBER_ROW__INIT;
	SET(&r->member, vni, 7);
	SET_ADDR(&r->member, address, &r->ip6);
	SET(&r->member, network, 42);

	r->network = (Mizar__V1__NetworkRow)MIZAR__V1__NETWORK_ROW__INIT;
	SET(&r->network, network, 42);
	SET(&r->network, vni, 7);
	SET(&r->network, slot, 1);
	SET(&r->network, slot_bits, 1);
	r->network.bouncers = r->replicas;
	r->network.n_bouncers = MZ_REPLICAS_MAX;

	r->location = (Mizar__V1__LocationRow)MIZAR__V1__LOCATION_ROW__INIT;
	SET(&r->location, vni, 7);
	SET_ADDR(&r->location, address, &r->ip4);
	SET(&r->location, network, 42);
	SET_ADDR(&r->location, host, &r->host);
	SET(&r->location, generation, 0xffffffff);

	r->moved = (Mizar__V1__MovedRow)MIZAR__V1__MOVED_ROW__INIT;
	SET(&r->moved, vni, 7);
	SET_ADDR(&r->moved, address, &r->ip4);
	SET_ADDR(&r->moved, host, &r->host);
	SET(&r->moved, generation, 1);
}

/* The oneof's member is picked by its kind; all are pointers in one union. */
static Mizar__V1__Row wrap(Mizar__V1__Row__RowCase kind, void *message)
{
	Mizar__V1__Row row = MIZAR__V1__ROW__INIT;

	row.row_case = kind;
	row.droplet = message;
	return row;
}

#define ROW(r, KIND, member) wrap(MIZAR__V1__ROW__ROW_##KIND, &(r)->member)

static void accepts_and_names(void **state)
{
	struct rows r;
	const struct {
		Mizar__V1__Row row;
		const char *table, *key, *scope;
	} cases[] = {
		{ ROW(&r, DROPLET, droplet), "droplet", "192.0.2.1", "droplets" },
		{ ROW(&r, ENDPOINT, endpoint), "endpoint", "uid 9", "host" },
		{ ROW(&r, VPC, vpc), "vpc", "vni 7", "vpc/7" },
		{ ROW(&r, PREFIX, route), "prefix", "vni 7 10.0.0.0/24", "routes/7" },
		{ ROW(&r, MEMBER, member), "member", "vni 7 fd00::2", "routes/7" },
		{ ROW(&r, NETWORK, network), "network", "network 42 slot 1", "network/42" },
		{ ROW(&r, LOCATION, location), "location", "vni 7 10.0.0.2", "locations/42" },
		{ ROW(&r, MOVED, moved), "moved", "vni 7 10.0.0.2", "host" },
	};
	char key[MZ_ROW_KEY_STRLEN], scope[MZ_SCOPE_STRLEN];
	const char *field = "none";
	size_t i;

	init(&r);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(mz_row_check(&cases[i].row, false, &field), 0);
		assert_int_equal(mz_row_check(&cases[i].row, true, &field), 0);
		assert_string_equal(mz_row_table_name(&cases[i].row), cases[i].table);
		assert_string_equal(mz_row_key_format(&cases[i].row, key), cases[i].key);
		assert_string_equal(mz_scope_format(mz_row_scope(&cases[i].row), scope),
				    cases[i].scope);
	}
	assert_string_equal(field, "none");
}

static void expect_bad(Mizar__V1__Row row, bool key_only, const char *want)
{
	char key[MZ_ROW_KEY_STRLEN];
	const char *field = NULL;

	assert_int_equal(mz_row_check(&row, key_only, &field), -EINVAL);
	assert_string_equal(field, want);
	/* A refused row is named in a message all the same. */
	assert_non_null(mz_row_key_format(&row, key));
}

/* Breaks one field of a fresh set of rows. */
#define BAD(KIND, member, want, ...)                                                               \
	do {                                                                                       \
		init(&r);                                                                          \
		__VA_ARGS__;                                                                       \
		expect_bad(ROW(&r, KIND, member), false, want);                                    \
	} while (0)

static void refuses_fields(void **state)
{
	struct mz_addr multicast = addr("224.0.0.1"), host_bits = addr("10.0.0.1");
	struct mz_addr zero = addr("0.0.0.0"), six = addr("ff02::1");
	struct rows r;

	BAD(DROPLET, droplet, "address", r.droplet.has_address = 0);
	BAD(DROPLET, droplet, "address", r.droplet.address.len = 4);
	BAD(DROPLET, droplet, "address", mz_row_set_addr(&r.droplet.address, &zero));
	BAD(ENDPOINT, endpoint, "uid", r.endpoint.uid = 0);
	BAD(ENDPOINT, endpoint, "uid", r.endpoint.uid = 1ULL << 52);
	BAD(ENDPOINT, endpoint, "vni", r.endpoint.vni = 1 << 24);
	BAD(ENDPOINT, endpoint, "network", r.endpoint.has_network = 0);
	BAD(ENDPOINT, endpoint, "namespace", r.endpoint.namespace_ = NULL);
	BAD(ENDPOINT, endpoint, "name", r.endpoint.name = "../x");
	BAD(ENDPOINT, endpoint, "name", r.endpoint.name = "-x");
	BAD(ENDPOINT, endpoint, "name",
	    r.endpoint.name = "a123456789b123456789c123456789d123456789e123456789f123456789g123");
	BAD(ENDPOINT, endpoint, "mac", r.endpoint.mac.len = 5);
	BAD(ENDPOINT, endpoint, "mac", r.mac[0] = 1);
	BAD(ENDPOINT, endpoint, "generation", r.endpoint.has_generation = 0);
	BAD(ENDPOINT, endpoint, "addresses", r.endpoint.n_addresses = 0);
	BAD(ENDPOINT, endpoint, "addresses", r.endpoint.n_addresses = 3);
	BAD(ENDPOINT, endpoint, "addresses", r.ip6 = r.gateway);
	BAD(ENDPOINT, endpoint, "addresses.address", r.ip6 = six);
	BAD(ENDPOINT, endpoint, "addresses.prefix_length", r.addrs[0].prefix_length = 24);
	BAD(ENDPOINT, endpoint, "addresses.prefix_length", r.addrs[1].prefix_length = 129);
	BAD(ENDPOINT, endpoint, "addresses.gateway", mz_row_set_addr(&r.addrs[0].gateway, &r.ip6));
	BAD(VPC, vpc, "vni", r.vpc.vni = 0);
	BAD(VPC, vpc, "divide", r.vpc.has_divide = 0);
	BAD(VPC, vpc, "direct", r.vpc.has_direct = 0);
	BAD(VPC, vpc, "dividers", r.vpc.n_dividers = MZ_REPLICAS_MAX + 1);
	BAD(VPC, vpc, "dividers", r.replicas[1].len = 15);
	BAD(VPC, vpc, "ready, known", SET(&r.vpc, ready, 3));
	BAD(VPC, vpc, "ready, known", SET(&r.vpc, ready, 1); SET(&r.vpc, known, 2));
	BAD(VPC, vpc, "ready, known", SET(&r.vpc, known, UINT32_MAX));
	BAD(VPC, vpc, "ready, known", SET(&r.vpc, known, 0));
	BAD(VPC, vpc, "ready, known", r.vpc.ready = 1);
	BAD(PREFIX, route, "prefix", mz_row_set_addr(&r.route.prefix, &host_bits));
	BAD(PREFIX, route, "prefix", r.route.prefix_length = 24);
	BAD(PREFIX, route, "prefix", r.route.prefix_length = 129);
	BAD(PREFIX, route, "prefix_length", r.route.has_prefix_length = 0);
	BAD(PREFIX, route, "network", r.route.network = 0);
	BAD(MEMBER, member, "address", r.member.address.len = 17);
	BAD(MEMBER, member, "network", r.member.has_network = 0);
	BAD(NETWORK, network, "slot", r.network.slot = 2);
	BAD(NETWORK, network, "slot_bits", r.network.slot_bits = 32);
	BAD(NETWORK, network, "bouncers", mz_row_set_addr(&r.replicas[0], &multicast));
	BAD(NETWORK, network, "ready, known", SET(&r.network, known, 5));
	BAD(LOCATION, location, "vni", r.location.has_vni = 0);
	BAD(LOCATION, location, "host", r.location.host.len = 0);
	BAD(LOCATION, location, "generation", r.location.has_generation = 0);
	BAD(MOVED, moved, "vni", r.moved.vni = 1 << 24);
	BAD(MOVED, moved, "address", r.moved.has_address = 0);
	BAD(MOVED, moved, "host", r.moved.host.len = 0);
	BAD(MOVED, moved, "generation", r.moved.has_generation = 0);
}

static void refuses_shapes(void **state)
{
	ProtobufCMessageUnknownField unknown = { .tag = 99 };
	Mizar__V1__Row empty = MIZAR__V1__ROW__INIT, later;
	struct rows r;

	init(&r);
	expect_bad(empty, false, "row");
	later = ROW(&r, VPC, vpc);
	r.vpc.base.n_unknown_fields = 1;
	r.vpc.base.unknown_fields = &unknown;
	expect_bad(later, false, "row");
}

/* A delete names the key and nothing else. */
static void key_only(void **state)
{
	const char *field;
	Mizar__V1__Row row;
	struct rows r;

	init(&r);
	row = ROW(&r, LOCATION, location);
	r.location.has_network = r.location.has_host = r.location.has_generation = 0;
	assert_int_equal(mz_row_check(&row, true, &field), 0);
	expect_bad(row, false, "network");
	r.location.address.len = 3;
	expect_bad(row, true, "address");
}

/* Computed independently from host.proto: a contract with other management planes. */
static void hash_is_fixed(void **state)
{
	struct rows r;
	Mizar__V1__Row row;

	assert_true(mz_hash("", 0) == 0xefd01f60ba992926ULL);
	assert_true(mz_hash("mizar", 5) == 0xc865634764a25b9fULL);

	init(&r);
	row = ROW(&r, DROPLET, droplet);
	assert_true(mz_row_hash(&row) == 0xd95f3b63c09e2bf5ULL);
	row = ROW(&r, ENDPOINT, endpoint);
	assert_true(mz_row_hash(&row) == 0x2e1dd2d21383b3abULL);
}

/* Hashing what was packed and unpacked again gives the same. */
static void hash_survives_the_wire(void **state)
{
	Mizar__V1__Row row, *copy;
	uint8_t data[512];
	struct rows r;
	size_t size;

	init(&r);
	row = ROW(&r, ENDPOINT, endpoint);
	size = mizar__v1__row__pack(&row, data);
	copy = mizar__v1__row__unpack(NULL, size, data);
	assert_non_null(copy);
	assert_true(mz_row_hash(copy) == mz_row_hash(&row));
	assert_true(mz_row_hash(copy) == mz_hash(data, size));
	copy->endpoint->generation++;
	assert_false(mz_row_hash(copy) == mz_row_hash(&row));
	mizar__v1__row__free_unpacked(copy, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepts_and_names), cmocka_unit_test(refuses_fields),
		cmocka_unit_test(refuses_shapes),    cmocka_unit_test(key_only),
		cmocka_unit_test(hash_is_fixed),     cmocka_unit_test(hash_survives_the_wire),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
