/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the agent's answers have in common: the packet is turned into its answer in place and goes
 * back where it came from.
 */
#pragma once

#include "agent.h"
#include "ip.h"

static __always_inline int answer(struct mz_pkt *p)
{
	POINT(p, reply);
	p->f->action = ctx_send(p->ctx, ctx_ifindex(p->ctx));
	return MZ_SENT;
}

static __always_inline int absorb(struct mz_pkt *p)
{
	POINT(p, absorb);
	return MZ_ABSORBED;
}

/* From the virtual MAC to the endpoint's. */
static __always_inline void answer_ethernet(struct mz_pkt *p, struct ethhdr *eth)
{
	mac_set(eth->h_dest, p->port->mac);
	mac_set_virtual(eth->h_source);
}
