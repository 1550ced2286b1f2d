// SPDX-License-Identifier: Apache-2.0
#include "rpc/address.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "ipc/socket.h"

/* Splits "host:port" or "[host]:port" at the last colon; the host is for free(). -EINVAL. */
static int split(const char *text, char **ret_host, unsigned int *ret_port)
{
	const char *colon = strrchr(text, ':');
	_cleanup_free_ char *host = NULL;
	unsigned long port;
	char *end;

	if (!colon || colon == text || !isdigit((unsigned char)colon[1]))
		return -EINVAL;

	errno = 0;
	port = strtoul(colon + 1, &end, 10);
	if (errno || *end || port > 65535)
		return -EINVAL;

	if (text[0] == '[') {
		if (colon[-1] != ']')
			return -EINVAL;
		host = strndup(text + 1, (size_t)(colon - text) - 2);
	} else {
		host = strndup(text, (size_t)(colon - text));
		if (host && strchr(host, ':'))
			return -EINVAL; /* an IPv6 address without brackets */
	}
	if (!host)
		return -ENOMEM;

	*ret_host = TAKE(host);
	*ret_port = (unsigned int)port;
	return 0;
}

static int host_target(const char *text, char **ret_target)
{
	_cleanup_free_ char *host = NULL;
	struct in6_addr addr;
	unsigned int port;
	bool is_ipv6;
	int r;

	r = split(text, &host, &port);
	if (r < 0)
		return r;

	is_ipv6 = inet_pton(AF_INET6, host, &addr) == 1;
	if (port == 0 || (text[0] == '[') != is_ipv6)
		return -EINVAL;
	for (const char *p = host; *p && !is_ipv6; p++) {
		if (!isalnum((unsigned char)*p) && !strchr(".-_", *p))
			return -EINVAL;
	}

	/* Brackets are no characters of a URI's path. */
	if (asprintf(ret_target, is_ipv6 ? "dns:///%%5B%s%%5D:%u" : "dns:///%s:%u", host, port) < 0)
		return -ENOMEM;

	return 0;
}

int mz_rpc_target(const char *target, char **ret_target)
{
	const char *path = target + strlen(MZ_RPC_UNIX);
	struct sockaddr_un address;
	int r;

	if (strncmp(target, MZ_RPC_UNIX, strlen(MZ_RPC_UNIX)) != 0)
		return host_target(target, ret_target);
	if (path[0] != '/')
		return -EINVAL;

	r = mz_socket_address(path, &address);
	if (r < 0)
		return r;

	*ret_target = strdup(target);
	return *ret_target ? 0 : -ENOMEM;
}

static inline void addrinfo_freep(struct addrinfo **info)
{
	if (*info)
		freeaddrinfo(*info);
}

int mz_rpc_try_listen(const char *address)
{
	const struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_PASSIVE,
		.ai_socktype = SOCK_STREAM,
	};
	_cleanup_(addrinfo_freep) struct addrinfo *info = NULL;
	_cleanup_free_ char *host = NULL;
	_cleanup_close_ int fd = -1;
	unsigned int port;
	char service[8];
	int one = 1;
	int r;

	r = split(address, &host, &port);
	if (r < 0)
		return r;

	snprintf(service, sizeof(service), "%u", port);
	if (getaddrinfo(host, service, &hints, &info) != 0)
		return -EINVAL;

	fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    bind(fd, info->ai_addr, info->ai_addrlen) < 0)
		return -errno;

	return 0;
}
