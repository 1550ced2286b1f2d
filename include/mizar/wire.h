/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is on the wire. Geneve (RFC 8926) over UDP over IPv4 or IPv6, inner Ethernet:
 *
 *	outer Ethernet | outer IP | UDP | Geneve | options | inner Ethernet | inner packet
 *	            14 | 20 or 40 |   8 |      8 |  0..252 |             14 |
 */
#ifndef MIZAR_WIRE_H
#define MIZAR_WIRE_H

#include <linux/types.h>

#define MZ_GENEVE_PORT 6081

/* RFC 8926, section 3.4. */
struct mz_geneve {
	__u8 version_optlen;	/* 2 bits version (0), 6 bits length of the options in 4 bytes */
	__u8 flags;		/* MZ_GENEVE_F_* */
	__be16 eth_proto_be;	/* 0x6558: Ethernet */
	__be32 vni_be;		/* 24 bits VNI, 8 bits reserved */
};

#define MZ_GENEVE_VERSION(g) ((g)->version_optlen >> 6)
#define MZ_GENEVE_OPTLEN(g) (((g)->version_optlen & 0x3f) * 4) /* bytes */
#define MZ_GENEVE_F_CONTROL 0x80  /* O bit */
#define MZ_GENEVE_F_CRITICAL 0x40 /* C bit: an option is critical */

/* RFC 8926, section 3.5. */
struct mz_geneve_opt {
	__be16 class_be;
	__u8 type;		/* bit 7: critical */
	__u8 length;		/* 3 bits reserved, 5 bits length of the data in 4 bytes */
};

#define MZ_OPT_CRITICAL 0x80
#define MZ_OPT_CLASS 0xff4d	/* from the range for experiments */

/*
 * Types of options of our class. RTS is on packets with data, the others make a control packet (O
 * bit, no payload) each alone. docs/wire-format.md has the protocol.
 */
#define MZ_OPT_NONE  0x00 /* was an RTS that a hop did not believe */
#define MZ_OPT_RTS   0x01
#define MZ_OPT_STALE 0x82
#define MZ_OPT_HERE  0x83
#define MZ_OPT_ECHO  0x86

/* Return to sender: where the source of this packet is, and what an answer must repeat. */
struct mz_opt_rts {
	struct mz_geneve_opt opt;
	__u8 host[16];	      /* struct mz_addr */
	__be32 generation_be; /* of the source's location; zero: not known */
	__be32 group_be;      /* of the source; zero: none */
	__u8 cookie[8];	      /* of host, for source and destination; opaque to others */
};

#define MZ_HERE_NOBODY 1U /* nobody has the address: it is no host of it that speaks */

/* The sender of this packet is the host of `address` (or divides for it): answer to an RTS. */
struct mz_opt_here {
	struct mz_geneve_opt opt;
	__u8 address[16];     /* of the VNI: the destination of the packet that had the RTS */
	__u8 peer[16];	      /* its source */
	__u8 cookie[8];
	__be32 generation_be; /* of address; zero: not known */
	__be32 group_be;
	__be32 flags_be;      /* MZ_HERE_* */
};

/* The address is not on the sender's host any more; generation: that of where it is now. */
struct mz_opt_stale {
	struct mz_geneve_opt opt;
	__u8 address[16];
	__be32 generation_be;
};

/* Sent back as it is to the UDP port that it came from, by every host: liveness. */
struct mz_opt_echo {
	struct mz_geneve_opt opt;
	__u8 nonce[8];
};

#define MZ_OPT_WORDS(type) ((sizeof(type) - sizeof(struct mz_geneve_opt)) / 4)

/*
 * Geneve protocol of a packet that a host gives back to the one that sent it, since it has no such
 * endpoint: all else in it is as it was (IEEE 802, local experimental EtherType 1).
 */
#define MZ_GENEVE_RETURNED 0x88b5
#define MZ_OPTS_MAX 252		/* bytes that the length field can say */

/*
 * Bytes of options that a data packet may carry: what endpoint MTUs leave free, so that no later
 * option ever changes them.
 */
#define MZ_OPT_BUDGET 40
_Static_assert(sizeof(struct mz_opt_rts) <= MZ_OPT_BUDGET, "options of a data packet");

#define MZ_ENCAP_SIZE_IPV4 50	/* IP, UDP, Geneve, inner Ethernet */
#define MZ_ENCAP_SIZE_IPV6 70
#define MZ_OUTER_TTL 64

/*
 * The MAC that every endpoint sees as its neighbours' and gateways'. Locally administered, the same
 * on all hosts, so that an endpoint's neighbour entries stay true when it moves.
 */
#define MZ_VIRTUAL_MAC { 0x02, 0x6d, 0x7a, 0x00, 0x00, 0x01 }

/*
 * The source MAC of an inner frame names the network that the packet may enter, as a bouncer or
 * divider has judged: MZ_JUDGED_MAC, then this many bits of the network's uid. Zeros: nobody has.
 */
#define MZ_JUDGED_MAC  0x02
#define MZ_JUDGED_BITS 40

/* MTU of an endpoint over an underlay of the given MTU and family. */
#define MZ_ENDPOINT_MTU(underlay, ipv6) \
	((underlay) - ((ipv6) ? MZ_ENCAP_SIZE_IPV6 : MZ_ENCAP_SIZE_IPV4) - MZ_OPT_BUDGET)

#endif
