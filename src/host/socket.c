// SPDX-License-Identifier: Apache-2.0
#include "host/socket.h"

#include <errno.h>
#include <linux/filter.h>
#include <string.h>

#include "base/addr.h"
#include "base/cleanup.h"

socklen_t mz_sockaddr_make(const struct mz_addr *addr, uint16_t port, union mz_sockaddr *ret)
{
	*ret = (union mz_sockaddr){};
	if (mz_addr_is_ipv4(addr)) {
		ret->sin.sin_family = AF_INET;
		ret->sin.sin_port = htons(port);
		memcpy(&ret->sin.sin_addr, addr->bytes + 12, sizeof(ret->sin.sin_addr));
		return sizeof(ret->sin);
	}
	ret->sin6.sin6_family = AF_INET6;
	ret->sin6.sin6_port = htons(port);
	memcpy(&ret->sin6.sin6_addr, addr->bytes, sizeof(ret->sin6.sin6_addr));
	return sizeof(ret->sin6);
}

int mz_sockaddr_addr(const union mz_sockaddr *sockaddr, struct mz_addr *ret_addr)
{
	struct mz_addr addr = { .bytes = { [10] = 0xff, [11] = 0xff } };

	if (sockaddr->sa.sa_family == AF_INET)
		memcpy(addr.bytes + 12, &sockaddr->sin.sin_addr, 4);
	else if (sockaddr->sa.sa_family == AF_INET6)
		memcpy(addr.bytes, &sockaddr->sin6.sin6_addr, 16);
	else
		return -EAFNOSUPPORT;
	*ret_addr = addr;
	return 0;
}

int mz_socket_open(const struct mz_addr *self, uint16_t port, const struct sock_fprog *filter,
		   int *ret_fd)
{
	_cleanup_close_ int fd = -1;
	union mz_sockaddr name;
	socklen_t size = mz_sockaddr_make(self, port, &name);
	int one = 1;

	fd = socket(name.sa.sa_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, filter, sizeof(*filter)) < 0)
		return -errno;
	/* An IPv6 address cannot be bound before the link has been asked for duplicates. */
	if (name.sa.sa_family == AF_INET6 &&
	    setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &one, sizeof(one)) < 0)
		return -errno;
	if (bind(fd, &name.sa, size) < 0)
		return -errno;
	*ret_fd = TAKE_FD(fd);
	return 0;
}
