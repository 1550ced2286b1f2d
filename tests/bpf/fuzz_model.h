/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The model's view of a packet, and what its parts have in common: what a packet is (fuzz_parse.c),
 * what is answered at once (fuzz_answer.c), where it goes (fuzz_model.c, and by the direct path
 * fuzz_direct.c), and how it leaves (fuzz_way.c).
 */
#pragma once

#include "fuzz.h"

#include <arpa/inet.h>
#include <string.h>

#define PROTO_UDP    17
#define PROTO_ICMP   1
#define PROTO_ICMPV6 58
/* No header behind this is looked at: what may hide there is not carried. */
#define HEADERS_MAX 1023
#define GSO_SIZE    100

enum route { UNDECIDED, TO_TUNNEL, TO_LOCATION };

/* A packet as far as it is understood. */
struct view {
	struct world *world;
	const struct packet *packet;
	unsigned int choice_host, choice_way;
	const struct world_port *port; /* from an endpoint */
	const struct world_vpc *vpc;
	const struct world_addr *local; /* the destination, if it is here */
	struct mz_addr outer_src, src, dst;
	uint32_t vni;
	size_t outer_size; /* of the outer IP header, with its options */
	size_t inner;	   /* where the inner Ethernet header starts */
	size_t end;	   /* as the lengths admit */
	size_t l4;
	uint16_t eth_proto;
	uint8_t proto, tos, outer_tos, outer_ttl, ttl;
	uint64_t judged_before, judged; /* network that it may enter, by the sender, by this host */
	bool has_hopped; /* off the endpoint's link: one was taken from ttl */
	bool is_fragment, is_tunneled, is_from_divider, was_divided;
	/* The direct path. */
	uint64_t now, sender_network;
	bool may_ask, may_answer;
	size_t geneve, rts, control; /* offsets; 0: none */
	bool is_returned, has_no_vpc, has_moved, is_introduced, is_void, gives_back;
	bool is_direct, asks, answers, replaces;
	struct world_addr *learned; /* the destination, if it has a row */
	struct mz_addr to;	    /* TO_TUNNEL */
	enum route route;
	struct forecast *out;
};

/* Each step returns whether the packet's fate is sealed. */
#define DONE  true
#define GO_ON false

static inline uint16_t get16(const uint8_t *from)
{
	return from[0] << 8 | from[1];
}

static inline uint32_t get32(const uint8_t *from)
{
	return (uint32_t)get16(from) << 16 | get16(from + 2);
}

static inline const uint8_t *at(const struct view *v, size_t off)
{
	return v->packet->frame.bytes + off;
}

/* A bouncer or divider tells who asked that nobody has it. XDP leaves that to tc. */
bool model_tell_nobody(struct view *v);

static inline bool drop(struct view *v, enum mz_drop reason)
{
	if ((reason == MZ_DROP_no_endpoint || reason == MZ_DROP_no_route) && model_tell_nobody(v))
		return DONE;
	v->out->fate = DROPPED;
	v->out->drop = reason;
	v->out->is_reported = v->packet->hook != XDP &&
			      (reason == MZ_DROP_too_big || reason == MZ_DROP_inner_ttl);
	return DONE;
}
#define DROP(v, reason) drop(v, MZ_DROP_##reason)

static inline bool absorb(struct view *v)
{
	v->out->fate = ABSORBED;
	v->out->counters |= COUNT(absorb);
	return DONE;
}

static inline bool pass(struct view *v)
{
	v->out->fate = PASSED;
	v->out->counters = v->packet->hook == XDP ? 0 : COUNT(pass); /* left to the next hook */
	v->out->out = v->packet->frame;
	return DONE;
}

static inline bool same(const struct mz_addr *a, const struct mz_addr *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static inline bool is_self(const struct view *v, const struct mz_addr *a)
{
	return same(a, &v->world->hosts[0].addr);
}

static inline bool is_zero(const struct mz_addr *a)
{
	return same(a, &(struct mz_addr){});
}

static inline bool is_ipv4(const struct mz_addr *a)
{
	static const uint8_t prefix[12] = { [10] = 0xff, [11] = 0xff };

	return !memcmp(a, prefix, 12);
}

static inline struct mz_addr ipv4_at(const uint8_t *from)
{
	struct mz_addr a = addr("0.0.0.0");

	memcpy(a.bytes + 12, from, 4);
	return a;
}

static inline struct mz_addr ipv6_at(const uint8_t *from)
{
	struct mz_addr a;

	memcpy(&a, from, 16);
	return a;
}

static inline bool in_prefix(const struct mz_addr *a, const struct mz_addr *prefix, uint32_t len)
{
	for (uint32_t bit = 0; bit < len; bit++)
		if ((a->bytes[bit / 8] ^ prefix->bytes[bit / 8]) & 0x80 >> bit % 8)
			return false;
	return true;
}

static inline bool is_multicast(const struct mz_addr *a)
{
	return is_ipv4(a) ? a->bytes[12] >= 224 : a->bytes[0] == 0xff;
}

/* Link-local, loopback, unspecified. */
static inline bool is_link_local(const struct mz_addr *a)
{
	struct mz_addr link_local = addr("fe80::"), any = addr("::"), loopback = addr("::1");

	if (is_ipv4(a))
		return (a->bytes[12] == 169 && a->bytes[13] == 254) || a->bytes[12] == 127 ||
		       a->bytes[12] == 0;
	return in_prefix(a, &link_local, 10) || same(a, &any) || same(a, &loopback);
}

static inline uint32_t sum(const uint8_t *bytes, size_t size)
{
	uint32_t total = 0;

	for (size_t i = 0; i < size; i += 2)
		total += get16(bytes + i);
	return total;
}

/*
 * A checksum at `check` follows a change of the bytes that it covers: what was wrong stays as
 * wrong.
 *
 */
static inline void follow(struct forecast *out, size_t check, uint32_t old_sum, uint32_t new_sum)
{
	int64_t value = (int64_t)get16(out->out.bytes + check) + old_sum - new_sum;

	put16(out->out.bytes + check, ((value % 65535) + 65535) % 65535);
	out->checks[out->checks[0] ? 1 : 0] = check;
}

/* Begins a change of the IPv4 header at ip; to be ended by end_ipv4(). */
static inline uint32_t begin_ipv4(const struct forecast *out, size_t ip)
{
	return sum(out->out.bytes + ip, 10) + sum(out->out.bytes + ip + 12, 8);
}

static inline void end_ipv4(struct forecast *out, size_t ip, uint32_t old_sum)
{
	follow(out, ip + 10, old_sum, begin_ipv4(out, ip));
}

static inline bool sent(struct view *v, unsigned int counters)
{
	v->out->fate = SENT;
	v->out->is_copied = v->answers && !(counters & COUNT(resolve)); /* nor a copy */
	v->out->counters |= counters;
	return DONE;
}

static inline void ethernet(struct forecast *out, const uint8_t dst[6], const uint8_t src[6])
{
	memcpy(out->out.bytes, dst, 6);
	memcpy(out->out.bytes + 6, src, 6);
}

static inline struct mz_addr addr_at(const struct view *v, size_t off)
{
	struct mz_addr a;

	memcpy(&a, at(v, off), sizeof(a));
	return a;
}

/* Sets vpc, local, is_from_divider, was_divided. */
bool model_find_roles(struct view *v);
bool model_is_from_bouncer(const struct view *v, uint64_t network);
bool model_is_in(const struct mz_replicas *set, const struct mz_addr *host);
bool model_is_used(const struct mz_replicas *set, const struct mz_addr *host);
bool model_divides(const struct view *v); /* this host, in the packet's VPC */
bool model_bounces(const struct view *v, uint64_t network);
bool model_may_enter(struct view *v, uint64_t network);
bool model_was_judged(const struct view *v, uint64_t network);
struct world_addr *model_addr(const struct view *v, const struct mz_addr *a);
uint64_t model_route(const struct view *v, const struct mz_addr *a); /* 0: none */
bool model_host_is_dead(const struct view *v, const struct mz_addr *host);
/* fuzz_way.c: these seal a packet's fate. */
bool model_tunnel_to(struct view *v, const struct mz_addr *to);
bool model_tunnel_to_one(struct view *v, const struct mz_replicas *set);
bool model_deliver(struct view *v);
/* Not a dead one, nor who gave it back, as long as there is another. */
struct mz_addr model_choose_one(const struct view *v, const struct mz_replicas *set);
/* The ways of a host, or NULL: none. */
const struct mz_nexthop *model_ways(const struct view *v, const struct mz_addr *host);
/* Headers for `to`, from the outer IP header on, of a frame that has its size; behind Ethernet. */
size_t model_outer_ip(const struct view *v, struct frame *frame, const struct mz_addr *to,
		      uint8_t tos, size_t *ret_label);

/* fuzz_answer.c: whether the packet was one of these. */
bool model_answer_arp(struct view *v);
bool model_answer_nd(struct view *v);
bool model_answer_ping(struct view *v);

/* fuzz_learned.c. The row of an address as it is by now, or NULL: none. */
const struct mz_learned *model_row(const struct view *v, const struct world_addr *a);
struct change *model_change(struct view *v, struct world_addr *a);
/* False: what is known is better. */
bool model_learn(struct view *v, struct world_addr *a, const struct mz_learned *news);
/* What a row by a divider says of networks is whom it was learned for. */
bool model_is_proven(const struct mz_learned *row);
bool model_is_divider_between(const struct view *v, const struct mz_addr *host);
bool model_is_direct(const struct view *v);
bool model_is_direct_by_divider(const struct view *v);
/* As this host gives for a question about dst, in its role. */
void model_cookie(const struct view *v, uint64_t when, uint8_t ret[COOKIE_SIZE]);
bool model_holds(const struct view *v, const struct world_addr *a);
bool model_is_straight(const struct view *v, const struct world_addr *a);
bool model_use_learned(struct view *v, struct world_addr *a);

/* fuzz_direct.c: the stages of the direct path, each as in docs/wire-format.md. */
const struct mz_moved *model_moved(struct view *v);
void model_confirm(struct view *v);
void model_attest(struct view *v);
bool model_introduced(struct view *v);
bool model_is_from_used_bouncer(const struct view *v, uint64_t network);
bool model_is_droplet(const struct view *v, const struct mz_addr *host);
void model_replace_rts(const struct view *v, uint8_t *frame);
bool model_tell_sender(struct view *v);
/* Passed on to who asked, once, by who divides still. Of src and dst. */
void model_answer_pending(struct view *v, uint32_t flags);
/*
 * Nobody has the destination, who should know says. Late, where a location holds; or early, where
 * it is to be.
 */
void model_heed_no_one(struct view *v);
/* Of another network than the port's, where a divider stands between and is learned. */
bool model_is_behind_divider(const struct view *v, uint64_t network);
bool model_check_returned(struct view *v);
bool model_find_direct(struct view *v);
bool model_to_dividers(struct view *v);
bool model_is_known(const struct view *v, const struct mz_addr *a); /* has a row */
bool model_introduce(struct view *v);
void model_write_rts(const struct view *v, uint8_t *to);
bool model_control(struct view *v);
bool model_echo(struct view *v);
/* The last step: where the packet goes. */
bool model_route_agent(struct view *v);
bool model_route_transit(struct view *v);
