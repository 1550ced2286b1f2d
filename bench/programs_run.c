// SPDX-License-Identifier: Apache-2.0
/*
 * Measures the BPF programs by test runs, for bench/programs. Every round runs every case once, so
 * that what drifts hits all alike; a line of output is a case.
 *
 *	programs_run ENDPOINTS ROUNDS RUNS	NAME fixed|random NS REFERENCE_NS EMPTY_NS UNDO_NS
 *	programs_run live DEVICE PEER ROUNDS FRAMES	MPPS of bounce, MPPS of a plain reflection
 *	programs_run size			NAME INSTRUCTIONS BYTES of machine code
 *
 * NS and REFERENCE_NS are per packet and hold what the kernel needs for any program (EMPTY_NS), but
 * not what it costs to make the next packet (UNDO_NS). Live frames leave by DEVICE (by ifindex) and
 * end at PEER, the other end; what it costs to make the next one is in both figures.
 *
 *	this host   192.168.50.1, bouncer and divider as the case wants it
 *	VNI 7       10.0.0.0/8: ENDPOINTS addresses in the one table that the case looks into
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/pkt_cls.h>

#include "base/cleanup.h"
#include "mizar/counters.h"
#include "mizar/tables.h"
#include "mizar/wire.h"
#include "mizar.skel.h"
#include "mizar_xdp.skel.h"
#include "programs.skel.h"
#include "../tests/bpf/frame.h"

#define LO	  1
#define VNI	  7
#define NETWORK	  100
#define SELF	  "192.168.50.1"
#define SOURCE	  "192.168.50.2"
#define OTHER	  "192.168.50.3"
#define FIRST_DST 0x0a000100
#define FIRST_DST_TEXT "10.0.1.0"
#define SRC	  "10.0.0.1"
#define MAC	  "02:bb:00:00:00:01"
#define OUTER	  50 /* offset of the inner Ethernet header */
#define BATCH	  4096

/*
 * A case. The agent is measured on a host that bounces for the endpoint's network, so that it looks
 * into a table of all endpoints.
 */
struct bench {
	const char *name;
	enum mz_table_id table; /* holds the endpoints */
	bool is_xdp;
	bool is_agent; /* the frame comes from an endpoint, not by a tunnel */
	bool is_bouncer, is_divider;
	struct mizar_bpf *plane;
	struct mizar_xdp_bpf *plane_xdp;
	int tables[MZ_N_TABLES];
	struct frame frame, tunnelled;
};

static struct bench benches[] = {
	{ .name = "agent", .table = MZ_TABLE_location, .is_agent = true, .is_bouncer = true },
	{ .name = "deliver", .table = MZ_TABLE_local },
	{ .name = "bounce", .table = MZ_TABLE_location, .is_xdp = true, .is_bouncer = true },
	{ .name = "bounce-tc", .table = MZ_TABLE_location, .is_bouncer = true },
	{ .name = "divide", .table = MZ_TABLE_member, .is_xdp = true, .is_divider = true },
	{ .name = "divide-tc", .table = MZ_TABLE_member, .is_divider = true },
};
#define N_BENCHES (sizeof(benches) / sizeof(benches[0]))

/* How often each program is run for one figure. */
static uint32_t n_endpoints, n_runs;
static uint32_t device = LO; /* that packets come and go by */

__attribute__((format(printf, 1, 2), noreturn)) static void die(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("error: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

static void put(const struct bench *b, enum mz_table_id table, const void *key, const void *value)
{
	if (bpf_map_update_elem(b->tables[table], key, value, BPF_ANY) < 0)
		die("row: %s", strerror(errno));
}

static void open_tables(struct bench *b)
{
	uint32_t n_rows;

#define X(name, kind, key_type, value_type, rows, doc)                                             \
	{                                                                                          \
		LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC);            \
		int *fd = &b->tables[MZ_TABLE_##name];                                             \
												   \
		n_rows = b->table == MZ_TABLE_##name ? n_endpoints : rows;                         \
		*fd = bpf_map_create(BPF_MAP_TYPE_##kind, #name, sizeof(key_type),                 \
				     sizeof(value_type), n_rows, &opts);                           \
		if (*fd < 0)                                                                       \
			die("table " #name ": %s", strerror(errno));                               \
	}
	MZ_BPF_TABLES(X)
#undef X
}

/* The same maps for the other hook. */
static void load_xdp(struct bench *b, const struct mz_config *config)
{
	struct bpf_map *map, *from;

	b->plane_xdp = mizar_xdp_bpf__open();
	if (!b->plane_xdp)
		die("programs: %s", strerror(errno));
	memcpy((void *)&b->plane_xdp->rodata->mz_config, config, sizeof(*config));
	bpf_object__for_each_map(map, b->plane_xdp->obj) {
		from = bpf_object__find_map_by_name(b->plane->obj, bpf_map__name(map));
		if (from && !bpf_map__is_internal(map) &&
		    bpf_map__reuse_fd(map, bpf_map__fd(from)) < 0)
			die("programs: %s", strerror(errno));
	}
	if (mizar_xdp_bpf__load(b->plane_xdp) < 0)
		die("programs: %s", strerror(errno));
}

static void load(struct bench *b)
{
	struct mz_config config = { .self = addr(SELF),
				    .port_be = htons(MZ_GENEVE_PORT),
				    .virtual_mac = MZ_VIRTUAL_MAC,
				    .decap_flags_ok = 1,
				    .ifindex = device,
				    .lease = MZ_LEASE_NS,
				    .new_interval = MZ_NEW_INTERVAL_NS,
				    .secret = { 1, 2 } };

	b->plane = mizar_bpf__open();
	if (!b->plane)
		die("programs: %s", strerror(errno));
	memcpy((void *)&b->plane->rodata->mz_config, &config, sizeof(config));
	if (mizar_bpf__load(b->plane) < 0)
		die("programs: %s (root?)", strerror(errno));
	open_tables(b);
	if (b->is_xdp)
		load_xdp(b, &config);
}

static void put_hosts(const struct bench *b)
{
	static const char *const names[] = { SELF, SOURCE, OTHER };
	struct mz_nexthop nexthop = { .ways = { { .ifindex = device } } };
	struct mz_droplet droplet = {};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct mz_addr key = addr(names[i]);

		put(b, MZ_TABLE_droplet, &key, &droplet);
		put(b, MZ_TABLE_nexthop, &key, &nexthop);
	}
}

/* As user space does it: a table without rows has no map. */
static void show_table(const struct bench *b, enum mz_table_id table)
{
	const struct bpf_map *outer[] = {
#define X(name, ...) [MZ_TABLE_##name] = b->plane->maps.name,
		MZ_BPF_TABLES(X)
#undef X
	};
	uint32_t slot = 0;

	if (bpf_map_update_elem(bpf_map__fd(outer[table]), &slot, &b->tables[table], 0) < 0)
		die("table: %s", strerror(errno));
}

/* In batches: a system call for each of a million takes long. */
static void put_endpoints(const struct bench *b, const void *value, size_t size)
{
	_cleanup_free_ struct mz_vni_addr *keys = calloc(BATCH, sizeof(*keys));
	_cleanup_free_ uint8_t *values = calloc(BATCH, size);
	LIBBPF_OPTS(bpf_map_batch_opts, opts);
	uint32_t i, count;

	if (!keys || !values)
		die("out of memory");
	for (i = 0; i < BATCH; i++)
		memcpy(values + i * size, value, size);
	for (uint32_t done = 0; done < n_endpoints; done += count) {
		count = n_endpoints - done < BATCH ? n_endpoints - done : BATCH;
		for (i = 0; i < count; i++) {
			keys[i].vni = VNI;
			keys[i].addr = addr("0.0.0.0");
			keys[i].addr.words_be[3] = htonl(FIRST_DST + done + i);
		}
		if (bpf_map_update_batch(b->tables[b->table], keys, values, &count, &opts) < 0)
			die("rows: %s", strerror(errno));
	}
}

static void put_world(const struct bench *b)
{
	struct mz_location location = { .network = NETWORK, .host = addr(OTHER) };
	struct mz_route route = { .network = NETWORK };
	struct mz_local local = { .network = NETWORK, .ifindex = LO };
	const struct mz_addr divider = addr(b->is_divider ? SELF : OTHER);
	const struct mz_addr bouncer = addr(b->is_bouncer ? SELF : OTHER);
	struct mz_vpc vpc = { .dividers = { .n = 1, .addrs = { divider } } };
	struct mz_network network = { .vni = VNI,
				      .bouncers = { .n = 1, .addrs = { bouncer } } };
	struct mz_network_key network_key = { .network = NETWORK };
	struct mz_port port = { .network = NETWORK, .vni = VNI, .ip4 = addr(SRC) };
	uint32_t vni = VNI, ifindex = device, slot = 0, epoch = 1;

	if (bpf_map_update_elem(bpf_map__fd(b->plane->maps.epoch), &slot, &epoch, BPF_ANY) < 0)
		die("epoch: %s", strerror(errno));
	put_mac(port.mac, MAC);
	put_mac(local.mac, MAC);
	put_hosts(b);
	put(b, MZ_TABLE_vpc, &vni, &vpc);
	put(b, MZ_TABLE_network, &network_key, &network);
	put(b, MZ_TABLE_port, &ifindex, &port);
	if (b->table == MZ_TABLE_location)
		put_endpoints(b, &location, sizeof(location));
	else if (b->table == MZ_TABLE_member)
		put_endpoints(b, &route, sizeof(route));
	else
		put_endpoints(b, &local, sizeof(local));
	show_table(b, MZ_TABLE_droplet);
	show_table(b, MZ_TABLE_nexthop);
	show_table(b, MZ_TABLE_vpc);
	show_table(b, MZ_TABLE_network);
	show_table(b, MZ_TABLE_port);
	show_table(b, b->table);
}

static void make_frame(struct bench *b)
{
	static const uint8_t payload[128];
	const struct ip_spec ip = { .dst_mac = "02:6d:7a:00:00:01", .src_mac = MAC, .src = SRC,
				    .dst = FIRST_DST_TEXT, .proto = 253, /* for experiments */
				    .payload = payload, .payload_size = sizeof(payload) };
	const struct tunnel_spec tunnel = { .dst_mac = MAC, .src_mac = MAC, .src = SOURCE,
					    .dst = SELF, .src_port = 40000, .vni = VNI };
	struct frame inner = {};

	frame_ip(&inner, &ip);
	frame_tunnel(&b->tunnelled, &tunnel, &inner);
	b->frame = b->is_agent ? inner : b->tunnelled;
}

/* What a wrapper calls. */
enum own { REAL, EMPTY, REFERENCE, REFLECT };

static const struct bpf_program *own_program(const struct programs_bpf *w, const struct bench *b,
					     enum own own)
{
	switch (own) {
	case EMPTY:
		return b->is_xdp ? w->progs.empty_xdp : w->progs.empty;
	case REFERENCE:
		return b->is_xdp ? w->progs.reference_xdp : w->progs.reference;
	case REFLECT:
		return w->progs.reflect;
	case REAL:
		break;
	}
	return b->is_xdp   ? b->plane_xdp->progs.mz_transit_xdp :
	       b->is_agent ? b->plane->progs.mz_agent :
			     b->plane->progs.mz_transit;
}

/* Offset of the last word of the inner destination. */
static size_t dst_offset(bool is_tunnelled)
{
	return (is_tunnelled ? OUTER : 0) + ETH_HLEN + 16;
}

static struct programs_bpf *wrap(const struct bench *b, enum own own, bool is_random)
{
	struct programs_bpf *w = programs_bpf__open();
	uint32_t zero = 0;
	int fd;

	if (!w)
		die("wrapper: %s", strerror(errno));
	memcpy((void *)w->rodata->frame, b->frame.bytes, sizeof(w->rodata->frame));
	w->rodata->frame_size = b->frame.size;
	w->rodata->dst_offset = dst_offset(!b->is_agent);
	w->rodata->first_dst = FIRST_DST;
	w->rodata->dst_mask = is_random ? n_endpoints - 1 : 0;
	if (bpf_map__set_inner_map_fd(w->maps.rows, b->tables[b->table]) < 0 ||
	    programs_bpf__load(w) < 0)
		die("wrapper: %s", strerror(errno));
	fd = bpf_program__fd(own_program(w, b, own));
	if (bpf_map_update_elem(bpf_map__fd(b->is_xdp ? w->maps.target_xdp : w->maps.target), &zero,
				&fd, 0) < 0 ||
	    bpf_map_update_elem(bpf_map__fd(w->maps.rows), &zero, &b->tables[b->table], 0) < 0)
		die("wrapper: %s", strerror(errno));
	return w;
}

/* ns per run, with all that the run has around it. */
static double run(const struct bench *b, const struct bpf_program *program,
		  const struct frame *frame, uint32_t n)
{
	struct __sk_buff ctx = { .ifindex = device };
	int wanted = b->is_xdp ? XDP_TX : TC_ACT_REDIRECT;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame->bytes, .data_size_in = frame->size,
		    .repeat = n);

	if (!b->is_xdp) {
		opts.ctx_in = &ctx;
		opts.ctx_size_in = sizeof(ctx);
	}
	if (bpf_prog_test_run_opts(bpf_program__fd(program), &opts) < 0)
		die("%s: test run: %s", b->name, strerror(errno));
	if ((int)opts.retval != wanted)
		die("%s: the program answered %d, not %d", b->name, (int)opts.retval, wanted);
	return opts.duration;
}

/* ns per run that the wrapper spends, by its own clock; reading that is not counted. */
static double undo_cost(const struct bench *b, struct programs_bpf *w)
{
	w->bss->undo_ns = w->bss->clock_ns = w->bss->n_undone = 0;
	(void)run(b, b->is_xdp ? w->progs.undo_xdp_timed : w->progs.undo_timed, &b->frame, n_runs);
	return ((double)w->bss->undo_ns - (double)w->bss->clock_ns) / (double)w->bss->n_undone;
}

static double run_wrapped(const struct bench *b, struct programs_bpf *w)
{
	return run(b, b->is_xdp ? w->progs.undo_xdp : w->progs.undo, &b->frame, n_runs);
}

/* What nothing costs, and the tail call: what is left of a wrapper around nothing. */
static double call_cost(const struct bench *b, double *ret_empty_ns)
{
	struct programs_bpf *w = wrap(b, EMPTY, false);
	double ns = run_wrapped(b, w) - undo_cost(b, w);

	*ret_empty_ns = run(b, own_program(w, b, EMPTY), &b->frame, n_runs);
	ns -= *ret_empty_ns;
	programs_bpf__destroy(w);
	return ns > 0 ? ns : 0;
}

static double measure_in_a_row(const struct bench *b, enum own own, bool is_random, double call_ns,
			       double *ret_undo_ns)
{
	struct programs_bpf *w = wrap(b, own, is_random);
	double ns = run_wrapped(b, w);

	*ret_undo_ns = undo_cost(b, w) + call_ns;
	programs_bpf__destroy(w);
	return ns - *ret_undo_ns;
}

/*
 * A run at a time, each with a new packet that has its hash, for the agent: what it did cannot be
 * undone, since the mark of a tunnel stays. Such a run costs more (a system call leaves the caches
 * to others), so it is compared with the reference and with nothing run in the same way.
 */
static double measure_one_by_one(const struct bench *b, enum own own, const struct frame *frame,
				 bool is_random)
{
	struct programs_bpf *w = wrap(b, own, false);
	struct frame next = *frame;
	uint32_t turn = 0, n = n_runs / 10 + 1;
	size_t off = dst_offset(frame == &b->tunnelled);
	double sum = 0;

	for (uint32_t i = 0; i < n; i++) {
		turn = turn * 1664525 + 1013904223;
		put32(next.bytes + off,
		      FIRST_DST + (is_random ? turn >> 8 & (n_endpoints - 1) : 0));
		sum += run(b, w->progs.hash, &next, 1);
	}
	programs_bpf__destroy(w);
	return sum / n;
}

static void measure(const struct bench *b, bool is_random)
{
	double ns, reference_ns, undo_ns = 0, empty_ns, call_ns = call_cost(b, &empty_ns);

	if (b->is_agent) {
		undo_ns = measure_one_by_one(b, EMPTY, &b->frame, is_random) - empty_ns;
		ns = measure_one_by_one(b, REAL, &b->frame, is_random) - undo_ns;
		reference_ns = measure_one_by_one(b, REFERENCE, &b->tunnelled, is_random) - undo_ns;
	} else {
		reference_ns = measure_in_a_row(b, REFERENCE, is_random, call_ns, &undo_ns);
		ns = measure_in_a_row(b, REAL, is_random, call_ns, &undo_ns);
	}
	printf("%s %s %.1f %.1f %.1f %.1f\n", b->name, is_random ? "random" : "fixed", ns,
	       reference_ns, empty_ns, undo_ns);
	fflush(stdout);
}

static void open_world(struct bench *b)
{
	load(b);
	put_world(b);
	make_frame(b);
}

static void close_world(struct bench *b)
{
	mizar_xdp_bpf__destroy(b->plane_xdp); /* takes NULL */
	mizar_bpf__destroy(b->plane);
	for (int i = 0; i < MZ_N_TABLES; i++)
		if (b->tables[i])
			close(b->tables[i]);
}

/* Millions of frames a second that the program sends out of the device. */
static double run_live(const struct bench *b, enum own own)
{
	struct programs_bpf *w = wrap(b, own, false);
	struct xdp_md ctx = { .data_end = b->frame.size, .ingress_ifindex = device };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = b->frame.bytes,
		    .data_size_in = b->frame.size, .ctx_in = &ctx, .ctx_size_in = sizeof(ctx),
		    .repeat = n_runs, .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = 64);
	struct timespec begin, end;

	(void)clock_gettime(CLOCK_MONOTONIC, &begin); /* cannot fail with this clock */
	if (bpf_prog_test_run_opts(bpf_program__fd(w->progs.undo_xdp), &opts) < 0)
		die("live frames: %s", strerror(errno));
	(void)clock_gettime(CLOCK_MONOTONIC, &end);
	programs_bpf__destroy(w);
	return n_runs / ((end.tv_sec - begin.tv_sec) * 1e6 + (end.tv_nsec - begin.tv_nsec) / 1e3);
}

static uint64_t n_forwarded(const struct bench *b)
{
	static struct mz_counters counters[1024];
	uint64_t sum = 0;
	uint32_t slot = 0;

	if (bpf_map_lookup_elem(bpf_map__fd(b->plane->maps.counter), &slot, counters) < 0)
		die("counters: %s", strerror(errno));
	for (int cpu = 0; cpu < libbpf_num_possible_cpus(); cpu++)
		sum += counters[cpu].counts[MZ_COUNT_turn].packets;
	return sum;
}

static void live(uint32_t peer, uint32_t n_rounds)
{
	struct bench bench = {
		.name = "bounce", .table = MZ_TABLE_location, .is_xdp = true, .is_bouncer = true
	};
	struct programs_bpf *w;
	double bounce, reflect;

	n_endpoints = 1024;
	open_world(&bench);
	w = wrap(&bench, EMPTY, false);
	if (bpf_xdp_attach(peer, bpf_program__fd(w->progs.sink), XDP_FLAGS_DRV_MODE, NULL) < 0)
		die("sink: %s", strerror(errno));
	for (uint32_t round = 0; round < n_rounds; round++) {
		reflect = run_live(&bench, REFLECT);
		bounce = run_live(&bench, REAL);
		if (n_forwarded(&bench) != (uint64_t)(round + 1) * n_runs)
			die("only %lu of %lu frames were turned round",
			    (unsigned long)n_forwarded(&bench),
			    (unsigned long)(round + 1) * n_runs);
		printf("%.4f %.4f\n", bounce, reflect);
		fflush(stdout);
	}
	programs_bpf__destroy(w);
	close_world(&bench);
}

static void size(void)
{
	struct bpf_prog_info info;
	uint32_t info_size;
	struct bench bench = { .name = "bounce", .table = MZ_TABLE_location, .is_xdp = true };
	const struct bpf_program *programs[3];

	n_endpoints = 1024;
	load(&bench);
	programs[0] = bench.plane->progs.mz_agent;
	programs[1] = bench.plane->progs.mz_transit;
	programs[2] = bench.plane_xdp->progs.mz_transit_xdp;
	for (int i = 0; i < 3; i++) {
		info = (struct bpf_prog_info){};
		info_size = sizeof(info);
		if (bpf_obj_get_info_by_fd(bpf_program__fd(programs[i]), &info, &info_size) < 0)
			die("size: %s", strerror(errno));
		printf("%s %u %u\n", bpf_program__name(programs[i]), info.xlated_prog_len / 8,
		       info.jited_prog_len);
	}
	close_world(&bench);
}

static uint32_t number(const char *text)
{
	unsigned long value = strtoul(text, NULL, 10);

	if (!value || value > 1U << 30)
		die("'%s' is no number from 1 to 2^30", text);
	return (uint32_t)value;
}

static void in_a_table(uint32_t n_rounds)
{
	if (n_endpoints & (n_endpoints - 1))
		die("ENDPOINTS must be a power of two");
	for (size_t i = 0; i < N_BENCHES; i++)
		open_world(&benches[i]);
	for (uint32_t round = 0; round < n_rounds; round++)
		for (size_t i = 0; i < N_BENCHES; i++)
			for (int is_random = 0; is_random <= 1; is_random++)
				measure(&benches[i], is_random);
	for (size_t i = 0; i < N_BENCHES; i++)
		close_world(&benches[i]);
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "size")) {
		size();
	} else if (argc == 6 && !strcmp(argv[1], "live")) {
		device = number(argv[2]);
		n_runs = number(argv[5]);
		live(number(argv[3]), number(argv[4]));
	} else if (argc == 4) {
		n_endpoints = number(argv[1]);
		n_runs = number(argv[3]);
		in_a_table(number(argv[2]));
	} else {
		die("usage: see the head of bench/programs_run.c; bench/programs runs it");
	}
	return 0;
}
