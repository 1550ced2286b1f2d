/* SPDX-License-Identifier: Apache-2.0 */
/* `mizar host locations`: where this host sends to, and how it knows. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/addr.h"
#include "cli/grid.h"
#include "cli/host_tables.h"
#include "cli/location.h"
#include "cli/output.h"
#include "cli/say.h"
#include "cli/target.h"

static const char *const headers[] = { "VNI", "ADDRESS", "HOST",	"VIA",	 "SOURCE", "STATE",
				       "AGE", "LEASE",	 "GENERATION", "GROUP", "HITS" };

struct listing {
	struct mz_tables *tables;
	struct mz_config config;
	enum mz_form form;
	uint64_t vni, now; /* vni 0: all */
	struct mz_grid *grid;
	json_t *array;
};

/* What all kinds have; what only a learned one has is NULL. */
struct line {
	const struct mz_vni_addr *key;
	const struct mz_addr *host;
	const char *source;
	uint32_t generation;
	const struct mz_learned *row;
	struct mz_location_words words;
};

static int add_json(struct listing *l, const struct line *line)
{
	char addr[MZ_ADDR_STRLEN], host[MZ_ADDR_STRLEN], hits[24];
	json_t *json = json_pack("{s:i, s:s, s:s, s:s, s:I}", "vni", (int)line->key->vni, "address",
				 mz_addr_format(&line->key->addr, addr), "host",
				 mz_addr_format(line->host, host), "source", line->source,
				 "generation", (json_int_t)line->generation);

	if (line->row) {
		snprintf(hits, sizeof(hits), "%" PRIu64, (uint64_t)line->row->hits);
		if (json_object_update_new(
			    json, json_pack("{s:s, s:s, s:I, s:I, s:I, s:s}", "via",
					    line->words.via, "state", line->words.state, "ageMs",
					    (json_int_t)line->words.age_ms, "leaseMs",
					    (json_int_t)line->words.left_ms, "group",
					    (json_int_t)line->row->group, "hits", hits)) < 0) {
			json_decref(json);
			return -ENOMEM;
		}
	}
	return json_array_append_new(l->array, json) < 0 ? -ENOMEM : 0;
}

static int add_line(struct listing *l, const struct line *line)
{
	char vni[16], addr[MZ_ADDR_STRLEN], host[MZ_ADDR_STRLEN], generation[16];
	char age[MZ_DURATION_SIZE], left[MZ_DURATION_SIZE], group[16], hits[24];
	const struct mz_learned *row = line->row;

	if (l->vni && line->key->vni != l->vni)
		return 0;
	mz_addr_format(&line->key->addr, addr);
	if (l->form == MZ_FORM_NAME)
		return printf("%u/%s\n", line->key->vni, addr) < 0 ? -EIO : 0;
	if (l->form == MZ_FORM_JSON || l->form == MZ_FORM_YAML)
		return add_json(l, line);
	snprintf(vni, sizeof(vni), "%u", line->key->vni);
	snprintf(generation, sizeof(generation), "%u", line->generation);
	if (row) {
		snprintf(group, sizeof(group), "%u", row->group);
		snprintf(hits, sizeof(hits), "%" PRIu64, (uint64_t)row->hits);
	}
	return mz_grid_add(l->grid,
			   (const char *const[]){
				   vni, addr, mz_addr_format(line->host, host),
				   row ? line->words.via : NULL, line->source,
				   row ? line->words.state : NULL,
				   row ? mz_duration_format(line->words.age_ms, age) : NULL,
				   row ? mz_duration_format(line->words.left_ms, left) : NULL,
				   generation, row ? group : NULL, row ? hits : NULL });
}

/* Whether packets go elsewhere although the row is fresh: then sets the state. */
static int find_obstacle(const struct listing *l, const struct mz_vni_addr *key,
			 const struct mz_learned *row, const char **ret_state)
{
	struct mz_location own;
	struct mz_dead dead;
	int r = mz_table_get(l->tables, MZ_TABLE_dead, &row->host, &dead);

	if (r == 0 && dead.until > l->now) {
		*ret_state = "dead";
		return 0;
	}
	if (row->flags & MZ_LEARNED_BY) /* the way of packets that its own row is not for */
		return r == -ENOENT ? 0 : r;
	if (r == 0 || r == -ENOENT)
		r = mz_table_get(l->tables, MZ_TABLE_location, key, &own);
	if (r == 0 && mz_addr_compare(&own.host, &row->host))
		*ret_state = "overruled";
	return r == -ENOENT ? 0 : r;
}

static int add_learned(const void *key, const void *value, void *user)
{
	const struct mz_vni_addr *id = key;
	const struct mz_learned *row = value;
	struct listing *l = user;
	struct mz_vpc vpc;
	int r = mz_table_get(l->tables, MZ_TABLE_vpc, &id->vni, &vpc);
	struct line line = { id, &row->host, "", row->generation, row, {} };

	if (r < 0 && r != -ENOENT)
		return r;
	line.words = mz_location_words(row, r < 0 ? NULL : &vpc, l->config.lease, l->now);
	line.source = line.words.source;
	r = strcmp(line.words.state, "fresh") ?
		    0 :
		    find_obstacle(l, id, row, &line.words.state);
	if (r < 0)
		return r;
	return add_line(l, &line);
}

static int add_local(const void *key, const void *value, void *user)
{
	const struct mz_local *row = value;
	struct listing *l = user;

	return add_line(l, &(const struct line){ key, &l->config.self, "local", row->generation,
						 NULL, {} });
}

static int add_moved(const void *key, const void *value, void *user)
{
	const struct mz_moved *row = value;

	return add_line(user, &(const struct line){ key, &row->host, "moved", row->generation, NULL,
						    {} });
}

static int add_location(const void *key, const void *value, void *user)
{
	const struct mz_location *row = value;

	return add_line(user, &(const struct line){ key, &row->host, "bouncer", row->generation,
						    NULL, {} });
}

static int list(struct listing *l, bool all)
{
	int r = mz_table_each(l->tables, MZ_TABLE_learned, add_learned, l);

	if (r == 0 && all)
		r = mz_table_each(l->tables, MZ_TABLE_local, add_local, l);
	if (r == 0 && all)
		r = mz_table_each(l->tables, MZ_TABLE_moved, add_moved, l);
	if (r == 0 && all)
		r = mz_table_each(l->tables, MZ_TABLE_location, add_location, l);
	return r;
}

enum mz_exit mz_verb_host_locations(const struct mz_args *args)
{
	_cleanup_(mz_tables_freep) struct mz_tables *tables = NULL;
	_cleanup_(mz_grid_freep) struct mz_grid *grid = NULL;
	struct listing l = { .form = mz_form_of(args), .vni = mz_args_number(args, MZ_OPT_VNI, 0) };
	char dir[PATH_MAX];
	struct timespec ts;
	enum mz_exit result;
	int r;

	if (mz_target_dir(args, dir) < 0)
		return MZ_MISUSED;
	result = mz_host_tables_open(dir, &tables);
	if (result == MZ_DONE)
		result = mz_host_config(dir, &l.config);
	if (result != MZ_DONE)
		return result;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts); /* that of the programs: it cannot fail */
	l.now = (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
	r = mz_grid_new(stdout, headers, ARRAY_SIZE(headers), &grid);
	l.tables = tables;
	l.grid = grid;
	l.array = json_array();
	r = r ?: list(&l, mz_args_has(args, MZ_OPT_ALL));
	if (r < 0)
		mz_error("cannot read the tables: %s", strerror(-r));
	else if (l.form == MZ_FORM_JSON || l.form == MZ_FORM_YAML)
		r = mz_print_json(l.form, l.array);
	else
		mz_grid_flush(grid);
	json_decref(l.array);
	return r < 0 ? MZ_FAILED : MZ_DONE;
}
