// SPDX-License-Identifier: Apache-2.0
/*
 * What is known of locations, by docs/wire-format.md ("Learning"): the rows, and the control
 * packets that change them. Rows that change are kept apart: a forecast can be made again.
 */
#include "fuzz_model.h"

#define NOBODY_NS 1000000000ULL

bool model_is_direct(const struct view *v)
{
	return v->vpc && v->vpc->row.flags & MZ_VPC_DIRECT;
}

bool model_is_direct_by_divider(const struct view *v)
{
	return model_is_direct(v) && v->vpc->row.flags & MZ_VPC_DIVIDE;
}

void model_cookie(const struct view *v, uint64_t when, uint8_t ret[COOKIE_SIZE])
{
	cookie_make(v->vni, model_is_direct_by_divider(v) && model_divides(v), &v->dst, &v->src,
		    when, ret);
}

const struct mz_learned *model_row(const struct view *v, const struct world_addr *a)
{
	for (unsigned int i = 0; i < v->out->n_changes; i++)
		if (v->out->changes[i].addr == a)
			return &v->out->changes[i].row;
	return a && a->is_learned ? &a->learned : NULL;
}

struct change *model_change(struct view *v, struct world_addr *a)
{
	struct forecast *out = v->out;

	for (unsigned int i = 0; i < out->n_changes; i++)
		if (out->changes[i].addr == a)
			return &out->changes[i];
	out->changes[out->n_changes] = (struct change){ .addr = a };
	if (a->is_learned)
		out->changes[out->n_changes].row = a->learned;
	return &out->changes[out->n_changes++];
}

static void confirm(struct view *v, struct change *c)
{
	c->row.confirmed = v->now;
	c->is_confirmed = true;
}

bool model_is_proven(const struct mz_learned *row)
{
	return row->network && !(row->flags & MZ_LEARNED_BY);
}

bool model_is_divider_between(const struct view *v, const struct mz_addr *host)
{
	return model_is_direct_by_divider(v) && model_is_in(&v->vpc->row.dividers, host);
}

bool model_is_known(const struct view *v, const struct mz_addr *a)
{
	return model_row(v, model_addr(v, a));
}

bool model_holds(const struct view *v, const struct world_addr *a)
{
	const struct mz_learned *row = model_row(v, a);

	return row && !(row->flags & MZ_LEARNED_STALE) && v->now < row->confirmed + MZ_LEASE_NS;
}

/* What another divider stands for is nothing that a divider goes by. */
bool model_is_straight(const struct view *v, const struct world_addr *a)
{
	const struct mz_learned *row = model_row(v, a);

	return row && !(row->flags & MZ_LEARNED_BY);
}

bool model_use_learned(struct view *v, struct world_addr *a)
{
	if (!model_holds(v, a))
		return false;
	v->to = model_row(v, a)->host;
	if (model_host_is_dead(v, &v->to))
		return false;
	v->out->counters |= COUNT(direct);
	return true;
}

/* The destination's host hears from everybody who sends there, a divider from both ends. */
void model_confirm(struct view *v)
{
	struct world_addr *src = model_addr(v, &v->src);
	const struct mz_learned *row = model_row(v, src);
	bool listens = v->local || (model_is_direct_by_divider(v) && model_divides(v));

	if (v->is_returned)
		return;
	if (!model_is_direct(v) || !listens || !row || row->flags & MZ_LEARNED_STALE ||
	    !same(&row->host, &v->outer_src))
		return;
	if (model_holds(v, src) && model_is_proven(row))
		v->sender_network = row->network;
	if (v->now > row->confirmed + MZ_LEASE_NS / 8)
		confirm(v, model_change(v, src));
}

/* RFC 1982, where half way round is older; zero is no number. */
static bool is_older(uint32_t a, uint32_t b)
{
	return a && b && a != b && b - a <= 0x80000000;
}

/*
 * Is what is known better? An older generation counts for something by a HERE alone, where nothing
 * is known that holds.
 */
static bool is_known_better(const struct view *v, const struct world_addr *a,
			    const struct mz_learned *news)
{
	const struct mz_learned *old = model_row(v, a);
	bool is_recent = old && v->now < old->confirmed + MZ_LEASE_NS;

	if (!old)
		return false;
	if (!is_older(news->generation, old->generation) ||
	    (news->flags & MZ_LEARNED_RTS && old->flags & MZ_LEARNED_HERE))
		return false; /* nobody attested the generation of a HERE */
	return model_holds(v, a) || (is_recent && news->flags & MZ_LEARNED_RTS);
}

bool model_learn(struct view *v, struct world_addr *a, const struct mz_learned *news)
{
	bool is_guess = news->flags & MZ_LEARNED_RTS && !news->generation;
	const struct mz_learned *old = model_row(v, a);
	struct change *c;

	/*
	 * A divider is not as good as the host itself, nor one that was not told as another one: it
	 * is heard, and nothing changes.
	 */
	if (old && news->flags & MZ_LEARNED_BY && model_holds(v, a) &&
	    (model_is_proven(old) || (is_guess && !same(&old->host, &news->host))))
		return true;
	if (is_known_better(v, a, news))
		return false;
	c = model_change(v, a);
	if (old && same(&old->host, &news->host) && old->group == news->group &&
	    !(old->flags & MZ_LEARNED_STALE) &&
	    (old->flags & MZ_LEARNED_BY) == (news->flags & MZ_LEARNED_BY) &&
	    (!news->generation || old->generation == news->generation) &&
	    (!news->network || old->network == news->network)) {
		c->row.flags = news->flags; /* nothing new but that it is so */
	} else {
		if (!same(&c->row.host, &news->host))
			c->row.before = c->row.host;
		c->row.host = news->host;
		c->row.network = news->network;
		c->row.generation = news->generation;
		c->row.group = news->group;
		c->row.flags = news->flags;
	}
	confirm(v, c);
	v->out->counters |= COUNT(learn);
	return true;
}

static bool absorb_control(struct view *v, unsigned int counters)
{
	v->out->fate = ABSORBED;
	v->out->counters |= counters;
	return DONE;
}

void model_heed_no_one(struct view *v)
{
	struct world_addr *dst = model_addr(v, &v->dst);

	if (model_holds(v, dst) || dst->is_local)
		return;
	if (!model_addr(v, &v->src)->is_local) {
		model_answer_pending(v, MZ_HERE_NOBODY);
		return;
	}
	v->out->nobody = dst;
	v->out->nobody_until = v->now + NOBODY_NS;
}

/* From who should know: a divider, or a bouncer of the asker. */
static bool heed_nobody(struct view *v, struct world_addr *a, const struct world_addr *asker)
{
	const struct mz_learned *row = model_row(v, a);

	if (!v->is_from_divider &&
	    !(asker->is_local && model_is_from_bouncer(v, asker->local.network)))
		return DROP(v, here_cookie);
	if (row && row->flags & MZ_LEARNED_BY && same(&row->host, &v->outer_src))
		model_change(v, a)->row.flags |= MZ_LEARNED_STALE; /* its own word */
	model_heed_no_one(v);
	return absorb_control(v, 0);
}

static bool heed_here(struct view *v)
{
	struct mz_addr address = addr_at(v, v->control + 4), peer = addr_at(v, v->control + 20);
	struct mz_learned news = { .host = v->outer_src,
				   .generation = get32(at(v, v->control + 44)),
				   .group = get32(at(v, v->control + 48)),
				   .flags = MZ_LEARNED_HERE };
	const struct world_addr *asker = model_addr(v, &peer);
	uint8_t cookies[2][COOKIE_SIZE];

	if (model_find_roles(v))
		return DONE;
	v->dst = address; /* says which bouncers are meant */
	v->src = peer;
	for (unsigned int i = 0; i < 2; i++)
		model_cookie(v, v->now - i * COOKIE_SPAN, cookies[i]);
	if (memcmp(at(v, v->control + 36), cookies[0], COOKIE_SIZE) != 0 &&
	    memcmp(at(v, v->control + 36), cookies[1], COOKIE_SIZE) != 0)
		return DROP(v, here_cookie);
	if (get32(at(v, v->control + 52)) & MZ_HERE_NOBODY)
		return heed_nobody(v, model_addr(v, &address), asker);
	/* The endpoint's own host answers who asked as a divider: of which network, nobody says. */
	if (!model_divides(v) && model_is_divider_between(v, &v->outer_src))
		news.flags |= MZ_LEARNED_BY;
	if (model_is_direct_by_divider(v) && asker->is_local && !model_divides(v))
		news.network = asker->local.network;
	if (!model_learn(v, model_addr(v, &address), &news))
		return DROP(v, here_generation);
	v->out->nobody = model_addr(v, &address);
	v->out->nobody_until = 0;
	model_answer_pending(v, 0);
	return absorb_control(v, 0);
}

static bool heed_stale(struct view *v)
{
	struct mz_addr address = addr_at(v, v->control + 4);
	struct world_addr *a = model_addr(v, &address);
	const struct mz_learned *row = model_row(v, a);

	if (!row && a->has_location)
		return absorb_control(v, 0); /* a bouncer has its rows from the controller */
	if (!row || !same(&row->host, &v->outer_src))
		return DROP(v, stale_sender);
	if (is_older(get32(at(v, v->control + 20)), row->generation))
		return DROP(v, stale_generation);
	model_change(v, a)->row.flags |= MZ_LEARNED_STALE;
	return absorb_control(v, COUNT(heed_stale));
}

bool model_control(struct view *v)
{
	if (v->packet->hook == XDP)
		return pass(v);
	switch (at(v, v->control)[2]) {
	case MZ_OPT_HERE:
		return heed_here(v);
	case MZ_OPT_STALE:
		return heed_stale(v);
	default:
		return model_echo(v);
	}
}
