// SPDX-License-Identifier: Apache-2.0
#include "plane.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/pkt_cls.h>

#include "base/cleanup.h"
#include "cookie.h"
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

static void take_clones(struct result *result)
{
	struct frame frame;

	while (programs_take_copy(&frame)) {
		result->clone = frame;
		result->n_clones++;
	}
}

void plane_set_mtu(int mtu)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct ifreq lo = { .ifr_name = "lo", .ifr_mtu = mtu };

	assert_true(fd >= 0 && !ioctl(fd, SIOCSIFMTU, &lo));
}

static struct mz_config config_of(bool decap_flags_ok)
{
	struct mz_config config = programs_config(SELF, decap_flags_ok);

	config.ifindex = LO;
	config.new_interval = MZ_NEW_INTERVAL_NS;
	memcpy(config.secret, (uint64_t[2])COOKIE_SECRET, sizeof(config.secret));
	return config;
}

static int open_skeleton(bool decap_flags_ok, struct mizar_bpf **ret)
{
	struct mz_config config = config_of(decap_flags_ok);
	int r = programs_load(&config, ret);

	return r ? r : programs_use_tables(*ret, tables);
}

static int open_xdp(const struct mizar_bpf *plane, struct mizar_xdp_bpf **ret)
{
	struct mizar_xdp_bpf *skeleton = mizar_xdp_bpf__open();
	struct mz_config config = config_of(true);
	struct bpf_map *map, *from;
	int r = 0;

	if (!skeleton)
		return -errno;
	programs_configure(&skeleton->rodata->mz_config, &config);
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
	int decap_flags = programs_open(), r = decap_flags < 0 ? decap_flags : 0;

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
	programs_close();
}

void plane_use_old_kernel(bool is_old)
{
	current = planes[frame_underlay_is_ipv6()][is_old];
}

static void raise_epoch(void)
{
	for (int i = 0; i < 4; i++)
		programs_raise_epoch(planes[i / 2][i % 2]);
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
	for (int i = 0; i < MZ_N_TABLES; i++)
		if (tables[i])
			programs_empty_map(tables[i]);
	raise_epoch();
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

/* The packet itself went on, as a copy does elsewhere; `out` is what came of the copy. */
static void run_again(const struct frame *in, uint32_t mark, struct result *result)
{
	struct __sk_buff ctx = { .ifindex = LO, .mark = mark };

	assert_int_equal(result->verdict, TC_ACT_REDIRECT);
	assert_int_equal(result->n_clones, 0);
	result->clone = result->out;
	result->n_clones = 1;
	result->came_again = true;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in->bytes, .data_size_in = in->size,
		    .data_out = result->out.bytes, .data_size_out = sizeof(result->out.bytes),
		    .ctx_in = &ctx, .ctx_size_in = sizeof(ctx), .repeat = 1);
	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(current->progs.mz_transit), &opts),
			 0);
	result->verdict = opts.retval;
	result->out.size = opts.data_size_out;
}

/* -errno: the kernel does not run it so. */
static int run(enum hook hook, const struct frame *in, void *ctx, uint32_t ctx_size,
	       struct result *ret_result)
{
	const struct mizar_bpf *counting =
		hook == XDP ? planes[frame_underlay_is_ipv6()][0] : current;
	struct bpf_program *program = program_of(hook);
	struct result *result = ret_result;
	struct counts counts;
	static struct frame again;
	uint32_t mark;
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
	if (programs_take_again(&again, &mark))
		run_again(&again, mark, result);
	programs_take_counts(counting, &counts);
	memcpy(result->counters, counts.counters, sizeof(counts.counters));
	memcpy(result->drops, counts.drops, sizeof(counts.drops));
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

	if (bpf_map__type(map) != BPF_MAP_TYPE_ARRAY &&
	    bpf_map__type(map) != BPF_MAP_TYPE_PERCPU_ARRAY) {
		programs_empty_map(fd);
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

unsigned int counted(const struct result *result)
{
	unsigned int counters = 0;

	for (unsigned int i = 0; i < MZ_N_COUNTERS; i++)
		counters |= (result->counters[i].packets ? 1U : 0) << i;
	return counters;
}

bool plane_has_dropped(unsigned int code)
{
	return has_dropped[code];
}
