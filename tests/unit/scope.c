// SPDX-License-Identifier: Apache-2.0
/*
 * Scopes: the digest is that of the rows, the log has what it says it has, and memory is bounded.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "controller/compile.h"
#include "controller/scope.h"

static const struct ctl_network_facts facts = { .uid = 42, .vni = 9 };

static struct mz_addr number(uint32_t n)
{
	return mz_addr_add(&(struct mz_addr){ .bytes = { [10] = 0xff, 0xff, 10 } }, n);
}

/* Row n at a host; host 0: absent. */
static Mizar__V1__Row *row(uint32_t n, uint32_t host, struct ctl_row *buf)
{
	struct mz_addr addr = number(n), where = number(host);

	if (!host)
		return NULL;
	ctl_compile_location(&facts, &addr, &where, 1, buf);
	return &buf->row;
}

static bool change(struct ctl_scope *scope, uint32_t n, uint32_t old_host, uint32_t new_host)
{
	struct ctl_row old, new;

	return ctl_scope_change(scope, row(n, old_host, &old), row(n, new_host, &new));
}

static void init(struct ctl_scope *scope)
{
	ctl_scope_init(scope, MIZAR__V1__SCOPE__KIND__LOCATIONS, 42, NULL, NULL);
}

static void test_digest(void **state)
{
	struct ctl_scope scope;
	struct ctl_row buf;

	init(&scope);
	assert_int_equal(scope.revision, 1);
	assert_true(change(&scope, 1, 0, 5));
	assert_true(scope.digest == mz_row_hash(row(1, 5, &buf)));
	assert_true(change(&scope, 1, 5, 6));
	assert_true(scope.digest == mz_row_hash(row(1, 6, &buf)));
	assert_false(change(&scope, 1, 6, 6));
	assert_false(change(&scope, 1, 0, 0));
	assert_int_equal(scope.revision, 3);
	assert_int_equal(scope.n_rows, 1);
	assert_true(change(&scope, 1, 6, 0));
	assert_true(scope.digest == 0);
	assert_int_equal(scope.n_rows, 0);
	ctl_scope_fini(&scope);
}

/* Random changes beside a plain array: the digest is its sum, replaying the log gives it. */
static void test_against_model(void **state)
{
	enum { N = 200 };
	uint32_t model[N] = {}, replayed[N] = {}, i, n;
	uint64_t digest = 0, revision = 1;
	struct ctl_scope scope;
	struct ctl_row buf;

	init(&scope);
	srandom(1);
	for (i = 0; i < 5000; i++) {
		uint32_t host = (uint32_t)random() % 4;

		n = (uint32_t)random() % N;
		(void)change(&scope, n, model[n], host);
		model[n] = host;
		if (random() % 50)
			continue;
		assert_true(ctl_scope_covers(&scope, revision));
		while (revision < scope.revision) {
			const struct ctl_scope_entry *entry = ctl_scope_entry(&scope, ++revision);
			Mizar__V1__Row *r = mizar__v1__row__unpack(NULL, entry->size, entry->data);
			uint32_t at = r->location->address.data[15];

			replayed[at] = entry->is_delete ? 0 : r->location->host.data[15];
			mizar__v1__row__free_unpacked(r, NULL);
		}
		ctl_scope_trim(&scope, revision);
		assert_memory_equal(model, replayed, sizeof(model));
	}
	for (n = 0; n < N; n++)
		digest += model[n] ? mz_row_hash(row(n, model[n], &buf)) : 0;
	assert_true(scope.digest == digest);
	ctl_scope_fini(&scope);
}

/* Someone far behind: the log forgets, and says so. What everybody has is forgotten soon. */
static void test_bounds(void **state)
{
	struct ctl_scope scope;
	uint32_t i;

	init(&scope);
	for (i = 0; i < 20000; i++)
		(void)change(&scope, 1, i % 2 ? 5 : 0, i % 2 ? 0 : 5);
	assert_int_equal(scope.revision, 20001);
	assert_false(ctl_scope_covers(&scope, 1));
	assert_false(ctl_scope_covers(&scope, 20001 - 4200));
	assert_true(ctl_scope_covers(&scope, 20001 - 4000));
	assert_true(ctl_scope_covers(&scope, 20001));
	assert_false(ctl_scope_covers(&scope, 20002));
	ctl_scope_trim(&scope, scope.revision);
	assert_in_range(scope.n_log, 1, 16);
	assert_in_range(scope.log_size, 1, 128);
	assert_true(ctl_scope_covers(&scope, scope.revision - 1));
	ctl_scope_fini(&scope);
}

/* Changes of one row have one key, those of others another one. */
static void test_keys(void **state)
{
	struct ctl_scope scope;

	init(&scope);
	change(&scope, 1, 0, 5);
	change(&scope, 1, 5, 6);
	change(&scope, 1, 6, 0);
	change(&scope, 2, 0, 5);
	assert_true(ctl_scope_entry(&scope, 2)->key_hash == ctl_scope_entry(&scope, 3)->key_hash);
	assert_true(ctl_scope_entry(&scope, 2)->key_hash == ctl_scope_entry(&scope, 4)->key_hash);
	assert_true(ctl_scope_entry(&scope, 2)->key_hash != ctl_scope_entry(&scope, 5)->key_hash);
	assert_true(ctl_scope_entry(&scope, 4)->is_delete);
	ctl_scope_fini(&scope);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_digest),
		cmocka_unit_test(test_against_model),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
