/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Every table that the BPF programs and user space share: keys, values, and one row per table in
 * MZ_TABLES(). The maps, the pins, the accessors of src/tables/, `mizar host tables` and
 * docs/tables.md all come from these rows.
 *
 * Byte order: addresses and MACs are in network order, IPv4 mapped (::ffff:a.b.c.d); all integers
 * are in host order unless the name ends in _be. Prefix lengths count in 128 bits.
 *
 * Each table is a map in a map: BPF knows an outer array with one slot, user space grows a table
 * by filling a larger inner map and swapping it in.
 */
#ifndef MIZAR_TABLES_H
#define MIZAR_TABLES_H

#include <linux/types.h>

/* Raised by any change to a key or value below; pins of another version are not reused. */
#define MZ_LAYOUT_VERSION 3

#define MZ_REPLICAS_MAX 4

#ifndef __cplusplus
#define MZ_ASSERT_SIZE(type, size) _Static_assert(sizeof(struct type) == (size), #type)
#endif

/* An IPv6 address, or an IPv4 address mapped into ::ffff:0:0/96 (RFC 4291, 2.5.5.2). */
struct mz_addr {
	union {
		__u8 bytes[16];
		__be32 words_be[4];
	};
};
MZ_ASSERT_SIZE(mz_addr, 16);

/* An address of a tenant. */
struct mz_vni_addr {
	__u32 vni;
	struct mz_addr addr;
};
MZ_ASSERT_SIZE(mz_vni_addr, 20);

/*
 * Droplets that stand in for each other. The first n are used: packets are sent to them. Those that
 * follow are on their way in or out: ready ones act in the role when a packet reaches them, known
 * ones do not, or not yet; what any of them sends is believed. Entries behind them are zero.
 */
struct mz_replicas {
	__u16 n;
	__u8 n_ready;
	__u8 n_known;
	struct mz_addr addrs[MZ_REPLICAS_MAX];
};
MZ_ASSERT_SIZE(mz_replicas, 68);

struct mz_droplet {
	__u32 flags; /* none yet */
};
MZ_ASSERT_SIZE(mz_droplet, 4);

/* A way out: what the outer Ethernet header says, and the device. */
struct mz_way {
	__u32 ifindex;
	__u8 dst_mac[6];
	__u8 src_mac[6];
};
MZ_ASSERT_SIZE(mz_way, 16);

#define MZ_WAYS_MAX 4
#define MZ_WAY_BITS 2	/* of an index into the ways */
#define MZ_WAY_SLOTS 32 /* as many as 64 bits hold */

/*
 * How to reach a droplet, by one way or several (ECMP). A flow's hash finds a slot, modulo their
 * number, and the slot the way: slot i is bits 2i and 2i + 1. A single way has all slots, so they
 * are zero. Ways behind the last one are zero, and have no slot.
 *
 * The MTU of the path, by whatever way, is written by transit, when a router on the underlay says
 * so (RFC 1191, RFC 8201), and holds until `path_mtu_until` (seconds of CLOCK_BOOTTIME). Zero: none
 * is known, and that of the device counts.
 */
struct mz_nexthop {
	__u64 slots;
	__u32 path_mtu;
	__u32 path_mtu_until;
	struct mz_way ways[MZ_WAYS_MAX];
};
MZ_ASSERT_SIZE(mz_nexthop, 80);

#define MZ_VPC_DIVIDE (1U << 0) /* packets between networks must pass a divider */
#define MZ_VPC_DIRECT (1U << 1) /* locations are learned from traffic: see bpf/learn.h */

struct mz_vpc {
	__u32 flags;
	struct mz_replicas dividers;
};
MZ_ASSERT_SIZE(mz_vpc, 72);

/* Longest prefix match: the bits of vni_be, then of the prefix. */
struct mz_prefix_key {
	__u32 prefixlen; /* 32 + prefix length in 128 bits */
	__be32 vni_be;
	struct mz_addr prefix;
};
MZ_ASSERT_SIZE(mz_prefix_key, 24);

/* The network that an address or a prefix belongs to. */
struct mz_route {
	__u64 network;
};
MZ_ASSERT_SIZE(mz_route, 8);

/* A network's bouncers are 2^slot_bits rows, by a hash of the destination; slot 0 always exists. */
struct mz_network_key {
	__u64 network;
	__u32 slot;
	__u32 pad;
};
MZ_ASSERT_SIZE(mz_network_key, 16);

struct mz_network {
	__u32 vni;
	__u32 slot_bits;
	struct mz_replicas bouncers;
	__u32 pad;
};
MZ_ASSERT_SIZE(mz_network, 80);

/* A bouncer's row: where an endpoint's address is. */
struct mz_location {
	__u64 network;
	struct mz_addr host; /* tunnel address */
	__u32 generation;
	__u32 pad;
};
MZ_ASSERT_SIZE(mz_location, 32);

#define MZ_LEARNED_STALE (1U << 0) /* not used any more; what comes back from there is sent again */
#define MZ_LEARNED_RTS	 (1U << 1) /* last told by an RTS, attested by a bouncer or divider */
#define MZ_LEARNED_HERE	 (1U << 2) /* last told by a HERE, which had our cookie */
#define MZ_LEARNED_BY	 (1U << 3) /* host is a divider on the way */
#define MZ_LEARNED_SHIFT 30	   /* 1.07 s */

/*
 * Where an endpoint's address is, as the data plane learned it: the host itself, or a divider on
 * the way. Times are ns of CLOCK_MONOTONIC (coarse). Written by BPF, removed by user space.
 */
struct mz_learned {
	struct mz_addr host;
	struct mz_addr before;	/* the host before this one; zero: none */
	__u64 network;		/* that it was proven to be in; MZ_LEARNED_BY: of the endpoint
				 * here that it was learned for; zero: not known */
	__u64 confirmed;	/* the last packet, RTS or HERE from host; the lease starts here */
	__u64 used;		/* the last packet sent there, exact to lease / 8 */
	__u64 asked;		/* the last RTS that was sent to renew it */
	__u64 hits;		/* packets sent there; about, since CPUs count without a lock */
	__u32 generation;	/* zero: not known (by a divider) */
	__u32 group;
	__u32 flags;		/* MZ_LEARNED_* */
	__u32 asked_bouncers;	/* the last one by bouncers, in 1 << MZ_LEARNED_SHIFT ns */
};
MZ_ASSERT_SIZE(mz_learned, 88);

/* A tombstone: an endpoint's address that was on this host, and is on another one now. */
struct mz_moved {
	struct mz_addr host;
	__u32 generation; /* there */
	__u32 pad;
};
MZ_ASSERT_SIZE(mz_moved, 24);

/* A bouncer or divider that answers no echo: nobody's choice until then (ns, CLOCK_MONOTONIC). */
struct mz_dead {
	__u64 until;
	__u32 misses; /* echoes without an answer */
	__u32 pad;
};
MZ_ASSERT_SIZE(mz_dead, 16);

#define MZ_PORT_PEER (1U << 0) /* the other end is in another namespace: bpf_redirect_peer works */

/* An endpoint of this host as the agent sees it, by the ifindex of its host-side device. */
struct mz_port {
	__u64 uid;
	__u64 network;
	__u32 vni;
	__u32 flags;
	struct mz_addr ip4; /* zero: none */
	struct mz_addr ip6;
	struct mz_addr gateway4;
	struct mz_addr gateway6;
	__u8 mac[6];
	__u8 prefix_len4; /* on-link prefix around the address; outside of it is a hop away */
	__u8 prefix_len6; /* zero: everything is on the link */
};
MZ_ASSERT_SIZE(mz_port, 96);

/* An endpoint of this host as deliver sees it, by its address. */
struct mz_local {
	__u64 network;
	__u32 ifindex;
	__u32 generation;
	__u8 mac[6];
	__u16 mtu;   /* of its device; zero: not known */
	__u32 flags; /* MZ_PORT_* */
};
MZ_ASSERT_SIZE(mz_local, 32);

#define MZ_NAME_SIZE 64 /* a DNS label and its terminator */

/* An endpoint that belongs on this host, with or without a device (not used by BPF). */
struct mz_endpoint {
	__u64 network;
	__u32 vni;
	__u32 generation;
	__u32 n_addrs;
	__u8 mac[6];
	__u8 pad[2];
	struct {
		struct mz_addr addr;
		struct mz_addr gateway;
		__u32 prefix_len;
	} addrs[2];
	char namespace_[MZ_NAME_SIZE];
	char name[MZ_NAME_SIZE];
};
MZ_ASSERT_SIZE(mz_endpoint, 232);

/* What the host last acknowledged of a scope (not used by BPF). Kinds: Scope.Kind in rows.proto. */
struct mz_scope_key {
	__u64 id;
	__u32 kind;
	__u32 pad;
};
MZ_ASSERT_SIZE(mz_scope_key, 16);

struct mz_scope {
	__u64 epoch;
	__u64 revision;
};
MZ_ASSERT_SIZE(mz_scope, 16);

/*
 * X(name, map type, key, value, rows at first, doc)
 * The name is that of the map, the pin, the accessors and the CLI. LPM tries and hashes alike are
 * made with BPF_F_NO_PREALLOC. The programs declare the first list; the second is user space's.
 */
#define MZ_BPF_TABLES(X)                                                                          \
	X(droplet, HASH, struct mz_addr, struct mz_droplet, 256,                                  \
	  "known hosts, by tunnel address")                                                       \
	X(nexthop, HASH, struct mz_addr, struct mz_nexthop, 256,                                  \
	  "way to each known host, from the kernel's routes and neighbours")                      \
	X(vpc, HASH, __u32, struct mz_vpc, 64, "dividers of each VPC, by VNI")                    \
	X(prefix, LPM_TRIE, struct mz_prefix_key, struct mz_route, 256,                           \
	  "dividers: network of each prefix")                                                     \
	X(member, HASH, struct mz_vni_addr, struct mz_route, 256,                                 \
	  "dividers: network of each address in a group network")                                 \
	X(network, HASH, struct mz_network_key, struct mz_network, 256,                           \
	  "bouncers of each network")                                                             \
	X(location, HASH, struct mz_vni_addr, struct mz_location, 1024,                           \
	  "bouncers: host of each endpoint's address")                                            \
	X(port, HASH, __u32, struct mz_port, 128, "endpoints of this host, by device")            \
	X(local, HASH, struct mz_vni_addr, struct mz_local, 256,                                  \
	  "endpoints of this host, by address")                                                   \
	X(learned, HASH, struct mz_vni_addr, struct mz_learned, 65536,                            \
	  "hosts of other endpoints, learned from traffic")                                       \
	X(moved, HASH, struct mz_vni_addr, struct mz_moved, 256,                                  \
	  "endpoints that went from this host to another one, for a while")                       \
	X(dead, HASH, struct mz_addr, struct mz_dead, 64,                                         \
	  "bouncers and dividers that do not answer, until they do")

#define MZ_USER_TABLES(X)                                                                         \
	X(endpoint, HASH, __u64, struct mz_endpoint, 128,                                         \
	  "endpoints that belong on this host, by uid (user space only)")                         \
	X(scope, HASH, struct mz_scope_key, struct mz_scope, 256,                                 \
	  "what was last acknowledged of each scope (user space only)")

#define MZ_TABLES(X) MZ_BPF_TABLES(X) MZ_USER_TABLES(X)

enum mz_table_id {
#define X(name, ...) MZ_TABLE_##name,
	MZ_TABLES(X)
#undef X
	MZ_N_TABLES
};

/* A packet count and a byte count of one CPU. The array `drop` has one by reason. */
struct mz_count {
	__u64 packets;
	__u64 bytes;
};
MZ_ASSERT_SIZE(mz_count, 16);

/* The row of `counter`; room for counters to come, since the list is append-only. */
#define MZ_COUNTERS_MAX 64
struct mz_counters {
	struct mz_count counts[MZ_COUNTERS_MAX]; /* by enum mz_counter */
};
MZ_ASSERT_SIZE(mz_counters, 1024);

/* Constants of a loaded program (read-only data, set before it is loaded). */
struct mz_config {
	struct mz_addr self;   /* own tunnel address */
	__be16 port_be;	       /* UDP port of the tunnels */
	__u8 virtual_mac[6];   /* the one MAC that endpoints see as everyone else's */
	__u32 decap_flags_ok;  /* the kernel knows BPF_F_ADJ_ROOM_DECAP_L3_* (6.3) */
	__u32 ifindex;	       /* the droplet: the way out to hosts that have no row in nexthop */
	__u64 lease;	       /* ns that a learned location holds without being confirmed */
	__u64 new_interval;    /* ns per new destination of an endpoint, beyond a burst; 0: any */
	__u64 secret[2];       /* for cookies; of this host alone, random at every load */
	__u32 cut_ifindex;     /* device that cuts merged datagrams; 0: none */
	__u32 pad;
};
MZ_ASSERT_SIZE(mz_config, 72);
#define MZ_LEASE_NS	   5000000000ULL
#define MZ_NEW_INTERVAL_NS 1000000ULL /* 1000 new destinations a second */
#define MZ_NEW_BURST	   1000

#endif
