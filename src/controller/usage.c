// SPDX-License-Identifier: Apache-2.0
/*
 * Which scopes a host holds, from what is on it:
 *
 *	vpc        an endpoint of the VPC, a bouncer of one of its networks, or a divider
 *	routes     a divider of the VPC
 *	network    an endpoint of the network, a bouncer of it, or a divider of its VPC
 *	locations  a bouncer of the network
 *
 * Every host holds `droplets` and `host`. A tombstone counts as an endpoint: the host still handles
 * its packets.
 */
#include "controller/sub.h"

struct ctl_usage *ctl_usage_find(struct ctl_usage *usages, const struct ctl_droplet *droplet)
{
	struct ctl_usage *usage;

	HASH_FIND(hh, usages, &droplet, sizeof(droplet), usage);
	return usage;
}

bool ctl_set_has_replica(const struct ctl_set *set, const struct ctl_droplet *droplet)
{
	const struct ctl_replica *replica;

	DL_FOREACH(set->replicas, replica)
		if (replica->droplet == droplet)
			return true;
	return false;
}

/* Adds to the counts; a row that counts nothing goes. */
static void count(struct ctl_usage **usages, struct ctl_network *network,
		  struct ctl_droplet *droplet, int endpoints, int replicas)
{
	struct ctl_usage *usage = ctl_usage_find(*usages, droplet);

	if (!usage) {
		usage = ctl_calloc(1, sizeof(*usage));
		usage->droplet = droplet;
		usage->network = network;
		HASH_ADD(hh, *usages, droplet, sizeof(usage->droplet), usage);
		if (network)
			DL_APPEND(droplet->usages, usage);
	}
	usage->n_endpoints += (uint64_t)(int64_t)endpoints;
	usage->n_replicas += (unsigned int)replicas;
	if (usage->n_endpoints || usage->n_replicas)
		return;
	HASH_DEL(*usages, usage);
	if (network)
		DL_DELETE(droplet->usages, usage);
	free(usage);
}

static void update_network(struct ctl_controller *c, struct ctl_network *network,
			   struct ctl_droplet *droplet)
{
	bool bounces = ctl_set_has_replica(&network->set, droplet);
	bool divides = ctl_set_has_replica(&network->vpc->set, droplet);

	ctl_sub_set(c, droplet, &network->locations, bounces);
	ctl_sub_set(c, droplet, &network->scope,
		    divides || ctl_usage_find(network->usages, droplet));
}

void ctl_usage_network(struct ctl_controller *c, struct ctl_network *network,
		       struct ctl_droplet *droplet, int endpoints, int replicas)
{
	struct ctl_vpc *vpc = network->vpc;

	count(&network->usages, network, droplet, endpoints, replicas);
	count(&vpc->usages, NULL, droplet, endpoints, replicas);
	ctl_sub_set(c, droplet, &vpc->scope, ctl_usage_find(vpc->usages, droplet));
	update_network(c, network, droplet);
}

void ctl_usage_vpc(struct ctl_controller *c, struct ctl_vpc *vpc, struct ctl_droplet *droplet,
		   int dividers)
{
	struct ctl_network *network;

	count(&vpc->usages, NULL, droplet, 0, dividers);
	ctl_sub_set(c, droplet, &vpc->scope, ctl_usage_find(vpc->usages, droplet));
	DL_FOREACH(vpc->networks, network)
		update_network(c, network, droplet);
	ctl_sub_set(c, droplet, &vpc->routes, ctl_set_has_replica(&vpc->set, droplet));
}

void ctl_usage_new_network(struct ctl_controller *c, struct ctl_network *network)
{
	struct ctl_replica *divider;

	DL_FOREACH(network->vpc->set.replicas, divider)
		update_network(c, network, divider->droplet);
}
