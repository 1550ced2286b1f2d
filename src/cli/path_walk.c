/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/path.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/location.h"
#include "cli/path_step.h"

/* ---- decisions ------------------------------------------------------------------------------- */

static int drop(struct step *s, enum mz_drop reason)
{
	s->path->end = MZ_PATH_DROPPED;
	s->path->drop = reason;
	return 1;
}

static int arrive(struct step *s)
{
	s->hop->roles |= MZ_PATH_DESTINATION;
	s->path->end = MZ_PATH_ARRIVES;
	return 1;
}

__attribute__((format(printf, 2, 3))) static void because(struct step *s, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(s->why, sizeof(s->why), format, ap); /* a cut reason is still one */
	va_end(ap);
}

static int go_to(struct step *s, const struct mz_addr *host)
{
	s->next = (struct mz_replicas){ .n = 1, .addrs = { *host } };
	return 1;
}

/* Those that answer, or all if none does. */
static int go_to_one_of(struct step *s, const struct mz_replicas *set, enum mz_drop if_empty)
{
	int r;

	for (__u32 i = 0; i < set->n && i < MZ_REPLICAS_MAX; i++) {
		r = is_dead(s, &set->addrs[i]);
		if (r < 0)
			return r;
		if (!r)
			s->next.addrs[s->next.n++] = set->addrs[i];
	}
	if (!s->next.n)
		s->next = *set;
	return s->next.n ? 1 : drop(s, if_empty);
}

static bool holds(const struct step *s, const struct mz_learned *row)
{
	return !strcmp(mz_location_words(row, NULL, s->host->lease, s->now).state, "fresh");
}

/* Whether this host bounces for the source, and no other such bouncer sent the packet. */
static int is_bouncer_of_source(const struct step *s)
{
	struct mz_location src;
	struct mz_network row;
	int r = get_of_addr(s, MZ_TABLE_location, &s->flow->src, &src);

	if (r <= 0)
		return r;
	r = get_network(s, src.network, &row);
	return r < 0 ? r : !(r && is_from(s, &row.bouncers));
}

/* Whether the packet may be delivered into this network here: see bpf/route.h. */
static int may_enter(const struct step *s, uint64_t network)
{
	struct mz_location location;
	struct mz_learned learned;
	struct mz_network row;
	int r;

	if (!(s->vpc.flags & MZ_VPC_DIVIDE))
		return 1;
	if (s->network)
		return s->network == network;
	if (was_divided(s))
		return 1;
	r = get_of_addr(s, MZ_TABLE_learned, &s->flow->src, &learned);
	if (r < 0)
		return r;
	if (r && holds(s, &learned) && !mz_addr_compare(&learned.host, s->from) &&
	    learned.network == network)
		return 1;
	r = get_network(s, network, &row);
	if (r != 0 && (r < 0 || is_from(s, &row.bouncers)))
		return r;
	r = get_of_addr(s, MZ_TABLE_location, &s->flow->src, &location);
	if (r < 0 || (r > 0 && location.network == network))
		return r;
	if (!is_from(s, &s->vpc.dividers) || acts(s, &s->vpc.dividers))
		return 0;
	r = is_bouncer_of_source(s);
	return r < 0 ? r : !r;
}

/* A divider divides first, and keeps then to what it learned. */
static bool learns_as_divider(const struct step *s)
{
	const __u32 both = MZ_VPC_DIRECT | MZ_VPC_DIVIDE;

	return (s->vpc.flags & both) == both && acts(s, &s->vpc.dividers);
}

static int follow_learned(struct step *s)
{
	char age[MZ_DURATION_SIZE], left[MZ_DURATION_SIZE];
	struct mz_location_words words;
	struct mz_learned row;
	int r;

	if (!(s->vpc.flags & MZ_VPC_DIRECT)) {
		because(s, "the VPC learns no locations: ");
		return 0;
	}
	r = get_of_addr(s, MZ_TABLE_learned, &s->flow->dst, &row);
	if (r <= 0) {
		because(s, "no location is learned: ");
		return r;
	}
	words = mz_location_words(&row, &s->vpc, s->host->lease, s->now);
	if (s->is_returned)
		words.state = "stale";
	r = is_dead(s, &row.host);
	if (r < 0)
		return r;
	if (r || strcmp(words.state, "fresh")) {
		because(s, "the learned location is %s: ", r ? "on a dead host" : words.state);
		return 0;
	}
	because(s, "learned (%s), confirmed %s ago, lease %s%s", words.source,
		mz_duration_format(words.age_ms, age), mz_duration_format(words.left_ms, left),
		strcmp(words.via, "divider") ? "" : ", by way of a divider");
	return go_to(s, &row.host);
}

/* Adds to what was said before: "no location is learned: a bouncer of network 5". */
__attribute__((format(printf, 2, 3))) static void add_reason(struct step *s, const char *format,
							     ...)
{
	size_t n = strlen(s->why);
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(s->why + n, sizeof(s->why) - n, format, ap);
	va_end(ap);
}

static int follow_location(struct step *s, const struct mz_location *location)
{
	s->hop->roles |= MZ_PATH_BOUNCER;
	if (is_self(s, &location->host))
		return s->has_local ? arrive(s) : drop(s, MZ_DROP_not_here);
	because(s, "its row in the bouncer's table, generation %u", location->generation);
	return go_to(s, &location->host);
}

static int divide(struct step *s)
{
	struct mz_location location;
	struct mz_network row;
	uint64_t network;
	int r = mz_path_find_route(s->host->tables, s->flow, &network);

	s->hop->roles |= MZ_PATH_DIVIDER;
	if (r <= 0)
		return r < 0 ? r : drop(s, MZ_DROP_no_route);
	if (s->has_local && s->local.network == network)
		return arrive(s);
	r = get_network(s, network, &row);
	if (r <= 0)
		return r < 0 ? r : drop(s, MZ_DROP_no_network);
	r = learns_as_divider(s) ? follow_learned(s) : 0;
	if (r != 0)
		return r;
	if (!acts(s, &row.bouncers)) {
		because(s, "a bouncer of the destination's network, %" PRIu64, network);
		return go_to_one_of(s, &row.bouncers, MZ_DROP_no_network);
	}
	r = get_of_addr(s, MZ_TABLE_location, &s->flow->dst, &location);
	if (r <= 0)
		return r < 0 ? r : drop(s, MZ_DROP_no_endpoint);
	return follow_location(s, &location);
}

static int to_divider(struct step *s)
{
	if (was_divided(s))
		return drop(s, MZ_DROP_no_endpoint);
	if (acts(s, &s->vpc.dividers))
		return divide(s);
	add_reason(s, "a divider of the VPC");
	return go_to_one_of(s, &s->vpc.dividers, MZ_DROP_no_divider);
}

/* By the row that a bouncer has of the destination, if it has one, and the role. */
static int bounce(struct step *s)
{
	struct mz_location location;
	struct mz_network row;
	int r = get_of_addr(s, MZ_TABLE_location, &s->flow->dst, &location);

	s->hop->roles |= MZ_PATH_BOUNCER;
	if (r > 0)
		r = may_enter(s, location.network);
	if (r > 0 && s->vpc.flags & MZ_VPC_DIVIDE) {
		r = get_network(s, location.network, &row);
		if (r > 0 && row.bouncers.n && !acts(s, &row.bouncers)) {
			because(s, "a bouncer that is used, of network %llu", location.network);
			return go_to_one_of(s, &row.bouncers, MZ_DROP_no_network);
		}
		r = r < 0 ? r : 1;
	}
	if (r != 0)
		return r < 0 ? r : follow_location(s, &location);
	because(s, "not in the source's network: ");
	return to_divider(s);
}

static int step_agent(struct step *s)
{
	struct mz_network row;
	struct mz_local src;
	int r = get_of_addr(s, MZ_TABLE_local, &s->flow->src, &src);

	s->hop->roles |= MZ_PATH_SOURCE;
	if (r <= 0)
		return r < 0 ? r : drop(s, MZ_DROP_no_port);
	s->network = src.network;
	r = s->has_local ? may_enter(s, s->local.network) : 0;
	if (r != 0)
		return r < 0 ? r : arrive(s);
	r = s->has_local || learns_as_divider(s) ? 0 : follow_learned(s);
	if (r != 0)
		return r;
	if (acts(s, &s->vpc.dividers))
		return divide(s);
	r = get_network(s, s->network, &row);
	if (r <= 0)
		return r < 0 ? r : drop(s, MZ_DROP_no_network);
	if (acts(s, &row.bouncers))
		return bounce(s);
	add_reason(s, "a bouncer of the source's network, %" PRIu64, s->network);
	return go_to_one_of(s, &row.bouncers, MZ_DROP_no_network);
}

/* To the host that sent it, once; the drop where that cannot be. */
static int give_back(struct step *s, enum mz_drop reason)
{
	if (!(s->vpc.flags & MZ_VPC_DIRECT))
		return drop(s, reason);
	s->hop->roles |= MZ_PATH_RETURN;
	s->gives_back = true;
	because(s, "given back (%s), and sent again by another way", mz_drop_name(reason));
	return go_to(s, s->from);
}

/* A divider's answer is final where the destination's own bouncer has given it back. */
static int check_returned(struct step *s)
{
	struct mz_network row;
	uint64_t network;
	int r;

	if (!acts(s, &s->vpc.dividers))
		return 0;
	r = mz_path_find_route(s->host->tables, s->flow, &network);
	if (r <= 0)
		return r < 0 ? r : drop(s, MZ_DROP_no_route);
	r = get_network(s, network, &row);
	return r > 0 && is_from(s, &row.bouncers) ? drop(s, MZ_DROP_no_endpoint) : r < 0 ? r : 0;
}

/* Only from where this host sent it for a location that it learned, or has as a bouncer. */
static int step_returned(struct step *s)
{
	struct mz_location location;
	struct mz_learned row;
	struct mz_local src;
	int r = check_returned(s);

	if (r == 0)
		r = get_of_addr(s, MZ_TABLE_learned, &s->flow->dst, &row) ?: -ENOENT;
	if (r == -ENOENT ||
	    (r > 0 && s->path->end != MZ_PATH_DROPPED && mz_addr_compare(&row.host, s->from) &&
	     mz_addr_compare(&row.before, s->from))) {
		r = get_of_addr(s, MZ_TABLE_location, &s->flow->dst, &location);
		if (r <= 0)
			return r < 0 ? r : drop(s, MZ_DROP_stale_sender);
		return mz_addr_compare(&location.host, s->from) ? follow_location(s, &location) :
								  drop(s, MZ_DROP_not_here);
	}
	if (r < 0 || s->path->end == MZ_PATH_DROPPED)
		return r;
	r = get_of_addr(s, MZ_TABLE_local, &s->flow->src, &src);
	if (r != 0)
		return r < 0 ? r : step_agent(s);
	return acts(s, &s->vpc.dividers) ? divide(s) : drop(s, MZ_DROP_stale_sender);
}

/* What is neither delivered nor bounced, and not sent to a divider: moved, or not here. */
static int step_absent(struct step *s)
{
	struct mz_moved moved;
	int r = s->has_local ? 0 : get_of_addr(s, MZ_TABLE_moved, &s->flow->dst, &moved);

	if (r > 0 && !is_self(s, &moved.host)) {
		s->hop->roles |= MZ_PATH_MOVED;
		because(s, "the endpoint moved there, generation %u", moved.generation);
		return go_to(s, &moved.host);
	}
	if (r < 0)
		return r;
	return give_back(s, is_from(s, &s->vpc.dividers) ? MZ_DROP_no_endpoint :
			    s->has_local		   ? MZ_DROP_not_divided :
							     MZ_DROP_not_here);
}

static int step_transit(struct step *s)
{
	struct mz_location location;
	int r = s->has_local ? may_enter(s, s->local.network) : 0;

	if (r != 0)
		return r < 0 ? r : arrive(s);
	r = get_of_addr(s, MZ_TABLE_location, &s->flow->dst, &location);
	if (r != 0)
		return r < 0 ? r : bounce(s);
	if (!was_divided(s) && acts(s, &s->vpc.dividers))
		return to_divider(s);
	r = was_divided(s) ? 0 : is_bouncer_of_source(s);
	if (r <= 0)
		return r < 0 ? r : step_absent(s);
	s->hop->roles |= MZ_PATH_BOUNCER;
	because(s, "not in the source's network: ");
	return to_divider(s);
}

static int step(struct step *s)
{
	int r = get(s, MZ_TABLE_vpc, &s->flow->vni, &s->vpc);

	if (r <= 0)
		return r < 0 ? r : drop(s, MZ_DROP_no_vpc);
	r = get_of_addr(s, MZ_TABLE_local, &s->flow->dst, &s->local);
	s->has_local = r > 0 && s->local.ifindex;
	if (r < 0)
		return r;
	if (s->is_returned)
		return step_returned(s);
	return s->from ? step_transit(s) : step_agent(s);
}

/* ---- the way --------------------------------------------------------------------------------- */

static void add_hop(struct mz_path *path, const struct mz_replicas *hosts, const char *why)
{
	struct mz_path_hop *hop = &path->hops[path->n_hops++];

	hop->hosts = *hosts;
	snprintf(hop->why, sizeof(hop->why), "%s", why);
}

/*
 * All that stand for each other know the same; but if one of them has the destination, the others
 * show the longer way.
 */
static int choose(const struct step *s, struct mz_path_hop *hop, mz_path_host_fn find_host,
		  void *user, struct mz_path_host *ret_host)
{
	const struct mz_vni_addr key = { .vni = s->flow->vni, .addr = s->flow->dst };
	char text[MZ_ADDR_STRLEN];
	struct mz_local local;
	size_t n;
	int r = 0;

	for (__u32 i = 0; i < hop->hosts.n && i < MZ_REPLICAS_MAX; i++) {
		r = find_host(&hop->hosts.addrs[i], user, ret_host);
		if (r < 0 || !ret_host->tables)
			return r;
		r = mz_table_get(ret_host->tables, MZ_TABLE_local, &key, &local);
		if (r < 0)
			return r == -ENOENT ? 0 : r;
		n = strlen(hop->why);
		if (hop->hosts.n > 1)
			snprintf(hop->why + n, sizeof(hop->why) - n, "; %s has the destination",
				 mz_addr_format(&hop->hosts.addrs[i], text));
	}
	return r;
}

int mz_path_walk(const struct mz_path_flow *flow, const struct mz_path_host *first, uint64_t now,
		 mz_path_host_fn find_host, void *user, struct mz_path *ret_path)
{
	struct mz_path path = { .end = MZ_PATH_UNKNOWN };
	struct mz_path_host host = *first;
	struct mz_addr from = {};
	bool is_returned = false;
	int r;

	add_hop(&path, &(const struct mz_replicas){ .n = 1, .addrs = { host.self } },
		"it has the source");
	while (host.tables) {
		struct step s = { .flow = flow, .host = &host, .now = now, .path = &path,
				  .from = path.n_hops > 1 ? &from : NULL,
				  .is_returned = is_returned,
				  .hop = &path.hops[path.n_hops - 1] };

		r = step(&s);
		if (r < 0)
			return r;
		if (!s.next.n)
			break;
		if (path.n_hops > MZ_PATH_HOPS_MAX) {
			(void)drop(&s, MZ_DROP_hop_limit);
			break;
		}
		from = host.self;
		is_returned = s.gives_back;
		add_hop(&path, &s.next, s.why);
		r = choose(&s, &path.hops[path.n_hops - 1], find_host, user, &host);
		if (r < 0)
			return r;
	}
	*ret_path = path;
	return 0;
}
