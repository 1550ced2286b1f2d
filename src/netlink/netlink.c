// SPDX-License-Identifier: Apache-2.0
/*
 * A request and its answers. The socket asks for extended acks (a sentence that says what was
 * wrong) and for strict checks (a field that this kernel does not know is an error, not ignored).
 */
#include "netlink/netlink.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/log.h"
#include "netlink/namespace.h"

#ifndef SOL_NETLINK
#define SOL_NETLINK 270
#endif

#define REQUEST_SIZE 4096
#define ANSWER_SIZE 32768 /* the largest piece that the kernel puts into one dump answer */

struct mz_netlink {
	struct mnl_socket *socket;
	unsigned int seq;
	char error[MZ_NETLINK_ERROR_SIZE];
	char request[REQUEST_SIZE] __attribute__((aligned(8)));
	char answer[ANSWER_SIZE] __attribute__((aligned(8)));
};

static int open_family(int family, struct mz_netlink **ret_netlink)
{
	_cleanup_(mz_netlink_freep) struct mz_netlink *nl = calloc(1, sizeof(*nl));
	int one = 1;

	if (!nl)
		return -ENOMEM;
	nl->seq = (unsigned int)time(NULL);
	nl->socket = mnl_socket_open2(family, SOCK_CLOEXEC);
	if (!nl->socket || mnl_socket_bind(nl->socket, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	/* Kernels that lack these (before 4.12 and 4.20) answer less precisely, nothing more. */
	(void)mnl_socket_setsockopt(nl->socket, NETLINK_EXT_ACK, &one, sizeof(one));
	(void)mnl_socket_setsockopt(nl->socket, NETLINK_CAP_ACK, &one, sizeof(one));
	(void)mnl_socket_setsockopt(nl->socket, NETLINK_GET_STRICT_CHK, &one, sizeof(one));
	*ret_netlink = TAKE(nl);
	return 0;
}

int mz_netlink_open(struct mz_netlink **ret_netlink)
{
	return open_family(NETLINK_ROUTE, ret_netlink);
}

int mz_netlink_open_generic(struct mz_netlink **ret_netlink)
{
	return open_family(NETLINK_GENERIC, ret_netlink);
}

static int open_here(void *user)
{
	return mz_netlink_open(user);
}

int mz_netlink_open_at(int netns_fd, struct mz_netlink **ret_netlink)
{
	return mz_netns_call(netns_fd, open_here, ret_netlink);
}

void mz_netlink_free(struct mz_netlink *nl)
{
	if (!nl)
		return;
	if (nl->socket)
		(void)mnl_socket_close(nl->socket); /* nothing to do about it in a destructor */
	free(nl);
}

struct nlmsghdr *mz_netlink_request(struct mz_netlink *nl, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *nlh;

	memset(nl->request, 0, sizeof(nl->request));
	nlh = mnl_nlmsg_put_header(nl->request);
	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	nlh->nlmsg_seq = ++nl->seq;
	return nlh;
}

/* The extended ack's text stands behind the (capped) error message. */
static void keep_error(struct mz_netlink *nl, const struct nlmsghdr *nlh, size_t header_size)
{
	const struct nlattr *attr;

	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	mnl_attr_for_each(attr, nlh, header_size) {
		if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG &&
		    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0)
			snprintf(nl->error, sizeof(nl->error), "%s", mnl_attr_get_str(attr));
	}
}

/*
 * The end of the answers: the error of an ack or of a dump, which is 0 when all is well. A
 * dump's DONE carries its error as a plain int.
 */
static int final_error(struct mz_netlink *nl, const struct nlmsghdr *nlh)
{
	bool is_error = nlh->nlmsg_type == NLMSG_ERROR;
	size_t size = is_error ? sizeof(struct nlmsgerr) : sizeof(int);
	int error;

	if (mnl_nlmsg_get_payload_len(nlh) < (is_error ? size : sizeof(int)))
		return is_error ? -EBADMSG : 0;
	memcpy(&error, mnl_nlmsg_get_payload(nlh), sizeof(error));
	if (error)
		keep_error(nl, nlh, size);
	return error > 0 ? -error : error;
}

struct answers {
	mz_netlink_fn fn;
	void *user;
	int fn_result;
	bool interrupted;
};

/* 1: there is more to come. */
static int take_answers(struct mz_netlink *nl, int size, struct answers *answers)
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)nl->answer;

	for (; mnl_nlmsg_ok(nlh, size); nlh = mnl_nlmsg_next(nlh, &size)) {
		if (nlh->nlmsg_seq != nl->seq)
			continue; /* the tail of an earlier request that was given up */
		if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
			answers->interrupted = true;
		if (nlh->nlmsg_type == NLMSG_ERROR || nlh->nlmsg_type == NLMSG_DONE)
			return final_error(nl, nlh);
		if (nlh->nlmsg_type >= NLMSG_MIN_TYPE && answers->fn && !answers->fn_result)
			answers->fn_result = answers->fn(nlh, answers->user);
	}
	return 1;
}

int mz_netlink_get(struct mz_netlink *nl, struct nlmsghdr *request, mz_netlink_fn fn, void *user)
{
	struct answers answers = { .fn = fn, .user = user };
	ssize_t size;
	int r;

	nl->error[0] = 0;
	/* Without a dump, the ack is what tells that the last answer has come. */
	if ((request->nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP)
		request->nlmsg_flags |= NLM_F_ACK;
	if (mnl_socket_sendto(nl->socket, request, request->nlmsg_len) < 0)
		return -errno;
	do {
		size = mnl_socket_recvfrom(nl->socket, nl->answer, sizeof(nl->answer));
		if (size < 0 && errno != EINTR)
			return -errno;
		r = size < 0 ? 1 : take_answers(nl, (int)size, &answers);
	} while (r == 1);
	if (r < 0) {
		mz_log_debug("netlink: request type %u: %s%s%s", request->nlmsg_type, strerror(-r),
			     nl->error[0] ? ": " : "", nl->error);
		return r;
	}
	if (answers.fn_result)
		return answers.fn_result;
	return answers.interrupted ? -EINTR : 0;
}

int mz_netlink_do(struct mz_netlink *nl, struct nlmsghdr *request)
{
	return mz_netlink_get(nl, request, NULL, NULL);
}

const char *mz_netlink_error(const struct mz_netlink *nl)
{
	return nl->error;
}
