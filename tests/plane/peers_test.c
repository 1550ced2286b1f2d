// SPDX-License-Identifier: Apache-2.0
/*
 * mizard asks the hosts that its rows name whether they are alive. Here they are one process, which
 * answers for all their addresses as each test wants.
 *
 *	the test's namespace                      another one
 *	  mizard --address 192.0.2.1                the fake: 192.0.2.2, .3, .4, 198.51.100.0/24
 *	  under0 192.0.2.1/24 ------------- under1  and fd00:2::2, .3, .4
 */
#include "mizard_common.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "mizar/wire.h"

#define PORT	  6081
#define ECHO_SIZE 20
#define WAIT_MS	  10000
#define NONCE	  12 /* where it is in an ECHO */
#define FLOOD	  500
#define MARK_NS	  12000000000ULL
#define START_NS  8500000000ULL /* a mark lasts as long when mizard dies */

enum manner {
	ANSWERS,
	SILENT,
	WRONG_NONCE,
	TOO_SHORT,
	TOO_LONG,
	OTHER_OPTION,
	OTHER_SENDER,
	OTHER_PORT,
	REPLAYS,
	FLOODS,
	N_MANNERS,
};

/* Of the host whose address ends in this byte. */
static struct fake {
	_Atomic int manner[256];
	_Atomic unsigned int n_asked[256];
	uint8_t last[256][ECHO_SIZE];
} *fake;
static pid_t fake_pid;

/* ---- the other hosts ------------------------------------------------------------------------- */

struct ask {
	union {
		struct sockaddr_in sin;
		struct sockaddr_in6 sin6;
	} from;
	struct msghdr header;
	struct iovec vector;
	char control[64];
	uint8_t bytes[64];
	size_t size;
	uint8_t *last_byte; /* of the address that was asked, in control */
};

static void send_as(int fd, struct ask *ask)
{
	ask->vector = (struct iovec){ ask->bytes, ask->size };
	(void)sendmsg(fd, &ask->header, 0);
}

static void flood(int fd, struct ask *ask)
{
	int i;

	for (i = 0; i < FLOOD; i++) {
		ask->bytes[NONCE + 7]++; /* passes mizard's filter */
		send_as(fd, ask);
	}
}

static void misbehave(int fd, int other_fd, struct ask *ask, enum manner manner)
{
	static uint8_t before[ECHO_SIZE]; /* an answer is late once, then it is a replay */
	uint8_t now[ECHO_SIZE];

	switch (manner) {
	case ANSWERS:
		break;
	case FLOODS:
		memcpy(now, ask->bytes, sizeof(now));
		flood(fd, ask);
		memcpy(ask->bytes, now, sizeof(now));
		break;
	case WRONG_NONCE:
		ask->bytes[NONCE + 7] ^= 1;
		break;
	case TOO_SHORT:
		ask->size--;
		break;
	case TOO_LONG:
		ask->size++;
		break;
	case OTHER_OPTION:
		ask->bytes[10] = MZ_OPT_STALE;
		break;
	case OTHER_SENDER:
		++*ask->last_byte;
		break;
	case OTHER_PORT:
		fd = other_fd;
		break;
	case REPLAYS:
		if (!before[0])
			memcpy(before, ask->bytes, sizeof(before));
		memcpy(ask->bytes, before, sizeof(before));
		break;
	case SILENT:
	case N_MANNERS:
		return;
	}
	send_as(fd, ask);
}

static void serve(int fd, int other_fd, bool is_ipv6)
{
	struct ask ask = {};
	struct cmsghdr *cmsg;
	ssize_t n;

	ask.vector = (struct iovec){ ask.bytes, sizeof(ask.bytes) };
	ask.header = (struct msghdr){
		.msg_name = &ask.from,
		.msg_namelen = sizeof(ask.from),
		.msg_iov = &ask.vector,
		.msg_iovlen = 1,
		.msg_control = ask.control,
		.msg_controllen = sizeof(ask.control),
	};
	n = recvmsg(fd, &ask.header, 0);
	cmsg = n < 0 ? NULL : CMSG_FIRSTHDR(&ask.header);
	if (!cmsg)
		return;
	ask.size = (size_t)n;
	if (is_ipv6) {
		struct in6_pktinfo *info = (void *)CMSG_DATA(cmsg);

		ask.last_byte = &info->ipi6_addr.s6_addr[15];
	} else {
		struct in_pktinfo *info = (void *)CMSG_DATA(cmsg);

		info->ipi_spec_dst = info->ipi_addr;
		info->ipi_ifindex = 0;
		ask.last_byte = (uint8_t *)&info->ipi_spec_dst + 3;
	}
	memcpy(fake->last[*ask.last_byte], ask.bytes, ECHO_SIZE);
	fake->n_asked[*ask.last_byte]++;
	misbehave(fd, other_fd, &ask, fake->manner[*ask.last_byte]);
}

static int open_socket(int family, uint16_t port)
{
	const struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(port) };
	const struct sockaddr_in6 sin6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
	int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0), one = 1;

	if (family == AF_INET6) {
		if (setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) < 0 ||
		    setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof(one)) < 0 ||
		    bind(fd, (const struct sockaddr *)&sin6, sizeof(sin6)) < 0)
			_exit(2);
	} else if (setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof(one)) < 0 ||
		   bind(fd, (const struct sockaddr *)&sin, sizeof(sin)) < 0) {
		_exit(2);
	}
	return fd;
}

static void run_fake(int ready_fd, int go_fd)
{
	static const char setup[] =
		"ip link set lo up && ip link set under1 up && "
		"ip addr add 192.0.2.2/24 dev under1 && "
		"ip addr add 192.0.2.3/24 dev under1 && ip addr add 192.0.2.4/24 dev under1 && "
		"ip route add local 198.51.100.0/24 dev lo && "
		"for i in 2 3 4; do ip addr add fd00:2::$i/64 dev under1 nodad || exit 1; done";
	int fds[4];
	char c;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (unshare(CLONE_NEWNET) < 0 || write(ready_fd, "", 1) != 1 || read(go_fd, &c, 1) != 1 ||
	    system(setup))
		_exit(1);
	fds[0] = open_socket(AF_INET, PORT);
	fds[1] = open_socket(AF_INET6, PORT);
	fds[2] = open_socket(AF_INET, PORT + 1);
	fds[3] = open_socket(AF_INET6, PORT + 1);
	if (write(ready_fd, "", 1) != 1)
		_exit(1);
	if (!fork()) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			serve(fds[1], fds[3], true);
	}
	for (;;)
		serve(fds[0], fds[2], false);
}

static void start_fake(void)
{
	int ready[2], go[2];
	char command[160], c;

	fake = mmap(NULL, sizeof(*fake), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(fake, MAP_FAILED);
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	fake_pid = fork();
	assert_true(fake_pid >= 0);
	if (!fake_pid)
		run_fake(ready[1], go[0]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	snprintf(command, sizeof(command),
		 "ip link set under1 netns %d && ip addr add fd00:2::1/64 dev under0 nodad && "
		 "ip route add 198.51.100.0/24 via 192.0.2.2",
		 fake_pid);
	assert_int_equal(system(command), 0);
	assert_int_equal(write(go[1], "", 1), 1);
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
}

static void reset_fake(void)
{
	int i;

	for (i = 0; i < 256; i++) {
		fake->manner[i] = ANSWERS;
		fake->n_asked[i] = 0;
	}
}

static int fake_setup(void **state)
{
	reset_fake();
	return mizard_setup(state);
}

/* ---- what mizard says ------------------------------------------------------------------------ */

#define SELF "192.0.2.1"

static void start_with(const char *address, const char *interval)
{
	mizard_start((const char *const[]){ "--address", address, STANDALONE, "--log-level",
					    "error", "--probe-interval", interval, NULL });
}

static void start(void)
{
	start_with(SELF, "50");
}

/* Bouncers of a network, separated by spaces. */
static struct mz_table_row bouncers(uint64_t network, const char *addrs)
{
	struct mz_table_row row = network_row(network, "0.0.0.0");
	char text[256], *addr, *rest;
	struct mz_replicas *replicas = &row.value.network.bouncers;

	snprintf(text, sizeof(text), "%s", addrs);
	replicas->n = 0;
	for (addr = strtok_r(text, " ", &rest); addr; addr = strtok_r(NULL, " ", &rest))
		replicas->addrs[replicas->n++] = test_addr(addr);
	return row;
}

/* "dead", or "dead!" when it is avoided; "" when it is no host that mizard asks. */
static const char *state_of(const char *addr, char buf[static 32])
{
	Mizar__V1__LocalResponse *response = mizard_status();
	const struct mz_addr wanted = test_addr(addr);
	size_t i;

	buf[0] = 0;
	for (i = 0; i < response->status->n_peers; i++) {
		const Mizar__V1__LocalPeer *peer = response->status->peers[i];

		assert_int_equal(peer->address.len, sizeof(wanted));
		if (!memcmp(peer->address.data, &wanted, sizeof(wanted)))
			snprintf(buf, 32, "%s%s", peer->state, peer->avoided ? "!" : "");
	}
	mizar__v1__local_response__free_unpacked(response, NULL);
	return buf;
}

static void expect(const char *addr, const char *state)
{
	char buf[32];
	int i;

	for (i = 0; strcmp(state_of(addr, buf), state) && i < WAIT_MS / 10; i++)
		usleep(10000);
	if (strcmp(buf, state))
		fail_msg("%s is %s, not %s", addr, buf, state);
}

/* For so long that it would have changed. */
static void expect_still(const char *addr, const char *state)
{
	char buf[32];
	int i;

	for (i = 0; i < 90; i++) {
		if (strcmp(state_of(addr, buf), state))
			fail_msg("%s is %s, not %s", addr, buf, state);
		usleep(10000);
	}
}

static size_t n_peers(void)
{
	Mizar__V1__LocalResponse *response = mizard_status();
	size_t n = response->status->n_peers;

	mizar__v1__local_response__free_unpacked(response, NULL);
	return n;
}

static uint64_t marked_until(const char *addr)
{
	const struct mz_addr key = test_addr(addr);
	struct mz_dead dead;

	assert_int_equal(get_row(MZ_TABLE_dead, &key, &dead), 0);
	assert_true(dead.misses >= 3);
	return dead.until;
}

/* How often programs were made to forget what they keep of rows. */
static uint32_t epoch_now(void)
{
	_cleanup_(mz_tables_freep) struct mz_tables *tables = NULL;
	uint32_t slot = 0, epoch;

	assert_int_equal(mz_tables_open(mizard_dir(), false, &tables), 0);
	assert_int_equal(bpf_map_lookup_elem(mz_tables_epoch_fd(tables), &slot, &epoch), 0);
	return epoch;
}

/* As a mizard that died has left it. */
static void set_mark(const char *addr, uint64_t until)
{
	_cleanup_(mz_tables_freep) struct mz_tables *tables = NULL;
	const struct mz_dead dead = { .until = until, .misses = 3 };
	const struct mz_addr key = test_addr(addr);

	assert_int_equal(mz_tables_open(mizard_dir(), true, &tables), 0);
	assert_int_equal(mz_table_put(tables, MZ_TABLE_dead, &key, &dead), 0);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void follows_rows(void)
{
	struct mz_table_row rows[] = {
		bouncers(42, "192.0.2.2 192.0.2.3 " SELF),
		vpc_row("192.0.2.3"),
	};
	unsigned int n;

	assert_int_equal(n_peers(), 0);
	set_rows(rows, 2);
	set_rows(rows, 2);
	assert_int_equal(n_peers(), 2);
	expect("192.0.2.2", "alive");
	expect("192.0.2.3", "alive");

	rows[0] = bouncers(42, "192.0.2.4 192.0.2.2");
	set_rows(rows, 1);
	assert_int_equal(n_peers(), 3); /* .3 divides still */
	unset_rows(rows, 1);
	unset_rows(rows, 1);
	assert_int_equal(n_peers(), 1);
	unset_rows(&rows[1], 1);
	assert_int_equal(n_peers(), 0);
	usleep(10000);
	n = fake->n_asked[3];
	usleep(200000);
	assert_int_equal(fake->n_asked[3], n);
}

/* Byte for byte as docs/wire-format.md has it. */
static void sends_echoes(void)
{
	static const uint8_t wanted[NONCE] = {
		0x03, 0xc0, 0x65, 0x58, 0, 0, 0, 0, 0xff, 0x4d, 0x86, 0x02,
	};
	const struct mz_table_row row = bouncers(42, "192.0.2.2");
	uint8_t first[ECHO_SIZE];
	unsigned int n;

	set_rows(&row, 1);
	expect("192.0.2.2", "alive");
	memcpy(first, fake->last[2], sizeof(first));
	assert_memory_equal(first, wanted, sizeof(wanted));
	for (n = fake->n_asked[2]; fake->n_asked[2] == n;)
		usleep(1000);
	assert_memory_not_equal(fake->last[2] + NONCE, first + NONCE, 8);
	/* One at a time, about 50 ms apart. */
	n = fake->n_asked[2];
	usleep(1000000);
	assert_in_range(fake->n_asked[2] - n, 5, 25);
	unset_rows(&row, 1);
}

static void leaves_the_dead(void)
{
	const struct mz_table_row row = bouncers(42, "192.0.2.2 192.0.2.3 192.0.2.4");
	uint64_t until;
	uint32_t epoch;
	int i;

	set_rows(&row, 1);
	expect("192.0.2.2", "alive");
	expect("192.0.2.3", "alive");
	assert_int_equal(count_rows(MZ_TABLE_dead), 0);
	fake->manner[2] = SILENT;
	expect("192.0.2.2", "dead!");
	assert_int_equal(count_rows(MZ_TABLE_dead), 1);
	fake->manner[4] = SILENT;
	expect("192.0.2.4", "dead!");
	until = marked_until("192.0.2.2");
	assert_in_range(until, now_ns(), now_ns() + MARK_NS);
	epoch = epoch_now();
	for (i = 0; marked_until("192.0.2.2") == until && i < 600; i++)
		usleep(10000);
	assert_true(marked_until("192.0.2.2") > until); /* renewed, long before its end */
	assert_true(until > now_ns() + START_NS);
	usleep(10000); /* for the rest of them */
	assert_int_equal(epoch_now(), epoch + 1); /* once for both */

	fake->manner[2] = fake->manner[4] = ANSWERS;
	expect("192.0.2.2", "alive");
	expect("192.0.2.4", "alive");
	assert_int_equal(count_rows(MZ_TABLE_dead), 0);
	fake->manner[2] = SILENT;
	expect("192.0.2.2", "dead!");
	unset_rows(&row, 1);
	assert_int_equal(count_rows(MZ_TABLE_dead), 0);
}

static void believes_no_other_answer(void)
{
	const struct mz_table_row rows[] = {
		bouncers(42, "198.51.100.10 198.51.100.12 198.51.100.14 198.51.100.16"),
		bouncers(43, "198.51.100.10 198.51.100.18 198.51.100.20 198.51.100.22"),
		bouncers(44, "198.51.100.10 198.51.100.24"),
	};
	char addr[32];
	int manner;

	set_rows(rows, 3);
	for (manner = SILENT; manner < FLOODS; manner++) {
		snprintf(addr, sizeof(addr), "198.51.100.%d", 10 + 2 * manner - 2);
		expect(addr, "alive");
	}
	for (manner = WRONG_NONCE; manner < FLOODS; manner++)
		fake->manner[10 + 2 * manner - 2] = manner;
	for (manner = WRONG_NONCE; manner < FLOODS; manner++) {
		snprintf(addr, sizeof(addr), "198.51.100.%d", 10 + 2 * manner - 2);
		expect(addr, "dead!");
	}
	expect("198.51.100.10", "alive");
	assert_int_equal(count_rows(MZ_TABLE_dead), FLOODS - WRONG_NONCE);
	unset_rows(rows, 3);
}

/* From one: it may drown its own answers, but not those of others. */
static void bears_a_flood(void)
{
	const struct mz_table_row row = bouncers(42, "192.0.2.2 192.0.2.3");
	unsigned int n;

	fake->manner[2] = FLOODS;
	set_rows(&row, 1);
	expect("192.0.2.3", "alive");
	n = fake->n_asked[2];
	expect_still("192.0.2.3", "alive");
	assert_true(fake->n_asked[2] > n);
	unset_rows(&row, 1);
}

/* It may be down, or of another make: used when there is no other. */
static void avoids_the_silent_in_company(void)
{
	const struct mz_table_row alone = bouncers(42, "192.0.2.2");
	const struct mz_table_row both = bouncers(43, "192.0.2.2 192.0.2.3");

	fake->manner[2] = SILENT;
	set_rows(&alone, 1);
	expect("192.0.2.2", "unknown");
	expect_still("192.0.2.2", "unknown");
	set_rows(&both, 1);
	expect("192.0.2.3", "alive");
	expect("192.0.2.2", "unknown!");
	fake->manner[3] = SILENT;
	expect("192.0.2.3", "dead!");
	expect("192.0.2.2", "unknown");
	fake->manner[2] = ANSWERS;
	expect("192.0.2.2", "alive");
	fake->manner[3] = ANSWERS;
	expect("192.0.2.3", "alive");
	assert_int_equal(count_rows(MZ_TABLE_dead), 0);
	unset_rows(&alone, 1);
	unset_rows(&both, 1);
}

static void takes_over_marks(void)
{
	const struct mz_table_row row = bouncers(42, "192.0.2.2 192.0.2.3");
	char buf[32];

	set_rows(&row, 1);
	expect("192.0.2.2", "alive");
	fake->manner[2] = SILENT;
	expect("192.0.2.2", "dead!");
	mizard_kill(SIGKILL);
	assert_true(marked_until("192.0.2.2") > now_ns() + START_NS);
	set_mark("192.0.2.2", now_ns()); /* it took longer than that */
	start();
	assert_string_equal(state_of("192.0.2.2", buf), "dead!");
	fake->manner[2] = ANSWERS;
	expect("192.0.2.2", "alive");

	/* What is long over is not taken over; nor is anything, by one that asks nobody. */
	fake->manner[2] = SILENT;
	expect("192.0.2.2", "dead!");
	mizard_kill(SIGTERM);
	set_mark("192.0.2.2", now_ns() - MARK_NS);
	start();
	expect("192.0.2.2", "unknown!");
	mizard_kill(SIGTERM);
	start_with(SELF, "0");
	assert_int_equal(count_rows(MZ_TABLE_dead), 0);
	assert_string_equal(state_of("192.0.2.2", buf), "unknown");
	fake->n_asked[2] = 0;
	usleep(300000);
	assert_int_equal(fake->n_asked[2], 0);
}

static void asks_by_ipv6(void **state)
{
	const struct mz_table_row row = bouncers(42, "fd00:2::2 fd00:2::3");

	start_with("fd00:2::1", "50");
	set_rows(&row, 1);
	expect("fd00:2::2", "alive");
	expect("fd00:2::3", "alive");
	fake->manner[2] = SILENT;
	expect("fd00:2::2", "dead!");
	fake->manner[2] = OTHER_SENDER;
	expect_still("fd00:2::2", "dead!");
	fake->manner[2] = ANSWERS;
	expect("fd00:2::2", "alive");
}

#define N_MANY 200
static void asks_many(void)
{
	unsigned int i, n, least = UINT32_MAX, most = 0;
	char text[128];

	for (i = 0; i < N_MANY; i += 4) {
		struct mz_table_row row;

		snprintf(text, sizeof(text),
			 "198.51.100.%u 198.51.100.%u 198.51.100.%u 198.51.100.%u", i + 10, i + 11,
			 i + 12, i + 13);
		row = bouncers(1000 + i, text);
		set_rows(&row, 1);
	}
	assert_int_equal(n_peers(), N_MANY);
	for (i = 0; i < N_MANY; i += 20) {
		snprintf(text, sizeof(text), "198.51.100.%u", i + 10);
		expect(text, "alive");
	}
	for (i = 0; i < N_MANY; i++)
		fake->n_asked[i + 10] = 0;
	usleep(2000000);
	for (i = 0; i < N_MANY; i++) {
		n = fake->n_asked[i + 10];
		least = n < least ? n : least;
		most = n > most ? n : most;
	}
	assert_in_range(least, 4, 46); /* 40, on a machine that does nothing else */
	assert_in_range(most, 4, 47);
	for (i = 0; i < N_MANY; i += 4) {
		const struct mz_table_row row = bouncers(1000 + i, "");

		unset_rows(&row, 1);
	}
	assert_int_equal(n_peers(), 0);
}

/* One mizard for all: to verify its programs takes the kernel seconds. */
static void asks(void **state)
{
	static void (*const steps[])(void) = {
		follows_rows,	 sends_echoes,
		leaves_the_dead, believes_no_other_answer,
		bears_a_flood,	 avoids_the_silent_in_company,
		asks_many,	 takes_over_marks,
	};
	size_t i;

	start();
	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		reset_fake();
		steps[i]();
	}
}

int main(int argc, char **argv)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, fake_setup, mizard_teardown)
	const struct CMUnitTest tests[] = {
		TEST(asks),
		TEST(asks_by_ipv6),
	};
	int r;

	if (argc != 2)
		return 2;
	mizard_init(argv[1]);
	start_fake();
	r = cmocka_run_group_tests(tests, NULL, NULL);
	kill(fake_pid, SIGKILL);
	waitpid(fake_pid, NULL, 0);
	return r;
}
