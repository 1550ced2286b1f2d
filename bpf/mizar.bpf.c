// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The two hooks of the data plane: mz_agent runs on tc ingress of every endpoint's host-side
 * device, mz_transit on tc ingress of the droplet. Each is the list of its stages, and so are those
 * that they go on to by a tail call: what is rare is not looked at on everyone's way.
 */
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
#include "agent.h"
#include "arp.h"
#include "nd.h"
#include "ping.h"
#include "hop.h"
#include "route.h"
#include "bounce.h"
#include "learn.h"
#include "direct.h"
#include "divide.h"
#include "control_room.h"
#include "introduction.h"
#include "tell_sender.h"
#include "returned.h"
#include "deliver.h"
#include "way.h"
#include "ask.h"
#include "encapsulate.h"
#include "forward.h"
#include "icmp_error.h"
#include "control.h"
#include "control_send.h"
#include "finish.h"

SEC("tc")
int mz_agent(struct mz_ctx *ctx)
{
	struct mz_pkt p;
	int v;

	if (!mz_pkt_init(&p, ctx))
		return CTX_DROP;
	v = find_port(&p);	      /* -> port, vni                              */
	v = v ?: parse_frame(&p);     /* -> eth_proto, inner                       */
	v = v ?: check_mac(&p);	      /* sent by the endpoint's own MAC?           */
	v = v ?: answer_arp(&p);      /* ARP ends here                             */
	v = v ?: parse_inner(&p);     /* -> src, dst                               */
	v = v ?: parse_extensions(&p); /* -> ip_proto, l4                          */
	v = v ?: check_checksum(&p);  /* still to be written, over a header?       */
	v = v ?: answer_nd(&p);	      /* ND ends here                              */
	v = v ?: check_source(&p);    /* own address, to one that is carried?      */
	v = v ?: answer_ping(&p);     /* the gateway ends here                     */
	v = v ?: take_hop(&p);	      /* off the link? -> ttl                      */
	v = v ?: find_vpc(&p);	      /* -> vpc                                    */
	v = v ?: find_local(&p);      /* -> local, if the destination is here      */
	v = v ?: find_flow(&p);	      /* -> flow_hash                              */
	v = v ?: find_direct(&p);     /* learned? -> next: tunnel                  */
	v = v ?: route_agent(&p);     /* -> next: deliver, divide, bounce, tunnel  */
	v = v ?: bounce(&p);	      /* -> next: deliver, divide, tunnel          */
	v = v ?: divide(&p);	      /* -> next: deliver, tunnel                  */
	v = v ?: deliver(&p);	      /* into the endpoint                         */
	v = v ?: introduce(&p);	      /* not learned yet? -> introduces            */
	v = v ?: encapsulate(&p);     /* to another host                           */
	return mz_finish(&p, v);
}

SEC("tc")
int mz_transit(struct mz_ctx *ctx)
{
	struct mz_pkt p;
	int v;

	if (!mz_pkt_init(&p, ctx))
		return CTX_DROP;
	v = parse_outer(&p);    /* ours? -> outer_*, else the host's         */
	v = v ?: check_host(&p);    /* from a host that we know?                 */
	v = v ?: parse_geneve(&p);  /* -> vni, inner_eth, rts, control           */
	v = v ?: go_on(&p);	    /* three programs below                      */
	v = v ?: parse_frame(&p);   /* -> eth_proto, inner                       */
	v = v ?: parse_inner(&p);   /* -> src, dst                               */
	v = v ?: check_carried(&p); /* addresses that the overlay carries?       */
	v = v ?: find_role(&p);	    /* -> vpc, or none                           */
	v = v ?: find_local(&p);    /* -> local, if the destination is here      */
	v = v ?: confirm(&p);	    /* the source is where we think              */
	v = v ?: route_transit(&p); /* -> next: deliver, bounce, divide, tunnel  */
	v = v ?: bounce(&p);	    /* -> next: deliver, divide, tunnel          */
	v = v ?: divide(&p);	    /* -> next: deliver, tunnel                  */
	v = v ?: deliver(&p);	    /* into the endpoint                         */
	v = v ?: tell_sender(&p);   /* by an old way?                            */
	v = v ?: forward(&p);	    /* to another host                           */
	heed_router(&p, v);	    /* passes: about one of our packets?         */
	return mz_finish(&p, v);
}

/* From here on, programs that those above go on to: they know what is a fact already. */

/* A packet with an RTS: what that teaches, and who is answered. */
SEC("tc")
int mz_introduced(struct mz_ctx *ctx)
{
	struct mz_pkt p;
	int v;

	if (!mz_pkt_go_on(&p, ctx))
		return CTX_DROP;
	v = parse_frame(&p);
	v = v ?: parse_inner(&p);
	v = v ?: check_carried(&p);
	v = v ?: find_role(&p);
	v = v ?: find_local(&p);
	v = v ?: answer_by_copy(&p); /* a copy of this host's                     */
	v = v ?: confirm(&p);
	v = v ?: attest(&p);	 /* believed?                                     */
	v = v ?: introduced(&p); /* by the destination, or a divider              */
	v = v ?: route_transit(&p);
	v = v ?: bounce(&p);
	v = v ?: divide(&p);
	v = v ?: deliver(&p);
	v = v ?: tell_sender(&p);
	v = v ?: forward(&p);
	return mz_finish(&p, v);
}

/* A packet of this host that came back. */
SEC("tc")
int mz_returned(struct mz_ctx *ctx)
{
	struct mz_pkt p;
	int v;

	if (!mz_pkt_go_on(&p, ctx))
		return CTX_DROP;
	v = parse_frame(&p);
	v = v ?: parse_inner(&p);
	v = v ?: check_carried(&p);
	v = v ?: find_role(&p);
	v = v ?: find_local(&p);
	v = v ?: send_again(&p); /* whose? -> next: deliver, bounce, divide, tunnel */
	v = v ?: bounce(&p);
	v = v ?: divide(&p);
	v = v ?: check_again(&p); /* not to where it was                         */
	v = v ?: deliver(&p);
	v = v ?: forward(&p);
	return mz_finish(&p, v);
}

/* A control packet of another host. */
SEC("tc")
int mz_control(struct mz_ctx *ctx)
{
	struct mz_pkt p;
	int v;

	if (!mz_pkt_go_on(&p, ctx))
		return CTX_DROP;
	v = heed_here(&p);	 /* an answer: learn                             */
	v = v ?: heed_stale(&p); /* a location is old                            */
	v = v ?: echo(&p);	 /* back to who asks                             */
	return mz_finish(&p, v);
}

SEC("tc")
int mz_error(struct mz_ctx *ctx)
{
	struct error *e = find_error();
	struct mz_pkt p;
	int v;

	if (!e || !mz_pkt_go_on(&p, ctx))
		return CTX_DROP;
	v = error_parse(&p, e);	 /* what failed?                        */
	v = v ?: error_allowed(&p, e);	 /* does it deserve an error?           */
	v = v ?: error_quote(&p, e);	 /* -> quote                            */
	v = v ?: error_write(&p, e);	 /* the packet is the error; -> src, dst */
	v = v ?: error_answer(&p, e);	 /* into the endpoint that sent it      */
	v = v ?: find_vpc(&p);		 /* -> vpc                              */
	v = v ?: find_local(&p);	 /* -> local, if the sender is here     */
	v = v ?: find_flow(&p);		 /* -> flow_hash                        */
	v = v ?: error_route(&p);	 /* -> next                             */
	v = v ?: bounce(&p);
	v = v ?: divide(&p);
	v = v ?: deliver(&p);
	v = v ?: encapsulate(&p);
	return mz_finish(&p, v);
}

/* What is left of a packet becomes the control packet that it caused. */
SEC("tc")
int mz_control_send(struct mz_ctx *ctx)
{
	struct mz_pkt p;
	struct way way;
	int v;

	if (!mz_pkt_init(&p, ctx))
		return CTX_DROP;
	v = control_way(&p, &way); /* -> host                                */
	v = v ?: control_write(&p, &way);
	return mz_finish(&p, v);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
