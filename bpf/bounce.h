/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Bounce: the table of a network's endpoints says on which host the destination is.
 */
#pragma once

#include "route.h"

/* Reads vni, dst; sets next, host. */
static __always_inline int to_location(struct mz_pkt *p, const struct mz_location *location)
{
	/* A divider that had not got it: it would come here again, unless it has by now. */
	if (was_divided(p) && host_equal(&location->host, &p->f->outer_src))
		return back_to_sender(p);
	POINT(p, bounce);
	p->f->host = location->host;
	p->f->next = host_is_self(&p->f->host) ? MZ_TO_DELIVER : MZ_TO_TUNNEL;
	return 0;
}

static __always_inline int bounce(struct mz_pkt *p)
{
	if (p->f->next != MZ_TO_BOUNCE)
		return 0;
	if (!p->location || !may_enter(p, p->location->network))
		return to_divider(p);
	p->f->judged = p->location->network;
	/* On its way in or out nobody need believe it: one that is used sends it on. */
	if (p->vpc->flags & MZ_VPC_DIVIDE &&
	    bouncer_pick(p, p->location->network) == BOUNCER_OTHER &&
	    !host_equal(&p->f->host, &p->f->outer_src))
		return to_tunnel(p);
	return to_location(p, p->location);
}
