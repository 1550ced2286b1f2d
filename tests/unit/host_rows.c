// SPDX-License-Identifier: Apache-2.0
/*
 * What mizard computes without a kernel: rows into table form and back, digests of scopes, the set
 * of keys that a FULL update names.
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
#include "host/convert.h"
#include "host/scope.h"

static struct mz_addr addr(const char *text)
{
	struct mz_addr a;

	assert_int_equal(mz_addr_parse(text, &a), 0);
	return a;
}

/* One table row of every kind, with every field in use. */
static struct mz_table_row table_row(enum mz_table_id table)
{
	struct mz_table_row row;

	memset(&row, 0, sizeof(row));
	row.table = table;
	switch (table) {
	case MZ_TABLE_droplet:
		row.key.addr = addr("192.0.2.1");
		break;
	case MZ_TABLE_endpoint:
		row.key.uid = 0xfedcba9876543;
		row.value.endpoint.network = 1ULL << 60;
		row.value.endpoint.vni = 0xffffff;
		row.value.endpoint.generation = 0xffffffff;
		row.value.endpoint.n_addrs = 2;
		memcpy(row.value.endpoint.mac, "\x02\1\2\3\4\5", 6);
		row.value.endpoint.addrs[0].addr = addr("fd00::2");
		row.value.endpoint.addrs[0].gateway = addr("fd00::1");
		row.value.endpoint.addrs[0].prefix_len = 64;
		row.value.endpoint.addrs[1].addr = addr("10.0.0.2");
		row.value.endpoint.addrs[1].prefix_len = 128; /* in a group: no gateway */
		memset(row.value.endpoint.namespace_, 'n', MZ_NAME_SIZE - 1);
		memcpy(row.value.endpoint.name, "web-1", 5);
		break;
	case MZ_TABLE_vpc:
		row.key.vni = 7;
		row.value.vpc.flags = MZ_VPC_DIVIDE | MZ_VPC_DIRECT;
		row.value.vpc.dividers.n = 1;
		row.value.vpc.dividers.n_known = 1;
		row.value.vpc.dividers.addrs[0] = addr("192.0.2.2");
		row.value.vpc.dividers.addrs[1] = addr("192.0.2.1"); /* order is kept */
		break;
	case MZ_TABLE_prefix:
		row.key.prefix.prefixlen = 32 + 120;
		row.key.prefix.vni_be = htobe32(7);
		row.key.prefix.prefix = addr("10.0.0.0");
		row.value.route.network = 42;
		break;
	case MZ_TABLE_member:
		row.key.vni_addr.vni = 7;
		row.key.vni_addr.addr = addr("10.9.0.1");
		row.value.route.network = 43;
		break;
	case MZ_TABLE_network:
		row.key.network.network = 42;
		row.key.network.slot = 3;
		row.value.network.vni = 7;
		row.value.network.slot_bits = 2;
		row.value.network.bouncers.n_ready = 1;
		row.value.network.bouncers.addrs[0] = addr("192.0.2.3");
		break;
	case MZ_TABLE_location:
		row.key.vni_addr.vni = 7;
		row.key.vni_addr.addr = addr("fd00::2");
		row.value.location.network = 42;
		row.value.location.host = addr("192.0.2.1");
		row.value.location.generation = 9;
		break;
	case MZ_TABLE_moved:
		row.key.vni_addr.vni = 7;
		row.key.vni_addr.addr = addr("10.9.0.1");
		row.value.moved.host = addr("192.0.2.1");
		row.value.moved.generation = 9;
		break;
	case MZ_TABLE_learned:
	case MZ_TABLE_dead:
	case MZ_TABLE_nexthop:
	case MZ_TABLE_port:
	case MZ_TABLE_local:
	case MZ_TABLE_scope:
	case MZ_N_TABLES:
		fail_msg("no table of rows that travel");
	}
	return row;
}

static void round_trip(void **state)
{
	size_t i;

	for (i = 0; i < MZ_N_ROW_TABLES; i++) {
		struct mz_table_row from = table_row(mz_row_tables[i]), to;
		struct mz_row_buffer buffer;
		Mizar__V1__Row *unpacked;
		const Mizar__V1__Row *row;
		uint8_t data[1024];
		const char *field;
		size_t size;

		row = mz_row_from_table(from.table, &from.key, &from.value, &buffer);
		assert_non_null(row);
		assert_int_equal(mz_row_check(row, false, &field), 0);
		assert_string_equal(mz_row_table_name(row), mz_table_infos[from.table].name);

		/* Over the wire and back into the table: the same bytes. */
		size = mizar__v1__row__get_packed_size(row);
		assert_true(size <= sizeof(data));
		mizar__v1__row__pack(row, data);
		unpacked = mizar__v1__row__unpack(NULL, size, data);
		assert_non_null(unpacked);
		assert_true(mz_row_hash(unpacked) == mz_row_hash(row));
		mz_row_to_table(unpacked, false, &to);
		assert_memory_equal(&from, &to, sizeof(from));
		mizar__v1__row__free_unpacked(unpacked, NULL);
	}
}

static void key_only(void **state)
{
	size_t i;

	for (i = 0; i < MZ_N_ROW_TABLES; i++) {
		struct mz_table_row full = table_row(mz_row_tables[i]), key, want = full;
		struct mz_row_buffer buffer;

		mz_row_to_table(mz_row_from_table(full.table, &full.key, &full.value, &buffer),
				true, &key);
		memset(&want.value, 0, sizeof(want.value));
		assert_memory_equal(&key, &want, sizeof(key));
	}
}

static void only_rows_that_travel(void **state)
{
	struct mz_row_buffer buffer;

	assert_null(mz_row_from_table(MZ_TABLE_nexthop, "", "", &buffer));
	assert_null(mz_row_from_table(MZ_TABLE_port, "", "", &buffer));
	assert_null(mz_row_from_table(MZ_TABLE_local, "", "", &buffer));
	assert_null(mz_row_from_table(MZ_TABLE_scope, "", "", &buffer));
}

/* Whatever the order, and however often a row came and went. */
static void digest_is_of_the_rows_only(void **state)
{
	_cleanup_(mz_scopes_freep) struct mz_scopes *scopes = NULL;
	const struct mz_scope_id id = { MIZAR__V1__SCOPE__KIND__LOCATIONS, 42 };
	const struct mz_scope_id other = { MIZAR__V1__SCOPE__KIND__NETWORK, 42 };
	struct mz_scope_state *a, *b;

	assert_int_equal(mz_scopes_new(&scopes), 0);
	assert_null(mz_scopes_find(scopes, id));
	assert_int_equal(mz_scopes_get(scopes, id, &a), 0);
	assert_int_equal(mz_scopes_get(scopes, other, &b), 0);
	assert_ptr_not_equal(a, b);
	mz_scope_add(a, 1ULL << 63);
	mz_scope_add(a, (1ULL << 63) + 5);
	assert_int_equal(a->digest, 5);
	mz_scope_add(b, 7);
	mz_scope_add(b, 1ULL << 63);
	mz_scope_add(b, (1ULL << 63) + 5);
	mz_scope_subtract(b, 7);
	assert_true(a->digest == b->digest && a->n_rows == 2 && b->n_rows == 2);
}

static void scope_goes_with_what_it_holds(void **state)
{
	_cleanup_(mz_scopes_freep) struct mz_scopes *scopes = NULL;
	const struct mz_scope_id id = { MIZAR__V1__SCOPE__KIND__VPC, 7 };
	struct mz_scope_state *scope;

	assert_int_equal(mz_scopes_new(&scopes), 0);
	assert_int_equal(mz_scopes_get(scopes, id, &scope), 0);
	mz_scope_add(scope, 1);
	mz_scopes_put(scopes, scope);
	assert_ptr_equal(mz_scopes_find(scopes, id), scope);
	mz_scope_subtract(scope, 1);
	scope->revision = 3; /* an empty scope at a revision is held, too */
	mz_scopes_put(scopes, scope);
	assert_int_equal(mz_scopes_count(scopes), 1);
	scope->revision = 0;
	mz_scopes_put(scopes, scope);
	assert_null(mz_scopes_find(scopes, id));
	assert_int_equal(mz_scopes_count(scopes), 0);
}

static void keyset(void **state)
{
	struct mz_keyset set = {};
	uint64_t i;

	assert_false(mz_keyset_has(&set, 0));
	assert_false(mz_keyset_has(&set, 1));
	for (i = 0; i < 2000; i++) {
		/* Twice, and so that all want the same place. */
		assert_int_equal(mz_keyset_add(&set, i << 12), 0);
		assert_int_equal(mz_keyset_add(&set, i << 12), 0);
	}
	assert_true(mz_keyset_has(&set, 0));
	assert_true(mz_keyset_has(&set, 1999 << 12));
	assert_false(mz_keyset_has(&set, 2000 << 12));
	assert_false(mz_keyset_has(&set, 1));
	assert_int_equal(set.n, 1999);
	/* Every other one goes, whatever stood in whose place; then the rest. */
	for (i = 0; i < 2000; i += 2)
		mz_keyset_remove(&set, i << 12);
	for (i = 0; i < 2000; i++)
		assert_int_equal(mz_keyset_has(&set, i << 12), i % 2);
	mz_keyset_remove(&set, 2);
	for (i = 1; i < 2000; i += 2)
		mz_keyset_remove(&set, i << 12);
	for (i = 0; i < 2000; i++)
		assert_false(mz_keyset_has(&set, i << 12));
	assert_int_equal(set.n, 0);
	mz_keyset_fini(&set);
	assert_false(mz_keyset_has(&set, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(key_only),
		cmocka_unit_test(only_rows_that_travel),
		cmocka_unit_test(digest_is_of_the_rows_only),
		cmocka_unit_test(scope_goes_with_what_it_holds),
		cmocka_unit_test(keyset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
