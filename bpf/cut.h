/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Cut: the kernel merges datagrams inside tunnel packets (GRO) where the NIC or a program of the
 * host asks it to. Once out of the tunnel, such a super-packet would still be marked as a tunnel's,
 * and no socket gets it. So it leaves, as it came, by a device of ours that cuts it, and its pieces
 * come in again at that device's other end.
 */
#pragma once

#include "size.h"

/* Reads ip_proto, is_tunneled. */
static __always_inline int cut(struct mz_pkt *p)
{
	if (!p->f->is_tunneled || !ctx_is_gso(p->ctx) || p->f->ip_proto == PROTO_TCP ||
	    !mz_config.cut_ifindex)
		return 0;
	p->f->points = 0; /* each piece is counted */
	p->f->action = ctx_send(p->ctx, mz_config.cut_ifindex);
	return MZ_SENT;
}
