// SPDX-License-Identifier: Apache-2.0
/*
 * What the kernel tells of neighbours, devices and routes. Neighbours and devices in use are taken
 * in at once. A change of routes may concern any droplet: all are asked for again, a little later,
 * and the more seldom the longer it takes, so that a host that learns its routes by BGP spends a
 * tenth of a CPU on it at most. When the socket overflows (ENOBUFS), everything is read anew.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include "base/addr.h"
#include "base/log.h"
#include "host/nexthop_state.h"

#define RECEIVE_ROOM (4 << 20) /* bytes: some ten thousand events */
#define MESSAGES_AT_ONCE 64
#define DELAY_MS 50
#define REST 9 /* times as long as the last reading took */

struct follower {
	struct mz_nexthops *nexthops;
	struct mnl_socket *socket;
	uv_poll_t *poll;
	uv_timer_t *timer;
	uint64_t last_ms;  /* how long the last reading took */
	bool is_lost;	   /* events were lost */
	bool is_congested; /* and more may be, without a word, until the socket is empty */
	char buf[32768] __attribute__((aligned(8)));
};

static void read_anew(uv_timer_t *timer)
{
	struct follower *follower = timer->data;
	uint64_t start = uv_hrtime();
	int r = mz_nexthops_resolve_all(follower->nexthops, follower->is_lost);

	follower->is_lost = false;
	follower->last_ms = (uv_hrtime() - start) / 1000000;
	if (r < 0)
		mz_log_debug("next hops: not all rows are right: %s", strerror(-r));
}

/* Many changes come together: one reading for all of them. */
static void read_later(struct follower *follower)
{
	uint64_t delay = follower->last_ms * REST;

	if (uv_is_active((uv_handle_t *)follower->timer))
		return;
	(void)uv_timer_start(follower->timer, read_anew, delay > DELAY_MS ? delay : DELAY_MS,
			     0); /* fails for a handle that is being closed only */
}

static void on_neighbour(struct follower *follower, const struct nlmsghdr *nlh)
{
	struct mz_nexthops *nexthops = follower->nexthops;
	struct mz_neighbour neighbour;
	struct way *way;
	int r;

	if (mz_neighbour_parse(nlh, &neighbour) < 0)
		return;
	way = mz_nexthops_find_way(nexthops, neighbour.ifindex, &neighbour.addr);
	if (!way)
		return;
	if (nlh->nlmsg_type == RTM_DELNEIGH) {
		neighbour.has_mac = neighbour.is_managed = false;
		read_later(follower); /* which makes it again */
	} else if (neighbour.is_stale && !neighbour.is_managed && !neighbour.is_static) {
		r = mz_neighbour_use(nexthops->nl, neighbour.ifindex, &neighbour.addr);
		if (r < 0)
			mz_log_debug("next hops: stale neighbour: %s", strerror(-r));
	}
	r = mz_nexthops_update_way(nexthops, way, &neighbour);
	if (r < 0)
		mz_log_debug("next hops: not all rows are right: %s", strerror(-r));
}

/* IPv4 routes go without a word when their device does. */
static void on_link(struct follower *follower, const struct nlmsghdr *nlh)
{
	struct egress *egress;
	struct mz_link link;
	bool has_changed;
	int r;

	if (mz_link_parse(nlh, &link) < 0)
		return;
	egress = mz_nexthops_find_egress(follower->nexthops, link.ifindex);
	if (!egress)
		return;
	if (nlh->nlmsg_type == RTM_DELLINK)
		link.flags = 0;
	has_changed = (link.flags ^ egress->link.flags) & (IFF_UP | IFF_RUNNING);
	r = mz_nexthops_update_egress(follower->nexthops, egress, &link);
	if (r < 0)
		mz_log_debug("next hops: not all rows are right: %s", strerror(-r));
	if (has_changed)
		read_later(follower);
}

/* Every device that comes up brings link-local and local ones: an endpoint is no reason to read. */
static void on_route(struct follower *follower, const struct nlmsghdr *nlh)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	struct mz_addr prefix = {};
	const struct nlattr *attr;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*rtm) || rtm->rtm_table == RT_TABLE_LOCAL ||
	    rtm->rtm_flags & RTM_F_CLONED)
		return;
	mnl_attr_for_each(attr, nlh, sizeof(*rtm)) {
		if (mnl_attr_get_type(attr) == RTA_DST)
			(void)mz_ip_parse(attr, rtm->rtm_family, &prefix); /* or unchanged */
	}
	if (prefix.bytes[0] == 0xff ||
	    (prefix.bytes[0] == 0xfe && (prefix.bytes[1] & 0xc0) == 0x80))
		return;
	read_later(follower);
}

static void on_message(struct follower *follower, const struct nlmsghdr *nlh)
{
	switch (nlh->nlmsg_type) {
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		on_neighbour(follower, nlh);
		break;
	case RTM_NEWLINK:
	case RTM_DELLINK:
		on_link(follower, nlh);
		break;
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		on_route(follower, nlh);
		break;
	default: /* rules and next hop objects, whatever their kind */
		read_later(follower);
		break;
	}
}

/* The kernel says ENOBUFS once, and not again before the socket was empty. */
static void end_congestion(struct follower *follower)
{
	if (!follower->is_congested)
		return;
	follower->is_congested = false;
	follower->is_lost = true;
	read_later(follower);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct follower *follower = poll->data;
	const struct nlmsghdr *nlh;
	int i, size;

	/* libuv gives up on a socket with an error. Here it is an overflow: reading clears it. */
	if (status < 0)
		(void)uv_poll_start(poll, UV_READABLE, on_readable); /* as it did before */
	for (i = 0; i < MESSAGES_AT_ONCE; i++) {
		size = (int)mnl_socket_recvfrom(follower->socket, follower->buf,
						sizeof(follower->buf));
		if (size < 0 && (errno == ENOBUFS || errno == ENOSPC)) {
			mz_log_debug("next hops: events were lost, reading all anew");
			follower->is_lost = follower->is_congested = true;
			read_later(follower);
			continue;
		}
		if (size <= 0) {
			end_congestion(follower);
			return;
		}
		for (nlh = (void *)follower->buf; mnl_nlmsg_ok(nlh, size);
		     nlh = mnl_nlmsg_next(nlh, &size))
			on_message(follower, nlh);
	}
}

static int subscribe(struct mnl_socket *socket, bool ipv4)
{
	const unsigned int groups[] = {
		RTNLGRP_NEIGH,
		RTNLGRP_LINK,
		ipv4 ? RTNLGRP_IPV4_ROUTE : RTNLGRP_IPV6_ROUTE,
		ipv4 ? RTNLGRP_IPV4_RULE : RTNLGRP_IPV6_RULE,
		RTNLGRP_NEXTHOP,
	};
	int fd = mnl_socket_get_fd(socket), room = RECEIVE_ROOM, r;
	size_t i;

	/* Needs a privilege that a container may lack: then overflows are more frequent. */
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	for (i = 0; i < ARRAY_SIZE(groups); i++) {
		unsigned int group = groups[i];

		r = mnl_socket_setsockopt(socket, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group));
		if (r < 0 && group != RTNLGRP_NEXTHOP) /* Linux 5.3 */
			return -errno;
	}
	return 0;
}

static int start_handles(uv_loop_t *loop, struct follower *follower)
{
	int r;

	follower->timer = malloc(sizeof(*follower->timer));
	if (!follower->timer)
		return -ENOMEM;
	(void)uv_timer_init(loop, follower->timer); /* always 0 */
	follower->timer->data = follower;
	follower->poll = malloc(sizeof(*follower->poll));
	if (!follower->poll)
		return -ENOMEM;
	r = uv_poll_init(loop, follower->poll, mnl_socket_get_fd(follower->socket));
	if (r < 0) {
		free(TAKE(follower->poll));
		return r;
	}
	follower->poll->data = follower;
	return uv_poll_start(follower->poll, UV_READABLE, on_readable);
}

int mz_follower_new(uv_loop_t *loop, struct mz_nexthops *nexthops, struct follower **ret_follower)
{
	struct follower *follower = calloc(1, sizeof(*follower));
	int r;

	if (!follower)
		return -ENOMEM;
	follower->nexthops = nexthops;
	follower->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!follower->socket || mnl_socket_bind(follower->socket, 0, MNL_SOCKET_AUTOPID) < 0)
		r = -errno;
	else
		r = subscribe(follower->socket, mz_addr_is_ipv4(&nexthops->self));
	if (r == 0)
		r = start_handles(loop, follower);
	if (r < 0) {
		mz_follower_free(follower);
		return r;
	}
	*ret_follower = follower;
	return 0;
}

static void free_handle(uv_handle_t *handle)
{
	free(handle);
}

void mz_follower_free(struct follower *follower)
{
	if (!follower)
		return;
	if (follower->poll)
		uv_close((uv_handle_t *)follower->poll, free_handle);
	if (follower->timer)
		uv_close((uv_handle_t *)follower->timer, free_handle);
	if (follower->socket)
		(void)mnl_socket_close(follower->socket); /* uv_close() has let go of it */
	free(follower);
}
