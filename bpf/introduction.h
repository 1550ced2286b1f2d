/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What an RTS teaches, if somebody vouches for it: where the packet's sender is.
 */
#pragma once

#include "control_room.h"
#include "divide.h"
#include "pending.h"

/* What an RTS says, and the packet that it came with. */
struct claim {
	struct mz_vni_addr src;
	struct mz_vni_addr dst;
	struct mz_addr outer_src;
	struct mz_addr host;
	__u32 generation;
	__u64 network; /* of the destination, if it is on this host; zero: it is not */
};

/* Does a bouncer send it, of the destination's or the source's network? They judged it before. */
static __always_inline bool is_vouched(const struct claim *claim, const struct mz_vni_addr *src)
{
	const struct mz_route *route;

	if (claim->network && bouncers_have(claim->network, &claim->dst, &claim->outer_src))
		return true;
	route = find_route_of(src);
	return route && bouncers_have(route->network, &claim->dst, &claim->outer_src);
}

#define CLAIM_HOLDS 1

/*
 * A bouncer that has the source's row compares; else the packet must come from a bouncer or a
 * divider. A host may ask for itself, which teaches nothing. CLAIM_HOLDS; 0: not, but it may be
 * answered; or -enum mz_counter: refused.
 */
GLOBAL int claim_judge(const struct claim *claim, const struct mz_vpc *vpc)
{
	const struct mz_location *row;
	struct mz_vni_addr key;
	struct mz_addr host;
	bool is_divider, is_own, is_vouched_for;

	if (!claim || !vpc)
		return 0;
	if (addr_is_ipv4(&claim->host) == underlay_is_ipv6())
		return -MZ_COUNT_rts_host;
	is_own = host_equal(&claim->host, &claim->outer_src);
	host = claim->host;
	if (!is_own && !table_lookup(droplet, &host))
		return -MZ_COUNT_rts_host;
	is_divider = replicas_have(&vpc->dividers, &claim->outer_src);
	if (is_divider && is_own)
		return CLAIM_HOLDS;
	key = claim->src;
	is_vouched_for = is_divider || is_vouched(claim, &key);
	/* A divider stands in for the source, wherever that is. */
	if (is_vouched_for && vpc->flags & MZ_VPC_DIVIDE && !host_is_self(&claim->host) &&
	    replicas_have(&vpc->dividers, &claim->host))
		return CLAIM_HOLDS;
	row = table_lookup(location, &key);
	if (!row && !is_vouched_for)
		return is_own ? 0 : -MZ_COUNT_rts_source;
	if (host_is_self(&claim->host) || (!is_vouched_for && !is_own) ||
	    (row && !host_equal(&row->host, &claim->host)))
		return -MZ_COUNT_rts_host;
	if (row && row->generation != claim->generation)
		return -MZ_COUNT_rts_generation;
	return CLAIM_HOLDS;
}

/* Is the RTS believed? Marks MZ_INTRODUCED, MZ_STRIPS. Nobody judges where nothing is learned. */
static __always_inline int attest(struct mz_pkt *p)
{
	struct claim claim = {};
	const struct mz_opt_rts *rts;
	int r;

	if (!vpc_is_direct(p)) {
		mark(p, MZ_STRIPS);
		return 0;
	}
	rts = mz_at(p, p->f->rts, sizeof(*rts));
	if (!rts)
		return DROP(geneve_options);
	claim.src.vni = p->f->vni;
	claim.src.addr = p->f->src;
	claim.dst = (struct mz_vni_addr){ .vni = p->f->vni, .addr = p->f->dst };
	claim.outer_src = p->f->outer_src;
	__builtin_memcpy(&claim.host, rts->host, sizeof(claim.host));
	claim.generation = bpf_ntohl(rts->generation_be);
	claim.network = p->local ? p->local->network : 0;
	r = claim_judge(&claim, p->vpc);
	if (r == CLAIM_HOLDS)
		mark(p, MZ_INTRODUCED);
	if (r < 0) {
		mark(p, MZ_STRIPS);
		p->f->points |= 1ULL << (-r & 63);
	}
	return 0;
}

/* What is new of a location; the rest of its row stays or is made up. */
struct news {
	struct mz_addr host;
	__u64 network; /* zero: not known */
	__u32 generation;
	__u32 group;
	__u32 flags; /* MZ_LEARNED_RTS or MZ_LEARNED_HERE, and perhaps MZ_LEARNED_BY */
	__u32 pad;
};

/* News, and a row in the making: too big for the stacks of programs that are deep already. */
struct learn_room {
	struct news news;
	struct mz_learned row;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct learn_room);
} learn_room SEC(".maps");

static __always_inline struct learn_room *find_learn_room(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&learn_room, &zero);
}

static __always_inline void learned_write(struct mz_learned *new, const struct mz_learned *old,
					  const struct news *news, __u64 now)
{
	__builtin_memset(new, 0, sizeof(*new));
	new->host = news->host;
	new->network = news->network;
	new->confirmed = now;
	new->generation = news->generation;
	new->group = news->group;
	new->flags = news->flags;
	new->asked = now;
	new->asked_bouncers = now >> MZ_LEARNED_SHIFT;
	if (!old)
		return;
	new->before = host_equal(&old->host, &news->host) ? old->before : old->host;
	new->used = old->used;
	new->hits = old->hits;
}

/*
 * Is what is known better? An older generation is believed of a HERE alone, which is fresh by its
 * cookie, and then only if what is known does not hold.
 */
static __always_inline bool is_known_better(const struct mz_learned *row, const struct news *news,
					    __u64 now)
{
	bool holds = learned_holds(row, now);
	bool is_attested = news->flags & MZ_LEARNED_RTS;

	/* Nobody attested the generation of a HERE. */
	if (!is_older(news->generation, row->generation) ||
	    (is_attested && row->flags & MZ_LEARNED_HERE))
		return false;
	return holds || (is_attested && age_of(row->confirmed, now) < mz_config.lease);
}

/*
 * A divider stands in for no host that is known: its word is true, and changes nothing. Nor does
 * that of one which nobody told where the endpoint is, if another divider is known: that may know.
 */
static __always_inline bool is_no_better(const struct mz_learned *row, const struct news *news)
{
	bool is_guess = news->flags & MZ_LEARNED_RTS && !news->generation;

	return news->flags & MZ_LEARNED_BY &&
	       (is_proven(row) || (is_guess && !host_equal(&row->host, &news->host)));
}

enum heard {
	HEARD_NEW,   /* learned or renewed */
	HEARD_KNOWN, /* true, but nothing changes */
	HEARD_OLD,   /* something better is known */
	HEARD_FULL,  /* there is no room */
};

/* The news of the room: an enum heard. */
GLOBAL int learn(const struct mz_vni_addr *key)
{
	struct learn_room *room = find_learn_room();
	const struct news *news;
	struct mz_vni_addr copy;
	struct mz_learned *row;
	__u64 now = clock();
	__u32 zero = 0;
	void *rows = bpf_map_lookup_elem(&learned, &zero);

	if (!rows || !room || !key)
		return HEARD_FULL;
	news = &room->news;
	copy = *key;
	row = bpf_map_lookup_elem(rows, &copy);
	if (row && is_no_better(row, news) && learned_holds(row, now))
		return HEARD_KNOWN;
	if (row && is_known_better(row, news, now))
		return HEARD_OLD;
	if (row && host_equal(&row->host, &news->host) && row->group == news->group &&
	    !(row->flags & MZ_LEARNED_STALE) && !((row->flags ^ news->flags) & MZ_LEARNED_BY) &&
	    (row->generation == news->generation || !news->generation) &&
	    (row->network == news->network || !news->network)) {
		row->flags = news->flags;
		row->confirmed = now;
		return HEARD_NEW;
	}
	learned_write(&room->row, row, news, now);
	return bpf_map_update_elem(rows, &copy, &room->row, BPF_ANY) ? HEARD_FULL : HEARD_NEW;
}

/*
 * The network that the source of an RTS is in, as a bouncer of it said, or this host's own row. A
 * divider puts itself into the RTS of another network's source: what it passes on as it was, as a
 * bouncer that divides, too, is of the destination's.
 */
static __always_inline __u64 introduced_network(struct mz_pkt *p)
{
	const struct mz_location *location;

	if (!vpc_is_direct_by_divider(p) || replicas_have_self(&p->vpc->dividers))
		return 0;
	location = find_location(p, &p->f->src);
	if (location)
		return location->network;
	return was_judged(p, p->local->network) && is_from_bouncer(p, p->local->network) ?
		       p->local->network :
		       0;
}

/* As learn(), or a drop. */
static __always_inline int learn_source(struct mz_pkt *p, bool is_delivered)
{
	struct mz_vni_addr key = { .vni = p->f->vni, .addr = p->f->src };
	const struct mz_opt_rts *rts = mz_at(p, p->f->rts, sizeof(*rts));
	struct learn_room *room = find_learn_room();
	struct news *news;
	int r;

	if (!rts || !room)
		return DROP(geneve_options);
	news = &room->news;
	*news = (struct news){ .flags = MZ_LEARNED_RTS };
	__builtin_memcpy(&news->host, rts->host, sizeof(news->host));
	news->generation = bpf_ntohl(rts->generation_be);
	news->group = bpf_ntohl(rts->group_be);
	if (vpc_is_direct_by_divider(p) && replicas_have(&p->vpc->dividers, &news->host))
		news->flags |= MZ_LEARNED_BY;
	/* A divider needs no other one: it asks itself, and only the endpoint's host answers. */
	if (news->flags & MZ_LEARNED_BY && replicas_have_self(&p->vpc->dividers))
		return HEARD_KNOWN;
	if (is_delivered && news->flags & MZ_LEARNED_BY)
		news->network = p->local->network;
	else if (is_delivered)
		news->network = introduced_network(p);
	r = learn(&key);
	if (r == HEARD_NEW)
		POINT(p, learn);
	else if (r == HEARD_OLD)
		POINT(p, rts_old);
	else if (r == HEARD_FULL)
		POINT(p, learn_full);
	return r;
}

/*
 * The RTS of a divider in place of that which came: it is the next hop for both ends. The rest is
 * passed on only if somebody attested it.
 */
static __always_inline int replace_rts(struct mz_pkt *p)
{
	struct mz_addr self = self_addr();
	struct mz_opt_rts *rts;
	__be32 old[8], new[8];
	__u64 cookie = cookie_for(p->f->vni | COOKIE_DIVIDES, &p->f->dst, &p->f->src,
				  cookie_time());

	rts = mz_at(p, p->f->rts, sizeof(*rts));
	if (!rts)
		return DROP(geneve_options);
	_Static_assert(sizeof(*rts) == sizeof(rts->opt) + sizeof(old), "all but the header");
	__builtin_memcpy(old, rts->host, sizeof(old));
	__builtin_memcpy(new, &self, 16);
	new[4] = is(p, MZ_INTRODUCED) ? rts->generation_be : 0;
	new[5] = is(p, MZ_INTRODUCED) ? rts->group_be : 0;
	__builtin_memcpy(new + 6, &cookie, 8);
	__builtin_memcpy(rts->host, new, sizeof(new));
	ctx_csum_follow(p->ctx, bpf_csum_diff(old, sizeof(old), new, sizeof(new), 0));
	return 0;
}

/* Does this divider know where the destination is? */
static __always_inline bool knows_destination(struct mz_pkt *p)
{
	const struct mz_learned *learned = find_straight(p);

	return find_location(p, &p->f->dst) ||
	       (learned && learned_holds(learned, clock()) &&
		!host_is_dead(p->f->epoch, &learned->host));
}

/*
 * May there be a destination, as far as this divider knows, in another network? Between endpoints
 * of one nobody divides.
 */
static __always_inline bool is_between_networks(struct mz_pkt *p, bool is_known)
{
	struct mz_vni_addr key = { .vni = p->f->vni, .addr = p->f->dst };
	const struct mz_route *src = find_route(p->f->vni, &p->f->src);
	const struct mz_route *dst = find_route(p->f->vni, &p->f->dst);

	if (!dst || (src && src->network == dst->network))
		return false;
	return is_known || !bounces_for(dst->network, &key);
}

/* At the destination. Where the VPC divides, what is not learned could not send straight. */
static __always_inline int introduced_here(struct mz_pkt *p)
{
	int r = is(p, MZ_INTRODUCED) ? learn_source(p, true) : 0;

	if (r < 0)
		return r;
	if (r <= HEARD_KNOWN || !vpc_is_direct_by_divider(p))
		prepare_here(p, p->local->generation, 0);
	return 0;
}

/* The copy of a packet that was delivered: deliver() made it to be the answer, no more. */
static __always_inline int answer_by_copy(struct mz_pkt *p)
{
	if (!ctx_take_mark(p->ctx, secret_mark()))
		return 0;
	p->f->points = 0;
	mark(p, MZ_COPY);
	if (p->local)
		prepare_here(p, p->local->generation, 0);
	return MZ_COPIED;
}

/*
 * A VPC that divides: this divider asks for itself, and answers for the destination: at once, or
 * when it is answered.
 */
static __always_inline int introduced_to_divider(struct mz_pkt *p, bool is_known)
{
	int r = is(p, MZ_INTRODUCED) ? learn_source(p, false) : 0;

	if (r < 0)
		return r;
	r = 0;
	if (is_known)
		prepare_here(p, 0, 0);
	else if (is(p, MZ_INTRODUCED))
		r = note_pending(p);
	return r ?: replace_rts(p);
}

/*
 * Learns the source, has its host told, as far as this host is the one to do so; else the RTS is
 * passed on, if it is believed: the next host would take this one's word.
 */
static __always_inline int introduced(struct mz_pkt *p)
{
	bool divides = replicas_have_self(&p->vpc->dividers), is_known;

	if (!vpc_is_direct(p) || is(p, MZ_STRIPS))
		return 0;
	if (p->local && (divides || may_enter(p, p->local->network)))
		return introduced_here(p);
	is_known = divides && knows_destination(p);
	if (divides && vpc_is_direct_by_divider(p) && !was_divided(p) &&
	    is_between_networks(p, is_known))
		return introduced_to_divider(p, is_known);
	if (!is(p, MZ_INTRODUCED)) {
		mark(p, MZ_STRIPS);
		POINT(p, rts_source);
	}
	return 0;
}
