/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random packets through the real programs, in worlds of random but valid tables. A world holds its
 * rows twice: in the tables of the programs, and as plain arrays, over which a model written from
 * docs/architecture.md and docs/wire-format.md foretells what must become of each packet.
 *
 * Three VPCs use the same addresses. Endpoint (v, s, i) of VPC v has 10.0.s.i, fd00:s::i and the
 * MAC 02:e0:00:v:s:i, so that the MAC of what is delivered proves to whom it went.
 */
#pragma once

#include "mizar/hash.h"
#include "mizar/wire.h"
#include "cookie.h"
#include "plane.h"
#include "random.h"

#define DIRECT_PERCENT 70 /* of VPCs */

#define N_VPCS	   3
#define N_SUBNETS  3
#define N_NUMBERS  4 /* endpoints of a subnet */
#define N_HOSTS	   6 /* the first is this one */
#define N_PORTS	   4
#define N_NETWORKS (N_VPCS * (N_SUBNETS + 1)) /* with one group a VPC */
#define N_ADDRS	   (N_VPCS * N_SUBNETS * N_NUMBERS * 2)
#define N_STRANGERS 2048
#define N_SLOTS	   4
#define N_PENDING  512

#define WORLD_LO     1
#define WORLD_LO_MTU 65536
#define WORLD_MTU    1500 /* of all other devices */

struct world_host {
	struct mz_addr addr;
	bool is_known, has_way, is_dead;
	struct mz_nexthop ways;
};

struct world_vpc {
	bool exists;
	uint32_t vni;
	struct mz_vpc row;
};

struct world_network {
	uint64_t network;
	bool exists[N_SLOTS];
	struct mz_network slots[N_SLOTS];
};

/* Everything that tables say of one address of a VPC. */
struct world_addr {
	uint32_t vni;
	struct mz_addr addr;
	bool is_member, has_location, is_local, is_learned, has_moved;
	struct mz_route member;
	struct mz_location location;
	struct mz_local local;
	struct mz_learned learned; /* as it is in the table; a packet may change it */
	struct mz_moved moved;
	uint64_t nobody_until; /* ns: who should know said that nobody has it */
};

struct world_prefix {
	uint32_t vni;
	struct mz_addr prefix;
	uint32_t prefix_len; /* of 128 */
	uint64_t network;
};

struct world_port {
	uint32_t ifindex;
	bool exists;
	struct mz_port row;
};

/* A question that this host, as a divider, asked for another one. */
struct world_pending {
	bool exists;
	uint32_t vni;
	struct mz_addr dst, src, host;
	uint8_t cookie[COOKIE_SIZE];
};

struct world {
	struct world_host hosts[N_HOSTS];
	struct world_vpc vpcs[N_VPCS];
	struct world_network networks[N_NETWORKS];
	/* Behind those that were put: such as packets alone name. */
	struct world_addr addrs[N_ADDRS + N_STRANGERS];
	unsigned int n_addrs;
	struct world_prefix prefixes[2 * N_NETWORKS + 2 * N_VPCS];
	unsigned int n_prefixes;
	struct world_pending pending[N_PENDING]; /* as many as a world has packets */
	unsigned int n_pending;
	struct world_port ports[N_PORTS];
	bool is_ipv6; /* the underlay */
};

struct packet {
	enum hook hook;
	uint32_t ifindex;
	bool is_gso;
	struct frame frame;
};

enum fate { PASSED, DROPPED, ABSORBED, SENT };

/* A row of `learned` that a packet makes or changes; its times but `confirmed` do not matter. */
struct change {
	struct world_addr *addr;
	struct mz_learned row;
	bool is_confirmed; /* now */
};

/* A control packet that leaves as well, or alone. */
struct message {
	bool exists;
	struct frame frame; /* a payload may follow */
	size_t port, label;
	unsigned int counter; /* COUNT()s it, if it is sent */
	bool may_be_lost;
};

/* What must become of a packet. */
struct forecast {
	enum fate fate;
	enum mz_drop drop;
	bool is_reported;      /* the sender of what was DROPPED may be told */
	unsigned int counters; /* COUNT()s, exactly */
	struct frame out;      /* SENT and PASSED */
	/* Checksums that may be either of two zeroes, by their offsets; 0: none. */
	size_t checks[2];
	/* Where the kernel's hash stands, in a source port and a flow label; 0: nowhere. */
	size_t port, label;
	/* What a router said of the path to this host, and the host's row keeps; 0: nothing. */
	unsigned int heeded_host;
	uint32_t path_mtu;
	bool is_copied; /* `out` leaves as a copy, and of the rest becomes the message, if any */
	struct message message;
	struct change changes[2];
	unsigned int n_changes;
	struct world_addr *nobody; /* which gets this: */
	uint64_t nobody_until;
	struct world_pending pending; /* which is new, or answered and forgotten */
	bool notes, answers;
};

/* ifindexes: of the devices that ports are on. Fills the tables, too. */
void world_random(struct world *world, const uint32_t ifindexes[N_PORTS]);
/* Another row for a host or a VPC: nothing of the old one is to be remembered. */
void world_change(struct world *world);
struct world_pending *world_pending(struct world *world, uint32_t vni, const struct mz_addr *dst,
				    const struct mz_addr *src); /* NULL: none */
const char *world_text(const struct mz_addr *addr, char ret[static 46]);
uint32_t world_vni(unsigned int vpc);
void world_mac(uint8_t ret[6], unsigned int vpc, unsigned int subnet, unsigned int number);

/* A valid packet of any kind, or one that was changed at random. */
void packet_random(const struct world *world, struct packet *ret);

/*
 * What must become of the packet at this time; where the tables offer several hosts, or several
 * ways to one, and where it depends on what was asked and answered before, `choice` (below
 * MODEL_CHOICES) says which it was.
 */
#define MODEL_CHOICES (MZ_REPLICAS_MAX * MZ_WAYS_MAX * 4)
void model_forecast(struct world *world, const struct packet *packet, uint64_t now,
		    unsigned int choice, struct forecast *ret);
