// SPDX-License-Identifier: Apache-2.0
/* See full.h. */
#include "controller/full.h"

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "base/replicas.h"
#include "controller/compile.h"
#include "controller/migrate.h"

/* Of one step: reading many endpoints of other hosts must not hold up the loop. */
#define OBJECTS_MAX 2048

struct ctl_full {
	struct ctl_controller *c;
	const struct ctl_scope *scope;
	uint64_t revision;
	bool has_head; /* rows from the model are read */
	uint64_t *networks;
	size_t n_networks, at; /* networks whose endpoints have such rows; the one being read */
	uint64_t after;	       /* uid of the last endpoint read of it */
};

void ctl_rows_fini(struct ctl_rows *rows)
{
	size_t i;

	for (i = 0; i < rows->n; i++)
		mizar__v1__row__free_unpacked(rows->rows[i], NULL);
	free(rows->rows);
	*rows = (struct ctl_rows){};
}

void ctl_rows_add_packed(struct ctl_rows *rows, const uint8_t *data, size_t size)
{
	Mizar__V1__Row *row = mizar__v1__row__unpack(NULL, size, data);

	if (!row)
		abort(); /* we packed it: there is no memory, see ctl_calloc() */
	if (rows->n == rows->size) {
		size_t more = rows->size ? rows->size * 2 : 16;
		Mizar__V1__Row **larger = ctl_calloc(more, sizeof(*larger));

		if (rows->n)
			memcpy(larger, rows->rows, rows->n * sizeof(*larger));
		free(rows->rows);
		rows->rows = larger;
		rows->size = more;
	}
	rows->rows[rows->n++] = row;
	rows->bytes += size;
}

void ctl_rows_add(struct ctl_rows *rows, const Mizar__V1__Row *row)
{
	size_t size = mizar__v1__row__get_packed_size(row);
	_cleanup_free_ uint8_t *data = ctl_calloc(1, size + 1);

	ctl_rows_add_packed(rows, data, mizar__v1__row__pack(row, data));
}

uint64_t ctl_full_revision(const struct ctl_full *full)
{
	return full->revision;
}

void ctl_full_free(struct ctl_full *full)
{
	if (!full)
		return;
	free(full->networks);
	free(full);
}

static void add_network(struct ctl_full *full, const struct ctl_network *network)
{
	full->networks[full->n_networks++] = network->facts.uid;
}

struct ctl_full *ctl_full_new(struct ctl_controller *c, const struct ctl_scope *scope)
{
	struct ctl_full *full = ctl_calloc(1, sizeof(*full));
	const struct ctl_network *network;
	const struct ctl_usage *usage;
	size_t n = 1;

	full->c = c;
	full->scope = scope;
	full->revision = scope->revision;
	if (scope->id.kind == MIZAR__V1__SCOPE__KIND__HOST) {
		const struct ctl_droplet *droplet = scope->owner;

		DL_FOREACH(droplet->usages, usage)
			n++;
		full->networks = ctl_calloc(n, sizeof(*full->networks));
		DL_FOREACH(droplet->usages, usage)
			if (usage->n_endpoints)
				add_network(full, usage->network);
	} else if (scope->id.kind == MIZAR__V1__SCOPE__KIND__ROUTES) {
		const struct ctl_vpc *vpc = scope->owner;

		DL_FOREACH(vpc->networks, network)
			n++;
		full->networks = ctl_calloc(n, sizeof(*full->networks));
		DL_FOREACH(vpc->networks, network)
			if (network->facts.group)
				add_network(full, network);
	} else if (scope->id.kind == MIZAR__V1__SCOPE__KIND__LOCATIONS) {
		full->networks = ctl_calloc(1, sizeof(*full->networks));
		add_network(full, scope->owner);
	}
	return full;
}

/* ---- from the model -------------------------------------------------------------------------- */

static void read_head(const struct ctl_full *full, struct ctl_rows *rows)
{
	const struct ctl_droplet *droplet, *next;
	const struct ctl_tombstone *tombstone;
	const struct ctl_network *network;
	const struct ctl_vpc *vpc;
	struct ctl_row row;
	unsigned int i;

	switch (full->scope->id.kind) {
	case MIZAR__V1__SCOPE__KIND__DROPLETS:
		HASH_ITER(hh, full->c->model.droplets, droplet, next) {
			ctl_compile_droplet(&droplet->addr, &row);
			ctl_rows_add(rows, &row.row);
		}
		break;
	case MIZAR__V1__SCOPE__KIND__VPC:
		vpc = full->scope->owner;
		ctl_compile_vpc(vpc->vni, vpc->row_flags, &vpc->set.published, &row);
		if (vpc->has_row)
			ctl_rows_add(rows, &row.row);
		break;
	case MIZAR__V1__SCOPE__KIND__NETWORK:
		network = full->scope->owner;
		ctl_compile_network(&network->facts, &network->set.published, &row);
		if (mz_replicas_size(&network->set.published))
			ctl_rows_add(rows, &row.row);
		break;
	case MIZAR__V1__SCOPE__KIND__ROUTES:
		vpc = full->scope->owner;
		DL_FOREACH(vpc->networks, network)
			for (i = 0; i < network->facts.n_prefixes; i++) {
				ctl_compile_prefix(&network->facts, i, &row);
				ctl_rows_add(rows, &row.row);
			}
		break;
	case MIZAR__V1__SCOPE__KIND__HOST:
		droplet = full->scope->owner;
		DL_FOREACH2(droplet->tombstones, tombstone, droplet_next)
			for (i = 0; i < (unsigned int)tombstone->n_addrs; i++) {
				ctl_compile_moved(tombstone->vni, &tombstone->addrs[i],
						  &tombstone->host, tombstone->generation, &row);
				ctl_rows_add(rows, &row.row);
			}
		break;
	case MIZAR__V1__SCOPE__KIND__LOCATIONS:
	case _MIZAR__V1__SCOPE__KIND_IS_INT_SIZE:
		break;
	}
}

/* ---- from the store -------------------------------------------------------------------------- */

struct reading {
	struct ctl_full *full;
	const struct ctl_network *network;
	struct ctl_rows *rows;
	size_t n_objects, bytes_max;
};

static void add_endpoint(struct reading *reading, const Mizar__V1__Endpoint *endpoint)
{
	const struct ctl_network_facts *facts = &reading->network->facts;
	const char *name = ctl_endpoint_droplet(endpoint);
	const struct ctl_droplet *droplet =
		name ? ctl_model_droplet(&reading->full->c->model, name) : NULL;
	enum _Mizar__V1__Scope__Kind kind = reading->full->scope->id.kind;
	const struct ctl_droplet *holder = reading->full->scope->owner; /* of its own scope */
	uint32_t generation;
	struct mz_addr addrs[CTL_ENDPOINT_ADDRESSES_MAX];
	int i, n = ctl_endpoint_addresses(endpoint, addrs);
	struct ctl_row row;

	if (kind == MIZAR__V1__SCOPE__KIND__HOST) {
		if (ctl_endpoint_is_on(endpoint, holder->name, &generation) &&
		    ctl_compile_endpoint(facts, endpoint, generation, &row) >= 0)
			ctl_rows_add(reading->rows, &row.row);
		return;
	}
	for (i = 0; i < n; i++) {
		if (kind == MIZAR__V1__SCOPE__KIND__ROUTES)
			ctl_compile_member(facts, &addrs[i], &row);
		else if (droplet)
			ctl_compile_location(facts, &addrs[i], &droplet->addr,
					     endpoint->status->location_generation, &row);
		else
			continue; /* it is nowhere */
		ctl_rows_add(reading->rows, &row.row);
	}
}

static int on_endpoint(const struct mz_object *object, void *user)
{
	struct reading *reading = user;

	reading->full->after = mz_object_metadata(object)->uid;
	add_endpoint(reading, object->endpoint);
	return ++reading->n_objects >= OBJECTS_MAX || reading->rows->bytes >= reading->bytes_max;
}

int ctl_full_read(struct ctl_full *full, size_t chunk_bytes, struct ctl_rows *rows)
{
	struct reading reading = { .full = full, .rows = rows, .bytes_max = chunk_bytes };
	int r;

	if (!full->has_head)
		read_head(full, rows);
	full->has_head = true;
	while (full->at < full->n_networks) {
		uint64_t uid = full->networks[full->at];

		reading.network = ctl_model_network_by_uid(&full->c->model, uid);
		r = 0;
		if (reading.network)
			r = mz_store_list(full->c->store, MZ_KIND_ENDPOINT, NULL, uid, full->after,
					  on_endpoint, &reading);
		if (r > 0)
			return 1;
		if (r < 0)
			mz_log_err("store %s: endpoints cannot be read: %s", full->c->store_path,
				   strerror(-r));
		full->at++;
		full->after = 0;
	}
	return 0;
}
