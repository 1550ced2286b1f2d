/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Control packets of this host. BPF cannot make a packet out of nothing: one that was copied, or is
 * dropped, becomes the message (ctx_become() says how), whose bytes are made in the room first.
 *
 *	outer Ethernet | outer IPv4 or IPv6 | UDP | Geneve (O, C) | HERE or STALE | zeros
 */
#pragma once

#include "encapsulate.h"

#define CONTROL_OUTER_IPV4 (ETH_HLEN + MZ_ENCAP_SIZE_IPV4 - ETH_HLEN)
#define CONTROL_OUTER_IPV6 (ETH_HLEN + MZ_ENCAP_SIZE_IPV6 - ETH_HLEN)

static __always_inline __u32 control_size(const struct control_room *room)
{
	return room->type == MZ_OPT_HERE ? sizeof(struct mz_opt_here) : sizeof(struct mz_opt_stale);
}

/* Sets host, flow_hash. A message that has no way is not sent: it is asked for again. */
static __always_inline int control_way(struct mz_pkt *p, struct way *ret)
{
	__u32 zero = 0;
	struct control_room *room = bpf_map_lookup_elem(&control_room, &zero);
	int r;

	if (!room || host_is_self(&room->to))
		return MZ_ABSORBED;
	p->f->host = room->to;
	p->f->vni = room->vni;
	p->f->flow_hash = mz_hash_addr(mz_hash_mix(0, room->vni), &room->address);
	p->f->len = p->f->end = ETH_HLEN;
	r = find_way(p, 0, ret);
	return r || !ret->has_row ? MZ_ABSORBED : 0;
}

static __always_inline void write_here(struct mz_opt_here *here, const struct control_room *room)
{
	*here = (struct mz_opt_here){
		.opt = { bpf_htons(MZ_OPT_CLASS), MZ_OPT_HERE, MZ_OPT_WORDS(*here) },
		.generation_be = bpf_htonl(room->generation),
		.group_be = bpf_htonl(room->group),
		.flags_be = bpf_htonl(room->here_flags),
	};
	__builtin_memcpy(here->address, &room->address, sizeof(here->address));
	__builtin_memcpy(here->peer, &room->peer, sizeof(here->peer));
	__builtin_memcpy(here->cookie, &room->cookie, sizeof(here->cookie));
}

static __always_inline void write_stale(struct mz_opt_stale *stale, const struct control_room *room)
{
	*stale = (struct mz_opt_stale){
		.opt = { bpf_htons(MZ_OPT_CLASS), MZ_OPT_STALE, MZ_OPT_WORDS(*stale) },
		.generation_be = bpf_htonl(room->generation),
	};
	__builtin_memcpy(stale->address, &room->address, sizeof(stale->address));
}

/* The outer headers, and the option. size: from the outer IP header on. */
static __always_inline void write_control(struct mz_pkt *p, struct control_room *room,
					  const struct way *way, __u32 size)
{
	__u32 outer = underlay_is_ipv6() ? CONTROL_OUTER_IPV6 : CONTROL_OUTER_IPV4;
	struct mz_geneve *geneve = (void *)(room->frame + outer - sizeof(*geneve));
	void *option = room->frame + outer;

	write_outer(p, room->frame, way, size);
	geneve->version_optlen = control_size(room) / 4;
	geneve->flags = MZ_GENEVE_F_CONTROL | MZ_GENEVE_F_CRITICAL;
	if (room->type == MZ_OPT_HERE)
		write_here(option, room);
	else
		write_stale(option, room);
}

/*
 * Of the packet that was nothing leaves: it may hold a cookie that is between this host and another
 * one. size: of the message.
 */
static __always_inline int wipe_rest(struct mz_pkt *p, const struct control_room *room, __u32 size)
{
	__u32 rest = ctx_len(p->ctx) - size;

	_Static_assert(CTX_SMALL <= sizeof(room->nothing), "of longer ones nothing is left");
	if (!rest || rest > sizeof(room->nothing))
		return rest;
	return ctx_store(p->ctx, size, room->nothing, size_seen(rest, sizeof(room->nothing)));
}

static __always_inline int control_write(struct mz_pkt *p, const struct way *way)
{
	__u32 zero = 0, outer = underlay_is_ipv6() ? CONTROL_OUTER_IPV6 : CONTROL_OUTER_IPV4;
	struct control_room *room = bpf_map_lookup_elem(&control_room, &zero);
	bool is_here;
	__u32 size;

	if (!room)
		return MZ_ABSORBED;
	is_here = room->type == MZ_OPT_HERE;
	size = outer + control_size(room);
	if (ctx_become(p->ctx, size, room->is_ipv6, underlay_is_ipv6()))
		return MZ_ABSORBED;
	if (wipe_rest(p, room, size))
		return MZ_ABSORBED;
	write_control(p, room, way, ctx_len(p->ctx) - ETH_HLEN);
	/* Sizes that the verifier sees. */
	if (is_here ? ctx_store_all(p->ctx, room->frame, outer + sizeof(struct mz_opt_here)) :
		      ctx_store_all(p->ctx, room->frame, outer + sizeof(struct mz_opt_stale)))
		return MZ_ABSORBED;
	p->f->len = ctx_len(p->ctx);
	mz_point(p, is_here ? MZ_COUNT_here : MZ_COUNT_stale);
	return send(p, way);
}
