/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Control packets of other hosts: answers (HERE), notices (STALE), and the question whether this
 * host is alive (ECHO). Each stage acts on its own option only.
 */
#pragma once

#include "forward.h"
#include "introduction.h"

static __always_inline __u8 control_type(struct mz_pkt *p)
{
	const struct mz_geneve_opt *opt = mz_at(p, p->f->control, sizeof(*opt));

	return opt ? opt->type : 0;
}

/* Somebody says that nobody has it, who should know. */
static __always_inline int heed_nobody(struct mz_pkt *p, const struct mz_vni_addr *key,
				       const struct mz_vni_addr *peer)
{
	struct mz_learned *row = table_lookup(learned, key);
	const struct mz_local *asker = table_lookup(local, peer);

	if (!is_from_divider(p) &&
	    !(asker && bouncers_have(asker->network, key, &p->f->outer_src)))
		return DROP(here_cookie);
	/* A divider takes its word back. */
	if (row && row->flags & MZ_LEARNED_BY && host_equal(&row->host, &p->f->outer_src))
		row->flags |= MZ_LEARNED_STALE;
	heed_no_one(p);
	return MZ_ABSORBED;
}

/*
 * The network of the asker is that of the answer, if no divider stands between, or is here: only
 * who was sent the question has the cookie, and a divider puts in its own. A divider's answer is
 * for the asker's network.
 */
static __always_inline __u64 answered_network(struct mz_pkt *p, const struct mz_vni_addr *peer)
{
	const struct mz_local *row = table_lookup(local, peer);

	return row && vpc_is_direct_by_divider(p) && !replicas_have_self(&p->vpc->dividers) ?
		       row->network :
		       0;
}

static __always_inline int heed_here(struct mz_pkt *p)
{
	struct mz_vni_addr key = { .vni = p->f->vni }, peer = key;
	struct learn_room *room = find_learn_room();
	const struct mz_opt_here *here;
	__u32 here_flags;
	__u64 cookie;
	int r;

	if (control_type(p) != MZ_OPT_HERE)
		return 0;
	r = find_vpc(p);
	if (r)
		return r;
	here = mz_at(p, p->f->control, sizeof(*here));
	if (!here || !room)
		return DROP(geneve_options);
	room->news = (struct news){ .flags = MZ_LEARNED_HERE, .host = p->f->outer_src };
	__builtin_memcpy(&key.addr, here->address, sizeof(key.addr));
	__builtin_memcpy(&peer.addr, here->peer, sizeof(peer.addr));
	__builtin_memcpy(&cookie, here->cookie, sizeof(cookie));
	p->f->dst = key.addr;
	p->f->src = peer.addr;
	room->news.generation = bpf_ntohl(here->generation_be);
	room->news.group = bpf_ntohl(here->group_be);
	here_flags = bpf_ntohl(here->flags_be);
	if (!cookie_is_ours(p, cookie))
		return DROP(here_cookie);
	if (here_flags & MZ_HERE_NOBODY)
		return heed_nobody(p, &key, &peer);
	room->news.network = answered_network(p, &peer);
	if (vpc_is_direct_by_divider(p) && is_from_divider(p) &&
	    !replicas_have_self(&p->vpc->dividers))
		room->news.flags |= MZ_LEARNED_BY;
	r = learn(&key);
	if (r == HEARD_OLD)
		return DROP(here_generation);
	if (r == HEARD_FULL) {
		note_somebody(&key); /* asked for ever more rarely, and not new again */
		POINT(p, learn_full);
		return MZ_ABSORBED;
	}
	(void)bpf_map_delete_elem(&unknown, &key); /* absent is well */
	if (r == HEARD_NEW)
		POINT(p, learn);
	answer_pending(p, 0);
	return MZ_ABSORBED;
}

static __always_inline int heed_stale(struct mz_pkt *p)
{
	struct mz_vni_addr key = { .vni = p->f->vni };
	const struct mz_opt_stale *stale;
	struct mz_learned *row;
	__u32 generation;

	if (control_type(p) != MZ_OPT_STALE)
		return 0;
	stale = mz_at(p, p->f->control, sizeof(*stale));
	if (!stale)
		return DROP(geneve_options);
	__builtin_memcpy(&key.addr, stale->address, sizeof(key.addr));
	generation = bpf_ntohl(stale->generation_be);
	row = table_lookup(learned, &key);
	/* A bouncer hears of its own rows from the controller. */
	if (!row && table_lookup(location, &key))
		return MZ_ABSORBED;
	if (!row || !host_equal(&row->host, &p->f->outer_src))
		return DROP(stale_sender);
	if (is_older(generation, row->generation))
		return DROP(stale_generation);
	row->flags |= MZ_LEARNED_STALE;
	POINT(p, heed_stale);
	return MZ_ABSORBED;
}

/* Never to our own port: two hosts would send it for ever. */
static __always_inline int echo_udp(struct mz_pkt *p, __u32 off)
{
	struct udphdr *udp = mz_at(p, off, sizeof(*udp));
	__be16 port_be;

	if (!udp || udp->source == mz_config.port_be)
		return DROP(geneve_control);
	port_be = udp->source;
	udp->source = udp->dest;
	udp->dest = port_be; /* the checksum does not know the order of what it sums up */
	return 0;
}

static __always_inline int echo(struct mz_pkt *p)
{
	struct way way;
	int r;

	if (control_type(p) != MZ_OPT_ECHO || ctx_is_gso(p->ctx))
		return DROP(geneve_control);
	if (p->f->outer_ttl <= 1)
		return DROP(hop_limit);
	p->f->host = p->f->outer_src;
	r = find_way(p, 0, &way);
	r = r ?: echo_udp(p, p->f->geneve - sizeof(struct udphdr));
	r = r ?: forward_ip(p);
	r = r ?: forward_ethernet(p, &way);
	if (r)
		return r;
	POINT(p, echo);
	return send(p, &way);
}
