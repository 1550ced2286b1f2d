// SPDX-License-Identifier: Apache-2.0
/*
 * Programs on real devices: what stays when the process goes, what is replaced without a loss, and
 * what is left after uninstalling (nothing).
 *
 *	this namespace: left 10.9.0.1/24 ---- veth ---- right 10.9.0.2/24: another one
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>

#include "base/addr.h"
#include "host/attach.h"
#include "host/program.h"
#include "netlink/ip.h"
#include "netlink/link.h"
#include "netlink/namespace.h"
#include "own_namespaces.h"

struct host {
	char dir[64];
	int right_netns;
	int left; /* ifindex */
	struct mz_tables *tables;
	struct mz_programs *programs;
};

static struct mz_transit transit; /* by tc, until a test says otherwise */
static struct mz_config config = { .port_be = 0xc117 /* 6081 */ };

static void add_address(struct mz_netlink *nl, const char *ifname, const char *text)
{
	struct mz_addr addr;
	struct mz_link link;

	assert_int_equal(mz_addr_parse(text, &addr), 0);
	assert_int_equal(mz_link_by_name(nl, ifname, &link), 0);
	assert_int_equal(mz_ip_add_address(nl, link.ifindex, &addr, 120), 0);
	assert_int_equal(mz_link_change(nl, link.ifindex, &(struct mz_link_change){ .up = 1 }), 0);
}

static int setup(void **state)
{
	static int n;
	struct host *host = calloc(1, sizeof(*host));
	_cleanup_(mz_netlink_freep) struct mz_netlink *nl = NULL, *right_nl = NULL;
	struct mz_veth veth = { .name = "left.1", .peer_name = "right" };

	assert_non_null(host);
	snprintf(host->dir, sizeof(host->dir), "/mnt/%d", n++);
	veth.peer_netns_fd = host->right_netns = new_netns();
	assert_int_equal(mz_netlink_open(&nl), 0);
	assert_int_equal(mz_netlink_open_at(host->right_netns, &right_nl), 0);
	assert_int_equal(mz_link_add_veth(nl, &veth), 0);
	add_address(nl, "left.1", "10.9.0.1");
	add_address(right_nl, "right", "10.9.0.2");
	host->left = (int)if_nametoindex("left.1");
	config.ifindex = (uint32_t)host->left;
	transit.wanted = MZ_TRANSIT_TC;
	assert_int_equal(mz_tables_open(host->dir, true, &host->tables), 0);
	*state = host;
	return 0;
}

static int teardown(void **state)
{
	struct host *host = *state;
	_cleanup_(mz_netlink_freep) struct mz_netlink *nl = NULL;

	mz_programs_free(host->programs);
	mz_tables_free(host->tables);
	(void)mz_programs_uninstall(host->dir);
	if (mz_netlink_open(&nl) == 0)
		(void)mz_link_delete(nl, host->left);
	close(host->right_netns);
	free(host);
	return 0;
}

static bool pin_exists(const struct host *host, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/bpf/%s", host->dir, name);
	return !access(path, F_OK);
}

/* The program id on the ingress of the device, whoever put it there; 0: none. */
static unsigned int tcx_program(int ifindex)
{
	uint32_t ids[4] = {}, n = 4, flags = 0;

	if (bpf_prog_query(ifindex, (enum bpf_attach_type)46, 0, &flags, ids, &n) < 0)
		return 0;
	assert_true(n <= 1);
	return n ? ids[0] : 0;
}

static unsigned int clsact_program(int ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = ifindex, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .priority = 0x4d5a, .handle = 1);

	return bpf_tc_query(&hook, &opts) < 0 ? 0 : opts.prog_id;
}

static bool has_tcx; /* Linux 6.6 */

/* What AUTO chooses. */
static enum mz_attach_mode best_mode(void)
{
	return has_tcx ? MZ_ATTACH_TCX : MZ_ATTACH_CLSACT;
}

static unsigned int program_on(int ifindex)
{
	return has_tcx ? tcx_program(ifindex) : clsact_program(ifindex);
}

#define NEED_TCX()                                                                                 \
	do {                                                                                       \
		if (!has_tcx) {                                                                    \
			print_message("the kernel has no tcx\n");                                  \
			skip();                                                                    \
		}                                                                                  \
	} while (0)

static unsigned int xdp_program(int ifindex)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, opts);

	assert_int_equal(bpf_xdp_query(ifindex, 0, &opts), 0);
	assert_int_equal(opts.skb_prog_id, 0); /* never generic */
	return opts.drv_prog_id;
}

static unsigned int pinned_program(const struct host *host, const char *name)
{
	struct bpf_prog_info info = {};
	uint32_t size = sizeof(info);
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/bpf/prog/%s", host->dir, name);
	fd = bpf_obj_get(path);
	assert_true(fd >= 0);
	assert_int_equal(bpf_obj_get_info_by_fd(fd, &info, &size), 0);
	close(fd);
	return info.id;
}

static void load(struct host *host, enum mz_attach_mode mode)
{
	mz_programs_free(host->programs);
	host->programs = NULL;
	assert_int_equal(mz_programs_new(host->dir, host->tables, &config, mode, &transit,
					 &host->programs),
			 0);
}

static int make_socket(void *user)
{
	*(int *)user = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return *(int *)user < 0 ? -errno : 0;
}

/* In a child: sends from the other namespace until the pipe ends, then reports how many. */
static void send_until_told(const struct host *host, int pipe_fd, int report_fd)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9) };
	struct pollfd told = { .fd = pipe_fd };
	uint64_t n_sent = 0;
	int fd = -1;

	inet_pton(AF_INET, "10.9.0.1", &to.sin_addr);
	if (mz_netns_call(host->right_netns, make_socket, &fd) < 0)
		_exit(1);
	while (!poll(&told, 1, 0)) {
		if (sendto(fd, "?", 1, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
			_exit(2);
		n_sent++;
		usleep(100); /* so that no buffer overflows, if others have the CPU for long */
	}
	_exit(write(report_fd, &n_sent, sizeof(n_sent)) != sizeof(n_sent));
}

static int open_receiver(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(9) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), room = 64 << 20;

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	return fd;
}

static uint64_t n_passed(const struct host *host)
{
	struct mz_count counts[MZ_N_COUNTERS];

	assert_int_equal(mz_tables_counters(host->tables, counts), 0);
	return counts[MZ_COUNT_pass].packets;
}

static uint64_t receive(int fd)
{
	uint64_t n = 0;
	char buf[16];

	while (recv(fd, buf, sizeof(buf), 0) > 0)
		n++;
	return n;
}

#define N_REPLACED 3

/* None is lost, and none gets round the programs: each is counted. */
static void replaced_under_traffic(struct host *host, enum mz_attach_mode mode)
{
	uint64_t n_sent, n_received = 0, n_before;
	int end[2], report[2], status, fd, i;
	pid_t pid;

	load(host, mode);
	assert_int_equal(mz_programs_attach_transit(host->programs, host->left), 0);
	fd = open_receiver();
	assert_true(!pipe(end) && !pipe(report));
	n_before = n_passed(host);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		close(end[1]);
		send_until_told(host, end[0], report[1]);
	}
	close(end[0]);
	for (i = 0; i < N_REPLACED; i++) {
		load(host, mode);
		n_received += receive(fd);
	}
	close(end[1]);
	assert_int_equal(read(report[0], &n_sent, sizeof(n_sent)), sizeof(n_sent));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	n_received += receive(fd);
	close(fd);
	close(report[0]);
	close(report[1]);
	print_message("%d replacements, %llu packets of %llu\n", N_REPLACED,
		      (unsigned long long)n_received, (unsigned long long)n_sent);
	assert_true(n_sent > 100);
	assert_int_equal(n_received, n_sent);
	assert_true(n_passed(host) - n_before >= n_sent);
}

/* Both on one device: XDP passes all to tcx. */
static void test_tcx_and_xdp_replaced_under_traffic(void **state)
{
	struct host *host = *state;

	NEED_TCX();
	transit.wanted = MZ_TRANSIT_XDP;
	replaced_under_traffic(host, MZ_ATTACH_TCX);
	assert_int_equal(xdp_program(host->left), pinned_program(host, "mz_transit_xdp"));
}

static void test_clsact_replaced_under_traffic(void **state)
{
	replaced_under_traffic(*state, MZ_ATTACH_CLSACT);
}

/* The whole life of an attachment, in one mode. */
static void life(struct host *host, enum mz_attach_mode mode, unsigned int (*program)(int ifindex))
{
	unsigned int first;

	load(host, mode);
	assert_int_equal(mz_programs_mode(host->programs), mode);
	assert_int_equal(mz_programs_attach_agent(host->programs, host->left), 0);
	first = program(host->left);
	assert_int_not_equal(first, 0);
	assert_int_equal(first, pinned_program(host, "mz_agent"));
	assert_int_equal(mz_programs_attach_agent(host->programs, host->left), 0); /* repeatable */
	assert_int_equal(program(host->left), first);
	load(host, mode); /* a new version */
	assert_int_not_equal(program(host->left), first);
	assert_int_equal(program(host->left), pinned_program(host, "mz_agent"));
	/* In another role. */
	assert_int_equal(mz_programs_attach_transit(host->programs, host->left), 0);
	assert_int_equal(program(host->left), pinned_program(host, "mz_transit"));
	assert_int_equal(mz_programs_detach(host->programs, host->left), 0);
	assert_int_equal(program(host->left), 0);
	assert_int_equal(mz_programs_detach(host->programs, host->left), 0);
	assert_int_equal(mz_programs_attach_agent(host->programs, 9999), -ENODEV);
	assert_int_equal(mz_programs_detach(host->programs, 9999), 0);
}

static void test_tcx_life(void **state)
{
	NEED_TCX();
	life(*state, MZ_ATTACH_TCX, tcx_program);
}

static void test_clsact_life(void **state)
{
	life(*state, MZ_ATTACH_CLSACT, clsact_program);
}

static void test_mode_changes(void **state)
{
	struct host *host = *state;

	NEED_TCX();
	load(host, MZ_ATTACH_CLSACT);
	assert_int_equal(mz_programs_attach_agent(host->programs, host->left), 0);
	load(host, MZ_ATTACH_AUTO);
	assert_int_equal(mz_programs_mode(host->programs), MZ_ATTACH_TCX);
	assert_int_equal(clsact_program(host->left), pinned_program(host, "mz_agent"));
	assert_int_equal(mz_programs_attach_agent(host->programs, host->left), 0);
	assert_int_equal(clsact_program(host->left), 0);
	assert_int_equal(tcx_program(host->left), pinned_program(host, "mz_agent"));
	load(host, MZ_ATTACH_CLSACT);
	assert_int_equal(mz_programs_attach_agent(host->programs, host->left), 0);
	assert_int_equal(tcx_program(host->left), 0);
	assert_int_equal(clsact_program(host->left), pinned_program(host, "mz_agent"));
}

static void test_transit_changes(void **state)
{
	struct host *host = *state;
	unsigned int first;
	char pin[64];

	snprintf(pin, sizeof(pin), "xdp/left_1-%d", host->left);
	transit.wanted = MZ_TRANSIT_XDP;
	load(host, MZ_ATTACH_AUTO);
	assert_int_equal(transit.mode, MZ_TRANSIT_XDP);
	first = xdp_program(host->left);
	assert_int_equal(first, pinned_program(host, "mz_transit_xdp"));
	assert_true(pin_exists(host, pin));
	load(host, MZ_ATTACH_AUTO); /* a new version */
	assert_int_not_equal(xdp_program(host->left), first);
	assert_int_equal(xdp_program(host->left), pinned_program(host, "mz_transit_xdp"));
	transit.wanted = MZ_TRANSIT_AUTO; /* of a veth device: tc */
	load(host, MZ_ATTACH_AUTO);
	assert_int_equal(transit.mode, MZ_TRANSIT_TC);
	assert_string_equal(transit.reason, "veth would lose its offloads to XDP");
	assert_int_equal(xdp_program(host->left), 0);
	assert_false(pin_exists(host, pin));
	assert_false(pin_exists(host, "prog/mz_transit_xdp"));
	transit.wanted = MZ_TRANSIT_XDP;
	load(host, MZ_ATTACH_AUTO);
	assert_int_equal(mz_programs_detach(host->programs, host->left), 0);
	assert_int_equal(xdp_program(host->left), 0);
}

/* The droplet moves to another device, which has no native XDP, or is gone: nothing is left. */
static void test_transit_moves(void **state)
{
	struct host *host = *state;
	struct mz_programs *programs = NULL;
	struct mz_veth veth = { .name = "other", .peer_name = "end" };
	_cleanup_(mz_netlink_freep) struct mz_netlink *nl = NULL;

	transit.wanted = MZ_TRANSIT_XDP;
	load(host, MZ_ATTACH_AUTO);
	config.ifindex = if_nametoindex("lo");
	assert_int_equal(mz_programs_new(host->dir, host->tables, &config, MZ_ATTACH_AUTO, &transit,
					 &programs),
			 -EOPNOTSUPP);
	assert_null(programs);
	assert_string_equal(transit.reason, "the driver has no native XDP");
	assert_int_equal(xdp_program(host->left), pinned_program(host, "mz_transit_xdp"));

	veth.peer_netns_fd = host->right_netns;
	assert_int_equal(mz_netlink_open(&nl), 0);
	assert_int_equal(mz_link_add_veth(nl, &veth), 0);
	config.ifindex = if_nametoindex("other");
	load(host, MZ_ATTACH_AUTO);
	assert_int_equal(xdp_program(host->left), 0);
	assert_int_equal(xdp_program((int)config.ifindex), pinned_program(host, "mz_transit_xdp"));
	assert_int_equal(mz_link_delete(nl, (int)config.ifindex), 0);
	config.ifindex = (uint32_t)host->left;
	load(host, MZ_ATTACH_AUTO);
	assert_int_equal(xdp_program(host->left), pinned_program(host, "mz_transit_xdp"));
}

/* Somebody else's program: it stays, and nothing of ours changes. */
static void test_foreign_xdp(void **state)
{
	const struct bpf_insn pass[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = XDP_PASS },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	static const unsigned int flags[] = { XDP_FLAGS_DRV_MODE, XDP_FLAGS_SKB_MODE };
	struct host *host = *state;
	struct mz_programs *programs = NULL;
	unsigned int program;
	int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "foreign", "GPL", pass, 2, NULL);

	assert_true(fd >= 0);
	load(host, best_mode());
	assert_int_equal(mz_programs_attach_transit(host->programs, host->left), 0);
	program = program_on(host->left);
	transit.wanted = MZ_TRANSIT_XDP;
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		LIBBPF_OPTS(bpf_xdp_query_opts, opts);
		int r;

		assert_int_equal(bpf_xdp_attach(host->left, fd, flags[i], NULL), 0);
		r = mz_programs_new(host->dir, host->tables, &config, best_mode(), &transit,
				    &programs);
		assert_true(r == -EBUSY || r == -EEXIST);
		assert_string_equal(transit.reason, "another XDP program is on the device");
		assert_int_equal(program_on(host->left), program);
		assert_int_equal(bpf_xdp_query(host->left, 0, &opts), 0);
		assert_true(flags[i] == XDP_FLAGS_SKB_MODE ? opts.skb_prog_id : opts.drv_prog_id);
		assert_int_equal(bpf_xdp_detach(host->left, flags[i], NULL), 0);
	}
	close(fd);
}

static void test_process_ends(void **state)
{
	struct host *host = *state;
	unsigned int program;
	int status;
	pid_t pid;

	mz_tables_free(host->tables);
	host->tables = NULL;
	pid = fork();
	if (!pid) {
		if (mz_tables_open(host->dir, true, &host->tables) < 0 ||
		    mz_programs_new(host->dir, host->tables, &config, MZ_ATTACH_AUTO, &transit,
				    &host->programs) < 0 ||
		    mz_programs_attach_transit(host->programs, host->left) < 0)
			_exit(1);
		_exit(0); /* as if killed */
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	program = program_on(host->left);
	assert_int_not_equal(program, 0);
	assert_int_equal(mz_tables_open(host->dir, true, &host->tables), 0);
	load(host, MZ_ATTACH_AUTO);
	assert_int_equal(mz_programs_mode(host->programs), best_mode());
	assert_int_not_equal(program_on(host->left), program);
	assert_int_not_equal(program_on(host->left), 0);
}

/* Its pin is dropped at the next chance, and the number of the device may be used again. */
static void test_device_is_gone(void **state)
{
	struct host *host = *state;
	_cleanup_(mz_netlink_freep) struct mz_netlink *nl = NULL;
	char pin[64];

	NEED_TCX(); /* a filter of clsact has no pin */
	load(host, MZ_ATTACH_TCX);
	snprintf(pin, sizeof(pin), "link/left_1-%d", host->left);
	assert_int_equal(mz_programs_attach_agent(host->programs, host->left), 0);
	assert_true(pin_exists(host, pin));
	assert_int_equal(mz_netlink_open(&nl), 0);
	assert_int_equal(mz_link_delete(nl, host->left), 0);
	assert_true(pin_exists(host, pin));
	assert_int_equal(mz_programs_attach_agent(host->programs, host->left), -ENODEV);
	assert_int_equal(mz_programs_detach(host->programs, host->left), 0);
	assert_false(pin_exists(host, pin));
}

static void test_failed_load_changes_nothing(void **state)
{
	struct host *host = *state;
	struct mz_programs *programs = NULL;
	unsigned int program;
	int r;

	load(host, best_mode());
	assert_int_equal(mz_programs_attach_agent(host->programs, host->left), 0);
	program = program_on(host->left);
	/* A map that no program of ours can use. */
	assert_true(dup2(mz_tables_counter_fd(host->tables),
			 mz_tables_outer_fd(host->tables, MZ_TABLE_port)) >= 0);
	r = mz_programs_new(host->dir, host->tables, &config, best_mode(), &transit, &programs);
	assert_true(r < 0);
	assert_null(programs);
	assert_int_equal(program_on(host->left), program);
	assert_int_equal(pinned_program(host, "mz_agent"), program);
}

static void test_uninstall(void **state)
{
	struct host *host = *state;
	char path[256];

	load(host, MZ_ATTACH_CLSACT);
	assert_int_equal(mz_programs_attach_agent(host->programs, host->left), 0);
	transit.wanted = MZ_TRANSIT_XDP;
	load(host, best_mode());
	assert_int_not_equal(xdp_program(host->left), 0);
	assert_int_equal(mz_programs_attach_transit(host->programs, (int)if_nametoindex("lo")), 0);
	assert_int_equal(mz_programs_uninstall(host->dir), -EBUSY);
	assert_int_not_equal(clsact_program(host->left), 0);
	mz_programs_free(host->programs);
	host->programs = NULL;
	mz_tables_free(host->tables);
	host->tables = NULL;
	assert_int_equal(mz_programs_uninstall(host->dir), 0);
	assert_int_equal(clsact_program(host->left), 0);
	assert_int_equal(program_on((int)if_nametoindex("lo")), 0);
	assert_int_equal(xdp_program(host->left), 0);
	snprintf(path, sizeof(path), "%s/bpf", host->dir);
	assert_int_not_equal(access(path, F_OK), 0);
	assert_int_equal(mz_programs_uninstall(host->dir), 0); /* again */
	assert_int_equal(mz_programs_uninstall("/mnt/never"), 0);
	assert_int_equal(mz_tables_open(host->dir, false, &host->tables), -ENOENT);
}

static void test_decap_flags(void **state)
{
	int r = mz_probe_decap_flags();

	assert_true(r == 0 || r == 1);
	print_message("the kernel %s BPF_F_ADJ_ROOM_DECAP_L3_*\n", r ? "knows" : "does not know");
}

int main(void)
{
	uint32_t ids[1], flags = 0, n = 1;
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_tcx_life),
		TEST(test_clsact_life),
		TEST(test_tcx_and_xdp_replaced_under_traffic),
		TEST(test_clsact_replaced_under_traffic),
		TEST(test_mode_changes),
		TEST(test_transit_changes),
		TEST(test_transit_moves),
		TEST(test_foreign_xdp),
		TEST(test_process_ends),
		TEST(test_device_is_gone),
		TEST(test_failed_load_changes_nothing),
		TEST(test_uninstall),
		TEST(test_decap_flags),
#undef TEST
	};

	own_namespaces();
	mz_libbpf_to_debug();
	has_tcx = bpf_prog_query(1, (enum bpf_attach_type)46, 0, &flags, ids, &n) == 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
