// SPDX-License-Identifier: Apache-2.0
/*
 * Endpoint devices: what add makes, finds and finishes, and that a failure leaves nothing behind.
 *
 *	this namespace: mz2a ---- veth ---- eth0: another one, by its path below /proc
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <net/if.h>
#include <sys/stat.h>
#include <time.h>

#include <linux/rtnetlink.h>

#include "base/addr.h"
#include "host/device.h"
#include "host/offload.h"
#include "netlink/ip.h"
#include "netlink/link.h"
#include "netlink/namespace.h"
#include "own_namespaces.h"

#define UID 42
#define MTU 1410

struct place {
	int netns_fd;
	char path[64];
	struct mz_netlink *nl;
	struct mz_netlink *peer_nl;
};

static struct mz_addr addr(const char *text)
{
	struct mz_addr a;

	assert_int_equal(mz_addr_parse(text, &a), 0);
	return a;
}

/* One address in a subnet with its gateway, one in a group whose gateway is elsewhere. */
static struct mz_endpoint endpoint(void)
{
	struct mz_endpoint endpoint = { .network = 5, .vni = 7, .generation = 1, .n_addrs = 2,
					.mac = { 2, 0, 0, 0, 0, 0x2a },
					.namespace_ = "red", .name = "web-1" };

	endpoint.addrs[0].addr = addr("10.0.0.2");
	endpoint.addrs[0].gateway = addr("10.0.0.1");
	endpoint.addrs[0].prefix_len = 120;
	endpoint.addrs[1].addr = addr("fd00::2");
	endpoint.addrs[1].gateway = addr("fd00:ffff::1");
	endpoint.addrs[1].prefix_len = 128;
	return endpoint;
}

static int setup(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	assert_non_null(place);
	place->netns_fd = new_netns();
	snprintf(place->path, sizeof(place->path), "/proc/self/fd/%d", place->netns_fd);
	assert_int_equal(mz_netlink_open(&place->nl), 0);
	assert_int_equal(mz_netlink_open_at(place->netns_fd, &place->peer_nl), 0);
	*state = place;
	return 0;
}

static int teardown(void **state)
{
	struct place *place = *state;

	(void)mz_device_delete(UID);
	mz_netlink_free(place->nl);
	mz_netlink_free(place->peer_nl);
	close(place->netns_fd);
	free(place);
	return 0;
}

static int device_add(uint64_t uid, const struct mz_endpoint *e, const char *netns_path,
		      const char *ifname, unsigned int mtu, struct mz_device *ret_device)
{
	return mz_device_add(uid, e, "", netns_path, ifname, mtu, MZ_OFFLOAD_SAFE, ret_device);
}

static int add(struct place *place, const char *ifname)
{
	struct mz_endpoint e = endpoint();
	struct mz_device device;

	return device_add(UID, &e, place->path, ifname, MTU, &device);
}

static int count_link(const struct mz_link *link, void *user)
{
	if (strcmp(link->kind, "")) /* some kernels give every namespace sit0 or tunl0 */
		++*(int *)user;
	return 0;
}

static int n_veths(struct mz_netlink *nl)
{
	int n = 0;

	assert_int_equal(mz_link_each(nl, count_link, &n), 0);
	return n;
}

static int count_address(const struct mz_ip_address *address, void *user)
{
	struct mz_addr ip4 = addr("10.0.0.2"), ip6 = addr("fd00::2");

	if ((!mz_addr_compare(&address->addr, &ip4) && address->prefix_len == 120) ||
	    (!mz_addr_compare(&address->addr, &ip6) && address->prefix_len == 128))
		++*(int *)user;
	return 0;
}

/* Where the endpoint's namespace sends packets for an address: 0: nowhere. */
static int keep_oif(const struct nlmsghdr *nlh, void *user)
{
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(struct rtmsg)) {
		if (mnl_attr_get_type(attr) == RTA_OIF)
			*(int *)user = (int)mnl_attr_get_u32(attr);
	}
	return 0;
}

static int route_to(struct mz_netlink *nl, const char *text)
{
	struct nlmsghdr *nlh = mz_netlink_request(nl, RTM_GETROUTE, 0);
	struct rtmsg *rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	struct mz_addr to = addr(text);
	int ifindex = 0;

	rtm->rtm_family = (unsigned char)mz_ip_put(nlh, RTA_DST, &to);
	rtm->rtm_dst_len = mz_addr_is_ipv4(&to) ? 32 : 128;
	return mz_netlink_get(nl, nlh, keep_oif, &ifindex) < 0 ? 0 : ifindex;
}

static void assert_as_it_should_be(struct place *place, const char *ifname)
{
	const uint8_t mac[] = { 2, 0, 0, 0, 0, 0x2a };
	struct mz_device device;
	struct mz_link peer, lo;
	int n = 0;

	assert_int_equal(mz_device_find(UID, &device), 0);
	assert_string_equal(device.ifname, "mz2a");
	assert_int_equal(device.mtu, MTU);
	assert_true(device.peer_elsewhere);
	assert_int_equal(mz_link_by_name(place->peer_nl, ifname, &peer), 0);
	assert_memory_equal(peer.mac, mac, sizeof(mac));
	assert_int_equal(peer.mtu, MTU);
	assert_true(peer.flags & IFF_UP);
	assert_int_equal(mz_link_by_name(place->peer_nl, "lo", &lo), 0);
	assert_true(lo.flags & IFF_UP);
	assert_int_equal(mz_ip_each_address(place->peer_nl, count_address, &n), 0);
	assert_int_equal(n, 2);
	assert_int_equal(route_to(place->peer_nl, "10.0.0.99"), peer.ifindex);
	assert_int_equal(route_to(place->peer_nl, "10.9.9.9"), peer.ifindex);
	assert_int_equal(route_to(place->peer_nl, "fd00::99"), peer.ifindex);
	assert_int_equal(route_to(place->peer_nl, "fd00:ffff::1"), peer.ifindex);
}

static void test_add_find_delete(void **state)
{
	struct place *place = *state;
	struct mz_device device;

	assert_int_equal(mz_device_find(UID, &device), -ENODEV);
	assert_int_equal(mz_device_delete(UID), 0);
	assert_int_equal(add(place, "eth0"), 0);
	assert_as_it_should_be(place, "eth0");
	assert_int_equal(add(place, "eth0"), 0); /* repeatable */
	assert_as_it_should_be(place, "eth0");
	assert_int_equal(mz_device_delete(UID), 0);
	assert_int_equal(mz_device_find(UID, &device), -ENODEV);
	assert_int_equal(n_veths(place->peer_nl), 0);
	assert_int_equal(mz_device_delete(UID), 0);
}

static int offload_is_on(void *user)
{
	/* Of the kinds of super-packets, TCP's alone can be tunnelled and come out whole. */
	return system("ethtool -k eth0 | grep -q '^tx-udp-segmentation: off' &&"
		      "! ethtool -k eth0 | grep -E '^tx-(udp_tnl|gre|ipxip).*: on'");
}

static bool is_up(struct place *place)
{
	struct mz_link link;

	assert_int_equal(mz_link_by_name(place->nl, "mz2a", &link), 0);
	return link.flags & IFF_UP;
}

/* No packet of the endpoint reaches the host before the agent is there. */
static void test_up(void **state)
{
	struct place *place = *state;
	struct mz_device device;

	assert_int_equal(add(place, "eth0"), 0);
	assert_false(is_up(place));
	assert_int_equal(mz_device_find(UID, &device), 0);
	assert_int_equal(mz_device_up(device.ifindex), 0);
	assert_true(is_up(place));
	assert_as_it_should_be(place, "eth0");
	assert_int_equal(mz_device_up(device.ifindex), 0);
	assert_int_equal(add(place, "eth0"), 0);
	assert_true(is_up(place)); /* what serves goes on serving */
	assert_int_equal(mz_device_up(9999), -ENODEV);
}

static void test_offload(void **state)
{
	struct place *place = *state;

	assert_int_equal(add(place, "eth0"), 0);
	assert_int_equal(mz_netns_call(place->netns_fd, offload_is_on, NULL), 0);
}

/* What somebody broke, add mends. */
static void test_mends(void **state)
{
	struct place *place = *state;
	const struct mz_link_change change = { .mtu = 1000,
					       .mac = (const uint8_t[]){ 6, 6, 6, 6, 6, 6 } };
	struct mz_link peer;

	assert_int_equal(add(place, "eth0"), 0);
	assert_int_equal(mz_link_by_name(place->peer_nl, "eth0", &peer), 0);
	assert_int_equal(mz_link_change(place->peer_nl, peer.ifindex, &change), 0);
	assert_int_equal(add(place, "eth0"), 0);
	assert_as_it_should_be(place, "eth0");
}

/* As a crash leaves it: made, not marked. */
static void test_half_made(void **state)
{
	struct place *place = *state;
	const struct mz_veth veth = { .name = "mz2a", .peer_name = "eth0",
				      .peer_netns_fd = place->netns_fd };
	struct mz_device device;

	assert_int_equal(mz_link_add_veth(place->nl, &veth), 0);
	assert_int_equal(mz_device_find(UID, &device), -ENODEV);
	assert_int_equal(add(place, "eth0"), 0);
	assert_as_it_should_be(place, "eth0");
}

static void test_foreign_device(void **state)
{
	struct place *place = *state;
	const struct mz_veth veth = { .name = "mz2a", .peer_name = "other", .peer_netns_fd = -1 };
	const struct mz_link_change up = { .up = 1 };
	struct mz_device device;
	struct mz_link link;

	assert_int_equal(mz_link_add_veth(place->nl, &veth), 0);
	assert_int_equal(mz_link_by_name(place->nl, "mz2a", &link), 0);
	assert_int_equal(mz_link_change(place->nl, link.ifindex, &up), 0);
	assert_int_equal(add(place, "eth0"), -EEXIST);
	assert_int_equal(mz_device_find(UID, &device), -ENODEV);
	assert_int_equal(mz_device_delete(UID), 0);
	assert_int_equal(mz_link_by_name(place->nl, "mz2a", &link), 0); /* not ours to delete */
	assert_int_equal(mz_link_delete(place->nl, link.ifindex), 0);
}

static void test_failures_leave_nothing(void **state)
{
	struct place *place = *state;
	const struct mz_veth veth = { .name = "taken", .peer_name = "taken2", .peer_netns_fd = -1 };
	struct mz_endpoint e = endpoint();
	struct mz_device device;

	assert_int_equal(device_add(UID, &e, "/run/netns/never", "eth0", MTU, &device), -ENOENT);
	assert_int_equal(device_add(UID, &e, "/proc/self/ns/mnt", "eth0", MTU, &device),
			 -ENOTTY);
	assert_int_equal(device_add(UID, &e, "/etc/passwd", "eth0", MTU, &device), -ENOTTY);
	assert_int_equal(device_add(UID, &e, "/etc", "eth0", MTU, &device), -ENOTTY);
	assert_int_equal(add(place, ""), -EINVAL);
	assert_int_equal(add(place, "eth%d"), -EINVAL);
	assert_int_equal(add(place, "a/b"), -EINVAL);
	assert_int_equal(add(place, "sixteen-letters-"), -EINVAL);
	assert_int_equal(device_add(UID, &e, place->path, "eth0", 10, &device), -EINVAL);
	assert_int_equal(device_add(1ULL << 52, &e, place->path, "eth0", MTU, &device), -EINVAL);
	e.addrs[1].gateway = addr("10.0.0.1"); /* fails last, when all else is there */
	assert_int_equal(device_add(UID, &e, place->path, "eth0", MTU, &device), -EINVAL);
	assert_int_equal(n_veths(place->nl), 0);
	assert_int_equal(n_veths(place->peer_nl), 0);
	assert_int_equal(mz_link_add_veth(place->peer_nl, &veth), 0);
	assert_int_equal(add(place, "taken"), -EEXIST);
	assert_int_equal(n_veths(place->nl), 0);
}

static void test_elsewhere(void **state)
{
	struct place *place = *state;
	struct mz_endpoint e = endpoint();
	int other_fd = new_netns();
	struct mz_device device;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", other_fd);
	assert_int_equal(add(place, "eth0"), 0);
	assert_int_equal(device_add(UID, &e, path, "eth0", MTU, &device), -EEXIST);
	assert_int_equal(add(place, "eth1"), -EEXIST);
	assert_as_it_should_be(place, "eth0");
	close(other_fd);
}

static int add_second(void *user)
{
	return add(user, "eth1");
}

/*
 * An endpoint that migrates within its namespace: the new host's device is there before the old
 * one's goes, and has all that it needs when that is gone.
 */
static void test_migrates(void **state)
{
	struct place *place = *state;
	int new_host = new_netns();
	struct mz_link first, second;

	assert_int_equal(add(place, "eth0"), 0);
	assert_int_equal(mz_netns_call(new_host, add_second, place), 0);
	assert_int_equal(mz_link_by_name(place->peer_nl, "eth0", &first), 0);
	assert_int_equal(mz_link_by_name(place->peer_nl, "eth1", &second), 0);
	assert_int_equal(route_to(place->peer_nl, "10.9.9.9"), first.ifindex);
	assert_int_equal(mz_netns_call(new_host, add_second, place), 0); /* again */
	assert_int_equal(mz_device_delete(UID), 0);
	assert_int_equal(route_to(place->peer_nl, "10.0.0.99"), second.ifindex);
	assert_int_equal(route_to(place->peer_nl, "10.9.9.9"), second.ifindex);
	assert_int_equal(route_to(place->peer_nl, "fd00::99"), second.ifindex);
	assert_int_equal(route_to(place->peer_nl, "fd00:ffff::1"), second.ifindex);
	close(new_host);
}

/* An endpoint of the host itself must not take the host's default route. */
static void test_own_namespace(void **state)
{
	struct place *place = *state;
	struct mz_endpoint e = endpoint();
	struct mz_device device;

	assert_int_equal(device_add(UID, &e, "/proc/self/ns/net", "ep0", MTU, &device), 0);
	assert_false(device.peer_elsewhere);
	assert_int_equal(device_add(UID, &e, "/proc/self/ns/net", "ep0", MTU, &device), 0);
	assert_int_equal(route_to(place->nl, "10.0.0.99"), (int)if_nametoindex("ep0"));
	assert_int_equal(route_to(place->nl, "10.9.9.9"), 0);
	assert_int_equal(device_add(UID, &e, place->path, "ep0", MTU, &device), -EEXIST);
}

/* A namespace that goes takes its device with it. */
static void test_namespace_is_gone(void **state)
{
	struct place *place = *state;
	struct mz_device device;
	int i;

	assert_int_equal(add(place, "eth0"), 0);
	mz_netlink_free(place->peer_nl);
	place->peer_nl = NULL;
	close(place->netns_fd);
	place->netns_fd = -1;
	for (i = 0; i < 500 && mz_device_find(UID, &device) == 0; i++)
		usleep(10000); /* the kernel clears namespaces away in its own time */
	assert_int_equal(mz_device_find(UID, &device), -ENODEV);
	assert_int_equal(mz_device_delete(UID), 0);
}

static int keep_uid(uint64_t uid, const struct mz_device *device, void *user)
{
	*(uint64_t *)user += uid;
	return mz_device_delete(uid);
}

static void test_each_and_lookups(void **state)
{
	struct place *place = *state;
	struct mz_addr ip4 = addr("10.9.0.1"), absent = addr("10.9.0.2");
	struct mz_device device;
	uint64_t sum = 0;
	struct mz_endpoint e = endpoint();
	struct mz_link link;

	assert_int_equal(add(place, "eth0"), 0);
	e.addrs[0].addr = addr("10.0.0.3"); /* a second one in the same place */
	e.addrs[1].addr = addr("fd00::3");
	assert_int_equal(device_add(1ULL << 40, &e, place->path, "eth1", MTU, &device), 0);
	assert_string_equal(device.ifname, "mz10000000000");
	assert_int_equal(mz_device_by_name("mz2a", &device), 0);
	assert_int_equal(mz_device_by_name("never", &device), -ENODEV);
	assert_int_equal(mz_device_by_name("a-name-that-is-too-long", &device), -ENODEV);
	assert_int_equal(mz_link_by_name(place->nl, "lo", &link), 0);
	assert_int_equal(mz_ip_add_address(place->nl, link.ifindex, &ip4, 120), 0);
	assert_int_equal(mz_device_by_address(&ip4, &device), 0);
	assert_string_equal(device.ifname, "lo");
	assert_int_equal(mz_device_by_address(&absent, &device), -EADDRNOTAVAIL);
	assert_int_equal(mz_device_each(keep_uid, &sum), 0);
	assert_int_equal(sum, UID + (1ULL << 40));
	assert_int_equal(n_veths(place->nl), 0);
}

static double now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts); /* cannot fail */
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static void test_time(void **state)
{
	double start, added, deleted = 0, adds = 0, worst = 0;
	int i;

	for (i = 0; i < 20; i++) {
		struct place *place;

		setup((void **)&place);
		start = now_ms();
		assert_int_equal(add(place, "eth0"), 0);
		added = now_ms();
		assert_int_equal(mz_device_delete(UID), 0);
		deleted += now_ms() - added;
		adds += added - start;
		worst = added - start > worst ? added - start : worst;
		teardown((void **)&place);
	}
	print_message("add %.2f ms (at most %.2f), delete %.2f ms\n", adds / 20, worst,
		      deleted / 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_add_find_delete),
		TEST(test_up),
		TEST(test_offload),
		TEST(test_mends),
		TEST(test_half_made),
		TEST(test_foreign_device),
		TEST(test_failures_leave_nothing),
		TEST(test_elsewhere),
		TEST(test_migrates),
		TEST(test_own_namespace),
		TEST(test_namespace_is_gone),
		TEST(test_each_and_lookups),
		TEST(test_time),
#undef TEST
	};

	own_namespaces();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
