/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The description of a packet that travels through the stages, and what a stage may answer: 0 (next
 * stage), a positive verdict (done), or a negative drop reason.
 */
#pragma once

#include "bpf.h"

/* The programs that another one goes on to; of tc alone. */
enum ctx_tail {
	CTX_TAIL_ERROR,
	CTX_TAIL_INTRODUCED,
	CTX_TAIL_RETURNED,
	CTX_TAIL_CONTROL,
	CTX_TAIL_CONTROL_SEND,
	CTX_N_TAILS
};

#ifdef MZ_HOOK_XDP
#include "ctx_xdp.h"
#else
#include "ctx_tc.h"
#endif

enum mz_verdict {
	MZ_PASS = 1, /* the host's, or the next hook's, as it came */
	MZ_SENT,     /* f->action has what the kernel said to a redirect */
	MZ_ABSORBED, /* needs no answer */
	MZ_CONTROL,  /* a control packet: the program mz_control's */
	MZ_CAME_BACK, /* mz_returned's */
	MZ_ASKS,     /* has an RTS: mz_introduced's */
	MZ_COPIED,   /* there are two of it; this one becomes a control packet (mz_control_send) */
};

#define DROP(reason) (-(int)MZ_DROP_##reason)

/* Where a packet goes next: each of the last stages acts on its own value only. */
enum mz_next {
	MZ_TO_BOUNCE,
	MZ_TO_DIVIDE,
	MZ_TO_DELIVER,
	MZ_TO_TUNNEL,
};

/* What became clear of a packet on its way: bits of traits. */
enum mz_trait {
	MZ_DIRECT = 1 << 0,	/* goes to a learned location, or by a divider instead */
	MZ_RETURNED = 1 << 1,	/* came back from a host that had not got the destination */
	MZ_GIVES_BACK = 1 << 2, /* goes back to the host that it came from */
	MZ_MOVED = 1 << 3,	/* goes after an endpoint that moved from here */
	MZ_NO_VPC = 1 << 4,	/* the VPC has no row here; vpc is empty then */
	MZ_INTRODUCES = 1 << 5, /* gets an RTS */
	MZ_INTRODUCED = 1 << 6, /* its RTS is believed */
	MZ_STRIPS = 1 << 7,	/* its RTS is made void */
	MZ_DIVIDED = 1 << 8,	/* this host found the network */
	MZ_ANSWERS = 1 << 9,	/* a control packet is due: struct control_room has it */
	MZ_COPY = 1 << 10,	/* this host made it, to answer a packet that was delivered */
};

/* (*): of the outer one for a while, where that has extension headers. */
struct mz_facts {
	__u64 sender_network; /* that the source was proven to be in; zero: not */
	__u64 judged_before; /* network that it may enter, as its sender judged; zero: did not, */
	__u64 judged;	     /* and as this host judges */
	__u64 points; /* 1 << enum mz_counter */
	struct mz_addr src, dst;      /* of the inner packet */
	struct mz_addr outer_src;     /* transit only */
	struct mz_addr host;	      /* MZ_TO_TUNNEL: to whom */
	struct mz_addr not_to;	      /* MZ_RETURNED: who gave it back; else zero */
	__u32 vni;
	__u32 len;    /* as it came, for the counters */
	__u32 end;    /* bytes that the length fields seen so far admit */
	__u32 epoch;  /* of what is kept of tables: cache.h */
	__u32 flow_hash;
	__u32 moved_generation; /* MZ_MOVED: of where it is now */
	__u32 traits; /* enum mz_trait */
	__u32 mtu; /* DROP(too_big): of the inner packet, what the way would have taken */
	__u16 outer;	     /* offsets: outer IP (transit only), */
	__u16 geneve;	     /* Geneve header (transit only), */
	__u16 rts;	     /* RTS option (transit only; zero: none), */
	__u16 control;	     /* the option of a control packet (zero: it is none), */
	__u16 inner_eth;     /* inner Ethernet, */
	__u16 inner;	     /* inner IP or ARP, */
	__u16 l4;	     /* behind the inner IP headers; agent only (*) */
	__be16 eth_proto_be; /* of the inner packet */
	__u8 ip_proto;	     /* of the inner packet; in transit that behind IPv6 itself (*) */
	__u8 tos;	     /* of the inner packet */
	__u8 ttl;	     /* of the inner packet; agent only */
	__u8 outer_tos;
	__u8 outer_ttl;
	__u8 next;	     /* enum mz_next */
	bool is_fragment;    /* the inner packet; agent only (*) */
	bool is_tunneled;
	bool is_error; /* an ICMP error of ours: about it there is none */
	bool is_out_of_reach; /* the hook cannot read bytes that the packet has */
	__s32 action;  /* MZ_SENT: what the kernel said to a redirect */
	__s32 verdict; /* of the last stage */
};

/*
 * Of the packet in work: a CPU has one at a time, since hooks run with bottom halves off, to their
 * end, with those programs that they go on to; what they redirect is queued. In a map for the
 * verifier's sake: it knows nothing of a value from there, so the many ways on which a fact came
 * about are one to it when the next stage begins; on the stack it would follow each of them to the
 * end. (And there is little room on a stack.)
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct mz_facts);
} facts SEC(".maps");

/* A packet: its facts, and the rows that concern it, whose pointers no map may hold. */
struct mz_pkt {
	struct mz_ctx *ctx;
	struct mz_facts *f;
	const struct mz_port *port; /* sender; agent only */
	const struct mz_vpc *vpc;
	const struct mz_local *local; /* destination, if it is on this host */
	const struct mz_location *location; /* destination, if this host bounces for its network */
	struct mz_learned *learned; /* destination, if its location was learned; agent only */
};

/* Nothing is known but the packet. */
static __always_inline void facts_reset(struct mz_pkt *p)
{
	__builtin_memset(p->f, 0, sizeof(*p->f));
	p->f->len = p->f->end = ctx_len(p->ctx);
	p->f->epoch = epoch_now();
}

/* With the facts that the program before found out. False: never. */
static __always_inline bool mz_pkt_go_on(struct mz_pkt *p, struct mz_ctx *ctx)
{
	__u32 zero = 0;

	*p = (struct mz_pkt){ .ctx = ctx, .f = bpf_map_lookup_elem(&facts, &zero) };
	return p->f;
}

static __always_inline bool mz_pkt_init(struct mz_pkt *p, struct mz_ctx *ctx)
{
	if (!mz_pkt_go_on(p, ctx))
		return false;
	facts_reset(p);
	return true;
}

/* Facts are read anew after this: the compiler, too, forgets how they came about. */
#define forget() barrier()

static __always_inline void mark(struct mz_pkt *p, enum mz_trait trait)
{
	p->f->traits |= trait;
}

static __always_inline void unmark(struct mz_pkt *p, enum mz_trait trait)
{
	p->f->traits &= ~trait;
}

static __always_inline bool is(struct mz_pkt *p, enum mz_trait trait)
{
	return p->f->traits & trait;
}

/* Counted when the packet is finished. */
static __always_inline void mz_point(struct mz_pkt *p, enum mz_counter counter)
{
	p->f->points |= 1ULL << counter;
}
#define POINT(p, name) mz_point(p, MZ_COUNT_##name)
