/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a divider was asked and does not know: its own question goes on in place of the asker's, and
 * what comes of that is passed on to the asker. A row is needed for a round trip; who gets no
 * answer asks again.
 */
#pragma once

#include "control_room.h"
#include "nobody.h"

#define PENDING_ROWS 8192

struct pending_key {
	struct mz_vni_addr dst;
	struct mz_addr src;
};

struct pending {
	struct mz_addr host; /* that asked */
	__u64 cookie;	     /* its own; as it came */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, PENDING_ROWS);
	__type(key, struct pending_key);
	__type(value, struct pending);
} pending SEC(".maps");

static __always_inline struct pending_key pending_key(struct mz_pkt *p)
{
	return (struct pending_key){ .dst = { .vni = p->f->vni, .addr = p->f->dst },
				     .src = p->f->src };
}

/* Reads the RTS, before this host puts itself into it. */
static __always_inline int note_pending(struct mz_pkt *p)
{
	const struct mz_opt_rts *rts = mz_at(p, p->f->rts, sizeof(*rts));
	struct pending_key key = pending_key(p);
	struct pending row;

	if (!rts)
		return DROP(geneve_options);
	__builtin_memcpy(&row.host, rts->host, sizeof(row.host));
	__builtin_memcpy(&row.cookie, rts->cookie, sizeof(row.cookie));
	(void)bpf_map_update_elem(&pending, &key, &row, BPF_ANY); /* or it is asked again */
	return 0;
}

/* The destination is found, or nobody's. Reads src, dst: of the question. */
static __always_inline void answer_pending(struct mz_pkt *p, __u32 here_flags)
{
	struct control control = { .type = MZ_OPT_HERE, .here_flags = here_flags };
	struct pending_key key = pending_key(p);
	const struct pending *row = bpf_map_lookup_elem(&pending, &key);

	if (!row)
		return;
	control.to = row->host;
	control.cookie = row->cookie;
	prepare_control(p, &control);
	if (is(p, MZ_ANSWERS)) /* else the limit has it wait for the next answer */
		(void)bpf_map_delete_elem(&pending, &key); /* absent is well */
}

/*
 * Who should know says that nobody has the destination: late, if a location is known that holds,
 * or too early, if it is to be here. Reads src, dst.
 */
static __always_inline void heed_no_one(struct mz_pkt *p)
{
	struct mz_vni_addr asker = { .vni = p->f->vni, .addr = p->f->src };
	const struct mz_learned *row = find_learned(p, &p->f->dst);

	if ((row && learned_holds(row, clock())) || lookup_local(p))
		return;
	if (table_lookup(local, &asker))
		note_nobody(&(struct mz_vni_addr){ .vni = p->f->vni, .addr = p->f->dst });
	else
		answer_pending(p, MZ_HERE_NOBODY);
}
