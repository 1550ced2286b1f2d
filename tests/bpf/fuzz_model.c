// SPDX-License-Identifier: Apache-2.0
/*
 * Where a packet must go, by docs/architecture.md ("A packet"): the same decisions as in bpf/,
 * written a second time for plain arrays, with no regard for speed, so that the two can be
 * compared.
 */
#include "fuzz_model.h"

static bool is_among(const struct mz_replicas *set, unsigned int n, const struct mz_addr *host)
{
	for (unsigned int i = 0; i < n; i++)
		if (same(&set->addrs[i], host))
			return true;
	return false;
}

/* Used or not, it is believed. */
bool model_is_in(const struct mz_replicas *set, const struct mz_addr *host)
{
	return is_among(set, set->n + set->n_ready + set->n_known, host);
}

bool model_is_used(const struct mz_replicas *set, const struct mz_addr *host)
{
	return is_among(set, set->n, host);
}

/* Acts, used or not. */
static bool has_self(const struct view *v, const struct mz_replicas *set)
{
	return is_among(set, set->n + set->n_ready, &v->world->hosts[0].addr);
}

bool model_divides(const struct view *v)
{
	return has_self(v, &v->vpc->row.dividers);
}

/* What tables say of an address: nothing, mostly, where no endpoint has it. */
struct world_addr *model_addr(const struct view *v, const struct mz_addr *a)
{
	struct world *world = v->world;

	for (unsigned int i = 0; i < world->n_addrs; i++)
		if (world->addrs[i].vni == v->vni && same(&world->addrs[i].addr, a))
			return &world->addrs[i];
	assert_in_range(world->n_addrs, N_ADDRS, N_ADDRS + N_STRANGERS - 1);
	world->addrs[world->n_addrs] = (struct world_addr){ .vni = v->vni, .addr = *a };
	return &world->addrs[world->n_addrs++];
}

static const struct world_addr *find_location(const struct view *v, const struct mz_addr *a)
{
	const struct world_addr *found = model_addr(v, a);

	return found->has_location ? found : NULL;
}

/* The set of bouncers that serves the destination, or NULL. */
static const struct mz_replicas *find_bouncers(const struct view *v, uint64_t id)
{
	for (unsigned int i = 0; i < N_NETWORKS; i++) {
		const struct world_network *network = &v->world->networks[i];
		uint32_t slot = 0;

		if (network->network != id || !network->exists[0])
			continue;
		if (network->slots[0].slot_bits)
			slot = mz_slot(v->vni, &v->dst, network->slots[0].slot_bits);
		return network->exists[slot] ? &network->slots[slot].bouncers : NULL;
	}
	return NULL;
}

bool model_is_from_bouncer(const struct view *v, uint64_t network)
{
	const struct mz_replicas *set = find_bouncers(v, network);

	return set && model_is_in(set, &v->outer_src);
}

bool model_is_from_used_bouncer(const struct view *v, uint64_t network)
{
	const struct mz_replicas *set = find_bouncers(v, network);

	return set && model_is_used(set, &v->outer_src);
}

bool model_bounces(const struct view *v, uint64_t network)
{
	const struct mz_replicas *set = find_bouncers(v, network);

	return set && has_self(v, set);
}

uint64_t model_route(const struct view *v, const struct mz_addr *a)
{
	const struct world_addr *exact = model_addr(v, a);
	const struct world_prefix *best = NULL;

	if (exact->is_member)
		return exact->member.network;
	for (unsigned int i = 0; i < v->world->n_prefixes; i++) {
		const struct world_prefix *prefix = &v->world->prefixes[i];

		if (prefix->vni == v->vni &&
		    in_prefix(a, &prefix->prefix, prefix->prefix_len) &&
		    (!best || prefix->prefix_len > best->prefix_len))
			best = prefix;
	}
	return best ? best->network : 0;
}

static bool back_to_sender(struct view *v)
{
	v->gives_back = true;
	v->out->counters |= COUNT(give_back);
	return model_tunnel_to(v, &v->outer_src);
}

static bool to_location(struct view *v, const struct world_addr *location)
{
	if (v->was_divided && same(&location->location.host, &v->outer_src))
		return back_to_sender(v);
	v->out->counters |= COUNT(bounce);
	if (same(&location->location.host, &v->world->hosts[0].addr))
		return model_deliver(v);
	return model_tunnel_to(v, &location->location.host);
}

static bool divide(struct view *v)
{
	uint64_t network = model_route(v, &v->dst);
	const struct mz_replicas *bouncers;
	const struct world_addr *location;

	if (!network)
		return DROP(v, no_route);
	v->out->counters |= COUNT(divide);
	v->judged = network;
	if (v->local && v->local->local.network == network)
		return model_deliver(v);
	if (model_is_direct_by_divider(v) && model_is_straight(v, model_addr(v, &v->dst)) &&
	    model_use_learned(v, model_addr(v, &v->dst))) {
		v->is_direct = true;
		return model_tunnel_to(v, &v->to);
	}
	if (!(v->vpc->row.flags & MZ_VPC_DIVIDE) && !v->is_returned && v->is_tunneled &&
	    model_is_from_bouncer(v, network))
		return DROP(v, no_endpoint); /* who sent it would have it */
	bouncers = find_bouncers(v, network);
	if (!bouncers || !bouncers->n)
		return DROP(v, no_network);
	if (!has_self(v, bouncers))
		return model_tunnel_to_one(v, bouncers);
	location = find_location(v, &v->dst);
	return location ? to_location(v, location) : DROP(v, no_endpoint);
}

static bool to_divider(struct view *v)
{
	if (v->was_divided)
		return DROP(v, no_endpoint);
	if (has_self(v, &v->vpc->row.dividers))
		return divide(v);
	if (!v->vpc->row.dividers.n)
		return DROP(v, no_divider);
	return model_tunnel_to_one(v, &v->vpc->row.dividers);
}

/* Who bounces for the source sends on what it does not know; but not what another of them sent. */
static bool is_bouncer_of_source(const struct view *v)
{
	const struct world_addr *src = find_location(v, &v->src);

	return src && (same(&src->location.host, &v->outer_src) ||
		       !model_is_from_bouncer(v, src->location.network));
}

bool model_was_judged(const struct view *v, uint64_t network)
{
	return !v->is_returned && v->judged_before == network;
}

/* "VPC with divide" in docs/architecture.md. */
bool model_may_enter(struct view *v, uint64_t network)
{
	const struct world_addr *src;

	if (!(v->vpc->row.flags & MZ_VPC_DIVIDE))
		return true;
	if (v->port)
		return v->port->row.network == network;
	src = find_location(v, &v->src);
	if ((src ? src->location.network : v->sender_network) == network)
		return true;
	return model_was_judged(v, network) &&
	       (v->is_from_divider || model_is_from_bouncer(v, network));
}

/* Who has the row, but not the role, asks one that has. */
static bool bounce(struct view *v)
{
	const struct world_addr *location = find_location(v, &v->dst);
	const struct mz_replicas *bouncers;
	struct mz_addr other;

	if (!location || !model_may_enter(v, location->location.network))
		return to_divider(v);
	v->judged = location->location.network;
	bouncers = find_bouncers(v, location->location.network);
	if (!(v->vpc->row.flags & MZ_VPC_DIVIDE) || !bouncers || !bouncers->n ||
	    has_self(v, bouncers))
		return to_location(v, location);
	other = model_choose_one(v, bouncers);
	return same(&other, &v->outer_src) ? to_location(v, location) : model_tunnel_to(v, &other);
}

bool model_find_roles(struct view *v)
{
	static const struct world_vpc nowhere;
	const struct world_addr *dst = model_addr(v, &v->dst);

	for (unsigned int i = 0; i < N_VPCS; i++)
		if (v->world->vpcs[i].exists && v->world->vpcs[i].vni == v->vni)
			v->vpc = &v->world->vpcs[i];
	v->has_no_vpc = !v->vpc;
	if (v->has_no_vpc && (v->packet->hook == AGENT || v->control))
		return DROP(v, no_vpc);
	if (v->has_no_vpc)
		v->vpc = &nowhere;
	v->is_from_divider = v->is_tunneled && !v->is_returned &&
			     model_is_in(&v->vpc->row.dividers, &v->outer_src);
	v->was_divided = v->is_from_divider && v->judged_before;
	v->local = dst->is_local && dst->local.ifindex ? dst : NULL;
	return GO_ON;
}

bool model_is_behind_divider(const struct view *v, uint64_t network)
{
	return model_is_direct_by_divider(v) && network != v->port->row.network;
}

static bool route_agent(struct view *v)
{
	const struct mz_replicas *bouncers;
	const struct world_addr *location = find_location(v, &v->dst);

	if (v->route == TO_TUNNEL)
		return model_tunnel_to(v, &v->to);
	if (v->local && model_may_enter(v, v->local->local.network))
		return model_deliver(v);
	if (has_self(v, &v->vpc->row.dividers))
		return divide(v);
	if (v->local && !model_is_behind_divider(v, v->local->local.network))
		return to_divider(v);
	if (location && !model_is_behind_divider(v, location->location.network))
		return bounce(v);
	bouncers = find_bouncers(v, v->port->row.network);
	if (!bouncers || !bouncers->n)
		return DROP(v, no_network);
	return has_self(v, bouncers) ? bounce(v) : model_tunnel_to_one(v, bouncers);
}

bool model_to_dividers(struct view *v)
{
	if (!v->vpc->row.dividers.n)
		return DROP(v, no_divider);
	return model_tunnel_to_one(v, &v->vpc->row.dividers);
}

bool model_route_agent(struct view *v)
{
	return model_find_direct(v) || route_agent(v);
}

/* To the host that sent it, once; where that cannot be, it ends. */
static bool give_back(struct view *v, enum mz_drop reason)
{
	if (v->is_returned || !(v->has_no_vpc || model_is_direct(v)))
		return drop(v, reason);
	return back_to_sender(v);
}

/* What came back goes as it would from its endpoint, or from this divider. */
static bool send_again(struct view *v)
{
	const struct world_addr *src = model_addr(v, &v->src);

	if (v->has_no_vpc)
		return DROP(v, no_vpc);
	if (model_check_returned(v))
		return DONE;
	v->out->counters |= COUNT(send_again);
	for (unsigned int i = 0; i < N_PORTS; i++)
		if (src->is_local && v->world->ports[i].exists &&
		    v->world->ports[i].ifindex == src->local.ifindex)
			v->port = &v->world->ports[i];
	if (v->port)
		return model_route_agent(v);
	if (v->route == TO_LOCATION)
		return bounce(v);
	return model_is_in(&v->vpc->row.dividers, &v->world->hosts[0].addr) || src->has_moved ?
		       to_divider(v) :
		       DROP(v, stale_sender);
}

bool model_route_transit(struct view *v)
{
	const struct mz_moved *moved;

	model_confirm(v);
	model_attest(v);
	if (v->is_returned)
		return send_again(v);
	if (model_introduced(v))
		return DONE;
	if (v->local && !v->has_no_vpc && model_may_enter(v, v->local->local.network))
		return model_deliver(v);
	if (v->has_no_vpc)
		return give_back(v, MZ_DROP_no_vpc);
	moved = model_moved(v);
	if (find_location(v, &v->dst))
		return bounce(v);
	if (!v->was_divided && (model_divides(v) || is_bouncer_of_source(v)))
		return to_divider(v);
	if (moved && !(v->vpc->row.flags & MZ_VPC_DIVIDE) && !is_self(v, &moved->host)) {
		v->out->counters |= COUNT(moved);
		v->judged = v->judged_before;
		return model_tunnel_to(v, &moved->host);
	}
	if (v->is_from_divider)
		return give_back(v, MZ_DROP_no_endpoint);
	return give_back(v, v->local ? MZ_DROP_not_divided : MZ_DROP_not_here);
}
