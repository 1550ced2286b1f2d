/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Turn round: what goes on to another host leaves inside the driver. The rest passes to the tc
 * program as it came, which does everything again that was done here: so nothing may be changed
 * before this is decided.
 */
#pragma once

#include "forward.h"

/* Into an endpoint goes by tc alone. */
static __always_inline int leave_deliver(struct mz_pkt *p)
{
	return p->f->next == MZ_TO_DELIVER ? MZ_PASS : 0;
}

static __always_inline int turn(struct mz_pkt *p)
{
	int v = forward(p);

	if (v == MZ_SENT)
		POINT(p, turn);
	return v;
}
