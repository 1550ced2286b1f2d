/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The Geneve header and its options (RFC 8926, 3.4 and 3.5). Options come in any order, and must
 * fill the length that the header gives them exactly. Unknown ones are skipped, unless they are
 * critical. Ours: RTS on packets with data; all others make a control packet, each alone.
 */
#pragma once

#include "cursor.h"

#define GENEVE_ETHERNET 0x6558
#define GENEVE_OPTS_MAX (MZ_OPTS_MAX / 4) /* options of no data: 4 bytes each */

/* A walk through the options. */
struct options {
	struct mz_pkt *p;
	__u32 off, end;
	__u32 rts, control; /* where they are; zero: there is none */
	int verdict;
};

/* Words of data that an option of a control packet has; zero: it is none. */
static __always_inline __u32 control_words(__u8 type)
{
	if (type == MZ_OPT_STALE)
		return MZ_OPT_WORDS(struct mz_opt_stale);
	if (type == MZ_OPT_HERE)
		return MZ_OPT_WORDS(struct mz_opt_here);
	return type == MZ_OPT_ECHO ? MZ_OPT_WORDS(struct mz_opt_echo) : 0;
}

static __always_inline int parse_option(struct mz_geneve_opt opt, __u32 off, struct options *ret)
{
	bool is_ours = opt.class_be == bpf_htons(MZ_OPT_CLASS);
	__u32 words = opt.length & 0x1f;

	if (is_ours && opt.type == MZ_OPT_RTS) {
		if (words != MZ_OPT_WORDS(struct mz_opt_rts) || ret->rts)
			return DROP(geneve_options);
		ret->rts = off;
		return 0;
	}
	if (!(opt.type & MZ_OPT_CRITICAL))
		return 0;
	if (!is_ours || !control_words(opt.type))
		return DROP(geneve_critical);
	if (words != control_words(opt.type))
		return DROP(geneve_options);
	if (ret->control)
		return DROP(geneve_control);
	ret->control = off;
	return 0;
}

/* Of bpf_loop(), which the verifier follows once, not once for each option. 1: the last one. */
static long parse_next(__u32 i, struct options *walk)
{
	const struct mz_geneve_opt *at;
	struct mz_geneve_opt opt;

	if (walk->off >= walk->end)
		return 1;
	at = mz_at(walk->p, walk->off, sizeof(*at));
	if (!at) {
		walk->verdict = DROP(geneve_options);
		return 1;
	}
	opt = *at;
	walk->verdict = parse_option(opt, walk->off, walk);
	walk->off += sizeof(opt) + (opt.length & 0x1f) * 4;
	return walk->verdict != 0;
}

static __always_inline int parse_options(struct options *walk)
{
	(void)bpf_loop(GENEVE_OPTS_MAX, parse_next, walk, 0); /* fails for wrong arguments only */
	if (walk->verdict)
		return walk->verdict;
	/* Too long for the header's length? */
	return walk->off != walk->end ? DROP(geneve_options) : 0;
}

/* Sets rts, control. flags: of the header. */
static __always_inline int check_options(struct mz_pkt *p, const struct options *options,
					 __u8 flags)
{
	bool is_control = flags & MZ_GENEVE_F_CONTROL;

	/* Announced as critical without being so, or the other way round. */
	if (!!(flags & MZ_GENEVE_F_CRITICAL) != !!options->control)
		return DROP(geneve_options);
	if (is_control != !!options->control || (is_control && options->rts))
		return DROP(geneve_control);
	p->f->rts = options->rts;
	p->f->control = options->control;
	return 0;
}

/* Reads inner_eth (the Geneve header); sets geneve, vni, inner_eth, rts, control, MZ_RETURNED. */
static __always_inline int parse_geneve(struct mz_pkt *p)
{
	const struct mz_geneve *geneve = mz_at(p, p->f->inner_eth, sizeof(*geneve));
	struct options options = { .p = p };
	bool is_returned;
	__u8 flags;
	int r;

	if (!geneve)
		return DROP(outer_malformed);
	if (MZ_GENEVE_VERSION(geneve))
		return DROP(geneve_version);
	p->f->geneve = p->f->inner_eth;
	options.off = p->f->inner_eth + sizeof(*geneve);
	options.end = options.off + MZ_GENEVE_OPTLEN(geneve);
	flags = geneve->flags & (MZ_GENEVE_F_CRITICAL | MZ_GENEVE_F_CONTROL);
	is_returned = geneve->eth_proto_be == bpf_htons(MZ_GENEVE_RETURNED);
	if (geneve->eth_proto_be != bpf_htons(GENEVE_ETHERNET) &&
	    (!is_returned || flags & MZ_GENEVE_F_CONTROL))
		return DROP(geneve_protocol);
	p->f->vni = bpf_ntohl(geneve->vni_be) >> 8;
	p->f->inner_eth = options.end;
	if (options.end > p->f->end)
		return DROP(geneve_options);
	if (is_returned)
		mark(p, MZ_RETURNED);
	p->f->rts = 0;
	if (options.off == options.end && !flags)
		return 0;
	r = parse_options(&options);
	return r ?: check_options(p, &options, flags);
}
