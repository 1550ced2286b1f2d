/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What no location is known of goes by the bouncers, now and then with an RTS that asks where to
 * send the next packets. Bounded, so that an endpoint that sends to everybody costs nobody else
 * anything.
 */
#pragma once

#include "bucket.h"
#include "cookie.h"
#include "direct.h"
#include "nobody.h"

#define ASK_INTERVAL_NS 20000000ULL /* between RTS for one address; doubled up to 64 times */
#define ASK_DOUBLED	6
#define NEW_ROWS	4096

/* When an endpoint's new destinations would all have been paid for, by its device. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, NEW_ROWS);
	__type(key, __u32);
	__type(value, __u64);
} new_bucket SEC(".maps");

/* Has the endpoint a new destination to its credit? */
static __always_inline bool is_new_allowed(struct mz_pkt *p, __u64 now)
{
	__u32 key = ctx_ifindex(p->ctx);
	__u64 *bucket = bpf_map_lookup_elem(&new_bucket, &key);
	__u64 first = now + mz_config.new_interval;

	if (!bucket)
		(void)bpf_map_update_elem(&new_bucket, &key, &first, BPF_ANY); /* or it is free */
	if (!bucket || !mz_config.new_interval)
		return true;
	return bucket_take(bucket, now, mz_config.new_interval, MZ_NEW_BURST);
}

static __always_inline int ask_unknown(struct mz_pkt *p, __u64 now)
{
	struct mz_vni_addr key = { .vni = p->f->vni, .addr = p->f->dst };
	struct unknown *row = bpf_map_lookup_elem(&unknown, &key);
	struct unknown new = { .asked = now };
	__u32 doubled;

	if (!row) {
		if (!is_new_allowed(p, now))
			return DROP(new_limit);
		mark(p, MZ_INTRODUCES);
		(void)bpf_map_update_elem(&unknown, &key, &new, BPF_ANY); /* or asked again */
		return 0;
	}
	if (row->nobody_until > now)
		return DROP(nobody);
	doubled = row->n_asked < ASK_DOUBLED ? row->n_asked : ASK_DOUBLED;
	if (is_ask_due(p, row->asked, ASK_INTERVAL_NS << doubled, now)) {
		row->asked = now;
		row->n_asked++;
		mark(p, MZ_INTRODUCES);
	}
	return 0;
}

/* Asks, where a packet goes by bouncers that might go direct. Reads next; marks MZ_INTRODUCES. */
static __always_inline int introduce(struct mz_pkt *p)
{
	__u64 now;

	if (p->f->next != MZ_TO_TUNNEL || !vpc_is_direct(p) || is(p, MZ_DIRECT) ||
	    is(p, MZ_INTRODUCES))
		return 0;
	now = clock();
	if (!p->learned)
		return ask_unknown(p, now);
	if (is_nobodys(p, now)) /* somebody said so, of one that was known */
		return DROP(nobody);
	if (is_ask_due(p, p->learned->asked, ASK_INTERVAL_NS, now))
		ask(p, p->learned, now, true);
	return 0;
}

/* Bytes of options that the packet gets. */
static __always_inline __u32 options_size(struct mz_pkt *p)
{
	return is(p, MZ_INTRODUCES) ? sizeof(struct mz_opt_rts) : 0;
}

/* Location generation of an endpoint of this host. */
static __always_inline __u32 local_generation(struct mz_pkt *p, const struct mz_addr *addr)
{
	struct mz_vni_addr key = { .vni = p->f->vni, .addr = *addr };
	const struct mz_local *row = table_lookup(local, &key);

	return row ? row->generation : 0;
}

/* The option, as this host introduces the source of the packet. */
static __always_inline void make_rts(struct mz_pkt *p, struct mz_opt_rts *ret)
{
	struct mz_addr self = self_addr();
	__u64 cookie = cookie_for(cookie_role(p), &p->f->dst, &p->f->src, cookie_time());

	__builtin_memset(ret, 0, sizeof(*ret));
	ret->opt.class_be = bpf_htons(MZ_OPT_CLASS);
	ret->opt.type = MZ_OPT_RTS;
	ret->opt.length = MZ_OPT_WORDS(*ret);
	__builtin_memcpy(ret->host, &self, sizeof(self));
	ret->generation_be = bpf_htonl(local_generation(p, &p->f->src));
	__builtin_memcpy(ret->cookie, &cookie, sizeof(cookie));
}
