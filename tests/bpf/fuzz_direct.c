// SPDX-License-Identifier: Apache-2.0
/*
 * The direct path, by docs/wire-format.md ("Learning"): whom data packets introduce, whom they are
 * answered to, and what is used of what was learned (fuzz_learned.c).
 */
#include "fuzz_model.h"

/* Was it here, and whereto did it go? NULL: it was not. */
const struct mz_moved *model_moved(struct view *v)
{
	const struct world_addr *dst = model_addr(v, &v->dst);

	v->has_moved = !v->local && !v->is_returned && dst->has_moved;
	return v->has_moved ? &dst->moved : NULL;
}

static bool is_vouched(const struct view *v)
{
	uint64_t network = model_route(v, &v->src);

	return v->is_from_divider ||
	       (v->local && model_is_from_bouncer(v, v->local->local.network)) ||
	       (network && model_is_from_bouncer(v, network));
}

static void make_void(struct view *v, unsigned int counter)
{
	v->is_void = true;
	v->out->counters |= counter;
}

/* It speaks for itself, or stands in for the source and was handed on by who judged it. */
static bool is_dividers(const struct view *v, const struct mz_addr *host)
{
	if (!model_is_in(&v->vpc->row.dividers, host))
		return false;
	return same(host, &v->outer_src) ||
	       (v->vpc->row.flags & MZ_VPC_DIVIDE && !is_self(v, host) && is_vouched(v));
}

void model_attest(struct view *v)
{
	const struct world_addr *src = model_addr(v, &v->src);
	struct mz_addr host;
	uint32_t generation;

	if (!v->rts)
		return;
	if (v->is_returned || !model_is_direct(v)) { /* nobody judges it */
		v->is_void = true;
		return;
	}
	host = addr_at(v, v->rts + 4);
	generation = get32(at(v, v->rts + 20));
	if (is_ipv4(&host) == v->world->is_ipv6 ||
	    (!same(&host, &v->outer_src) && !model_is_droplet(v, &host))) {
		make_void(v, COUNT(rts_host));
	} else if (is_dividers(v, &host)) {
		v->is_introduced = true;
	} else if (!src->has_location && !is_vouched(v)) {
		if (!same(&host, &v->outer_src)) /* else it asks for itself */
			make_void(v, COUNT(rts_source));
	} else if (is_self(v, &host) ||
		   (src->has_location && !same(&src->location.host, &host)) ||
		   (!is_vouched(v) && !same(&host, &v->outer_src))) {
		make_void(v, COUNT(rts_host));
	} else if (src->has_location && src->location.generation != generation) {
		make_void(v, COUNT(rts_generation));
	} else {
		v->is_introduced = true;
	}
}

static bool learn_source(struct view *v, uint64_t network, uint64_t asker)
{
	bool is_learned;

	struct mz_learned news = { .host = addr_at(v, v->rts + 4),
				   .network = network,
				   .generation = get32(at(v, v->rts + 20)),
				   .group = get32(at(v, v->rts + 24)),
				   .flags = MZ_LEARNED_RTS };

	if (model_is_divider_between(v, &news.host)) {
		if (model_divides(v))
			return true; /* and is as wise as before */
		news.flags |= MZ_LEARNED_BY;
		news.network = asker;
	}
	is_learned = model_learn(v, model_addr(v, &v->src), &news);
	v->out->counters |= is_learned ? 0 : COUNT(rts_old);
	return is_learned;
}

/* What was answered before limits it; a message without a way is not sent. */
static void answer(struct view *v, const struct mz_addr *to, const struct options *o,
		   unsigned int counter)
{
	struct message *message = &v->out->message;
	const struct mz_nexthop *ways = model_ways(v, to);
	struct frame *frame = &message->frame;
	uint8_t *udp;

	v->out->counters |= v->may_answer ? 0 : COUNT(here_limit);
	v->answers = v->may_answer;
	if (!v->may_answer || is_self(v, to) || !ways)
		return;
	message->exists = true;
	message->counter = counter;
	message->may_be_lost = false;
	for (unsigned int slot = 0; slot < MZ_WAY_SLOTS; slot++)
		message->may_be_lost |=
			!ways->ways[ways->slots >> slot * MZ_WAY_BITS & (MZ_WAYS_MAX - 1)].ifindex;
	memset(frame->bytes, 0, ETH + 40 + 16);
	frame->size = ETH + (v->world->is_ipv6 ? 40 : 20) + 16;
	put16(frame->bytes + 12, v->world->is_ipv6 ? 0x86dd : 0x0800);
	udp = frame->bytes + frame->size - 16;
	message->port = frame->size - 16;
	frame_append(frame, o->bytes, o->size);
	(void)model_outer_ip(v, frame, to, 0, &message->label);
	put16(udp + 2, MZ_GENEVE_PORT);
	put16(udp + 4, 16 + o->size);
	udp[8] = o->size / 4;
	udp[9] = o->flags;
	put16(udp + 10, 0x6558);
	put32(udp + 12, v->vni << 8);
}

static void tell_here(struct view *v, const struct mz_addr *to, const uint8_t *cookie,
		      uint32_t generation, uint32_t flags)
{
	struct options o = { .flags = MZ_GENEVE_F_CONTROL | MZ_GENEVE_F_CRITICAL };
	uint8_t data[52] = {};

	memcpy(data, &v->dst, 16);
	memcpy(data + 16, &v->src, 16);
	memcpy(data + 32, cookie, COOKIE_SIZE);
	put32(data + 40, generation);
	put32(data + 48, flags);
	option_append(&o, MZ_OPT_CLASS, MZ_OPT_HERE, data, sizeof(data));
	answer(v, to, &o, COUNT(here));
}

static void answer_rts(struct view *v, uint32_t generation, uint32_t flags)
{
	struct mz_addr to = addr_at(v, v->rts + 4);

	if (v->rts && !v->is_void && model_is_direct(v))
		tell_here(v, &to, at(v, v->rts + 28), generation, flags);
}

/* What this divider does not know, it has asked in its own name: for whom? */
static void note_pending(struct view *v)
{
	v->out->pending = (struct world_pending){ .vni = v->vni,
						  .dst = v->dst,
						  .src = v->src,
						  .host = addr_at(v, v->rts + 4) };
	memcpy(v->out->pending.cookie, at(v, v->rts + 28), COOKIE_SIZE);
	v->out->notes = true;
}

void model_answer_pending(struct view *v, uint32_t flags)
{
	const struct world_pending *row = world_pending(v->world, v->vni, &v->dst, &v->src);

	if (!row)
		return;
	v->out->pending = *row;
	tell_here(v, &row->host, row->cookie, 0, flags);
	v->out->answers = v->answers; /* the limit has it wait */
}

/* Of which network the source is, by its bouncer; 0: who knows, or who cares. */
static uint64_t introduced_network(struct view *v)
{
	const struct world_addr *src = model_addr(v, &v->src);

	if (!model_is_direct_by_divider(v) || model_divides(v))
		return 0;
	if (src->has_location)
		return src->location.network;
	return model_was_judged(v, v->local->local.network) &&
			       model_is_from_bouncer(v, v->local->local.network) ?
		       v->local->local.network :
		       0;
}

static bool knows_destination(const struct view *v)
{
	const struct world_addr *dst = model_addr(v, &v->dst);

	return dst->has_location ||
	       (model_is_straight(v, dst) && model_holds(v, dst) &&
		!model_host_is_dead(v, &model_row(v, dst)->host));
}

/* May there be a destination, as far as this divider knows, in another network than the source? */
static bool is_between_networks(const struct view *v)
{
	uint64_t src = model_route(v, &v->src), dst = model_route(v, &v->dst);

	return dst && src != dst && (knows_destination(v) || !model_bounces(v, dst));
}

/*
 * An RTS, before the packet goes on. At the destination the source is learned, if somebody vouches,
 * and its host told; so does a divider, which puts itself into the RTS. Elsewhere one that nobody
 * vouched for goes no further.
 */
bool model_introduced(struct view *v)
{
	bool is_learned = true;

	if (!v->rts || v->is_void || !model_is_direct(v))
		return GO_ON;
	if (v->local && (model_divides(v) || model_may_enter(v, v->local->local.network))) {
		if (v->is_introduced)
			is_learned = learn_source(v, introduced_network(v),
						  v->local->local.network);
		if (is_learned || !model_is_direct_by_divider(v))
			answer_rts(v, v->local->local.generation, 0);
	} else if (model_divides(v) && model_is_direct_by_divider(v) && !v->was_divided &&
		   is_between_networks(v)) {
		bool is_known = knows_destination(v);

		if (v->is_introduced)
			(void)learn_source(v, 0, 0);
		if (is_known)
			answer_rts(v, 0, 0);
		else if (v->is_introduced)
			note_pending(v);
		v->replaces = true;
	} else if (!v->is_introduced) {
		make_void(v, COUNT(rts_source));
	}
	return GO_ON;
}

/* The RTS of a divider, which vouches for no more than was attested. */
void model_replace_rts(const struct view *v, uint8_t *frame)
{
	if (!v->replaces)
		return;
	memcpy(frame + v->rts + 4, &v->world->hosts[0].addr, 16);
	if (!v->is_introduced)
		memset(frame + v->rts + 20, 0, 8);
	model_cookie(v, v->now, frame + v->rts + 28);
}

/*
 * A divider that knew where it is, and has to ask again: the sender has to; one that never knew has
 * who does not ask by a bouncer ask.
 */
static bool wants_rts(const struct view *v)
{
	const struct world_addr *dst = model_addr(v, &v->dst);
	const struct mz_learned *src = model_row(v, model_addr(v, &v->src));
	unsigned int counters = v->out->counters;
	uint64_t network = model_route(v, &v->src);

	if (v->rts || v->is_returned || v->gives_back || !(counters & COUNT(divide)) ||
	    counters & COUNT(direct) || !model_is_direct_by_divider(v))
		return false;
	if (model_is_straight(v, dst))
		return !model_holds(v, dst);
	if (src && same(&src->host, &v->outer_src))
		return true; /* it comes from there, not by a bouncer */
	return !network || !model_is_from_bouncer(v, network);
}

bool model_tell_sender(struct view *v)
{
	struct options o = { .flags = MZ_GENEVE_F_CONTROL | MZ_GENEVE_F_CRITICAL };
	bool is_on_the_way = v->out->counters & COUNT(divide) && model_is_direct_by_divider(v);
	bool tells = v->has_moved && !v->gives_back && !is_on_the_way && model_is_direct(v);
	uint8_t data[20];

	if (!tells && !wants_rts(v))
		return GO_ON;
	if (v->packet->hook == XDP)
		return pass(v);
	memcpy(data, &v->dst, 16);
	put32(data + 16, tells ? model_addr(v, &v->dst)->moved.generation : 0);
	option_append(&o, MZ_OPT_CLASS, MZ_OPT_STALE, data, sizeof(data));
	answer(v, &v->outer_src, &o, COUNT(stale));
	return GO_ON;
}

bool model_tell_nobody(struct view *v)
{
	if (!v->is_tunneled || !v->rts)
		return false;
	if (v->packet->hook == XDP)
		return pass(v);
	answer_rts(v, 0, MZ_HERE_NOBODY);
	return false;
}

/*
 * From a host where it was sent, now or until a moment ago? From a bouncer a divider takes it for
 * an answer. What this host itself bounces goes where it is by now, unless that is where it was.
 */
bool model_check_returned(struct view *v)
{
	struct world_addr *dst = model_addr(v, &v->dst);
	const struct mz_learned *row = model_row(v, dst);
	uint64_t network = model_route(v, &v->dst);
	bool is_known = row && same(&row->host, &v->outer_src);

	if (is_known)
		model_change(v, dst)->row.flags |= MZ_LEARNED_STALE;
	if (model_divides(v) && !network)
		return DROP(v, no_route);
	if (model_divides(v) && model_is_from_bouncer(v, network)) {
		bool came = v->local && v->local->local.network == network;

		/* Who is not used any more need not know. */
		if (came || !model_is_from_used_bouncer(v, network))
			return GO_ON;
		model_heed_no_one(v);
		return DROP(v, no_endpoint);
	}
	if (!is_known && !dst->has_location && !(row && same(&row->before, &v->outer_src)))
		return DROP(v, stale_sender);
	if (dst->has_location && same(&dst->location.host, &v->outer_src) &&
	    model_bounces(v, dst->location.network))
		return DROP(v, not_here);
	if (dst->has_location)
		v->route = TO_LOCATION; /* of what no endpoint of this host sent */
	return GO_ON;
}

static bool may_use(struct view *v, const struct world_addr *dst)
{
	const struct mz_learned *row = model_row(v, dst);

	if (model_is_direct_by_divider(v) &&
	    (row->network != v->port->row.network || row->flags & MZ_LEARNED_BY))
		return model_is_used(&v->vpc->row.dividers, &row->host);
	return !dst->has_location || same(&dst->location.host, &row->host);
}

/* Late in a lease it is asked; very late by the bouncers. When exactly, only the host knows. */
static bool renew(struct view *v, const struct mz_learned *row)
{
	uint64_t age = v->now > row->confirmed ? v->now - row->confirmed : 0;

	/* Learned by a divider for others here: there may be a shorter way. */
	if (row->flags & MZ_LEARNED_BY && row->network != v->port->row.network && v->may_ask &&
	    !v->packet->is_gso && !v->is_returned) {
		v->asks = true;
		return true;
	}
	v->asks = v->may_ask && age > MZ_LEASE_NS / 2 && !v->is_returned;
	return v->asks && age > MZ_LEASE_NS / 8 * 7;
}

/* What an endpoint of this host sends; a divider divides it first. */
bool model_find_direct(struct view *v)
{
	struct world_addr *dst = model_addr(v, &v->dst);
	const struct mz_learned *row = model_row(v, dst);

	if (!model_is_direct(v) || !row ||
	    (v->local && !model_is_behind_divider(v, v->local->local.network)) ||
	    (model_is_direct_by_divider(v) && model_divides(v)))
		return GO_ON;
	if (model_is_direct_by_divider(v) && model_is_proven(row) &&
	    row->network != v->port->row.network && model_holds(v, dst)) {
		v->is_direct = true;
		v->asks = v->may_ask;
		return model_to_dividers(v);
	}
	v->learned = dst;
	if (!may_use(v, dst) || !model_holds(v, dst) || renew(v, row) ||
	    !model_use_learned(v, dst))
		return GO_ON;
	v->is_direct = true;
	v->judged = model_is_proven(row) ? v->port->row.network : 0;
	v->route = TO_TUNNEL;
	return GO_ON;
}

/* On its way to a bouncer or divider. */
bool model_introduce(struct view *v)
{
	if (!model_is_direct(v) || v->is_direct || v->asks)
		return GO_ON;
	if (model_addr(v, &v->dst)->nobody_until > v->now)
		return DROP(v, nobody);
	v->asks = v->may_ask;
	return GO_ON;
}

/* With its header. */
void model_write_rts(const struct view *v, uint8_t *to)
{
	const struct world_addr *src = model_addr((struct view *)v, &v->src);

	put16(to, MZ_OPT_CLASS);
	to[2] = MZ_OPT_RTS;
	to[3] = 8;
	memcpy(to + 4, &v->world->hosts[0].addr, 16);
	put32(to + 20, src->is_local ? src->local.generation : 0);
	put32(to + 24, 0);
	model_cookie(v, v->now, to + 28);
}
