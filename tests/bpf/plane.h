/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The real programs, loaded, with tables that tests fill, and one packet at a time run through them
 * by the kernel (BPF_PROG_TEST_RUN) in a network namespace of the test's own.
 *
 * The world before every test, once with an underlay of IPv4, once of IPv6 (frame_underlay());
 * this host is 192.168.50.1, or fd50::1:
 *
 *	VNI 7    network 100: 10.0.0.0/24, fd00:a::/64, bouncer .2
 *	         network 200: 10.0.1.0/24, fd00:b::/64, bouncer .4
 *	         divider .3
 *	here     10.0.0.1, fd00:a::1 (100): the port that packets come from
 *	         10.0.0.4, fd00:a::4 (100)
 *	         10.0.1.4, fd00:b::4 (200)
 *	droplets .1 to .6, next hops to all but this host
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "frame.h"
#include "option.h"
#include "programs.h"

#define SELF	    "192.168.50.1"
#define SELF_MAC    "02:aa:00:00:00:01"
#define PORT_MAC    "02:bb:00:00:00:01"
#define PORT_IPV4   "10.0.0.1"
#define PORT_IPV6   "fd00:a::1"
#define BROADCAST   "ff:ff:ff:ff:ff:ff"
#define MAC_4	    "02:bb:00:00:00:04" /* of 10.0.0.4 */
#define MAC_1_4	    "02:bb:00:00:01:04" /* of 10.0.1.4 */
#define BOUNCER	    "192.168.50.2"
#define DIVIDER	    "192.168.50.3"
#define BOUNCER_200 "192.168.50.4"
#define SOURCE	    "192.168.50.5"
#define THIRD	    "192.168.50.6"
#define VNI	    7

/*
 * XDP sees what TRANSIT sees, before it: expectations of TRANSIT look at both, and hold XDP to do
 * the same with what it turns round or drops, and to leave the rest to TRANSIT as it came.
 */
enum hook { AGENT, TRANSIT, XDP, N_HOOKS, AFTER = N_HOOKS }; /* the last: what tc goes on to */

/* What became of a packet. */
struct result {
	int verdict; /* TC_ACT_*; those of XDP are translated */
	struct frame out;
	unsigned int n_clones; /* sent beside it; the last one: */
	struct frame clone;
	bool came_again; /* a copy; `out` is what came of that, `clone` the packet itself */
	struct mz_count counters[MZ_N_COUNTERS];
	struct mz_count drops[MZ_DROP_CODES];
};
unsigned int counted(const struct result *result); /* as COUNT()s */

#define COUNT(name) (1U << MZ_COUNT_##name)

/* 0, or -errno: -EPERM where the test cannot run. */
int plane_open(void);
/* From here on. */
void plane_underlay(bool is_ipv6);
void plane_close(void);
int plane_setup(void **state);
void plane_empty(void); /* all tables */

/* Programs of tc for a kernel that does not know of decapsulation into another family. */
void plane_use_old_kernel(bool is_old);

void plane_run(enum hook hook, const struct frame *in, struct result *ret_result);
/* Of the device that packets come from, and go to. */
void plane_set_mtu(int mtu);

/* As a super-packet of a kind that the kernel does not tunnel. */
void plane_run_gso(enum hook hook, const struct frame *in, unsigned int gso_size,
		   struct result *ret_result);
/* As if no sender had had an error yet. */
void plane_forget_errors(void);
/* As if nobody had been asked or answered yet: all that programs note for themselves is zero. */
void plane_forget(void);
/* An empty table `learned` of so many rows; 0: as before. */
void plane_limit_learned(unsigned int n_rows);

/* From a device of the test's namespace. */
void plane_run_on(enum hook hook, const struct frame *in, uint32_t ifindex,
		  unsigned int gso_size, struct result *ret_result);

/* By XDP, with all but so many bytes outside of the first buffer. False: the kernel cannot. */
bool plane_run_xdp_split(const struct frame *in, unsigned int first_size,
			 struct result *ret_result);

/* Each fails the test if anything else happened too; counters: COUNT()s that moved, exactly. */
void expect_drop(enum hook hook, const struct frame *in, enum mz_drop reason);
/* TRANSIT drops what XDP left to it. */
void expect_drop_by_tc(const struct frame *in, enum mz_drop reason);
/* XDP passes it as it came, and counts nothing. */
void expect_left_by_xdp(const struct frame *in);
void expect_absorbed(const struct frame *in);
void expect_pass(const struct frame *in);
/* The outer source port and the flow label: the kernel's hash has a seed of its own. */
void copy_entropy(struct frame *to, const struct frame *from);
/* What the port sends: encapsulated, as it is, to a host. */
void expect_agent_sends(const char *dst, const char *host, unsigned int counters);
void expect_sent(enum hook hook, const struct frame *in, const struct frame *out,
		 unsigned int counters);
/* The same of a packet that was run already. */
void assert_result_sent(enum hook hook, const struct frame *in, const struct result *result,
			const struct frame *out, unsigned int counters);
/* Consumed without a drop. XDP leaves it to TRANSIT. */
void expect_consumed(const struct frame *in, unsigned int counters);
/* TRANSIT sends a packet and a control packet, one of them as a clone; XDP leaves it. */
void expect_sent_both(const struct frame *in, const struct frame *out, const struct frame *control,
		      unsigned int counters);
/* TRANSIT drops it, and what is left becomes a control packet; XDP leaves it. */
void expect_dropped_and_told(const struct frame *in, enum mz_drop reason,
			     const struct frame *control, unsigned int counters);
/* The same of one that is consumed without a drop. */
void expect_consumed_and_told(const struct frame *in, const struct frame *control,
			      unsigned int counters);
/* Of a packet that was run already: which of the two is the control packet? */
const struct frame *control_of(const struct result *result);
const struct frame *data_of(const struct result *result);
void assert_result_both(const struct frame *in, const struct result *result,
			const struct frame *out, const struct frame *control,
			unsigned int counters);

/* Instructions that the verifier walked for a program, and that the program has. */
void plane_size(enum hook hook, unsigned int *ret_n_verified, unsigned int *ret_n_insns);

/* Which reasons any expect_drop() or run has seen since the start. */
bool plane_has_dropped(unsigned int code);

void row_put(enum mz_table_id table, const void *key, const void *value);
void row_get(enum mz_table_id table, const void *key, void *ret_value);
bool row_find(enum mz_table_id table, const void *key, void *ret_value);
void row_delete(enum mz_table_id table, const void *key);
void put_vpc(uint32_t vni, uint32_t flags, const char *const dividers[], uint32_t n);
void put_network(uint64_t network, const char *const bouncers[], uint32_t n);
void put_prefix(const char *prefix, unsigned int len, uint64_t network); /* of 128 bits */
void put_routes(void); /* to both networks */
void put_location(const char *ip, uint64_t network, const char *host);
void put_local(const char *ip, uint64_t network, const char *mac, uint16_t mtu);
void delete_local(const char *ip);
void put_generation(const char *ip, uint32_t generation); /* of a row of local */
void put_attested(const char *ip, uint64_t network, const char *host, uint32_t generation);
uint64_t now_ns(void); /* of the clock that the programs read */
#define COARSE_NS 20000000 /* so much may pass in between */
struct mz_vni_addr endpoint(const char *ip);
/* Confirmed so many percent of a lease ago, asked for 10 s ago. Returns the row. */
struct mz_learned put_learned(const char *ip, const char *host, uint32_t generation,
			      uint32_t flags, unsigned int percent);
bool get_learned(const char *ip, struct mz_learned *ret_row);
void put_dead(const char *host, int seconds);
void put_moved(const char *ip, const char *host, uint32_t generation);
#define LIST(...)                                                                                  \
	(const char *const[]){ __VA_ARGS__ },                                                      \
		sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *)

/*
 * Frames that most tests start from.
 */
struct frame from_port(const char *dst);
struct frame inner_from(const char *src, const char *dst);
struct frame tunnelled(const char *host, const struct frame *inner);
/* What is sent to a host: by the agent, or turned round by transit. */
struct frame encapsulated(const char *host, const struct frame *inner);
struct frame forwarded(const char *host, const struct frame *inner);
/* The same with options. */
struct frame tunnelled_with(const char *host, const struct frame *inner, const struct options *o);
struct frame encapsulated_with(const char *host, const struct frame *inner,
			       const struct options *o);
struct frame forwarded_with(const char *host, const struct frame *inner, const struct options *o);
/* As they come from a host, and as they are sent to one; ttl 0: 64. */
struct frame control_from(const char *host, const struct options *o);
struct frame control_to(const char *host, const struct options *o, uint8_t ttl);
/*
 * For which network the sender has judged a packet: that of the destination, in what tunnelled()
 * makes; in what is expected, as the counters say, unless a test says otherwise. 0: none.
 */
void put_judged(struct frame *tunnel, uint64_t network);
void expect_judged(const struct frame *in, struct frame *expected, unsigned int counters);
/* The Geneve protocol says that a packet was given back. */
void mark_returned(struct frame *frame);
struct frame delivered(const char *mac, const struct frame *inner);
/* What left the port's link has one less in its TTL. */
struct frame after_hop(const struct frame *in);
void take_ttl(struct frame *frame, unsigned int n);

/* The groups of tests, one a file; each returns the number of failures. */
int test_agent(void);
int test_neighbour(void);
int test_transit(void);
int test_geneve(void);
int test_roles(void);
int test_xdp(void);
int test_way(void);
int test_hostile(void);
int test_icmp_error(void);
int test_path_mtu(void);
int test_direct(void);
int test_introduce(void);
int test_control(void);
int test_return(void);
int test_divider(void);
int test_undivided(void);
int test_judged(void);
int test_replace(void);
int test_trust(void);
