/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The Geneve header and its options (RFC 8926, 3.4 and 3.5). No option is known yet: unknown ones
 * are skipped, unless they are critical. Options come in any order, and must fill the length that
 * the header gives them exactly.
 */
#pragma once

#include "cursor.h"

#define GENEVE_ETHERNET 0x6558
#define GENEVE_OPTS_MAX (MZ_OPTS_MAX / 4) /* options of no data: 4 bytes each */

/* Walks the options from `off` to `end`. */
static __always_inline int parse_options(struct mz_pkt *p, __u32 off, __u32 end, bool is_critical)
{
	for (int i = 0; i < GENEVE_OPTS_MAX && off < end; i++) {
		const struct mz_geneve_opt *opt = mz_at(p, off, sizeof(*opt));

		if (!opt)
			return DROP(geneve_options);
		if (opt->type & MZ_OPT_CRITICAL)
			return DROP(geneve_critical);
		off += sizeof(*opt) + (opt->length & 0x1f) * 4;
	}
	/* Too long for the header's length, or announced as critical without being so. */
	return off != end || is_critical ? DROP(geneve_options) : 0;
}

/* Reads inner_eth (the Geneve header); sets vni and inner_eth. */
static __always_inline int parse_geneve(struct mz_pkt *p)
{
	const struct mz_geneve *geneve = mz_at(p, p->inner_eth, sizeof(*geneve));
	__u32 off, end;
	bool is_critical;

	if (!geneve)
		return DROP(outer_malformed);
	if (MZ_GENEVE_VERSION(geneve))
		return DROP(geneve_version);
	off = p->inner_eth + sizeof(*geneve);
	end = off + MZ_GENEVE_OPTLEN(geneve);
	is_critical = geneve->flags & MZ_GENEVE_F_CRITICAL;
	if (geneve->flags & MZ_GENEVE_F_CONTROL)
		return DROP(geneve_control);
	if (geneve->eth_proto_be != bpf_htons(GENEVE_ETHERNET))
		return DROP(geneve_protocol);
	p->vni = bpf_ntohl(geneve->vni_be) >> 8;
	p->inner_eth = end;
	if (end > p->end)
		return DROP(geneve_options);
	if (off == end && !is_critical)
		return 0;
	return parse_options(p, off, end, is_critical);
}
