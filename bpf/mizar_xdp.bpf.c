// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The hook in front of mz_transit, for NICs whose driver runs XDP: what only bounces or divides
 * here turns round before the kernel makes a socket buffer of it. The stages are those of
 * mizar.bpf.c, compiled for this hook by ctx_xdp.h.
 */
#define MZ_HOOK_XDP

#include "bpf.h"
#include "maps.h"

#include "packet.h"
#include "cursor.h"
#include "addr.h"
#include "cache.h"
#include "ip.h"
#include "parse_outer.h"
#include "parse_geneve.h"
#include "parse_inner.h"
#include "route.h"
#include "bounce.h"
#include "learn.h"
#include "direct.h"
#include "divide.h"
#include "control_room.h"
#include "tell_sender.h"
#include "way.h"
#include "forward.h"
#include "turn.h"
#include "finish.h"

SEC("xdp.frags")
int mz_transit_xdp(struct mz_ctx *ctx)
{
	struct mz_pkt p;
	int v;

	if (!mz_pkt_init(&p, ctx))
		return CTX_DROP;
	v = parse_outer(&p);      /* ours? -> outer_*, else the host's         */
	v = v ?: check_host(&p);      /* from a host that we know?                 */
	v = v ?: parse_geneve(&p);    /* -> vni, inner_eth                         */
	v = v ?: go_on(&p);	      /* what is rare: tc's                        */
	v = v ?: parse_frame(&p);     /* -> eth_proto, inner                       */
	v = v ?: parse_inner(&p);     /* -> src, dst                               */
	v = v ?: check_carried(&p);   /* addresses that the overlay carries?       */
	v = v ?: find_role(&p);	      /* -> vpc, or none                           */
	v = v ?: find_local(&p);      /* -> local, if the destination is here      */
	v = v ?: confirm(&p);	      /* the source is where we think              */
	v = v ?: route_transit(&p);   /* -> next: deliver, bounce, divide, tunnel  */
	v = v ?: bounce(&p);	      /* -> next: deliver, divide, tunnel          */
	v = v ?: divide(&p);	      /* -> next: deliver, tunnel                  */
	v = v ?: leave_deliver(&p);   /* an endpoint's: tc's                       */
	v = v ?: tell_sender(&p);     /* by an old way? tc's                       */
	v = v ?: turn(&p);	      /* to another host                           */
	return mz_finish(&p, v);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
