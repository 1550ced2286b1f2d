// SPDX-License-Identifier: Apache-2.0
/*
 * A store whose file holds one row that nobody of ours wrote: any kind, uid, owner, names and body.
 * Whatever it is, the store opens or says that the file is damaged, and goes on with what it reads.
 */
#include "fuzz.h"

#include <sqlite3.h>

#include "store/store.h"

static char path[128], template_path[128];
static const char *const tables[] = { "droplet", "vpc",	    "network", "endpoint",
				      "bouncer", "divider", "address" };

static void copy_file(const char *from, const char *to)
{
	_cleanup_free_ uint8_t *data = malloc(1 << 20);
	FILE *file = fopen(from, "r");
	size_t size;

	REQUIRE(data && file);
	size = fread(data, 1, 1 << 20, file);
	REQUIRE(fclose(file) == 0);
	write_file(to, (struct input){ data, size });
}

static uint64_t take_number(struct input *input)
{
	uint64_t number = 0;

	for (int i = 0; i < 8; i++)
		number = number << 8 | take_byte(input);
	return number;
}

static void put_row(unsigned int table, struct input *input)
{
	_cleanup_free_ char *ns = NULL, *name = NULL;
	char sql[128];
	sqlite3_stmt *statement = NULL;
	sqlite3 *db = NULL;

	REQUIRE(sqlite3_open(path, &db) == SQLITE_OK);
	(void)snprintf(sql, sizeof(sql), "INSERT INTO %s VALUES(?, ?, ?, ?, ?%s)", tables[table],
		       table < 6 ? ", ?" : "");
	REQUIRE(sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK);
	sqlite3_bind_int64(statement, 1, take_number(input));
	sqlite3_bind_int64(statement, 2, take_number(input));
	sqlite3_bind_int64(statement, 3, 7);
	ns = take_text(input);
	name = take_text(input);
	/* A blob where a text should be: SQLite takes it. */
	sqlite3_bind_blob(statement, 4, ns, strlen(ns), SQLITE_STATIC);
	sqlite3_bind_text(statement, 5, name, -1, SQLITE_STATIC);
	if (table < 6)
		sqlite3_bind_blob(statement, 6, input->data, input->size, SQLITE_STATIC);
	(void)sqlite3_step(statement); /* may break a rule of the schema */
	sqlite3_finalize(statement);
	sqlite3_close(db);
}

static int visit(const struct mz_object *object, void *user)
{
	REQUIRE(mz_object_metadata(object));
	REQUIRE(mz_object_name(object) && mz_object_namespace(object));
	return 0;
}

static void on_change(enum mz_change change, const struct mz_object *object, uint64_t revision,
		      void *user)
{
	(void)visit(object, user);
}

static void use_store(uv_loop_t *loop, struct mz_store *store)
{
	_cleanup_(mz_watch_freep) struct mz_watch *watch = NULL;
	struct mz_addr addr = {};

	for (enum mz_kind kind = MZ_KIND_DROPLET; kind < MZ_N_KINDS; kind++) {
		struct mz_object *object = NULL;
		uint64_t uid;

		(void)mz_store_list(store, kind, NULL, 0, 0, visit, NULL);
		(void)mz_store_list(store, kind, "acme", 5, 0, visit, NULL);
		if (mz_store_find(store, kind, "acme", "web", &uid) == 0 &&
		    mz_store_get(store, kind, uid, &object) == 0) {
			(void)visit(object, NULL);
			mz_object_free(object);
		}
		(void)mz_store_count(store, kind);
	}
	(void)mz_store_address_owner(store, 7, &addr);
	(void)mz_watch_new(store, mz_store_revision(store), on_change, NULL, &watch);
	(void)uv_run(loop, UV_RUN_NOWAIT);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct mz_store *store = NULL;
	uv_loop_t loop;

	(void)snprintf(path, sizeof(path), "%s/store", own_directory());
	(void)snprintf(template_path, sizeof(template_path), "%s/empty", own_directory());
	REQUIRE(uv_loop_init(&loop) == 0);
	REQUIRE(mz_store_open_sqlite(&loop, template_path, &store) == 0);
	mz_store_free(store);
	REQUIRE(uv_run(&loop, UV_RUN_DEFAULT) == 0);
	REQUIRE(uv_loop_close(&loop) == 0);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	struct mz_store *store = NULL;
	uv_loop_t loop;
	int r;

	copy_file(template_path, path);
	put_row(take_byte(&input) % 7, &input);
	REQUIRE(uv_loop_init(&loop) == 0);
	r = mz_store_open_sqlite(&loop, path, &store);
	REQUIRE((r == 0) == !!store);
	if (store)
		use_store(&loop, store);
	mz_store_free(store);
	REQUIRE(uv_run(&loop, UV_RUN_DEFAULT) == 0);
	REQUIRE(uv_loop_close(&loop) == 0);
	return 0;
}
