// SPDX-License-Identifier: Apache-2.0
/*
 * From objects to rows: every row passes the check that hosts make, belongs to the right scope, and
 * keys alone are well-formed keys.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/object.h"
#include "controller/compile.h"
#include "row/row.h"

static struct mz_addr address(const char *text)
{
	struct mz_addr addr;

	assert_int_equal(mz_addr_parse(text, &addr), 0);
	return addr;
}

static void add_text(size_t *n, char ***list, const char *text)
{
	*list = realloc(*list, (*n + 1) * sizeof(**list));
	(*list)[(*n)++] = strdup(text);
}

static struct mz_object *make_network(bool group)
{
	struct mz_object *object;
	Mizar__V1__NetworkSpec *spec;

	assert_int_equal(mz_object_new(MZ_KIND_NETWORK, &object), 0);
	object->network->metadata->has_uid = true;
	object->network->metadata->uid = 42;
	spec = object->network->spec;
	spec->has_kind = true;
	if (group) {
		spec->kind = MIZAR__V1__NETWORK_KIND__NETWORK_KIND_GROUP;
		return object;
	}
	add_text(&spec->n_cidrs, &spec->cidrs, "10.0.1.0/24");
	add_text(&spec->n_cidrs, &spec->cidrs, "fd00:1::/64");
	add_text(&spec->n_gateways, &spec->gateways, "10.0.1.254");
	return object;
}

static struct mz_object *make_endpoint(void)
{
	struct mz_object *object;
	Mizar__V1__Endpoint *endpoint;

	assert_int_equal(mz_object_new(MZ_KIND_ENDPOINT, &object), 0);
	endpoint = object->endpoint;
	endpoint->metadata->has_uid = true;
	endpoint->metadata->uid = 7;
	mz_string_set(&endpoint->metadata->name, "e");
	mz_string_set(&endpoint->metadata->namespace_, "a");
	mz_string_set(&endpoint->spec->mac, "0a:00:00:00:00:07");
	add_text(&endpoint->spec->n_addresses, &endpoint->spec->addresses, "10.0.1.5");
	add_text(&endpoint->spec->n_addresses, &endpoint->spec->addresses, "fd00:1::5");
	endpoint->status->has_location_generation = true;
	endpoint->status->location_generation = 3;
	return object;
}

static void check(const struct ctl_row *row, Mizar__V1__Scope__Kind kind, uint64_t id)
{
	const char *field = "";
	struct ctl_row key;

	if (mz_row_check(&row->row, false, &field) < 0)
		fail_msg("%s: %s", mz_row_table_name(&row->row), field);
	assert_true(mz_scope_id_equal(mz_row_scope(&row->row),
				      (struct mz_scope_id){ .kind = kind, .id = id }) ||
		    kind == MIZAR__V1__SCOPE__KIND__HOST);
	ctl_compile_key(&row->row, &key);
	if (mz_row_check(&key.row, true, &field) < 0)
		fail_msg("key of %s: %s", mz_row_table_name(&row->row), field);
}

static void test_all_rows(void **state)
{
	struct mz_object *network = make_network(false), *endpoint = make_endpoint();
	struct mz_replicas set = { .n = 2, .n_ready = 1, .n_known = 1 }, none = {};
	struct mz_addr *hosts = set.addrs, addr = address("10.0.1.5");
	struct ctl_network_facts facts;
	struct ctl_row row;
	unsigned int i;

	for (i = 0; i < 4; i++)
		hosts[i] = mz_addr_add(&(struct mz_addr){ .bytes = { [10] = 0xff, 0xff, 172, 31 } },
				       i + 1);
	assert_int_equal(ctl_network_facts_read(network->network, 9, &facts), 0);
	assert_int_equal(facts.n_prefixes, 2);
	assert_int_equal(
		mz_addr_compare(&facts.gateways[0],
				&(struct mz_addr){ .bytes = { [10] = 0xff, 0xff, 10, 0, 1, 254 } }),
		0);

	ctl_compile_droplet(&hosts[0], &row);
	check(&row, MIZAR__V1__SCOPE__KIND__DROPLETS, 0);
	ctl_compile_vpc(9, (struct ctl_vpc_flags){ .divide = true }, &set, &row);
	check(&row, MIZAR__V1__SCOPE__KIND__VPC, 9);
	assert_true(row.vpc.has_direct && row.vpc.divide && !row.vpc.direct);
	assert_true(row.vpc.n_dividers == 4 && row.vpc.ready == 1 && row.vpc.known == 1);
	ctl_compile_vpc(9, (struct ctl_vpc_flags){ .direct = true }, &none, &row);
	check(&row, MIZAR__V1__SCOPE__KIND__VPC, 9);
	assert_true(row.vpc.has_divide && !row.vpc.divide && row.vpc.direct);
	ctl_compile_network(&facts, &set, &row);
	check(&row, MIZAR__V1__SCOPE__KIND__NETWORK, 42);
	for (i = 0; i < 2; i++) {
		ctl_compile_prefix(&facts, i, &row);
		check(&row, MIZAR__V1__SCOPE__KIND__ROUTES, 9);
	}
	ctl_compile_member(&facts, &addr, &row);
	check(&row, MIZAR__V1__SCOPE__KIND__ROUTES, 9);
	ctl_compile_location(&facts, &addr, &hosts[1], 3, &row);
	check(&row, MIZAR__V1__SCOPE__KIND__LOCATIONS, 42);
	ctl_compile_moved(9, &addr, &hosts[1], 3, &row);
	check(&row, MIZAR__V1__SCOPE__KIND__HOST, 0);
	assert_int_equal(ctl_compile_endpoint(&facts, endpoint->endpoint, 3, &row), 0);
	check(&row, MIZAR__V1__SCOPE__KIND__HOST, 0);
	assert_int_equal(row.endpoint.generation, 3);
	assert_int_equal(row.endpoint.n_addresses, 2);
	assert_int_equal(row.endpoint.addresses[0]->prefix_length, 120);
	assert_int_equal(row.endpoint.addresses[1]->prefix_length, 64);
	mz_object_free(network);
	mz_object_free(endpoint);
}

/* In a group there is no gateway, and nothing on-link. */
static void test_group(void **state)
{
	struct mz_object *network = make_network(true), *endpoint = make_endpoint();
	struct ctl_network_facts facts;
	struct ctl_row row;

	assert_int_equal(ctl_network_facts_read(network->network, 9, &facts), 0);
	assert_true(facts.group);
	assert_int_equal(ctl_compile_endpoint(&facts, endpoint->endpoint, 3, &row), 0);
	check(&row, MIZAR__V1__SCOPE__KIND__HOST, 0);
	assert_int_equal(row.endpoint.addresses[0]->prefix_length, 128);
	assert_false(row.endpoint.addresses[0]->has_gateway);
	mz_object_free(network);
	mz_object_free(endpoint);
}

/* The same objects give the same row, another place another one. */
static void test_hashes(void **state)
{
	struct ctl_network_facts facts = { .uid = 42, .vni = 9 };
	struct mz_addr addr = address("10.0.1.5"), h1 = address("172.31.0.1"),
		       h2 = address("172.31.0.2");
	struct ctl_row a, b;

	ctl_compile_location(&facts, &addr, &h1, 3, &a);
	ctl_compile_location(&facts, &addr, &h1, 3, &b);
	assert_true(mz_row_hash(&a.row) == mz_row_hash(&b.row));
	ctl_compile_location(&facts, &addr, &h2, 3, &b);
	assert_true(mz_row_hash(&a.row) != mz_row_hash(&b.row));
	ctl_compile_location(&facts, &addr, &h1, 4, &b);
	assert_true(mz_row_hash(&a.row) != mz_row_hash(&b.row));
}

/* What is stored may be damaged: an error, no crash. */
static void test_unreadable(void **state)
{
	struct mz_object *endpoint = make_endpoint(), *network = make_network(false);
	struct ctl_network_facts facts;
	struct ctl_row row;

	assert_int_equal(ctl_network_facts_read(network->network, 9, &facts), 0);
	mz_string_set(&endpoint->endpoint->spec->addresses[1], "nonsense");
	assert_true(ctl_compile_endpoint(&facts, endpoint->endpoint, 3, &row) < 0);
	mz_string_set(&network->network->spec->cidrs[0], "10.0.1.0");
	assert_true(ctl_network_facts_read(network->network, 9, &facts) < 0);
	mz_object_free(endpoint);
	mz_object_free(network);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_rows),
		cmocka_unit_test(test_group),
		cmocka_unit_test(test_hashes),
		cmocka_unit_test(test_unreadable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
