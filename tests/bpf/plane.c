// SPDX-License-Identifier: Apache-2.0
#include "plane.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/pkt_cls.h>

#include "base/cleanup.h"
#include "cookie.h"
#include "host/attach.h"
#include "mizar.skel.h"
#include "mizar_xdp.skel.h"

#define LO	 1
#define MAX_CPUS 1024
#define LEARNED_ROWS 65536

/* By family of the underlay (IPv6 or not), and age of the kernel. */
static struct mizar_bpf *planes[2][2];
static struct mizar_bpf *current;
static struct mizar_xdp_bpf *planes_xdp[2]; /* with the maps of the plane of that family */
static int tables[MZ_N_TABLES];
static bool has_dropped[MZ_DROP_CODES];
static int clones = -1; /* a socket that sees what leaves a device */

struct mz_addr addr(const char *text)
{
	struct mz_addr a = {};
	char host[48];

	if (!*text)
		return a;
	text = frame_host(text, host);
	if (!strchr(text, ':')) {
		a.words_be[2] = htonl(0xffff);
		put_ip(a.bytes + 12, text);
	} else {
		put_ip(a.bytes, text);
	}
	return a;
}

/* A namespace of our own, so that devices and routes are what the tests say. */
static int enter_namespace(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	_cleanup_close_ int fd = -1;

	if (unshare(CLONE_NEWNET) < 0)
		return -errno;
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0)
		return -errno;
	return ioctl(fd, SIOCSIFFLAGS, &lo) < 0 ? -errno : 0;
}

/*
 * The packet itself comes out of the test run, and never leaves by a device: what does is a clone,
 * or the kernel's own (neighbour discovery).
 */
static int open_clones(void)
{
	clones = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(ETH_P_ALL));
	return clones < 0 ? -errno : 0;
}

static bool is_ours(const struct frame *frame)
{
	static const char *const macs[] = { VIRTUAL_MAC, SELF_MAC, "00:00:00:00:00:00" };
	uint8_t mac[6];
	bool is = false;

	for (size_t i = 0; i < sizeof(macs) / sizeof(*macs); i++) {
		put_mac(mac, macs[i]);
		is |= !memcmp(frame->bytes + 6, mac, 6);
	}
	return is;
}

static void take_clones(struct result *result)
{
	struct frame frame;
	struct sockaddr_ll from = {};
	socklen_t from_size = sizeof(from);
	ssize_t size;

	while ((size = recvfrom(clones, frame.bytes, sizeof(frame.bytes), 0, (void *)&from,
				&from_size)) >= 0) {
		frame.size = size;
		if (from.sll_pkttype != PACKET_OUTGOING || !is_ours(&frame))
			continue;
		result->clone = frame;
		result->n_clones++;
	}
	assert_int_equal(errno, EAGAIN);
}

void plane_set_mtu(int mtu)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_mtu = mtu };
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(ioctl(fd, SIOCSIFMTU, &lo), 0);
}

static int open_tables(struct mizar_bpf *skeleton)
{
	uint32_t zero = 0;
	int r;

#define X(name, kind, key_type, value_type, rows, doc)                                             \
	if (!tables[MZ_TABLE_##name]) {                                                            \
		LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC);            \
		r = bpf_map_create(BPF_MAP_TYPE_##kind, #name, sizeof(key_type),                   \
				   sizeof(value_type), rows, &opts);                               \
		if (r < 0)                                                                         \
			return r;                                                                  \
		tables[MZ_TABLE_##name] = r;                                                       \
	}                                                                                          \
	r = bpf_map_update_elem(bpf_map__fd(skeleton->maps.name), &zero, &tables[MZ_TABLE_##name], \
				0);                                                                \
	if (r < 0)                                                                                 \
		return r;
	MZ_BPF_TABLES(X)
#undef X
	return 0;
}

static void configure(const volatile struct mz_config *rodata, bool decap_flags_ok)
{
	struct mz_config config = { .self = addr(SELF),
				    .port_be = htons(6081),
				    .decap_flags_ok = decap_flags_ok,
				    .ifindex = LO,
				    .lease = MZ_LEASE_NS,
				    .new_interval = MZ_NEW_INTERVAL_NS,
				    .secret = COOKIE_SECRET };

	put_mac(config.virtual_mac, VIRTUAL_MAC);
	memcpy((void *)rodata, &config, sizeof(config));
}

static int open_skeleton(bool decap_flags_ok, struct mizar_bpf **ret)
{
	struct mizar_bpf *skeleton = mizar_bpf__open();
	int r;

	if (!skeleton)
		return -errno;
	configure(&skeleton->rodata->mz_config, decap_flags_ok);
	r = mizar_bpf__load(skeleton);
	r = r ? r : open_tables(skeleton);
	if (r) {
		mizar_bpf__destroy(skeleton);
		return r;
	}
	*ret = skeleton;
	return 0;
}

static int open_xdp(const struct mizar_bpf *plane, struct mizar_xdp_bpf **ret)
{
	struct mizar_xdp_bpf *skeleton = mizar_xdp_bpf__open();
	struct bpf_map *map, *from;
	int r = 0;

	if (!skeleton)
		return -errno;
	configure(&skeleton->rodata->mz_config, true);
	bpf_object__for_each_map(map, skeleton->obj) {
		from = bpf_object__find_map_by_name(plane->obj, bpf_map__name(map));
		if (!r && from && !bpf_map__is_internal(map))
			r = bpf_map__reuse_fd(map, bpf_map__fd(from));
	}
	r = r ? r : mizar_xdp_bpf__load(skeleton);
	if (r) {
		mizar_xdp_bpf__destroy(skeleton);
		return r;
	}
	*ret = skeleton;
	return 0;
}

int plane_open(void)
{
	int r = enter_namespace(), decap_flags;

	r = r ? r : open_clones();
	decap_flags = r ? r : mz_probe_decap_flags();
	r = decap_flags < 0 ? decap_flags : 0;
	for (int i = 0; i < 4; i++) {
		frame_underlay(i / 2);
		r = r ? r : open_skeleton(i % 2 == 0 && decap_flags, &planes[i / 2][i % 2]);
	}
	for (int i = 0; i < 2; i++) {
		frame_underlay(i);
		r = r ? r : open_xdp(planes[i][0], &planes_xdp[i]);
	}
	return r;
}

void plane_underlay(bool is_ipv6)
{
	frame_underlay(is_ipv6);
	plane_use_old_kernel(false);
}

void plane_close(void)
{
	for (int i = 0; i < 2; i++)
		mizar_xdp_bpf__destroy(planes_xdp[i]);
	for (int i = 0; i < 4; i++)
		mizar_bpf__destroy(planes[i / 2][i % 2]);
	for (int i = 0; i < MZ_N_TABLES; i++)
		if (tables[i])
			close(tables[i]);
	if (clones >= 0)
		close(clones);
}

void plane_use_old_kernel(bool is_old)
{
	current = planes[frame_underlay_is_ipv6()][is_old];
}

static void raise_epoch(void)
{
	uint32_t slot = 0, now;

	for (int i = 0; i < 4; i++) {
		int fd = bpf_map__fd(planes[i / 2][i % 2]->maps.epoch);

		assert_int_equal(bpf_map_lookup_elem(fd, &slot, &now), 0);
		now++;
		assert_int_equal(bpf_map_update_elem(fd, &slot, &now, BPF_ANY), 0);
	}
}

void row_put(enum mz_table_id table, const void *key, const void *value)
{
	assert_int_equal(bpf_map_update_elem(tables[table], key, value, BPF_ANY), 0);
	raise_epoch();
}

void row_get(enum mz_table_id table, const void *key, void *ret_value)
{
	assert_int_equal(bpf_map_lookup_elem(tables[table], key, ret_value), 0);
}

bool row_find(enum mz_table_id table, const void *key, void *ret_value)
{
	return !bpf_map_lookup_elem(tables[table], key, ret_value);
}

void row_delete(enum mz_table_id table, const void *key)
{
	assert_int_equal(bpf_map_delete_elem(tables[table], key), 0);
	raise_epoch();
}

void plane_empty(void)
{
	uint8_t key[64];

	for (int i = 0; i < MZ_N_TABLES; i++)
		while (tables[i] && !bpf_map_get_next_key(tables[i], NULL, key))
			row_delete(i, key);
}

/* Reads and clears the counters, which are one row; sums over the CPUs. */
static void take_counters(struct bpf_map *map, struct mz_count *ret)
{
	static struct mz_counters values[MAX_CPUS], zero[MAX_CPUS];
	int n_cpus = libbpf_num_possible_cpus();
	uint32_t row = 0;

	assert_in_range(n_cpus, 1, MAX_CPUS);
	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(map), &row, values), 0);
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(map), &row, zero, BPF_ANY), 0);
	for (uint32_t i = 0; i < MZ_N_COUNTERS; i++) {
		ret[i] = (struct mz_count){};
		for (int cpu = 0; cpu < n_cpus; cpu++) {
			ret[i].packets += values[cpu].counts[i].packets;
			ret[i].bytes += values[cpu].counts[i].bytes;
		}
	}
}

/* The same for drops: a row a reason, all read at once. */
static void take_drops(struct bpf_map *map, struct mz_count *ret)
{
	static struct mz_count values[MZ_DROP_CODES * MAX_CPUS], zero[MAX_CPUS];
	static uint32_t keys[MZ_DROP_CODES];
	int n_cpus = libbpf_num_possible_cpus(), fd = bpf_map__fd(map);
	uint32_t next, n = MZ_DROP_CODES;

	assert_in_range(n_cpus, 1, MAX_CPUS);
	(void)bpf_map_lookup_batch(fd, NULL, &next, keys, values, &n, NULL); /* ends with ENOENT */
	assert_int_equal(n, MZ_DROP_CODES);
	for (uint32_t i = 0; i < n; i++) {
		ret[i] = (struct mz_count){};
		for (int cpu = 0; cpu < n_cpus; cpu++) {
			ret[i].packets += values[i * n_cpus + cpu].packets;
			ret[i].bytes += values[i * n_cpus + cpu].bytes;
		}
		if (ret[i].packets)
			assert_int_equal(bpf_map_update_elem(fd, &i, zero, BPF_ANY), 0);
	}
}

static struct bpf_program *program_of(enum hook hook)
{
	if (hook == XDP)
		return planes_xdp[frame_underlay_is_ipv6()]->progs.mz_transit_xdp;
	return hook == AGENT   ? current->progs.mz_agent :
	       hook == TRANSIT ? current->progs.mz_transit :
				 current->progs.mz_error;
}

static int verdict_of(enum hook hook, int verdict)
{
	if (hook != XDP)
		return verdict;
	assert_true(verdict == XDP_TX || verdict == XDP_PASS || verdict == XDP_DROP);
	return verdict == XDP_TX     ? TC_ACT_REDIRECT
	       : verdict == XDP_PASS ? TC_ACT_UNSPEC
				     : TC_ACT_SHOT;
}

/* -errno: the kernel does not run it so. */
static int run(enum hook hook, const struct frame *in, void *ctx, uint32_t ctx_size,
	       struct result *ret_result)
{
	const struct mizar_bpf *counting =
		hook == XDP ? planes[frame_underlay_is_ipv6()][0] : current;
	struct bpf_program *program = program_of(hook);
	struct result *result = ret_result;
	int r;

	memset(result, 0, sizeof(*result));
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in->bytes, .data_size_in = in->size,
		    .data_out = result->out.bytes, .data_size_out = sizeof(result->out.bytes),
		    .ctx_in = ctx, .ctx_size_in = ctx_size, .repeat = 1);
	r = bpf_prog_test_run_opts(bpf_program__fd(program), &opts);
	if (r)
		return r;
	result->verdict = verdict_of(hook, opts.retval);
	result->out.size = opts.data_size_out;
	take_clones(result);
	take_counters(counting->maps.counter, result->counters);
	take_drops(counting->maps.drop, result->drops);
	for (int i = 0; i < MZ_DROP_CODES; i++)
		has_dropped[i] |= result->drops[i].packets;
	return 0;
}

void plane_run_on(enum hook hook, const struct frame *in, uint32_t ifindex,
		  unsigned int gso_size, struct result *ret_result)
{
	struct __sk_buff ctx = { .ifindex = ifindex };
	bool has_ctx = hook != XDP; /* which is told of no other device than lo */

	if (gso_size) {
		ctx.gso_size = gso_size;
		ctx.gso_segs = 2;
	}
	assert_int_equal(
		run(hook, in, has_ctx ? &ctx : NULL, has_ctx ? sizeof(ctx) : 0, ret_result), 0);
}

void plane_run(enum hook hook, const struct frame *in, struct result *ret_result)
{
	plane_run_on(hook, in, LO, 0, ret_result);
}

void plane_run_gso(enum hook hook, const struct frame *in, unsigned int gso_size,
		   struct result *ret_result)
{
	plane_run_on(hook, in, LO, gso_size, ret_result);
}

bool plane_run_xdp_split(const struct frame *in, unsigned int first_size, struct result *ret_result)
{
	struct xdp_md ctx = { .data_end = first_size };
	int r = run(XDP, in, &ctx, sizeof(ctx), ret_result);

	assert_true(r == 0 || r == -EINVAL);
	return r == 0;
}

void plane_forget_errors(void)
{
	static uint64_t zero[MAX_CPUS];
	struct bpf_map *map = current->maps.error_bucket;

	for (uint32_t i = 0; i < bpf_map__max_entries(map); i++)
		assert_int_equal(bpf_map_update_elem(bpf_map__fd(map), &i, zero, BPF_ANY), 0);
}

#define NOTE_MAX 64

/* Not tables, nor what is rows' copies or room to work in. */
static bool is_note(const struct bpf_map *map)
{
	static const char *const others[] = { "drop", "epoch", "tail" };

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (!strcmp(bpf_map__name(map), others[i]))
			return false;
	return !bpf_map__is_internal(map) && bpf_map__value_size(map) <= NOTE_MAX &&
	       bpf_map__type(map) != BPF_MAP_TYPE_ARRAY_OF_MAPS;
}

static void clear(const struct bpf_map *map)
{
	static uint8_t zero[MAX_CPUS * NOTE_MAX];
	int fd = bpf_map__fd(map);
	uint8_t key[64];

	if (bpf_map__type(map) != BPF_MAP_TYPE_ARRAY &&
	    bpf_map__type(map) != BPF_MAP_TYPE_PERCPU_ARRAY) {
		while (!bpf_map_get_next_key(fd, NULL, key))
			assert_int_equal(bpf_map_delete_elem(fd, key), 0);
		return;
	}
	for (uint32_t i = 0; i < bpf_map__max_entries(map); i++)
		assert_int_equal(bpf_map_update_elem(fd, &i, zero, BPF_ANY), 0);
}

void plane_forget(void)
{
	const struct bpf_map *map;

	bpf_object__for_each_map(map, current->obj)
		if (is_note(map))
			clear(map);
}

void plane_limit_learned(unsigned int n_rows)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_NO_PREALLOC);
	int *fd = &tables[MZ_TABLE_learned];
	uint32_t zero = 0;

	close(*fd);
	*fd = bpf_map_create(BPF_MAP_TYPE_HASH, "learned", sizeof(struct mz_vni_addr),
			     sizeof(struct mz_learned), n_rows ? n_rows : LEARNED_ROWS, &opts);
	assert_true(*fd >= 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(bpf_map_update_elem(
					 bpf_map__fd(planes[i / 2][i % 2]->maps.learned), &zero,
					 fd, 0),
				 0);
}

void plane_size(enum hook hook, unsigned int *ret_n_verified, unsigned int *ret_n_insns)
{
	struct bpf_program *program = program_of(hook);
	struct bpf_prog_info info = {};
	uint32_t size = sizeof(info);

	assert_int_equal(bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size), 0);
	*ret_n_verified = info.verified_insns;
	*ret_n_insns = info.xlated_prog_len / 8;
}

bool plane_has_dropped(unsigned int code)
{
	return has_dropped[code];
}
