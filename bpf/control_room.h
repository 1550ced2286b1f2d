/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a packet leaves behind for the control packet that it causes. The program mz_control_send
 * makes that from it: see control_send.h.
 */
#pragma once

#include "bucket.h"
#include "cookie.h"
#include "learn.h"

struct control_room {
	struct mz_addr to;
	struct mz_addr address; /* that the message is about */
	struct mz_addr peer;	/* HERE: that asked */
	__u64 cookie;		/* HERE: that it asked with; as it came */
	__u32 vni;
	__u32 generation;
	__u32 group;
	__u32 here_flags;
	__u8 type;		/* MZ_OPT_HERE, MZ_OPT_STALE */
	bool is_ipv6;		/* what the kernel takes the packet for that becomes the message */
	__u8 pad[6];
	__u8 frame[192];	/* it, whole */
	__u8 nothing[512];	/* zeros */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct control_room);
} control_room SEC(".maps");

/* One in 2 ms, two at once, for each pair of endpoints; few pairs share a bucket. */
#define CONTROL_BUCKETS	    4096
#define CONTROL_INTERVAL_NS 2000000ULL
#define CONTROL_BURST	    2

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, CONTROL_BUCKETS);
	__type(key, __u32);
	__type(value, __u64);
} control_bucket SEC(".maps");

/* What a control packet is about: the members of the room that its cause knows. */
struct control {
	struct mz_vni_addr address, peer;
	struct mz_addr to;
	__u64 cookie;
	__u32 generation;
	__u32 here_flags;
	__u16 type;
	__u16 is_allowed; /* the limit was looked at before */
};

static __always_inline bool control_is_allowed(const struct control *control)
{
	__u32 key = mz_hash_addr(mz_hash_addr(secret_mix(control->peer.vni),
					      &control->peer.addr),
				 &control->address.addr) %
		    CONTROL_BUCKETS;
	__u64 *bucket = bpf_map_lookup_elem(&control_bucket, &key);

	return bucket && bucket_take(bucket, bpf_ktime_get_ns(), CONTROL_INTERVAL_NS,
				     CONTROL_BURST);
}

/* 0: there were too many for these endpoints. */
GLOBAL int control_prepare(const struct control *control)
{
	struct control_room *room;
	__u32 zero = 0;

	if (!control)
		return 0;
	room = bpf_map_lookup_elem(&control_room, &zero);
	if (!room || (!control->is_allowed && !control_is_allowed(control)))
		return 0;
	room->type = control->type;
	room->vni = control->address.vni;
	room->address = control->address.addr;
	room->peer = control->peer.addr;
	room->to = control->to;
	room->cookie = control->cookie;
	room->generation = control->generation;
	room->group = 0;
	room->here_flags = control->here_flags;
	room->is_ipv6 = underlay_is_ipv6();
	return 1;
}

static __always_inline void prepare_control(struct mz_pkt *p, struct control *control)
{
	control->is_allowed = is(p, MZ_COPY);
	control->address = (struct mz_vni_addr){ .vni = p->f->vni, .addr = p->f->dst };
	control->peer = (struct mz_vni_addr){ .vni = p->f->vni, .addr = p->f->src };
	if (control_prepare(control))
		mark(p, MZ_ANSWERS);
	else
		POINT(p, here_limit);
}

/* The packet's RTS is answered: by the destination's host, by a divider, or with MZ_HERE_NOBODY. */
static __always_inline void prepare_here(struct mz_pkt *p, __u32 generation, __u32 here_flags)
{
	struct control control = { .type = MZ_OPT_HERE,
				   .generation = generation,
				   .here_flags = here_flags };
	const struct mz_opt_rts *rts;

	if (!p->f->rts || is(p, MZ_STRIPS) || !p->vpc || !vpc_is_direct(p))
		return;
	rts = mz_at(p, p->f->rts, sizeof(*rts));
	if (!rts)
		return;
	__builtin_memcpy(&control.to, rts->host, sizeof(control.to));
	__builtin_memcpy(&control.cookie, rts->cookie, sizeof(control.cookie));
	prepare_control(p, &control);
}

/* The sender's host is told that the endpoint moved. */
static __always_inline void prepare_stale(struct mz_pkt *p)
{
	struct control control = { .type = MZ_OPT_STALE,
				   .to = p->f->outer_src,
				   .generation = p->f->moved_generation };

	prepare_control(p, &control);
}

/*
 * What is rare has programs of its own, in tc: control packets, packets that came back, and packets
 * with an RTS.
 */
static __always_inline int go_on(struct mz_pkt *p)
{
	if (!p->f->control && !p->f->rts && !is(p, MZ_RETURNED))
		return 0;
	if (!CTX_IS_LAST)
		return MZ_PASS;
	if (p->f->control)
		return MZ_CONTROL;
	return is(p, MZ_RETURNED) ? MZ_CAME_BACK : MZ_ASKS;
}
