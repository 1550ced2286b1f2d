// SPDX-License-Identifier: Apache-2.0
#include "host/echo.h"

#include <errno.h>
#include <linux/filter.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "host/socket.h"
#include "mizar/wire.h"

#define ETH_P_TEB	0x6558
#define NONCE_OFFSET	(sizeof(struct mz_geneve) + offsetof(struct mz_opt_echo, nonce))
#define QUEUE_BYTES	(4 << 20) /* both ways: thousands of ECHOs */
#define RECEIVE_BATCHES 256
#define DSCP_CONTROL	0xc0 /* CS6: data that fills a queue says nothing about who is alive */

struct packet {
	struct mz_geneve geneve;
	struct mz_opt_echo echo;
};
MZ_ASSERT_SIZE(packet, 20);

static struct packet make_packet(uint64_t nonce)
{
	struct packet packet = {
		.geneve = {
			.version_optlen = sizeof(packet.echo) / 4,
			.flags = MZ_GENEVE_F_CONTROL | MZ_GENEVE_F_CRITICAL,
			.eth_proto_be = htons(ETH_P_TEB),
		},
		.echo.opt = {
			.class_be = htons(MZ_OPT_CLASS),
			.type = MZ_OPT_ECHO,
			.length = MZ_OPT_WORDS(struct mz_opt_echo),
		},
	};

	memcpy(packet.echo.nonce, &nonce, sizeof(nonce));
	return packet;
}

/* ---- life ------------------------------------------------------------------------------------ */

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts); /* what SO_TIMESTAMPNS counts by */
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static int set_options(int fd, bool is_ipv6)
{
	int one = 1, dscp = DSCP_CONTROL, bytes = QUEUE_BYTES;

	if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof(one)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) < 0)
		return -errno;
	if (is_ipv6 ? setsockopt(fd, IPPROTO_IPV6, IPV6_TCLASS, &dscp, sizeof(dscp)) < 0
		    : setsockopt(fd, IPPROTO_IP, IP_TOS, &dscp, sizeof(dscp)) < 0)
		return -errno;
	return 0;
}

int mz_echo_open(const struct mz_addr *self, uint16_t port, struct mz_echo *ret_echo)
{
	struct mz_echo echo = { .fd = -1, .port = port };
	_cleanup_close_ int fd = -1;
	struct sock_fprog filter;
	int r;

	if (getrandom(&echo.mark, sizeof(echo.mark), 0) < 0)
		return -errno;
	/* Offsets are those of UDP: ports, length and checksum come first. */
	filter = (struct sock_fprog){
		.len = 8,
		.filter = (struct sock_filter[]){
			BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 0),
			BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, port, 0, 5),
			BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
			BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 8 + sizeof(struct packet), 0, 3),
			BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 8 + NONCE_OFFSET),
			BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ntohs(echo.mark), 0, 1),
			BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
			BPF_STMT(BPF_RET | BPF_K, 0),
		},
	};
	r = mz_socket_open(self, 0, &filter, &fd);
	if (r >= 0)
		r = set_options(fd, !mz_addr_is_ipv4(self));
	if (r < 0)
		return r;
	echo.fd = TAKE_FD(fd);
	*ret_echo = echo;
	return 0;
}

void mz_echo_close(struct mz_echo *echo)
{
	mz_closep(&echo->fd);
	echo->fd = -1;
}

/* ---- out ------------------------------------------------------------------------------------- */

int mz_echo_nonces(const struct mz_echo *echo, struct mz_echo_probe *probes, size_t n)
{
	uint64_t nonces[MZ_ECHO_BATCH];
	ssize_t size = (ssize_t)(n * sizeof(nonces[0])), got;
	size_t i;

	got = getrandom(nonces, (size_t)size, GRND_NONBLOCK);
	if (got != size) /* a signal may cut what is longer than 256 bytes */
		return got < 0 ? -errno : -EAGAIN;
	for (i = 0; i < n; i++) {
		memcpy(&nonces[i], &echo->mark, sizeof(echo->mark));
		probes[i].nonce = nonces[i];
	}
	return 0;
}

size_t mz_echo_send(const struct mz_echo *echo, const struct mz_echo_probe *probes, size_t n,
		    uint64_t *ret_ns)
{
	union mz_sockaddr names[MZ_ECHO_BATCH];
	struct packet packets[MZ_ECHO_BATCH];
	struct iovec vectors[MZ_ECHO_BATCH];
	struct mmsghdr messages[MZ_ECHO_BATCH] = {};
	size_t i, n_done = 0;
	int sent;

	for (i = 0; i < n; i++) {
		packets[i] = make_packet(probes[i].nonce);
		vectors[i] = (struct iovec){ &packets[i], sizeof(packets[i]) };
		messages[i].msg_hdr.msg_name = &names[i];
		messages[i].msg_hdr.msg_namelen =
			mz_sockaddr_make(&probes[i].to, echo->port, &names[i]);
		messages[i].msg_hdr.msg_iov = &vectors[i];
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	*ret_ns = now_ns();
	while (n_done < n) {
		sent = sendmmsg(echo->fd, messages + n_done, (unsigned int)(n - n_done), 0);
		if (sent < 0 && (errno == EAGAIN || errno == ENOBUFS))
			break;
		if (sent < 0 && errno == EINTR)
			continue;
		n_done += sent > 0 ? (size_t)sent : 1; /* the kernel's no is as good as silence */
	}
	return n_done;
}

/* ---- back ------------------------------------------------------------------------------------ */

static uint64_t time_of(struct msghdr *header)
{
	struct cmsghdr *cmsg;
	struct timespec ts;

	for (cmsg = CMSG_FIRSTHDR(header); cmsg; cmsg = CMSG_NXTHDR(header, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SO_TIMESTAMPNS)
			continue;
		memcpy(&ts, CMSG_DATA(cmsg), sizeof(ts));
		return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
	}
	return now_ns();
}

static void hand_on(struct mmsghdr *message, mz_echo_fn fn, void *user)
{
	struct msghdr *header = &message->msg_hdr;
	const struct packet *got = header->msg_iov->iov_base;
	struct packet wanted;
	struct mz_addr from;
	uint64_t nonce;

	if (message->msg_len != sizeof(*got) || header->msg_flags & MSG_TRUNC ||
	    mz_sockaddr_addr(header->msg_name, &from) < 0)
		return;
	memcpy(&nonce, got->echo.nonce, sizeof(nonce));
	wanted = make_packet(nonce);
	if (!memcmp(got, &wanted, sizeof(wanted)))
		fn(&from, nonce, time_of(header), user);
}

static int receive_batch(const struct mz_echo *echo, mz_echo_fn fn, void *user)
{
	char controls[MZ_ECHO_BATCH][CMSG_SPACE(sizeof(struct timespec))]
		__attribute__((aligned(__alignof__(struct cmsghdr))));
	union mz_sockaddr names[MZ_ECHO_BATCH];
	struct packet packets[MZ_ECHO_BATCH];
	struct iovec vectors[MZ_ECHO_BATCH];
	struct mmsghdr messages[MZ_ECHO_BATCH] = {};
	int i, n;

	for (i = 0; i < MZ_ECHO_BATCH; i++) {
		vectors[i] = (struct iovec){ &packets[i], sizeof(packets[i]) };
		messages[i].msg_hdr = (struct msghdr){
			.msg_name = &names[i],
			.msg_namelen = sizeof(names[i]),
			.msg_iov = &vectors[i],
			.msg_iovlen = 1,
			.msg_control = controls[i],
			.msg_controllen = sizeof(controls[i]),
		};
	}
	n = recvmmsg(echo->fd, messages, MZ_ECHO_BATCH, MSG_DONTWAIT, NULL);
	for (i = 0; i < n; i++)
		hand_on(&messages[i], fn, user);
	return n;
}

void mz_echo_receive(const struct mz_echo *echo, mz_echo_fn fn, void *user)
{
	int i;

	for (i = 0; i < RECEIVE_BATCHES; i++)
		if (receive_batch(echo, fn, user) < MZ_ECHO_BATCH)
			return;
}
