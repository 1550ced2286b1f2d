/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The sender of a packet that came by an old way is told: by a STALE, whereupon it asks again.
 */
#pragma once

#include "control_room.h"
#include "divide.h"

/*
 * A divider whose row for the destination is old, and gets no RTS that it could send on: the sender
 * is told to ask again.
 */
static __always_inline bool wants_rts(struct mz_pkt *p)
{
	const struct mz_learned *row, *src;
	const struct mz_route *route;

	if (p->f->rts || p->f->next != MZ_TO_TUNNEL || !is(p, MZ_DIVIDED) ||
	    p->f->traits & (MZ_RETURNED | MZ_GIVES_BACK | MZ_DIRECT) ||
	    !vpc_is_direct_by_divider(p))
		return false;
	row = find_straight(p);
	if (row)
		return !learned_holds(row, clock());
	/* By a bouncer the sender is still asking, if it is not there itself. */
	src = find_learned(p, &p->f->src);
	if (src && host_equal(&src->host, &p->f->outer_src))
		return true;
	route = find_route(p->f->vni, &p->f->src);
	return !route || !is_from_bouncer(p, route->network);
}

/* The sender of a packet that came by an old way is told; not by this hook, if by the next. */
static __always_inline int tell_sender(struct mz_pkt *p)
{
	/* Where the VPC divides, who sends by a divider does not take it for the host. */
	bool is_on_the_way = is(p, MZ_DIVIDED) && vpc_is_direct_by_divider(p);
	bool has_moved = is(p, MZ_MOVED) && p->f->next == MZ_TO_TUNNEL && vpc_is_direct(p) &&
			 !is(p, MZ_GIVES_BACK) && !is_on_the_way;

	if (!has_moved && !wants_rts(p))
		return 0;
	if (!CTX_IS_LAST)
		return MZ_PASS;
	if (!has_moved)
		p->f->moved_generation = 0;
	prepare_stale(p);
	return 0;
}
