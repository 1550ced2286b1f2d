// SPDX-License-Identifier: Apache-2.0
/*
 * Next hops follow the kernel:
 *
 *	this namespace: up0 10.1.0.1/24, fd01::1/64, and 10.2.0.0/16, fd02::/64 by gateway .2
 *	  |
 *	the fabric: g0 .2 and .3 of both, with the MAC 02:00:00:00:00:02
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <net/if.h>
#include <unistd.h>

#include "base/addr.h"
#include "host/nexthop.h"
#include "netlink/link.h"
#include "netlink/namespace.h"
#include "netlink/neighbour.h"
#include "own_namespaces.h"

#define PATIENCE_MS 8000
#define ROW_SIZE    160
#define N_HOSTS	    1500

struct place {
	char dir[64];
	int fabric;
	struct mz_netlink *nl;
	struct mz_tables *tables;
	uv_loop_t loop;
	struct mz_nexthops *nexthops;
};

static struct mz_addr addr(const char *text)
{
	struct mz_addr a;

	assert_int_equal(mz_addr_parse(text, &a), 0);
	return a;
}

static int run(void *command)
{
	return system(command);
}

static void here(const char *command)
{
	assert_int_equal(system(command), 0);
}

static void there(const struct place *place, const char *command)
{
	assert_int_equal(mz_netns_call(place->fabric, run, (void *)command), 0);
}

static void start(struct place *place, const char *self)
{
	struct mz_addr a = addr(self);

	assert_int_equal(mz_nexthops_new(&place->loop, place->tables, &a, &place->nexthops), 0);
}

static void stop(struct place *place)
{
	mz_nexthops_free(place->nexthops);
	place->nexthops = NULL;
	(void)uv_run(&place->loop, UV_RUN_NOWAIT); /* the handles' end */
}

static int setup(void **state)
{
	static int n;
	struct place *place = calloc(1, sizeof(*place));
	struct mz_veth veth = { .name = "up0", .peer_name = "g0" };

	assert_non_null(place);
	snprintf(place->dir, sizeof(place->dir), "/mnt/%d", n++);
	veth.peer_netns_fd = place->fabric = new_netns();
	assert_int_equal(mz_netlink_open(&place->nl), 0);
	assert_int_equal(mz_link_add_veth(place->nl, &veth), 0);
	there(place,
	      "ip link set g0 address 02:00:00:00:00:02; ip link set g0 up; ip link set lo up;"
	      "echo 1 > /proc/sys/net/ipv4/conf/g0/arp_notify;"
	      "echo 1 > /proc/sys/net/ipv6/conf/g0/ndisc_notify;"
	      "ip addr add 10.1.0.2/24 dev g0; ip addr add 10.1.0.3/24 dev g0;"
	      "ip addr add fd01::2/64 dev g0 nodad; ip addr add fd01::3/64 dev g0 nodad");
	here("ip link set up0 up;"
	     "ip addr add 10.1.0.1/24 dev up0; ip addr add fd01::1/64 dev up0 nodad;"
	     "ip route add 10.2.0.0/16 via 10.1.0.2; ip route add fd02::/64 via fd01::2");
	assert_int_equal(mz_tables_open(place->dir, true, &place->tables), 0);
	assert_int_equal(uv_loop_init(&place->loop), 0);
	*state = place;
	return 0;
}

static int teardown(void **state)
{
	struct place *place = *state;

	stop(place);
	assert_int_equal(uv_loop_close(&place->loop), 0); /* no handle was forgotten */
	mz_tables_free(place->tables);
	here("ip link del up0 2>/dev/null || true");
	mz_netlink_free(place->nl);
	close(place->fabric);
	free(place);
	return 0;
}

/* "MAC/DEVICE", "none", or with ECMP for each way "MAC/DEVICE:SLOTS ". */
static const char *row_of(struct place *place, const char *droplet, char buf[static ROW_SIZE])
{
	struct mz_addr a = addr(droplet);
	struct mz_nexthop row;
	char mac[MZ_MAC_STRLEN], ifname[IF_NAMESIZE];
	size_t size = 0;
	unsigned int i, slot, n_slots;

	if (mz_table_get(place->tables, MZ_TABLE_nexthop, &a, &row) < 0)
		return "none";
	for (i = 0; i < MZ_WAYS_MAX && row.ways[i].ifindex; i++) {
		for (n_slots = slot = 0; slot < MZ_WAY_SLOTS; slot++)
			n_slots += (row.slots >> 2 * slot & 3) == i;
		size += (size_t)snprintf(buf + size, ROW_SIZE - size, "%s/%s",
					 mz_mac_format(row.ways[i].dst_mac, mac),
					 if_indextoname(row.ways[i].ifindex, ifname) ?: "?");
		if (row.ways[1].ifindex)
			size += (size_t)snprintf(buf + size, ROW_SIZE - size, ":%u ", n_slots);
	}
	return buf;
}

static void nothing(uv_timer_t *timer)
{
}

/* Runs the loop until the row is as expected. */
static void expect_in(struct place *place, const char *droplet, const char *expected,
		      uint64_t patience_ms)
{
	uint64_t end = uv_hrtime() + patience_ms * 1000000;
	char buf[ROW_SIZE];
	uv_timer_t timer;

	(void)uv_timer_init(&place->loop, &timer);
	(void)uv_timer_start(&timer, nothing, 5, 5);
	while (strcmp(row_of(place, droplet, buf), expected) && uv_hrtime() < end)
		(void)uv_run(&place->loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&timer, NULL);
	(void)uv_run(&place->loop, UV_RUN_NOWAIT);
	assert_string_equal(row_of(place, droplet, buf), expected);
}

static void expect(struct place *place, const char *droplet, const char *expected)
{
	expect_in(place, droplet, expected, PATIENCE_MS);
}

static void add(struct place *place, const char *droplet)
{
	struct mz_addr a = addr(droplet);

	assert_int_equal(mz_nexthops_add(place->nexthops, &a), 0);
}

static void discard(struct place *place, const char *droplet)
{
	struct mz_addr a = addr(droplet);

	assert_int_equal(mz_nexthops_remove(place->nexthops, &a), 0);
}

static bool is_managed(struct place *place, const char *gateway)
{
	struct mz_addr a = addr(gateway);
	struct mz_neighbour neighbour;

	return !mz_neighbour_get(place->nl, (int)if_nametoindex("up0"), &a, &neighbour) &&
	       neighbour.is_managed;
}

static void test_on_link_and_routed(void **state)
{
	struct place *place = *state;

	start(place, "10.1.0.1");
	add(place, "10.1.0.2");
	add(place, "10.1.0.2"); /* repeatable */
	add(place, "10.2.0.9");
	add(place, "10.1.0.1"); /* this host: no way out */
	add(place, "10.3.0.1"); /* no route */
	add(place, "10.1.0.77"); /* nobody there */
	expect(place, "10.1.0.2", "02:00:00:00:00:02/up0");
	expect(place, "10.2.0.9", "02:00:00:00:00:02/up0");
	expect(place, "10.1.0.1", "none");
	expect(place, "10.3.0.1", "none");
	expect(place, "10.1.0.77", "none");
	assert_true(is_managed(place, "10.1.0.2"));
	discard(place, "10.2.0.9");
	expect(place, "10.2.0.9", "none");
	assert_true(is_managed(place, "10.1.0.2")); /* the other one needs it */
	discard(place, "10.1.0.2");
	expect(place, "10.1.0.2", "none");
	assert_false(is_managed(place, "10.1.0.2"));
	discard(place, "10.1.0.2");
}

static void test_ipv6(void **state)
{
	struct place *place = *state;

	start(place, "fd01::1");
	add(place, "fd01::2");
	add(place, "fd02::9");
	expect(place, "fd01::2", "02:00:00:00:00:02/up0");
	expect(place, "fd02::9", "02:00:00:00:00:02/up0");
	here("ip -6 neigh flush dev up0");
	expect(place, "fd02::9", "none");
	expect(place, "fd02::9", "02:00:00:00:00:02/up0");
	here("ip -6 route del fd02::/64");
	expect(place, "fd02::9", "none");
}

static void test_neighbour_is_flushed(void **state)
{
	struct place *place = *state;

	start(place, "10.1.0.1");
	add(place, "10.2.0.9");
	expect(place, "10.2.0.9", "02:00:00:00:00:02/up0");
	here("ip neigh flush dev up0");
	expect(place, "10.2.0.9", "none");
	expect(place, "10.2.0.9", "02:00:00:00:00:02/up0");
	assert_true(is_managed(place, "10.1.0.2"));
}

static void test_gateway_changes_its_mac(void **state)
{
	struct place *place = *state;
	char buf[ROW_SIZE];

	start(place, "10.1.0.1");
	add(place, "10.1.0.2");
	add(place, "10.2.0.9");
	expect(place, "10.2.0.9", "02:00:00:00:00:02/up0");
	usleep(1100000); /* ARP believes nothing new of an entry for its first second */
	there(place, "ip link set g0 address 02:00:00:00:00:99");
	expect(place, "10.2.0.9", "02:00:00:00:00:99/up0");
	assert_string_equal(row_of(place, "10.1.0.2", buf), "02:00:00:00:00:99/up0");
}

/*
 * Nobody says a word, and nobody sends: as after a long idle time, of which the kernel's is cut
 * short. A managed neighbour is asked again all the same (every 5 s, interval_probe_time_ms).
 */
static void test_gateway_changes_silently(void **state)
{
	struct place *place = *state;

	here("cd /proc/sys/net/ipv4/neigh/up0; echo 300 > base_reachable_time_ms;"
	     "echo 50 > retrans_time_ms; echo 1 > delay_first_probe_time; echo 1 > gc_stale_time");
	there(place, "echo 0 > /proc/sys/net/ipv4/conf/g0/arp_notify");
	start(place, "10.1.0.1");
	add(place, "10.2.0.9");
	expect(place, "10.2.0.9", "02:00:00:00:00:02/up0");
	there(place, "ip link set g0 address 02:00:00:00:00:99");
	expect_in(place, "10.2.0.9", "02:00:00:00:00:99/up0", 4 * PATIENCE_MS);
	assert_true(is_managed(place, "10.1.0.2"));
}

static void test_route_changes(void **state)
{
	struct place *place = *state;

	there(place,
	      "ip link add link g0 name m0 address 02:00:00:00:00:04 type macvlan mode bridge;"
	      "ip addr add 10.1.0.4/24 dev m0; ip link set m0 up;"
	      "for i in all g0 m0; do echo 1 > /proc/sys/net/ipv4/conf/$i/arp_ignore; done");
	start(place, "10.1.0.1");
	add(place, "10.2.0.9");
	expect(place, "10.2.0.9", "02:00:00:00:00:02/up0");
	here("ip route replace 10.2.0.0/16 via 10.1.0.4");
	expect(place, "10.2.0.9", "02:00:00:00:00:04/up0");
	assert_false(is_managed(place, "10.1.0.2"));
	here("ip route add 10.2.0.9/32 via 10.1.0.2"); /* a better one */
	expect(place, "10.2.0.9", "02:00:00:00:00:02/up0");
	here("ip route del 10.2.0.9/32; ip route del 10.2.0.0/16");
	expect(place, "10.2.0.9", "none");
	here("ip route add blackhole 10.2.0.9/32; ip route add default via 10.1.0.4");
	expect(place, "10.2.0.9", "none");
	here("ip route del blackhole 10.2.0.9/32");
	expect(place, "10.2.0.9", "02:00:00:00:00:04/up0");
}

static void test_own_mac_and_link(void **state)
{
	struct place *place = *state;
	struct mz_addr a = addr("10.1.0.2");
	struct mz_nexthop row;
	uint64_t end = uv_hrtime() + PATIENCE_MS * 1000000ULL;

	start(place, "10.1.0.1");
	add(place, "10.1.0.2");
	expect(place, "10.1.0.2", "02:00:00:00:00:02/up0");
	here("ip link set up0 down");
	expect(place, "10.1.0.2", "none");
	here("ip link set up0 address 02:00:00:00:00:55; ip link set up0 up");
	expect(place, "10.1.0.2", "02:00:00:00:00:02/up0");
	do
		assert_int_equal(mz_table_get(place->tables, MZ_TABLE_nexthop, &a, &row), 0);
	while (row.ways[0].src_mac[5] != 0x55 && uv_hrtime() < end);
	assert_int_equal(row.ways[0].src_mac[5], 0x55);
	here("ip link set up0 address 02:00:00:00:00:66"); /* while it is up */
	for (; row.ways[0].src_mac[5] != 0x66 && uv_hrtime() < end; usleep(1000)) {
		(void)uv_run(&place->loop, UV_RUN_NOWAIT);
		(void)mz_table_get(place->tables, MZ_TABLE_nexthop, &a, &row);
	}
	assert_int_equal(row.ways[0].src_mac[5], 0x66);
	here("ip link del up0");
	expect(place, "10.1.0.2", "none");
}

/* An administrator's entry is used, and left as it is. */
static void test_static_neighbour(void **state)
{
	struct place *place = *state;

	here("ip neigh add 10.1.0.50 lladdr 02:00:00:00:00:50 dev up0 nud permanent");
	start(place, "10.1.0.1");
	add(place, "10.1.0.50");
	expect(place, "10.1.0.50", "02:00:00:00:00:50/up0");
	discard(place, "10.1.0.50");
	here("ip neigh show 10.1.0.50 | grep -q PERMANENT");
}

/* While mizard was away: a droplet left, another's gateway changed. */
static void test_restart(void **state)
{
	struct place *place = *state;
	struct mz_addr stays = addr("10.2.0.9"), leaves = addr("10.1.0.3");
	struct mz_droplet none = {};
	char buf[ROW_SIZE];

	assert_int_equal(mz_table_put(place->tables, MZ_TABLE_droplet, &stays, &none), 0);
	assert_int_equal(mz_table_put(place->tables, MZ_TABLE_droplet, &leaves, &none), 0);
	start(place, "10.1.0.1");
	expect(place, "10.2.0.9", "02:00:00:00:00:02/up0");
	expect(place, "10.1.0.3", "02:00:00:00:00:02/up0");
	stop(place);
	assert_string_equal(row_of(place, "10.1.0.3", buf), "02:00:00:00:00:02/up0");
	assert_true(is_managed(place, "10.1.0.3"));
	assert_int_equal(mz_table_delete(place->tables, MZ_TABLE_droplet, &leaves), 0);
	here("ip neigh replace 10.1.0.2 lladdr 02:00:00:00:00:77 dev up0 nud permanent");
	start(place, "10.1.0.1");
	assert_string_equal(row_of(place, "10.1.0.3", buf), "none");
	assert_false(is_managed(place, "10.1.0.3"));
	assert_string_equal(row_of(place, "10.2.0.9", buf), "02:00:00:00:00:77/up0");
}

/* More events than the socket has room for, and the one that counts among those lost. */
static void test_overflow(void **state)
{
	struct place *place = *state;
	FILE *batch;
	int i;

	start(place, "10.1.0.1");
	add(place, "10.2.0.9");
	expect(place, "10.2.0.9", "02:00:00:00:00:02/up0");
	batch = popen("ip -batch -", "w");
	assert_non_null(batch);
	for (i = 0; i < 30000; i++)
		fprintf(batch,
			"neigh replace 10.9.%d.%d lladdr 02:00:00:00:01:00 dev up0 nud permanent\n",
			i / 250, i % 250 + 1);
	fprintf(batch, "neigh replace 10.1.0.2 lladdr 02:00:00:00:00:77 dev up0 nud permanent\n");
	assert_int_equal(pclose(batch), 0);
	expect(place, "10.2.0.9", "02:00:00:00:00:77/up0");
	here("ip neigh replace 10.1.0.2 lladdr 02:00:00:00:00:78 dev up0 nud permanent");
	expect(place, "10.2.0.9", "02:00:00:00:00:78/up0"); /* it goes on listening */
}

/*
 * A second way:
 *
 *	this namespace: up1 10.4.0.1/24, fd04::1/64 --- g1 .2, 02:00:00:00:00:12: the fabric
 */
static void add_second_way(struct place *place)
{
	struct mz_veth veth = { .name = "up1",
				.peer_name = "g1",
				.peer_netns_fd = place->fabric };

	assert_int_equal(mz_link_add_veth(place->nl, &veth), 0);
	there(place, "ip link set g1 address 02:00:00:00:00:12; ip link set g1 up;"
		     "ip addr add 10.4.0.2/24 dev g1; ip addr add fd04::2/64 dev g1 nodad");
	here("ip link set up1 up; ip addr add 10.4.0.1/24 dev up1;"
	     "ip addr add fd04::1/64 dev up1 nodad");
}

#define BY_UP0 "02:00:00:00:00:02/up0"
#define BY_UP1 "02:00:00:00:00:12/up1"

static void test_several_ways(void **state)
{
	struct place *place = *state;

	add_second_way(place);
	here("ip route replace 10.2.0.0/16 nexthop via 10.1.0.2 nexthop via 10.4.0.2");
	start(place, "10.1.0.1");
	add(place, "10.2.0.9");
	expect(place, "10.2.0.9", BY_UP0 ":16 " BY_UP1 ":16 ");
	here("ip route replace 10.2.0.0/16 nexthop via 10.1.0.2 nexthop via 10.4.0.2 weight 3");
	expect(place, "10.2.0.9", BY_UP1 ":24 " BY_UP0 ":8 ");
	/* Without a carrier, with a device that is down, and without a neighbour it is left out. */
	there(place, "ip link set g1 down");
	expect(place, "10.2.0.9", BY_UP0);
	there(place, "ip link set g1 up");
	expect(place, "10.2.0.9", BY_UP1 ":24 " BY_UP0 ":8 ");
	here("ip link set up0 down");
	expect(place, "10.2.0.9", BY_UP1);
	here("ip link set up0 up; ip route replace 10.2.0.0/16 nexthop via 10.1.0.2"
	     " nexthop via 10.4.0.2 weight 3");
	expect(place, "10.2.0.9", BY_UP1 ":24 " BY_UP0 ":8 ");
	there(place, "ip addr del 10.4.0.2/24 dev g1");
	here("ip neigh flush dev up1");
	expect(place, "10.2.0.9", BY_UP0);
	there(place, "ip addr add 10.4.0.2/24 dev g1");
	expect(place, "10.2.0.9", BY_UP1 ":24 " BY_UP0 ":8 ");
	here("ip link del up1");
	expect(place, "10.2.0.9", BY_UP0);
}

static void test_several_ways_ipv6(void **state)
{
	struct place *place = *state;

	add_second_way(place);
	here("ip -6 route replace fd02::/64 nexthop via fd01::2 nexthop via fd04::2");
	start(place, "fd01::1");
	add(place, "fd02::9");
	expect(place, "fd02::9", BY_UP0 ":16 " BY_UP1 ":16 ");
	here("ip link set up1 down");
	expect(place, "fd02::9", BY_UP0);
	here("ip link del up1");
	expect(place, "fd02::9", BY_UP0);
}

/* Next hop objects; and of more than four ways, the heaviest four. */
static void test_groups_and_many_ways(void **state)
{
	struct place *place = *state;

	add_second_way(place);
	here("ip nexthop add id 1 via 10.1.0.2 dev up0; ip nexthop add id 2 via 10.4.0.2 dev up1;"
	     "ip nexthop add id 9 group 1/2,3; ip route replace 10.2.0.0/16 nhid 9");
	start(place, "10.1.0.1");
	add(place, "10.2.0.9");
	expect(place, "10.2.0.9", BY_UP1 ":24 " BY_UP0 ":8 ");
	here("ip nexthop replace id 9 group 1");
	expect(place, "10.2.0.9", BY_UP0);
	there(place, "ip addr add 10.1.0.4/24 dev g0; ip addr add 10.1.0.5/24 dev g0");
	here("ip route replace 10.2.0.0/16 nexthop via 10.1.0.2 weight 2"
	     " nexthop via 10.1.0.3 weight 2 nexthop via 10.1.0.4 weight 2"
	     " nexthop via 10.4.0.2 nexthop via 10.1.0.5 weight 2");
	expect(place, "10.2.0.9", BY_UP0 ":8 " BY_UP0 ":8 " BY_UP0 ":8 " BY_UP0 ":8 ");
	here("ip link del up1; ip nexthop flush >/dev/null");
}

/* The kernel's own neighbours are 1024 at most (gc_thresh3). Ours are exempt. */
static void many_on_one_segment(struct place *place, const char *format, const char *self)
{
	uint64_t begun = uv_hrtime();
	char droplet[32];
	FILE *batch;
	int i;

	(void)snprintf(droplet, sizeof(droplet), "/mnt/%s", self);
	batch = fopen(droplet, "w");
	assert_non_null(batch);
	for (i = 256; i < 256 + N_HOSTS; i++) {
		fprintf(batch, "addr add ");
		fprintf(batch, format, i / 256, i % 256);
		fprintf(batch, "/%d dev g0%s\n", strchr(self, ':') ? 64 : 16,
			strchr(self, ':') ? " nodad" : "");
	}
	assert_int_equal(fclose(batch), 0);
	there(place, strchr(self, ':') ? "ip -batch /mnt/fd08::1" : "ip -batch /mnt/10.8.0.1");
	start(place, self);
	for (i = 256; i < 256 + N_HOSTS; i++) {
		(void)snprintf(droplet, sizeof(droplet), format, i / 256, i % 256);
		add(place, droplet);
	}
	for (i = 256; i < 256 + N_HOSTS; i++) {
		(void)snprintf(droplet, sizeof(droplet), format, i / 256, i % 256);
		expect(place, droplet, BY_UP0);
	}
	print_message("%d on one segment: %u ms\n", N_HOSTS,
		      (unsigned int)((uv_hrtime() - begun) / 1000000));
	add(place, strchr(self, ':') ? "fd01::2" : "10.1.0.2"); /* and there is room for more */
	expect(place, strchr(self, ':') ? "fd01::2" : "10.1.0.2", BY_UP0);
}

static void test_many_on_one_segment(void **state)
{
	here("ip addr add 10.8.0.1/16 dev up0");
	many_on_one_segment(*state, "10.8.%d.%d", "10.8.0.1");
}

static void test_many_on_one_segment_ipv6(void **state)
{
	here("ip addr add fd08::1/64 dev up0 nodad");
	many_on_one_segment(*state, "fd08::%x:%x", "fd08::1");
}

static void test_ten_thousand_behind_a_gateway(void **state)
{
	struct place *place = *state;
	uint64_t begun = uv_hrtime(), changed;
	char droplet[32], buf[ROW_SIZE];
	int i;

	start(place, "10.1.0.1");
	for (i = 0; i < 10000; i++) {
		snprintf(droplet, sizeof(droplet), "10.2.%d.%d", i / 250, i % 250 + 1);
		add(place, droplet);
	}
	expect(place, droplet, "02:00:00:00:00:02/up0");
	print_message("10000 added and resolved in %u ms\n",
		      (unsigned int)((uv_hrtime() - begun) / 1000000));
	here("ip neigh replace 10.1.0.2 lladdr 02:00:00:00:00:77 dev up0 nud permanent");
	changed = uv_hrtime();
	expect(place, droplet, "02:00:00:00:00:77/up0");
	print_message("rows of a changed gateway: %u ms\n",
		      (unsigned int)((uv_hrtime() - changed) / 1000000));
	for (i = 0; i < 10000; i++) {
		snprintf(droplet, sizeof(droplet), "10.2.%d.%d", i / 250, i % 250 + 1);
		assert_string_equal(row_of(place, droplet, buf), "02:00:00:00:00:77/up0");
	}
	changed = uv_hrtime();
	here("ip route del 10.2.0.0/16");
	expect(place, droplet, "none");
	print_message("rows without a route: %u ms\n",
		      (unsigned int)((uv_hrtime() - changed) / 1000000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_on_link_and_routed),
		TEST(test_ipv6),
		TEST(test_neighbour_is_flushed),
		TEST(test_gateway_changes_its_mac),
		TEST(test_gateway_changes_silently),
		TEST(test_route_changes),
		TEST(test_own_mac_and_link),
		TEST(test_static_neighbour),
		TEST(test_restart),
		TEST(test_overflow),
		TEST(test_several_ways),
		TEST(test_several_ways_ipv6),
		TEST(test_groups_and_many_ways),
		TEST(test_many_on_one_segment),
		TEST(test_many_on_one_segment_ipv6),
		TEST(test_ten_thousand_behind_a_gateway),
#undef TEST
	};

	own_namespaces();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
