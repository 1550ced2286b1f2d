/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What one host makes of a packet, function by function as bpf/route.h, direct.h, bounce.h,
 * divide.h and returned.h. tests/bpf/simulate asks both the same questions.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/location.h"
#include "cli/path_tables.h"

static int drop(struct step *s, enum mz_drop reason)
{
	s->out->end = MZ_PATH_DROPPED;
	s->out->drop = reason;
	return 1;
}

static int arrive(struct step *s)
{
	s->out->roles |= MZ_PATH_DESTINATION;
	s->out->end = MZ_PATH_ARRIVES;
	return 1;
}

/* Adds to what was said before: "no location is learned: a bouncer of network 5". */
__attribute__((format(printf, 2, 3))) static void because(struct step *s, const char *format, ...)
{
	size_t n = strlen(s->out->why);
	va_list ap;

	va_start(ap, format);
	/* a cut reason is still one */
	(void)vsnprintf(s->out->why + n, sizeof(s->out->why) - n, format, ap);
	va_end(ap);
}

static int go_to(struct step *s, const struct mz_addr *host)
{
	s->out->next = (struct mz_replicas){ .n = 1, .addrs = { *host } };
	return 1;
}

/* Those that answer, and did not give it back; or all if none does. */
static int go_to_one_of(struct step *s, const struct mz_replicas *set, enum mz_drop if_empty)
{
	struct mz_replicas *next = &s->out->next;
	int r;

	for (__u32 i = 0; i < set->n && i < MZ_REPLICAS_MAX; i++) {
		r = is_dead(s, &set->addrs[i]);
		if (r < 0)
			return r;
		if (!r && !(s->is_returned && is_same(&set->addrs[i], s->from)))
			next->addrs[next->n++] = set->addrs[i];
	}
	if (!next->n)
		*next = *set;
	return next->n ? 1 : drop(s, if_empty);
}

/* -EAGAIN: this host itself. */
static int go_to_bouncer(struct step *s, uint64_t network)
{
	struct mz_network row;
	int r = get_network(s, network, &row);

	if (r <= 0 || !row.bouncers.n)
		return r < 0 ? r : drop(s, MZ_DROP_no_network);
	return acts(s, &row.bouncers) ? -EAGAIN :
					go_to_one_of(s, &row.bouncers, MZ_DROP_no_network);
}

/* Whether the packet may be delivered into this network here: see bpf/route.h. */
static int may_enter(const struct step *s, uint64_t network)
{
	struct mz_location src;
	int r;

	if (!(s->vpc.flags & MZ_VPC_DIVIDE))
		return 1;
	if (s->network)
		return s->network == network;
	r = get_of_addr(s, MZ_TABLE_location, &s->flow->src, &src);
	if (r < 0 || (r > 0 ? src.network : s->sender_network) == network)
		return r < 0 ? r : 1;
	return !was_judged(s, network) ? 0 : is_from_divider(s) ? 1 : is_from_bouncer(s, network);
}

/* What comes back from there makes it stale. */
static bool holds(const struct step *s, const struct mz_learned *row,
		  struct mz_location_words *ret_words)
{
	*ret_words = mz_location_words(row, &s->vpc, s->host->lease, s->now);
	if (s->is_returned && is_same(&row->host, s->from))
		ret_words->state = "stale";
	return !strcmp(ret_words->state, "fresh");
}

static int go_to_learned(struct step *s, const struct mz_learned *row)
{
	char age[MZ_DURATION_SIZE], left[MZ_DURATION_SIZE];
	struct mz_location_words words;
	int r;

	if (!holds(s, row, &words)) {
		because(s, "the learned location is %s: ", words.state);
		return 0;
	}
	r = is_dead(s, &row->host);
	if (r != 0) {
		because(s, "the learned location is on a dead host: ");
		return r < 0 ? r : 0;
	}
	because(s, "learned (%s), confirmed %s ago, lease %s%s", words.source,
		mz_duration_format(words.age_ms, age), mz_duration_format(words.left_ms, left),
		strcmp(words.via, "divider") ? "" : ", by way of a divider");
	return go_to(s, &row->host);
}

/* Where the VPC divides, a row leads past the dividers only within a network: bpf/direct.h. */
static int use_learned(struct step *s, const struct mz_learned *row)
{
	bool is_by = row->flags & MZ_LEARNED_BY;
	bool is_other = is_direct_by_divider(s) && (is_by || row->network != s->network);
	struct mz_location_words words;
	int r;

	if (is_other && !is_by && row->network && holds(s, row, &words)) {
		because(s, "learned in another network, %llu: a divider of the VPC", row->network);
		return go_to_one_of(s, &s->vpc.dividers, MZ_DROP_no_divider);
	}
	if (is_other && !mz_replicas_use(&s->vpc.dividers, &row->host)) {
		because(s, "the learned location is not proven to be in the source's network: ");
		return 0;
	}
	r = is_other ? 0 : get_of_addr(s, MZ_TABLE_location, &s->flow->dst, &s->location);
	if (r > 0 && !is_same(&s->location.host, &row->host)) {
		because(s, "the bouncer's own row says otherwise than what was learned: ");
		return 0;
	}
	r = r < 0 ? r : go_to_learned(s, row);
	if (r > 0 && row->network && !is_by)
		s->out->judged = s->network;
	return r;
}

static int find_direct(struct step *s)
{
	struct mz_learned row;
	int r;

	if (!(s->vpc.flags & MZ_VPC_DIRECT)) {
		because(s, "the VPC learns no locations: ");
		return 0;
	}
	/* A divider divides first, and keeps then to what it learned. */
	if ((s->has_local && !is_behind_divider(s, s->local.network)) ||
	    (is_direct_by_divider(s) && divides(s)))
		return 0;
	r = get_of_addr(s, MZ_TABLE_learned, &s->flow->dst, &row);
	if (r == 0)
		because(s, "no location is learned: ");
	return r <= 0 ? r : use_learned(s, &row);
}

static int back_to_sender(struct step *s, enum mz_drop reason)
{
	s->out->roles |= MZ_PATH_RETURN;
	s->out->gives_back = true;
	s->out->judged = s->judged;
	because(s, "given back (%s), and sent again by another way", mz_drop_name(reason));
	return go_to(s, s->from);
}

static int go_to_location(struct step *s)
{
	s->out->roles |= MZ_PATH_BOUNCER;
	if (was_divided(s) && is_same(&s->location.host, s->from)) /* unless it has it by now */
		return back_to_sender(s, MZ_DROP_not_here);
	if (is_same(&s->location.host, &s->host->self))
		return s->has_local ? arrive(s) : drop(s, MZ_DROP_not_here);
	because(s, "its row in the bouncer's table, generation %u", s->location.generation);
	return go_to(s, &s->location.host);
}

/* What another divider stood for is from the time before this host divided. */
static int divide_directly(struct step *s)
{
	struct mz_learned row;
	int r = get_of_addr(s, MZ_TABLE_learned, &s->flow->dst, &row);

	if (r <= 0 || !is_direct_by_divider(s) || row.flags & MZ_LEARNED_BY)
		return r < 0 ? r : 0;
	return go_to_learned(s, &row);
}

static int divide(struct step *s)
{
	uint64_t network;
	int r = mz_path_find_route(s->host->tables, s->flow, &network);

	s->out->roles |= MZ_PATH_DIVIDER;
	if (r <= 0)
		return r < 0 ? r : drop(s, MZ_DROP_no_route);
	s->out->judged = network;
	if (s->has_local && s->local.network == network)
		return arrive(s);
	r = divide_directly(s);
	if (r != 0)
		return r;
	r = s->vpc.flags & MZ_VPC_DIVIDE || s->is_returned ? 0 : is_from_bouncer(s, network);
	if (r != 0) /* who sent it would have it */
		return r < 0 ? r : drop(s, MZ_DROP_no_endpoint);
	because(s, "a bouncer of the destination's network, %" PRIu64, network);
	r = go_to_bouncer(s, network);
	if (r != -EAGAIN)
		return r;
	s->out->why[0] = 0;
	r = get_of_addr(s, MZ_TABLE_location, &s->flow->dst, &s->location);
	return r > 0 ? go_to_location(s) : r < 0 ? r : drop(s, MZ_DROP_no_endpoint);
}

static int to_divider(struct step *s)
{
	if (was_divided(s))
		return drop(s, MZ_DROP_no_endpoint);
	if (divides(s))
		return divide(s);
	because(s, "a divider of the VPC");
	return go_to_one_of(s, &s->vpc.dividers, MZ_DROP_no_divider);
}

/*
 * Who is on its way in or out asks one that is used. If that is the one that sent it here, the
 * flow's hash may have chosen it, and the row says where: here, it is taken to have.
 */
static int go_to_used_bouncer(struct step *s)
{
	struct mz_replicas *next = &s->out->next;
	struct mz_network row;
	int r = get_network(s, s->location.network, &row);

	if (r <= 0 || !row.bouncers.n || acts(s, &row.bouncers))
		return r < 0 ? r : 0;
	r = go_to_one_of(s, &row.bouncers, MZ_DROP_no_network);
	if (r < 0)
		return r;
	for (__u32 i = 0; i < next->n; i++) {
		if (!is_same(&next->addrs[i], s->from))
			continue;
		if (next->n == 1 || is_same(&s->location.host, &s->host->self)) {
			next->n = 0;
			return 0;
		}
		next->addrs[i] = s->location.host;
	}
	because(s, "a bouncer that is used, of network %llu", s->location.network);
	return 1;
}

/* By the row that a bouncer has of the destination, if it has one, and the role. */
static int bounce(struct step *s)
{
	int r = get_of_addr(s, MZ_TABLE_location, &s->flow->dst, &s->location);

	s->out->roles |= MZ_PATH_BOUNCER;
	if (r > 0)
		r = may_enter(s, s->location.network);
	if (r < 0)
		return r;
	if (r == 0) {
		because(s, "not in the source's network: ");
		return to_divider(s);
	}
	s->out->judged = s->location.network;
	r = s->vpc.flags & MZ_VPC_DIVIDE ? go_to_used_bouncer(s) : 0;
	return r != 0 ? r : go_to_location(s);
}

static int route_agent(struct step *s)
{
	int r = s->has_local ? may_enter(s, s->local.network) : 0;

	if (r != 0)
		return r < 0 ? r : arrive(s);
	if (divides(s) || (s->has_local && !is_behind_divider(s, s->local.network)))
		return to_divider(s);
	r = get_of_addr(s, MZ_TABLE_location, &s->flow->dst, &s->location);
	if (r < 0 || (r > 0 && !is_behind_divider(s, s->location.network)))
		return r < 0 ? r : bounce(s);
	because(s, "a bouncer of the source's network, %" PRIu64, s->network);
	r = go_to_bouncer(s, s->network);
	if (r != -EAGAIN)
		return r;
	s->out->why[0] = 0;
	return bounce(s);
}

/* An endpoint of this host sends, or what it sent came back. */
static int send_from(struct step *s, const struct mz_local *src)
{
	int r;

	s->out->roles |= MZ_PATH_SOURCE;
	s->network = src->network;
	r = find_direct(s);
	return r != 0 ? r : route_agent(s);
}

/* To the host that sent it, once; the drop where that cannot be. */
static int give_back(struct step *s, enum mz_drop reason)
{
	if (s->is_returned || !(s->has_no_vpc || s->vpc.flags & MZ_VPC_DIRECT))
		return drop(s, reason);
	return back_to_sender(s, reason);
}

/* As its endpoint sent it, by this host's own row, or divided here. */
static int send_again(struct step *s, bool has_location)
{
	struct mz_local src;
	int r = get_local(s, &s->flow->src, &src);

	if (r != 0)
		return r < 0 ? r : send_from(s, &src);
	if (has_location)
		return bounce(s);
	r = was_sent_here(s);
	return r < 0 ? r : r ? to_divider(s) : drop(s, MZ_DROP_stale_sender);
}

/* Who gave it back would do so again, but for a divider, if it was judged and is no more. */
static int check_again(struct step *s, int r)
{
	struct mz_replicas *next = &s->out->next;

	if (r <= 0 || next->n != 1 || !is_same(&next->addrs[0], s->from) ||
	    (s->judged ^ s->out->judged) << (64 - MZ_JUDGED_BITS))
		return r;
	next->n = 0;
	return drop(s, MZ_DROP_not_here);
}

/* A divider's answer is final where the destination's own bouncer has given it back. */
static int check_answer(struct step *s)
{
	struct mz_network row;
	uint64_t network;
	int r;

	if (!divides(s))
		return 0;
	r = mz_path_find_route(s->host->tables, s->flow, &network);
	if (r <= 0)
		return r < 0 ? r : drop(s, MZ_DROP_no_route);
	r = get_network(s, network, &row);
	if (r <= 0 || !is_from(s, &row.bouncers))
		return r < 0 ? r : 0;
	/* One on its way out, or the endpoint has come here meanwhile. */
	if (!mz_replicas_use(&row.bouncers, s->from) ||
	    (s->has_local && s->local.network == network))
		return check_again(s, send_again(s, false));
	return drop(s, MZ_DROP_no_endpoint);
}

/* Only from where this host sent it for a location that it learned, or has as a bouncer. */
static int step_returned(struct step *s)
{
	int has_location, r = check_answer(s);

	if (r != 0)
		return r;
	has_location = get_of_addr(s, MZ_TABLE_location, &s->flow->dst, &s->location);
	if (has_location < 0)
		return has_location;
	r = has_location ? 1 : was_sent_there(s);
	if (r <= 0)
		return r < 0 ? r : drop(s, MZ_DROP_stale_sender);
	r = has_location ? is_own_word(s) : 0;
	if (r != 0)
		return r < 0 ? r : drop(s, MZ_DROP_not_here);
	return check_again(s, send_again(s, has_location));
}

/* Was it here, and moved? Then the packet goes after it; but past no divider. */
static int follow_moved(struct step *s)
{
	struct mz_moved moved;
	int r = s->has_local ? 0 : get_of_addr(s, MZ_TABLE_moved, &s->flow->dst, &moved);

	if (r <= 0 || s->vpc.flags & MZ_VPC_DIVIDE || is_same(&moved.host, &s->host->self))
		return r < 0 ? r : 0;
	s->out->roles |= MZ_PATH_MOVED;
	s->out->judged = s->judged;
	because(s, "the endpoint moved there, generation %u", moved.generation);
	return go_to(s, &moved.host);
}

/* The network that the source was proven to be in, if what is known of it holds. */
static int find_sender_network(struct step *s)
{
	struct mz_location_words words;
	struct mz_learned row;
	int r;

	if (!(s->vpc.flags & MZ_VPC_DIRECT) ||
	    !(s->has_local || (is_direct_by_divider(s) && divides(s))))
		return 0;
	r = get_of_addr(s, MZ_TABLE_learned, &s->flow->src, &row);
	if (r > 0 && is_same(&row.host, s->from) && holds(s, &row, &words) &&
	    !(row.flags & MZ_LEARNED_BY))
		s->sender_network = row.network;
	return r < 0 ? r : 0;
}

static int step_transit(struct step *s)
{
	int r = find_sender_network(s);

	if (r == 0 && s->has_local)
		r = may_enter(s, s->local.network);
	if (r != 0)
		return r < 0 ? r : arrive(s);
	r = get_of_addr(s, MZ_TABLE_location, &s->flow->dst, &s->location);
	if (r != 0)
		return r < 0 ? r : bounce(s);
	r = was_divided(s) ? 0 : divides(s) ? 1 : is_bouncer_of_source(s);
	if (r < 0)
		return r;
	if (r > 0) {
		if (!divides(s)) {
			s->out->roles |= MZ_PATH_BOUNCER;
			because(s, "not in the source's network: ");
		}
		return to_divider(s);
	}
	r = follow_moved(s);
	if (r != 0)
		return r;
	return give_back(s, is_from_divider(s) ? MZ_DROP_no_endpoint :
			    s->has_local       ? MZ_DROP_not_divided :
						 MZ_DROP_not_here);
}

static int step_agent(struct step *s)
{
	struct mz_local src;
	int r;

	s->out->roles |= MZ_PATH_SOURCE;
	r = get_local(s, &s->flow->src, &src);
	if (r <= 0 || s->has_no_vpc)
		return r < 0 ? r : drop(s, r ? MZ_DROP_no_vpc : MZ_DROP_no_port);
	return send_from(s, &src);
}

static int decide(struct step *s)
{
	int r = get(s, MZ_TABLE_vpc, &s->flow->vni, &s->vpc);

	if (r < 0)
		return r;
	s->has_no_vpc = r == 0;
	/* Who knows whether it divides? */
	if (s->has_no_vpc && s->from)
		return give_back(s, MZ_DROP_no_vpc);
	r = get_local(s, &s->flow->dst, &s->local);
	if (r < 0)
		return r;
	s->has_local = r;
	if (!s->from)
		return step_agent(s);
	return s->is_returned ? step_returned(s) : step_transit(s);
}

int mz_path_step(const struct mz_path_flow *flow, const struct mz_path_host *host,
		 const struct mz_addr *from, uint64_t judged, bool is_returned, uint64_t now,
		 struct mz_path_step *ret_step)
{
	struct mz_path_step out = { .end = MZ_PATH_UNKNOWN };
	struct step s = { .flow = flow,
			  .host = host,
			  .from = from,
			  .judged = judged,
			  .is_returned = is_returned,
			  .now = now,
			  .out = &out };
	int r = decide(&s);

	if (r < 0)
		return r;
	*ret_step = out;
	return 0;
}
