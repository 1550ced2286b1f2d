// SPDX-License-Identifier: Apache-2.0
/*
 * mizard without a controller: what it refuses, rows by hand, endpoints, and that nothing is lost
 * when it is killed.
 */
#include "mizard_common.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/cleanup.h"

static const char *const standalone[] = { "--address", "192.0.2.1",	  STANDALONE, "--attach",
					  "tcx",       "--log-level", "warn",	  NULL };

/* ---- refusals -------------------------------------------------------------------------------- */

static void expect_exit(const char *const *args, int status, const char *text)
{
	char err[4096];
	int got;

	got = mizard_run(args, err, sizeof(err));
	if (got != status || !strstr(err, text))
		fail_msg("exit %d, not %d, or no \"%s\" in: %s", got, status, text, err);
}

#define EXPECT_EXIT(status, text, ...)                                                             \
	expect_exit((const char *const[]){ __VA_ARGS__, NULL }, status, text)

#define ALONE "--address", "192.0.2.1", "--standalone"

static void refuses_misuse(void **state)
{
	EXPECT_EXIT(2, "--standalone", "--address", "192.0.2.1");
	EXPECT_EXIT(2, "--no-such", "--no-such");
	EXPECT_EXIT(2, "--address 1.2.3: not an IP", "--address", "1.2.3", "--standalone");
	EXPECT_EXIT(2, "no link-local", "--address", "fe80::1", "--standalone");
	EXPECT_EXIT(2, "unicast", "--address", "ff02::1", "--standalone");
	EXPECT_EXIT(2, "unicast", "--address", "::1", "--standalone");
	EXPECT_EXIT(2, "unicast", "--address", "127.0.0.1", "--standalone");
	EXPECT_EXIT(2, "--port 0", "--port", "0");
	EXPECT_EXIT(2, "--port 6081x", "--port", "6081x");
	EXPECT_EXIT(2, "auto, tcx or clsact", "--attach", "xdp");
	EXPECT_EXIT(2, "auto, tc or xdp", "--transit", "generic");
	EXPECT_EXIT(2, "use 20 to 60000 milliseconds, or 0 for none", "--probe-interval", "19");
	EXPECT_EXIT(2, "--probe-interval -1", "--probe-interval", "-1");
	EXPECT_EXIT(2, "auto, on or off", "--tunnel-gro", "vxlan");
	EXPECT_EXIT(2, "--droplet Big", "--droplet", "Big");
	EXPECT_EXIT(2, "absolute", "--dir", "run");
	EXPECT_EXIT(2, "--lease 0.1: use 0.2 to 3600", "--lease", "0.1");
	EXPECT_EXIT(2, "--lease 1e3", "--lease", "1e3");
	EXPECT_EXIT(2, "--lease .", "--lease", ".");
	EXPECT_EXIT(2, "--lease 5s", "--lease", "5s");
	EXPECT_EXIT(2, "--new-destinations 00", "--new-destinations", "00");
	EXPECT_EXIT(2, "--new-destinations 1000001", "--new-destinations", "1000001");
	EXPECT_EXIT(2, "--learned-limit 0", "--learned-limit", "0");
	EXPECT_EXIT(2, "--log-level", "--log-level", "loud");
	EXPECT_EXIT(2, "unix:/PATH", "--controller", "nowhere");
	EXPECT_EXIT(2, "--ca, --cert and --key", "--address", "192.0.2.1", "--controller", "h:1");
	EXPECT_EXIT(2, "options only", "--standalone", "--address", "192.0.2.1", "start");
}

static void refuses_the_wrong_place(void **state)
{
	EXPECT_EXIT(1, "no default route", "--standalone");
	EXPECT_EXIT(1, "no device here has it", "--address", "192.0.2.9", "--standalone");
	EXPECT_EXIT(1, "--device nope", "--device", "nope", "--standalone");
	EXPECT_EXIT(1, "no device here has it", "--address", "fd00::9", "--standalone");
	EXPECT_EXIT(1, "it has no address", "--device", "under1", "--standalone");
	assert_int_equal(system("ip addr add 192.0.2.77/32 dev lo"), 0);
	EXPECT_EXIT(1, "where no tunnel packet comes in", "--address", "192.0.2.77",
		    "--standalone");
	assert_int_equal(system("ip addr del 192.0.2.77/32 dev lo"), 0);
	EXPECT_EXIT(1, "is on under0", "--device", "under1", "--address", "192.0.2.1",
		    "--standalone");
}

static void refuses_unreadable_certificates(void **state)
{
	EXPECT_EXIT(1, "/no/ca.pem", "--address", "192.0.2.1", "--controller", "localhost:1",
		    "--ca", "/no/ca.pem", "--cert", "/no/cert.pem", "--key", "/no/key.pem");
}

static void bind_port(int fd, const char *text)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(6081) };

	assert_int_equal(inet_pton(AF_INET, text, &sin.sin_addr), 1);
	assert_int_equal(bind(fd, (void *)&sin, sizeof(sin)), 0);
}

static void refuses_a_port_in_use(void **state)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	bind_port(fd, "0.0.0.0");
	EXPECT_EXIT(1, "UDP port 6081", "--address", "192.0.2.1", "--standalone");
}

static void refuses_a_second_one(void **state)
{
	mizard_start(standalone);
	EXPECT_EXIT(1, "another mizard", "--address", "192.0.2.1", "--standalone");
	EXPECT_EXIT(1, "another mizard", "--address", "192.0.2.1", "--standalone", "--port",
		    "6082");
}

static void expect_gro(const char *text)
{
	Mizar__V1__LocalResponse *response = mizard_status();

	if (!strstr(response->status->tunnel_gro, text))
		fail_msg("no \"%s\" in: %s", text, response->status->tunnel_gro);
	mizar__v1__local_response__free_unpacked(response, NULL);
}

#define GRO(mode)                                                                                  \
	((const char *const[]){ ALONE, "--log-level", "err", "--offload-test", "off",              \
				"--tunnel-gro", mode, NULL })

/* A device of the kernel's has the port then, also without mizard; or the socket has it. */
static void merges_tunnel_packets(void **state)
{
	_cleanup_close_ int fd = -1;

	mizard_start(GRO("on"));
	expect_gro("device mzgro6081");
	mizard_kill(SIGKILL);
	assert_true(if_nametoindex("mzgro6081"));
	mizard_start(GRO("auto"));
	expect_gro("device mzgro6081");
	mizard_kill(SIGTERM);
	mizard_start(GRO("off"));
	expect_gro("off, asked for");
	assert_false(if_nametoindex("mzgro6081"));
	mizard_kill(SIGTERM);

	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bind_port(fd, "127.0.0.1");
	mizard_start(GRO("auto"));
	expect_gro("off: UDP port 6081 has a socket at another address");
	mizard_kill(SIGTERM);
	EXPECT_EXIT(1, "--tunnel-gro on: UDP port 6081 has a socket", ALONE, "--offload-test",
		    "off", "--tunnel-gro", "on");
	assert_false(if_nametoindex("mzgro6081"));
}

/* Kernels without BPF, or some of it, or tcx (before Linux 6.6); containers that forbid it. */
static void names_what_the_kernel_lacks(void **state)
{
	mizard_lacks(-1, ENOSYS);
	EXPECT_EXIT(1, "this kernel lacks BPF features: Linux 6.1 or later is needed", ALONE);
	mizard_lacks(BPF_MAP_CREATE, EINVAL);
	EXPECT_EXIT(1, "this kernel lacks BPF features: Linux 6.1 or later is needed", ALONE);
	mizard_lacks(-1, EPERM);
	EXPECT_EXIT(1, "no privilege for BPF: run mizard as root", ALONE);
	mizard_lacks(BPF_LINK_CREATE, EINVAL);
	EXPECT_EXIT(1, "try --attach clsact, or a later kernel", ALONE, "--attach", "tcx");
	EXPECT_EXIT(1, "--transit xdp: device under0: the driver cannot", ALONE, "--transit",
		    "xdp");
	mizard_start((const char *const[]){ ALONE, "--log-level", "warn", NULL }); /* clsact */
	mizard_kill(SIGTERM);
}

static void finds_the_address(void **state)
{
	Mizar__V1__LocalResponse *response;

	mizard_start((const char *const[]){ "--device", "under0", "--droplet", "h1", "--standalone",
					    "--log-level", "warn", NULL });
	response = mizard_status();
	assert_string_equal(response->status->device, "under0");
	assert_string_equal(response->status->droplet, "h1");
	assert_int_equal(response->status->underlay_mtu, 1500);
	assert_int_equal(response->status->endpoint_mtu, 1410);
	assert_int_equal(response->status->address.len, 16);
	assert_string_equal(response->status->transit, "tc");
	assert_string_equal(response->status->transit_reason,
			    "veth would lose its offloads to XDP");
	assert_false(response->status->connected);
	mizar__v1__local_response__free_unpacked(response, NULL);
	mizard_kill(SIGTERM);
}

/* ---- rows by hand ---------------------------------------------------------------------------- */

#define N_ROWS 9
static void make_rows(struct mz_table_row rows[N_ROWS])
{
	rows[0] = droplet_row("192.0.2.1");
	rows[1] = droplet_row("192.0.2.2");
	rows[2] = endpoint_row(9, "web-1", "10.0.0.2", 1);
	rows[3] = vpc_row("192.0.2.2");
	rows[4] = prefix_row("10.0.0.0", 120, 42);
	rows[5] = member_row("10.9.0.1", 43);
	rows[6] = network_row(42, "192.0.2.2");
	rows[7] = location_row("10.0.0.2", 42, "192.0.2.1", 1);
	rows[8] = location_row("10.0.0.3", 42, "192.0.2.2", 5);
}

/* What mizard says of a scope. */
static void expect_scope(Mizar__V1__Scope__Kind kind, uint64_t id, uint64_t digest, uint64_t n_rows)
{
	Mizar__V1__LocalResponse *response = mizard_status();
	size_t i;

	for (i = 0; i < response->status->n_scopes; i++) {
		const Mizar__V1__ScopeState *scope = response->status->scopes[i];

		if (scope->scope->kind != kind || scope->scope->id != id)
			continue;
		assert_true(scope->digest == digest);
		assert_int_equal(scope->n_rows, n_rows);
		mizar__v1__local_response__free_unpacked(response, NULL);
		return;
	}
	mizar__v1__local_response__free_unpacked(response, NULL);
	assert_int_equal(n_rows, 0);
}

static void expect_all(const struct mz_table_row rows[N_ROWS])
{
	size_t i;

	for (i = 0; i < N_ROWS; i++)
		assert_row(&rows[i]);
	expect_scope(MIZAR__V1__SCOPE__KIND__DROPLETS, 0,
		     test_row_hash(&rows[0]) + test_row_hash(&rows[1]), 2);
	expect_scope(MIZAR__V1__SCOPE__KIND__HOST, 0, test_row_hash(&rows[2]), 1);
	expect_scope(MIZAR__V1__SCOPE__KIND__VPC, 7, test_row_hash(&rows[3]), 1);
	expect_scope(MIZAR__V1__SCOPE__KIND__ROUTES, 7,
		     test_row_hash(&rows[4]) + test_row_hash(&rows[5]), 2);
	expect_scope(MIZAR__V1__SCOPE__KIND__NETWORK, 42, test_row_hash(&rows[6]), 1);
	expect_scope(MIZAR__V1__SCOPE__KIND__LOCATIONS, 42,
		     test_row_hash(&rows[7]) + test_row_hash(&rows[8]), 2);
}

static void keeps_rows(void **state)
{
	struct mz_table_row rows[N_ROWS];
	size_t i;

	make_rows(rows);
	mizard_start(standalone);
	set_rows(rows, N_ROWS);
	set_rows(rows, N_ROWS); /* repeatable */
	expect_all(rows);

	/* Replacing and removing keeps digests true. */
	rows[8] = location_row("10.0.0.3", 42, "192.0.2.3", 6);
	set_rows(&rows[8], 1);
	expect_all(rows);
	mizard_kill(SIGKILL);
	mizard_start(standalone);
	expect_all(rows);
	mizard_kill(SIGTERM);
	mizard_start(standalone);
	expect_all(rows);

	unset_rows(rows, N_ROWS);
	unset_rows(rows, N_ROWS);
	for (i = 0; i < N_ROWS; i++)
		assert_no_row(&rows[i]);
	assert_int_equal(count_rows(MZ_TABLE_location), 0);
	expect_scope(MIZAR__V1__SCOPE__KIND__LOCATIONS, 42, 0, 0);
}

/* The address goes to another network of the VPC; its row changes scope. */
static void moves_a_location(void **state)
{
	const struct mz_table_row first = location_row("10.0.0.2", 42, "192.0.2.1", 1);
	const struct mz_table_row second = location_row("10.0.0.2", 43, "192.0.2.2", 2);

	mizard_start(standalone);
	set_rows(&first, 1);
	set_rows(&second, 1);
	assert_row(&second);
	expect_scope(MIZAR__V1__SCOPE__KIND__LOCATIONS, 42, 0, 0);
	expect_scope(MIZAR__V1__SCOPE__KIND__LOCATIONS, 43, test_row_hash(&second), 1);
	set_rows(&first, 1); /* too late */
	assert_row(&second);
}

static void refuses_bad_rows(void **state)
{
	struct mz_table_row good = droplet_row("192.0.2.2"), bad = droplet_row("224.0.0.1");
	struct mz_row_buffer buffers[2];
	const Mizar__V1__Row *rows[2];
	char message[512];

	mizard_start(standalone);
	rows[0] = mz_row_from_table(good.table, &good.key, &good.value, &buffers[0]);
	rows[1] = mz_row_from_table(bad.table, &bad.key, &bad.value, &buffers[1]);
	assert_int_equal(mizard_set(rows, 2, false, message, sizeof(message)), EINVAL);
	assert_string_equal(message, "rows[1]: droplet 224.0.0.1: field address is missing or out "
				     "of range");
	assert_no_row(&good); /* all or none */
}

/* ---- endpoints ------------------------------------------------------------------------------- */

static struct mz_vni_addr local_key(const char *addr)
{
	return (struct mz_vni_addr){ .vni = 7, .addr = test_addr(addr) };
}

/* Returns the ifindex of the endpoint's device. */
static __u32 expect_served(const char *addr, uint64_t uid, uint32_t generation)
{
	const struct mz_vni_addr key = local_key(addr);
	struct mz_local local;
	struct mz_port port;
	char ifname[32], link[256];

	assert_int_equal(get_row(MZ_TABLE_local, &key, &local), 0);
	assert_int_equal(local.generation, generation);
	assert_int_equal(local.mtu, 1410);
	assert_int_equal(local.flags, MZ_PORT_PEER);
	assert_int_equal(get_row(MZ_TABLE_port, &local.ifindex, &port), 0);
	assert_true(port.uid == uid && port.network == 42 && port.vni == 7);
	assert_int_equal(mz_addr_compare(&port.ip4, &key.addr), 0);
	assert_true(mz_addr_is_zero(&port.ip6));
	assert_int_equal(port.prefix_len4, mz_addr_is_zero(&port.gateway4) ? 0 : 120);
	snprintf(ifname, sizeof(ifname), "mz%llx", (unsigned long long)uid);
	assert_int_equal(if_nametoindex(ifname), local.ifindex);
	/* The agent is on it, too (tcx: a pinned link). */
	snprintf(link, sizeof(link), "%s/bpf/link/%s-%u", mizard_dir(), ifname, local.ifindex);
	assert_int_equal(access(link, F_OK), 0);
	return local.ifindex;
}

static void expect_not_served(const char *addr, uint64_t uid)
{
	const struct mz_vni_addr key = local_key(addr);
	struct mz_local local;
	char ifname[32];

	assert_int_equal(get_row(MZ_TABLE_local, &key, &local), -ENOENT);
	assert_int_equal(count_rows(MZ_TABLE_port), 0);
	snprintf(ifname, sizeof(ifname), "mz%llx", (unsigned long long)uid);
	assert_int_equal(if_nametoindex(ifname), 0);
}

static void attach_ok(const char *name, uint64_t uid)
{
	Mizar__V1__LocalResponse *response = mizard_attach(name, mizard_box());

	if (response->error)
		fail_msg("attach: %s", response->message);
	assert_true(response->attached->uid == uid);
	assert_int_equal(response->attached->mtu, 1410);
	assert_string_equal(response->attached->ifname, "eth0");
	assert_string_equal(response->attached->endpoint->name, name);
	mizar__v1__local_response__free_unpacked(response, NULL);
}

static void attach_refused(const char *name, const char *netns, int error, const char *text)
{
	Mizar__V1__LocalResponse *response = mizard_attach(name, netns);

	if ((int)response->error != error || !strstr(response->message, text))
		fail_msg("error %u, not %d, or no \"%s\" in: %s", response->error, error, text,
			 response->message);
	mizar__v1__local_response__free_unpacked(response, NULL);
}

static void attaches(void **state)
{
	struct mz_table_row row = endpoint_row(0x9a, "web-1", "10.0.0.2", 1);
	__u32 ifindex;

	mizard_start(standalone);
	set_rows(&row, 1);
	expect_not_served("10.0.0.2", 0x9a);
	attach_ok("web-1", 0x9a);
	ifindex = expect_served("10.0.0.2", 0x9a, 1);
	attach_ok("web-1", 0x9a); /* repeatable */
	assert_int_equal(expect_served("10.0.0.2", 0x9a, 1), ifindex);

	mizard_kill(SIGKILL);
	mizard_start(standalone);
	assert_int_equal(expect_served("10.0.0.2", 0x9a, 1), ifindex);

	/* A new generation, then another address, under the same device. */
	row = endpoint_row(0x9a, "web-1", "10.0.0.2", 2);
	set_rows(&row, 1);
	assert_int_equal(expect_served("10.0.0.2", 0x9a, 2), ifindex);
	row = endpoint_row(0x9a, "web-1", "10.0.0.3", 3);
	set_rows(&row, 1);
	assert_int_equal(expect_served("10.0.0.3", 0x9a, 3), ifindex);
	assert_int_equal(count_rows(MZ_TABLE_local), 1);

	assert_int_equal(mizard_detach("web-1"), 0);
	expect_not_served("10.0.0.3", 0x9a);
	assert_row(&row); /* it still belongs here */
	assert_int_equal(mizard_detach("web-1"), 0);
	attach_ok("web-1", 0x9a);
	unset_rows(&row, 1);
	expect_not_served("10.0.0.3", 0x9a);
}

static unsigned long received_in_box(void)
{
	unsigned long packets = 0;
	char path[64], line[256];
	FILE *file;

	snprintf(path, sizeof(path), "%.*snet/dev", (int)strlen(mizard_box()) - 6, mizard_box());
	file = fopen(path, "r");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		(void)sscanf(line, " eth0: %*u %lu", &packets); /* other lines: unchanged */
	fclose(file);
	return packets;
}

/* The host's own IPv6, which every device has by default, is not for tenants. */
static void says_nothing_itself(void **state)
{
	struct mz_table_row row = endpoint_row(0x9a, "web-1", "10.0.0.2", 1);

	assert_int_equal(system("echo 1 > /proc/sys/net/ipv6/conf/all/forwarding"), 0);
	mizard_start(standalone);
	set_rows(&row, 1);
	attach_ok("web-1", 0x9a);
	usleep(2500000); /* address checks and reports come within 2 s */
	assert_int_equal(received_in_box(), 0);
	assert_int_equal(system("echo 0 > /proc/sys/net/ipv6/conf/all/forwarding"), 0);
}

static void refuses_attaches(void **state)
{
	const struct mz_table_row rows[] = {
		endpoint_row(1, "web-1", "10.0.0.2", 1),
		endpoint_row(2, "web-2", "10.0.0.3", 1),
	};

	mizard_start(standalone);
	attach_refused("web-1", mizard_box(), ENOENT, "set the row by hand");
	set_rows(rows, ARRAY_SIZE(rows));
	attach_refused("web-1", "/proc/1/no-such", ENOENT, "netns");
	attach_refused("web-1", "/dev/null", ENOTTY, "not a network namespace");
	attach_refused("web-1", "box", EINVAL, "absolute");
	attach_refused("", mizard_box(), EINVAL, "name");
	assert_int_equal(count_rows(MZ_TABLE_port), 0);
	attach_ok("web-1", 1);
	attach_refused("web-2", mizard_box(), EEXIST, "in use"); /* eth0 is web-1's */
	expect_served("10.0.0.2", 1, 1);
	assert_int_equal(count_rows(MZ_TABLE_port), 1);
	assert_int_equal(if_nametoindex("mz2"), 0);
	assert_int_equal(mizard_detach("web-1"), 0);
}

/* The endpoint's namespace, and with it the device, goes while mizard is down. */
static void forgets_gone_devices(void **state)
{
	const struct mz_table_row row = endpoint_row(5, "web-1", "10.0.0.2", 1);

	mizard_start(standalone);
	set_rows(&row, 1);
	attach_ok("web-1", 5);
	mizard_kill(SIGKILL);
	mizard_end_box();
	mizard_start(standalone);
	expect_not_served("10.0.0.2", 5);
	assert_row(&row);
}

/* The same while mizard runs, and the endpoint comes back before mizard has noticed. */
static void tells_a_new_device_from_the_old(void **state)
{
	const struct mz_table_row row = endpoint_row(5, "web-1", "10.0.0.2", 1);
	int i;

	mizard_start(standalone);
	set_rows(&row, 1);
	attach_ok("web-1", 5);
	mizard_end_box();
	mizard_new_box();
	attach_ok("web-1", 5);
	for (i = 0; i < 500 && count_rows(MZ_TABLE_port) > 1; i++)
		usleep(10000);
	assert_int_equal(count_rows(MZ_TABLE_port), 1);
	expect_served("10.0.0.2", 5, 1);
	mizard_end_box();
	for (i = 0; i < 500 && count_rows(MZ_TABLE_port); i++)
		usleep(10000);
	expect_not_served("10.0.0.2", 5);
}

/* Its driver was loaded again, or the operator's tools made it anew. */
static void follows_the_underlay(void **state)
{
	char link[256];
	int i;

	mizard_start(standalone);
	mizard_new_underlay();
	snprintf(link, sizeof(link), "%s/bpf/link/under0-%u", mizard_dir(),
		 if_nametoindex("under0"));
	for (i = 0; access(link, F_OK) < 0 && i < 1000; i++)
		usleep(10000);
	assert_int_equal(access(link, F_OK), 0);
}

int main(int argc, char **argv)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, mizard_setup, mizard_teardown)
	const struct CMUnitTest tests[] = {
		TEST(refuses_misuse),
		TEST(refuses_the_wrong_place),
		TEST(refuses_unreadable_certificates),
		TEST(refuses_a_port_in_use),
		TEST(refuses_a_second_one),
		TEST(merges_tunnel_packets),
		TEST(names_what_the_kernel_lacks),
		TEST(finds_the_address),
		TEST(keeps_rows),
		TEST(moves_a_location),
		TEST(refuses_bad_rows),
		TEST(attaches),
		TEST(says_nothing_itself),
		TEST(refuses_attaches),
		TEST(forgets_gone_devices),
		TEST(tells_a_new_device_from_the_old),
		TEST(follows_the_underlay),
	};

	if (argc != 2)
		return 2;
	mizard_init(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
