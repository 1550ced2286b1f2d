// SPDX-License-Identifier: Apache-2.0
/*
 * Networks: prefixes in `routes/VNI`; a row in `network/UID` with the bouncers, which the set
 * keeps; and what bouncers hold, `locations/UID`, filled by endpoints.
 */
#include <string.h>

#include "base/log.h"
#include "controller/compile.h"
#include "controller/operators.h"
#include "controller/remove.h"
#include "controller/set.h"
#include "controller/sub.h"
#include "controller/watch.h"

/* The prefixes of a subnet come and go with it; a group has none. */
static void change_prefixes(struct ctl_controller *c, const struct ctl_network *network,
			    bool present)
{
	struct ctl_scope *routes = &network->vpc->routes;
	bool changed = false;
	struct ctl_row row;
	unsigned int i;

	for (i = 0; i < network->facts.n_prefixes; i++) {
		ctl_compile_prefix(&network->facts, i, &row);
		changed |= ctl_scope_change(routes, present ? NULL : &row.row,
					    present ? &row.row : NULL);
	}
	if (changed)
		ctl_sub_touch(c, routes);
}

static struct ctl_network *network_new(struct ctl_controller *c, const struct mz_object *object)
{
	const Mizar__V1__NetworkSpec *spec = object->network->spec;
	struct ctl_network *network = ctl_calloc(1, sizeof(*network));

	network->controller = c;
	network->vpc = ctl_model_vpc(&c->model, mz_object_namespace(object), spec->vpc);
	network->key = ctl_model_key(mz_object_namespace(object), mz_object_name(object));
	if (!network->vpc ||
	    ctl_network_facts_read(object->network, network->vpc->vni, &network->facts) < 0) {
		mz_log_err("network %s/%s: cannot be taken up", mz_object_namespace(object),
			   mz_object_name(object));
		free(network->key);
		free(network);
		return NULL;
	}
	network->work.run = ctl_operator_network;
	ctl_set_init(&network->set, c, MZ_KIND_BOUNCER, network, network->facts.uid, spec->bouncers,
		     &network->locations, &network->scope);
	ctl_scope_init(&network->scope, MIZAR__V1__SCOPE__KIND__NETWORK, network->facts.uid,
		       network, &network->set);
	ctl_scope_init(&network->locations, MIZAR__V1__SCOPE__KIND__LOCATIONS, network->facts.uid,
		       network, &network->set);
	DL_APPEND(network->vpc->networks, network);
	HASH_ADD(hh, c->model.networks, facts.uid, sizeof(network->facts.uid), network);
	HASH_ADD_KEYPTR(hh_key, c->model.networks_by_key, network->key, strlen(network->key),
			network);
	return network;
}

void ctl_network_free(struct ctl_network *network)
{
	struct ctl_controller *c = network->controller;

	ctl_sub_drop_all(c, &network->scope);
	ctl_sub_drop_all(c, &network->locations);
	ctl_scope_fini(&network->scope);
	ctl_scope_fini(&network->locations);
	ctl_queue_cancel(&c->queue, &network->work);
	ctl_set_fini(&network->set);
	ctl_ipam_forget(c->ipam, network->facts.uid);
	DL_DELETE(network->vpc->networks, network);
	HASH_DELETE(hh, c->model.networks, network);
	HASH_DELETE(hh_key, c->model.networks_by_key, network);
	free(network->key);
	free(network);
}

void ctl_network_change(struct ctl_controller *c, const struct mz_object *old,
			const struct mz_object *new)
{
	const struct mz_object *object = new ?: old;
	struct ctl_network *network =
		ctl_model_network(&c->model, mz_object_namespace(object), mz_object_name(object));

	if (!old) {
		network = network_new(c, new);
		if (network) {
			ctl_usage_new_network(c, network);
			change_prefixes(c, network, true);
		}
	}
	if (!network)
		return; /* said above */
	if (!new) {
		if (network->vpc->deleting)
			ctl_queue_add(&c->queue, &network->vpc->work);
		change_prefixes(c, network, false);
		ctl_network_free(network);
		return;
	}
	network->set.want = new->network->spec->bouncers;
	network->deleting = mz_object_metadata(new)->deletion_timestamp;
	if (network->deleting)
		ctl_queue_add(&c->queue, &network->work);
	ctl_set_look(&network->set);
}

/* A network that is to go does so when it has no endpoints. */
void ctl_operator_network(struct ctl_work *work)
{
	struct ctl_network *network = CTL_CONTAINER(work, struct ctl_network, work);

	if (network->deleting && !network->n_endpoints)
		ctl_remove_later(network->controller, MZ_KIND_NETWORK, network->facts.uid);
}
