/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * IPv6 extension headers (RFC 8200, section 4), those of endpoints' packets and those outside of
 * tunnels.
 */
#pragma once

#include "cursor.h"

#define PROTO_HOP_BY_HOP     0
#define PROTO_UDP	     17
#define PROTO_ROUTING	     43
#define PROTO_FRAGMENT	     44
#define PROTO_AUTHENTICATION 51
#define PROTO_ICMPV6	     58
#define PROTO_DESTINATION    60
#define PROTO_MOBILITY	     135
#define EXTENSIONS_MAX	     6

static __always_inline bool is_extension(__u8 ip_proto)
{
	return ip_proto == PROTO_HOP_BY_HOP || ip_proto == PROTO_ROUTING ||
	       ip_proto == PROTO_FRAGMENT || ip_proto == PROTO_AUTHENTICATION ||
	       ip_proto == PROTO_DESTINATION || ip_proto == PROTO_MOBILITY;
}

/*
 * From the header ip_proto at l4 to what comes behind all extensions: sets ip_proto, l4,
 * is_fragment. Behind a fragment that is not the first there is payload: ip_proto stays.
 */
static __always_inline int follow_extensions(struct mz_pkt *p)
{
	for (int i = 0; i < EXTENSIONS_MAX; i++) {
		const __u8 *header;
		__u32 size;

		if (!is_extension(p->f->ip_proto))
			return 0;
		header = mz_at(p, p->f->l4, 8);
		if (!header)
			return DROP(extension);
		size = p->f->ip_proto == PROTO_FRAGMENT	     ? 8
		       : p->f->ip_proto == PROTO_AUTHENTICATION ? (header[1] + 2) * 4
							     : (header[1] + 1) * 8;
		if (p->f->ip_proto == PROTO_FRAGMENT) {
			p->f->is_fragment = true;
			if (header[2] || header[3] & 0xf8)
				return 0;
		}
		p->f->ip_proto = header[0];
		p->f->l4 += size;
	}
	return is_extension(p->f->ip_proto) ? DROP(extension) : 0;
}
