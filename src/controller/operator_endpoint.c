// SPDX-License-Identifier: Apache-2.0
/*
 * Endpoints: a row on its host, one per address on the bouncers of its network, and, of a group
 * network, one per address on the dividers. Nothing here looks at any other endpoint.
 */
#include <string.h>

#include "base/log.h"
#include "controller/compile.h"
#include "controller/hold.h"
#include "controller/migrate.h"
#include "controller/operators.h"
#include "controller/provision.h"
#include "controller/sub.h"

/* One side of a change: the object, where it is, and its addresses. All zero: absent. */
struct side {
	const Mizar__V1__Endpoint *endpoint;
	struct place {
		struct ctl_droplet *droplet; /* NULL: not known */
		uint32_t generation;
	} places[CTL_PLACES_MAX]; /* as of ctl_endpoint_places() */
	unsigned int n_places;
	struct mz_addr addrs[CTL_ENDPOINT_ADDRESSES_MAX];
	int n_addrs;
};

static void read_side(struct ctl_controller *c, const struct mz_object *object,
		      struct side *ret_side)
{
	struct ctl_place places[CTL_PLACES_MAX];
	unsigned int i;

	*ret_side = (struct side){};
	if (!object)
		return;
	ret_side->endpoint = object->endpoint;
	ret_side->n_addrs = ctl_endpoint_addresses(object->endpoint, ret_side->addrs);
	ret_side->n_places = ctl_endpoint_places(object->endpoint, places);
	for (i = 0; i < ret_side->n_places; i++)
		ret_side->places[i] = (struct place){
			.droplet = ctl_model_droplet(&c->model, places[i].droplet),
			.generation = places[i].generation,
		};
}

static const struct place *place_on(const struct side *side, const struct ctl_droplet *droplet)
{
	unsigned int i;

	for (i = 0; droplet && i < side->n_places; i++)
		if (side->places[i].droplet == droplet)
			return &side->places[i];
	return NULL;
}

static Mizar__V1__Row *host_row(const struct ctl_network *network, const struct side *side,
				const struct ctl_droplet *droplet, struct ctl_row *row)
{
	const struct place *place = place_on(side, droplet);

	if (!place || ctl_compile_endpoint(&network->facts, side->endpoint, place->generation,
					   row) < 0)
		return NULL;
	return &row->row;
}

static Mizar__V1__Row *location_row(const struct ctl_network *network, const struct side *side,
				    int i, struct ctl_row *row)
{
	const struct place *place = &side->places[0];

	if (i >= side->n_addrs || !place->droplet)
		return NULL;
	ctl_compile_location(&network->facts, &side->addrs[i], &place->droplet->addr,
			     place->generation, row);
	return &row->row;
}

static Mizar__V1__Row *member_row(const struct ctl_network *network, const struct side *side, int i,
				  struct ctl_row *row)
{
	if (i >= side->n_addrs || !network->facts.group)
		return NULL;
	ctl_compile_member(&network->facts, &side->addrs[i], row);
	return &row->row;
}

static bool change_host(struct ctl_controller *c, const struct ctl_network *network,
			struct ctl_droplet *droplet, const struct side *old, const struct side *new)
{
	struct ctl_row old_row, new_row;

	if (!droplet)
		return false;
	if (!ctl_scope_change(&droplet->host, host_row(network, old, droplet, &old_row),
			      host_row(network, new, droplet, &new_row)))
		return false;
	ctl_sub_touch(c, &droplet->host);
	return true;
}

/* Addresses never change: the i-th of both sides is the same. */
static bool change_addresses(struct ctl_controller *c, struct ctl_network *network,
			     const struct side *old, const struct side *new)
{
	bool locations = false, members = false;
	struct ctl_row old_row, new_row;
	int i;

	for (i = 0; i < CTL_ENDPOINT_ADDRESSES_MAX; i++) {
		locations |= ctl_scope_change(&network->locations,
					      location_row(network, old, i, &old_row),
					      location_row(network, new, i, &new_row));
		members |= ctl_scope_change(&network->vpc->routes,
					    member_row(network, old, i, &old_row),
					    member_row(network, new, i, &new_row));
	}
	if (locations)
		ctl_sub_touch(c, &network->locations);
	if (members)
		ctl_sub_touch(c, &network->vpc->routes);
	return locations;
}

static void use(struct ctl_controller *c, struct ctl_network *network, struct ctl_droplet *droplet,
		int endpoints)
{
	if (!droplet)
		return;
	droplet->n_endpoints += (uint64_t)(int64_t)endpoints;
	if (droplet->deleting)
		ctl_queue_add(&c->queue, &droplet->work);
	ctl_usage_network(c, network, droplet, endpoints, 0);
}

static void count(struct ctl_controller *c, struct ctl_network *network, const struct side *old,
		  const struct side *new)
{
	int i;

	network->n_endpoints += !old->endpoint;
	network->n_endpoints -= !new->endpoint;
	if (network->deleting)
		ctl_queue_add(&c->queue, &network->work);
	for (i = 0; !old->endpoint && i < new->n_addrs; i++)
		if (c->loading)
			ctl_ipam_seen(c->ipam, &network->facts, &new->addrs[i]);
}

/*
 * A host that it moves to has its row before bouncers send there. Returns whether that of the host
 * where it is has changed.
 */
static bool gain(struct ctl_controller *c, struct ctl_network *network, const struct side *old,
		 const struct side *new)
{
	bool changed, first = false;
	unsigned int i;

	for (i = 0; i < new->n_places; i++) {
		use(c, network, new->places[i].droplet, 1);
		changed = change_host(c, network, new->places[i].droplet, old, new);
		first |= changed && !i;
	}
	return first;
}

/* What a host that it left is to do from now on, it knows already. */
static void lose(struct ctl_controller *c, struct ctl_network *network, uint64_t uid,
		 const struct side *old, const struct side *new)
{
	unsigned int i;

	for (i = 0; i < old->n_places; i++) {
		struct ctl_droplet *droplet = old->places[i].droplet;

		if (droplet && !place_on(new, droplet)) {
			if (change_host(c, network, droplet, old, new))
				ctl_hold_leave(droplet, uid);
			ctl_uidset_remove(&droplet->attached, uid);
		}
		use(c, network, droplet, -1);
	}
}

void ctl_endpoint_change(struct ctl_controller *c, const struct mz_object *old_object,
			 const struct mz_object *new_object)
{
	const struct mz_object *object = new_object ?: old_object;
	uint64_t uid = mz_object_metadata(object)->uid;
	struct ctl_network *network;
	struct side old, new;
	bool changed;

	network = ctl_model_network(&c->model, mz_object_namespace(object),
				    object->endpoint->spec->network);
	if (!network) {
		mz_log_err("endpoint %s/%s: its network %s is not there",
			   mz_object_namespace(object), mz_object_name(object),
			   object->endpoint->spec->network);
		return;
	}
	read_side(c, old_object, &old);
	read_side(c, new_object, &new);

	count(c, network, &old, &new);
	changed = gain(c, network, &old, &new);
	changed |= change_addresses(c, network, &old, &new);
	ctl_migration_change(c, network, old_object, new_object);
	lose(c, network, uid, &old, &new);
	if (!new_object)
		ctl_hold_new(c, network->facts.vni, old_object);

	if (!new.places[0].droplet)
		ctl_provision_end(c, uid);
	else if (changed && !c->loading)
		ctl_provision_begin(c, uid, network, new.places[0].droplet);
}
