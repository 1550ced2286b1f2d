// SPDX-License-Identifier: Apache-2.0
#include "mizard_common.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/addr.h"
#include "host/device.h"
#include "host/program.h"
#include "ipc/ipc.h"
#include "netlink/ip.h"
#include "netlink/link.h"

#define START_MS 60000 /* the verifier takes its time, and others have the CPU, too */
#define CALL_MS	 10000
#define ARGS_MAX 24

static const char *mizard_path;
static char dir[64], sock[80], box[64];
static pid_t mizard = -1, box_pid = -1;

/* ---- the world ------------------------------------------------------------------------------- */

static void make_underlay(void)
{
	const struct mz_veth veth = {
		.name = "under0",
		.peer_name = "under1",
		.peer_netns_fd = -1,
		.mtu = 1500,
	};
	const struct mz_link_change up = { .up = 1 };
	const struct mz_addr addr = test_addr("192.0.2.1");
	_cleanup_(mz_netlink_freep) struct mz_netlink *nl = NULL;
	struct mz_link link;

	assert_int_equal(mz_netlink_open(&nl), 0);
	assert_int_equal(mz_link_add_veth(nl, &veth), 0);
	assert_int_equal(mz_link_by_name(nl, "lo", &link), 0);
	assert_int_equal(mz_link_change(nl, link.ifindex, &up), 0);
	assert_int_equal(mz_link_by_name(nl, "under1", &link), 0);
	assert_int_equal(mz_link_change(nl, link.ifindex, &up), 0);
	assert_int_equal(mz_link_by_name(nl, "under0", &link), 0);
	assert_int_equal(mz_link_change(nl, link.ifindex, &up), 0);
	assert_int_equal(mz_ip_add_address(nl, link.ifindex, &addr, 96 + 24), 0);
}

void mizard_new_underlay(void)
{
	_cleanup_(mz_netlink_freep) struct mz_netlink *nl = NULL;
	struct mz_link link;

	assert_int_equal(mz_netlink_open(&nl), 0);
	assert_int_equal(mz_link_by_name(nl, "under0", &link), 0);
	assert_int_equal(mz_link_delete(nl, link.ifindex), 0);
	make_underlay();
}

/* A process that does nothing, in a network namespace of its own. */
void mizard_new_box(void)
{
	int ready[2];
	char c;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	box_pid = fork();
	assert_true(box_pid >= 0);
	if (!box_pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (unshare(CLONE_NEWNET) < 0 || write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	close(ready[1]);
	snprintf(box, sizeof(box), "/proc/%d/ns/net", box_pid);
}

void mizard_init(const char *path)
{
	mizard_path = path;
	if (geteuid() != 0 || unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
		fprintf(stderr, "skipped: needs root, to make namespaces\n");
		exit(77);
	}
	make_underlay();
}

int mizard_setup(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/mzt-mizard-XXXXXX");
	assert_non_null(mkdtemp(dir));
	snprintf(sock, sizeof(sock), "%s/mizard.sock", dir);
	mizard_new_box();
	return 0;
}

static void end(pid_t *pid, int signal)
{
	if (*pid < 0)
		return;
	kill(*pid, signal);
	waitpid(*pid, NULL, 0);
	*pid = -1;
}

static int count_ours(uint64_t uid, const struct mz_device *device, void *user)
{
	++*(int *)user;
	return 0;
}

void mizard_end_box(void)
{
	int i, n = 1;

	end(&box_pid, SIGKILL);
	for (i = 0; n && i < START_MS / 10; i++) {
		n = 0;
		assert_int_equal(mz_device_each(count_ours, &n), 0);
		poll(NULL, 0, 10); /* the kernel takes namespaces down when it finds time */
	}
	assert_int_equal(n, 0);
}

int mizard_teardown(void **state)
{
	mizard_lacks(0, 0);
	char path[128];

	if (mizard >= 0)
		mizard_kill(SIGTERM); /* and not SIGKILL: sanitizers report at the end */
	if (box_pid >= 0)
		mizard_end_box();
	assert_int_equal(mz_programs_uninstall(dir), 0);
	unlink(sock);
	snprintf(path, sizeof(path), "%s/lock", dir);
	unlink(path);
	if (rmdir(dir) < 0)
		fail_msg("%s: %s", dir, strerror(errno));
	return 0;
}

uint64_t now_ns(void)
{
	struct timespec ts;

	assert_int_equal(clock_gettime(CLOCK_MONOTONIC, &ts), 0);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

const char *mizard_dir(void)
{
	return dir;
}

const char *mizard_box(void)
{
	return box;
}

/* ---- the process ----------------------------------------------------------------------------- */

static struct {
	int command, error;
} lacking;

void mizard_lacks(int bpf_command, int error)
{
	lacking.command = bpf_command;
	lacking.error = error;
}

/* A seccomp filter stands for an older kernel, or for a container that forbids bpf(2). */
static int take_away(void)
{
	const uint32_t answer = SECCOMP_RET_ERRNO | (uint32_t)lacking.error;
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_bpf, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)lacking.command, 0,
			 lacking.command < 0 ? 0 : 1),
		BPF_STMT(BPF_RET | BPF_K, answer),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	const struct sock_fprog program = { .len = ARRAY_SIZE(filter), .filter = filter };

	if (!lacking.error)
		return 0;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0 ? -errno : 0;
}

static pid_t spawn(const char *const *args, int err)
{
	const char *argv[ARGS_MAX] = { mizard_path, "--dir", dir };
	size_t i, n = 3;
	pid_t pid;

	for (i = 0; args[i]; i++) {
		assert_true(n < ARGS_MAX - 1);
		argv[n++] = args[i];
	}
	pid = fork();
	assert_true(pid >= 0);
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (err >= 0)
		dup2(err, STDERR_FILENO);
	if (take_away() < 0)
		_exit(126);
	execv(mizard_path, (char **)argv);
	_exit(127);
}

void mizard_start(const char *const *args)
{
	int status, i;

	assert_int_equal(mizard, -1);
	mizard = spawn(args, -1);
	for (i = 0; i < START_MS / 10; i++) {
		Mizar__V1__LocalRequest request = MIZAR__V1__LOCAL_REQUEST__INIT;
		Mizar__V1__LocalStatusRequest ask = MIZAR__V1__LOCAL_STATUS_REQUEST__INIT;
		Mizar__V1__LocalResponse *response;

		request.request_case = MIZAR__V1__LOCAL_REQUEST__REQUEST_STATUS;
		request.status = &ask;
		if (mz_ipc_call(sock, &request, CALL_MS, &response) >= 0) {
			mizar__v1__local_response__free_unpacked(response, NULL);
			return;
		}
		if (waitpid(mizard, &status, WNOHANG) == mizard) {
			mizard = -1;
			fail_msg("mizard ended with status %d", WEXITSTATUS(status));
		}
		poll(NULL, 0, 10);
	}
	fail_msg("mizard does not answer");
}

int mizard_run(const char *const *args, char *text, size_t size)
{
	size_t n = 0;
	ssize_t got;
	int fds[2], status;
	pid_t pid;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid = spawn(args, fds[1]);
	close(fds[1]);
	while ((got = read(fds[0], text + n, size - 1 - n)) > 0)
		n += (size_t)got;
	text[n] = 0;
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

void mizard_kill(int signal)
{
	int status;
	pid_t pid = mizard;

	assert_true(pid > 0);
	mizard = -1;
	kill(pid, signal);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	if (signal == SIGTERM && (!WIFEXITED(status) || WEXITSTATUS(status)))
		fail_msg("mizard ended with wait status %x", status);
}

pid_t mizard_pid(void)
{
	return mizard;
}

/* ---- calls ----------------------------------------------------------------------------------- */

Mizar__V1__LocalResponse *mizard_call(const Mizar__V1__LocalRequest *request)
{
	Mizar__V1__LocalResponse *response;

	assert_int_equal(mz_ipc_call(sock, request, CALL_MS, &response), 0);
	return response;
}

Mizar__V1__LocalResponse *mizard_status(void)
{
	Mizar__V1__LocalRequest request = MIZAR__V1__LOCAL_REQUEST__INIT;
	Mizar__V1__LocalStatusRequest ask = MIZAR__V1__LOCAL_STATUS_REQUEST__INIT;
	Mizar__V1__LocalResponse *response;

	request.request_case = MIZAR__V1__LOCAL_REQUEST__REQUEST_STATUS;
	request.status = &ask;
	response = mizard_call(&request);
	assert_non_null(response->status);
	return response;
}

int mizard_set(const Mizar__V1__Row *const *rows, size_t n_rows, bool unset, char *message,
	       size_t size)
{
	Mizar__V1__LocalRequest request = MIZAR__V1__LOCAL_REQUEST__INIT;
	Mizar__V1__LocalRowChange change = MIZAR__V1__LOCAL_ROW_CHANGE__INIT;
	Mizar__V1__LocalResponse *response;
	int error;

	change.rows = (Mizar__V1__Row **)rows;
	change.n_rows = n_rows;
	request.request_case = unset ? MIZAR__V1__LOCAL_REQUEST__REQUEST_UNSET
				     : MIZAR__V1__LOCAL_REQUEST__REQUEST_SET;
	request.set = &change;
	response = mizard_call(&request);
	error = (int)response->error;
	if (message)
		snprintf(message, size, "%s", response->message ?: "");
	mizar__v1__local_response__free_unpacked(response, NULL);
	return error;
}

const char *mizard_client = "test";

Mizar__V1__LocalResponse *mizard_attach(const char *name, const char *netns)
{
	Mizar__V1__LocalRequest request = MIZAR__V1__LOCAL_REQUEST__INIT;
	Mizar__V1__LocalAttach attach = MIZAR__V1__LOCAL_ATTACH__INIT;

	attach.namespace_ = "red";
	attach.name = (char *)name;
	attach.netns = (char *)netns;
	attach.client_uid = (char *)mizard_client;
	request.request_case = MIZAR__V1__LOCAL_REQUEST__REQUEST_ATTACH;
	request.attach = &attach;
	return mizard_call(&request);
}

int mizard_detach(const char *name)
{
	Mizar__V1__LocalRequest request = MIZAR__V1__LOCAL_REQUEST__INIT;
	Mizar__V1__LocalDetach detach = MIZAR__V1__LOCAL_DETACH__INIT;
	Mizar__V1__LocalResponse *response;
	int error;

	detach.namespace_ = "red";
	detach.name = (char *)name;
	detach.client_uid = (char *)mizard_client;
	request.request_case = MIZAR__V1__LOCAL_REQUEST__REQUEST_DETACH;
	request.detach = &detach;
	response = mizard_call(&request);
	error = (int)response->error;
	mizar__v1__local_response__free_unpacked(response, NULL);
	return error;
}

/* ---- rows ------------------------------------------------------------------------------------ */

#define VNI 7

struct mz_addr test_addr(const char *text)
{
	struct mz_addr addr;

	assert_int_equal(mz_addr_parse(text, &addr), 0);
	return addr;
}

static struct mz_table_row new_row(enum mz_table_id table)
{
	struct mz_table_row row;

	memset(&row, 0, sizeof(row));
	row.table = table;
	return row;
}

struct mz_table_row droplet_row(const char *addr)
{
	struct mz_table_row row = new_row(MZ_TABLE_droplet);

	row.key.addr = test_addr(addr);
	return row;
}

struct mz_table_row endpoint_row(uint64_t uid, const char *name, const char *addr,
				 uint32_t generation)
{
	struct mz_table_row row = new_row(MZ_TABLE_endpoint);
	struct mz_endpoint *endpoint = &row.value.endpoint;

	row.key.uid = uid;
	endpoint->network = 42;
	endpoint->vni = VNI;
	endpoint->generation = generation;
	endpoint->n_addrs = 1;
	memcpy(endpoint->mac, "\x02\0\0\0\0\1", 6);
	endpoint->addrs[0].addr = test_addr(addr);
	endpoint->addrs[0].gateway = test_addr("10.0.0.1");
	endpoint->addrs[0].prefix_len = 120;
	snprintf(endpoint->namespace_, sizeof(endpoint->namespace_), "red");
	snprintf(endpoint->name, sizeof(endpoint->name), "%s", name);
	return row;
}

struct mz_table_row location_row(const char *addr, uint64_t network, const char *host,
				 uint32_t generation)
{
	struct mz_table_row row = new_row(MZ_TABLE_location);

	row.key.vni_addr.vni = VNI;
	row.key.vni_addr.addr = test_addr(addr);
	row.value.location.network = network;
	row.value.location.host = test_addr(host);
	row.value.location.generation = generation;
	return row;
}

struct mz_table_row network_row(uint64_t network, const char *bouncer)
{
	struct mz_table_row row = new_row(MZ_TABLE_network);

	row.key.network.network = network;
	row.value.network.vni = VNI;
	row.value.network.bouncers.n = 1;
	row.value.network.bouncers.addrs[0] = test_addr(bouncer);
	return row;
}

struct mz_table_row vpc_row(const char *divider)
{
	struct mz_table_row row = new_row(MZ_TABLE_vpc);

	row.key.vni = VNI;
	row.value.vpc.dividers.n = 1;
	row.value.vpc.dividers.addrs[0] = test_addr(divider);
	return row;
}

struct mz_table_row prefix_row(const char *prefix, unsigned int len, uint64_t network)
{
	struct mz_table_row row = new_row(MZ_TABLE_prefix);

	row.key.prefix.prefixlen = 32 + len;
	row.key.prefix.vni_be = htobe32(VNI);
	row.key.prefix.prefix = test_addr(prefix);
	row.value.route.network = network;
	return row;
}

struct mz_table_row member_row(const char *addr, uint64_t network)
{
	struct mz_table_row row = new_row(MZ_TABLE_member);

	row.key.vni_addr.vni = VNI;
	row.key.vni_addr.addr = test_addr(addr);
	row.value.route.network = network;
	return row;
}

struct mz_table_row moved_row(const char *addr, const char *host, uint32_t generation)
{
	struct mz_table_row row = new_row(MZ_TABLE_moved);

	row.key.vni_addr.vni = VNI;
	row.key.vni_addr.addr = test_addr(addr);
	row.value.moved.host = test_addr(host);
	row.value.moved.generation = generation;
	return row;
}

uint64_t test_row_hash(const struct mz_table_row *row)
{
	struct mz_row_buffer buffer;

	return mz_row_hash(mz_row_from_table(row->table, &row->key, &row->value, &buffer));
}

static void change_rows(const struct mz_table_row *rows, size_t n_rows, bool unset)
{
	char message[512];
	size_t i;

	for (i = 0; i < n_rows; i++) {
		struct mz_row_buffer buffer;
		const Mizar__V1__Row *row =
			mz_row_from_table(rows[i].table, &rows[i].key, &rows[i].value, &buffer);

		if (mizard_set(&row, 1, unset, message, sizeof(message)))
			fail_msg("row %zu: %s", i, message);
	}
}

void set_rows(const struct mz_table_row *rows, size_t n_rows)
{
	change_rows(rows, n_rows, false);
}

void unset_rows(const struct mz_table_row *rows, size_t n_rows)
{
	change_rows(rows, n_rows, true);
}

int get_row(enum mz_table_id table, const void *key, void *ret_value)
{
	_cleanup_(mz_tables_freep) struct mz_tables *tables = NULL;

	assert_int_equal(mz_tables_open(dir, false, &tables), 0);
	return mz_table_get(tables, table, key, ret_value);
}

void assert_row(const struct mz_table_row *row)
{
	struct mz_table_row got = *row;

	memset(&got.value, 0, sizeof(got.value));
	assert_int_equal(get_row(row->table, &row->key, &got.value), 0);
	assert_memory_equal(&got.value, &row->value, sizeof(got.value));
}

void assert_no_row(const struct mz_table_row *row)
{
	struct mz_table_row got;

	assert_int_equal(get_row(row->table, &row->key, &got.value), -ENOENT);
}

uint64_t count_rows(enum mz_table_id table)
{
	_cleanup_(mz_tables_freep) struct mz_tables *tables = NULL;

	assert_int_equal(mz_tables_open(dir, false, &tables), 0);
	return mz_table_count(tables, table);
}
