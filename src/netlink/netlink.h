/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests to the kernel over rtnetlink: one at a time, answered before the call returns. A message
 * is built in the socket's own buffer with libmnl's mnl_attr_put*(), then sent by one of the calls
 * below.
 *
 *	struct nlmsghdr *nlh = mz_netlink_request(nl, RTM_DELLINK, 0);
 *	struct ifinfomsg *ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));
 *
 *	ifi->ifi_index = ifindex;
 *	return mz_netlink_do(nl, nlh);
 */
#pragma once

#include <stdint.h>

#include <libmnl/libmnl.h>

#include "base/cleanup.h"

#define MZ_NETLINK_ERROR_SIZE 128

struct mz_netlink;

/*
 * A socket in the calling thread's network namespace; mz_netlink_open_at(): in the namespace of
 * netns_fd. It stays there, whoever uses it.
 */
int mz_netlink_open(struct mz_netlink **ret_netlink);
int mz_netlink_open_at(int netns_fd, struct mz_netlink **ret_netlink);
/* For generic netlink, whose families have numbers of their own as message types. */
int mz_netlink_open_generic(struct mz_netlink **ret_netlink);
void mz_netlink_free(struct mz_netlink *netlink);
DEFINE_CLEANUP(struct mz_netlink *, mz_netlink_free)

/*
 * An empty request of a type with NLM_F_REQUEST and these flags. It lives until the next one of
 * this socket, and has room for 4 kB of attributes: what is put must be bounded by the caller.
 */
struct nlmsghdr *mz_netlink_request(struct mz_netlink *netlink, uint16_t type, uint16_t flags);

/* Sends it and waits for the kernel's answer: 0 or its -errno. */
int mz_netlink_do(struct mz_netlink *netlink, struct nlmsghdr *request);

typedef int (*mz_netlink_fn)(const struct nlmsghdr *message, void *user);

/*
 * The same for a request that is answered by messages, one or, with NLM_F_DUMP, many. Returns the
 * kernel's error, else the first non-zero value of fn (the messages behind are not looked at), else
 * 0. -EINTR: what was dumped changed meanwhile, the messages may not belong together: ask again. fn
 * must not use the same socket.
 */
int mz_netlink_get(struct mz_netlink *netlink, struct nlmsghdr *request, mz_netlink_fn fn,
		   void *user);

/* What the kernel said about the last request that failed (extended ack), or "". */
const char *mz_netlink_error(const struct mz_netlink *netlink);
