// SPDX-License-Identifier: Apache-2.0
#include "programs.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "host/attach.h"
#include "mizar.skel.h"
#include "netlink/link.h"

#define SKIPPED	 77
#define MAX_CPUS 1024

#define LO	 1

static int copies = -1; /* a socket that sees what leaves a device, or comes in */
static bool is_fenced;
static struct frame again; /* size 0: none */
static uint32_t mark_of_copies; /* all programs here have the same */
static int n_cpus;

void programs_must(bool is, const char *what)
{
	if (is)
		return;
	printf("FAILED: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int raise_lo(void)
{
	const struct mz_link_change up = { .up = 1 };
	struct mz_netlink *nl = NULL;
	int r = mz_netlink_open(&nl);

	r = r ? r : mz_link_change(nl, LO, &up);
	mz_netlink_free(nl);
	return r;
}

int programs_open(void)
{
	const struct timeval patience = { .tv_sec = 10 };
	const int yes = 1, room = 16 << 20; /* what devices say when they are new */
	int r;

	n_cpus = libbpf_num_possible_cpus();
	if (n_cpus > MAX_CPUS)
		return -E2BIG;
	if (unshare(CLONE_NEWNET) < 0)
		return -errno;
	copies = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL));
	if (copies < 0 || setsockopt(copies, SOL_SOCKET, SO_RCVMARK, &yes, sizeof(yes)) < 0 ||
	    setsockopt(copies, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) < 0 ||
	    setsockopt(copies, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
		return -errno;
	r = raise_lo();
	return r ? r : mz_probe_decap_flags();
}

void programs_close(void)
{
	if (copies >= 0)
		close(copies);
	copies = -1;
}

int programs_excuse(int error)
{
	if (error == -EPERM) { /* -EACCES is the verifier's refusal */
		fprintf(stderr, "skipped: loading BPF programs needs root\n");
		return SKIPPED;
	}
	fprintf(stderr, "cannot load the programs: %s\n", strerror(-error));
	return 1;
}

struct mz_config programs_config(const char *self, bool decap_flags_ok)
{
	struct mz_config config = { .self = addr(self),
				    .port_be = htons(6081),
				    .decap_flags_ok = decap_flags_ok,
				    .lease = MZ_LEASE_NS };

	put_mac(config.virtual_mac, VIRTUAL_MAC);
	return config;
}

void programs_configure(const volatile struct mz_config *rodata, const struct mz_config *config)
{
	memcpy((void *)rodata, config, sizeof(*config));
	mark_of_copies = config->secret[1] >> 32 | 1; /* secret_mark() */
}

int programs_load(const struct mz_config *config, struct mizar_bpf **ret)
{
	struct mizar_bpf *skeleton = mizar_bpf__open();
	int r;

	if (!skeleton)
		return -errno;
	programs_configure(&skeleton->rodata->mz_config, config);
	r = mizar_bpf__load(skeleton);
	if (r) {
		mizar_bpf__destroy(skeleton);
		return r;
	}
	*ret = skeleton;
	return 0;
}

int programs_use_tables(const struct mizar_bpf *skeleton, int tables[static MZ_N_TABLES])
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
				BPF_ANY);                                                          \
	if (r < 0)                                                                                 \
		return r;
	MZ_BPF_TABLES(X)
#undef X
	return 0;
}

void programs_raise_epoch(const struct mizar_bpf *skeleton)
{
	int fd = bpf_map__fd(skeleton->maps.epoch);
	uint32_t slot = 0, now;

	programs_must(!bpf_map_lookup_elem(fd, &slot, &now), "epoch");
	now++;
	programs_must(!bpf_map_update_elem(fd, &slot, &now, BPF_ANY), "epoch");
}

void programs_empty_map(int fd)
{
	uint8_t key[64];

	while (!bpf_map_get_next_key(fd, NULL, key))
		programs_must(!bpf_map_delete_elem(fd, key), "delete a row");
}

/* Reads and clears the counters, which are one row. */
static void take_counters(const struct bpf_map *map, struct mz_count *ret)
{
	static struct mz_counters values[MAX_CPUS], zero[MAX_CPUS];
	int fd = bpf_map__fd(map);
	uint32_t row = 0;

	programs_must(!bpf_map_lookup_elem(fd, &row, values), "counters");
	programs_must(!bpf_map_update_elem(fd, &row, zero, BPF_ANY), "counters");
	for (uint32_t i = 0; i < MZ_N_COUNTERS; i++) {
		ret[i] = (struct mz_count){};
		for (int cpu = 0; cpu < n_cpus; cpu++) {
			ret[i].packets += values[cpu].counts[i].packets;
			ret[i].bytes += values[cpu].counts[i].bytes;
		}
	}
}

/* The same for drops: a row a reason, all read at once. */
static void take_drops(const struct bpf_map *map, struct mz_count *ret)
{
	static struct mz_count values[MZ_DROP_CODES * MAX_CPUS], zero[MAX_CPUS];
	static uint32_t keys[MZ_DROP_CODES];
	uint32_t next, n = MZ_DROP_CODES;
	int fd = bpf_map__fd(map);

	(void)bpf_map_lookup_batch(fd, NULL, &next, keys, values, &n, NULL); /* ends with ENOENT */
	programs_must(n == MZ_DROP_CODES, "drops");
	for (uint32_t i = 0; i < n; i++) {
		struct mz_count *count = &ret[keys[i]];

		*count = (struct mz_count){};
		for (int cpu = 0; cpu < n_cpus; cpu++) {
			count->packets += values[i * n_cpus + cpu].packets;
			count->bytes += values[i * n_cpus + cpu].bytes;
		}
		if (count->packets)
			programs_must(!bpf_map_update_elem(fd, &keys[i], zero, BPF_ANY), "drops");
	}
}

void programs_take_counts(const struct mizar_bpf *skeleton, struct counts *ret)
{
	take_counters(skeleton->maps.counter, ret->counters);
	take_drops(skeleton->maps.drop, ret->drops);
}

/* Not the kernel's own (neighbour discovery), which has the MAC of a device. */
static bool is_ours(const struct frame *frame)
{
	static const uint8_t virtual_mac[] = { 2, 0, 0, 0, 0, 0xfe }, host[] = { 2, 0xaa, 0 };
	static const uint8_t none[6];
	const uint8_t *src = frame->bytes + 6;

	return !memcmp(src, virtual_mac, 6) || !memcmp(src, host, 3) || !memcmp(src, none, 6);
}

/* Behind all that is on its way into a device: it comes back when that is through. */
#define FENCE_PROTO 0x88b6 /* of experiments */

static void send_fence(void)
{
	const uint8_t fence[60] = { [12] = FENCE_PROTO >> 8, [13] = FENCE_PROTO & 0xff };
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = LO };

	programs_must(sendto(copies, fence, sizeof(fence), 0, (void *)&to, sizeof(to)) ==
			      sizeof(fence), "a fence");
}

/* The next packet; returns its mark. */
static uint32_t receive(struct frame *ret, struct sockaddr_ll *ret_from)
{
	char control[CMSG_SPACE(sizeof(uint32_t))];
	struct iovec iov = { .iov_base = ret->bytes, .iov_len = sizeof(ret->bytes) };
	struct msghdr msg = { .msg_name = ret_from,
			      .msg_namelen = sizeof(*ret_from),
			      .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	ssize_t size = recvmsg(copies, &msg, 0);
	const struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	uint32_t mark = 0;

	programs_must(size >= 0, "copies");
	ret->size = size;
	if (cmsg)
		memcpy(&mark, CMSG_DATA(cmsg), sizeof(mark));
	return mark;
}

bool programs_take_copy(struct frame *ret)
{
	struct sockaddr_ll from;
	uint32_t mark;

	if (!is_fenced)
		send_fence();
	is_fenced = true;
	do {
		mark = receive(ret, &from);
		is_fenced = ntohs(from.sll_protocol) != FENCE_PROTO;
		if (mark == mark_of_copies && from.sll_pkttype != PACKET_OUTGOING) {
			programs_must(!again.size, "one copy to receive");
			again = *ret;
		}
	} while (is_fenced && (from.sll_pkttype != PACKET_OUTGOING || !is_ours(ret)));
	return is_fenced;
}

bool programs_take_again(struct frame *ret, uint32_t *ret_mark)
{
	*ret = again;
	*ret_mark = mark_of_copies;
	again.size = 0;
	return ret->size;
}

int programs_make_devices(unsigned int n, int mtu, uint32_t ret_ifindexes[])
{
	struct mz_netlink *nl = NULL;
	int r = mz_netlink_open(&nl);

	for (unsigned int i = 0; !r && i < n; i++) {
		char names[2][IFNAMSIZ];
		struct mz_link link = {};

		(void)snprintf(names[0], IFNAMSIZ, "port%u", i);
		(void)snprintf(names[1], IFNAMSIZ, "peer%u", i);
		r = mz_link_add_veth(nl, &(struct mz_veth){ .name = names[0],
							    .peer_name = names[1],
							    .peer_netns_fd = -1,
							    .mtu = mtu });
		for (int end = 1; end >= 0; end--) {
			const struct mz_link_change up = { .up = 1 };

			r = r ? r : mz_link_by_name(nl, names[end], &link);
			r = r ? r : mz_link_change(nl, link.ifindex, &up);
		}
		ret_ifindexes[i] = link.ifindex;
	}
	mz_netlink_free(nl);
	return r;
}
