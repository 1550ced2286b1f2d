/* SPDX-License-Identifier: Apache-2.0 */
/* mizard's own UDP sockets at the tunnel address, of either family. */
#pragma once

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

#include "mizar/tables.h"

struct sock_fprog;

union mz_sockaddr {
	struct sockaddr sa;
	struct sockaddr_in sin;
	struct sockaddr_in6 sin6;
};

/* Returns its size. */
socklen_t mz_sockaddr_make(const struct mz_addr *addr, uint16_t port, union mz_sockaddr *ret);
/* The address alone; -EAFNOSUPPORT: of neither family. */
int mz_sockaddr_addr(const union mz_sockaddr *sockaddr, struct mz_addr *ret_addr);

/*
 * Bound to the address and a port (0: any that is free), non-blocking. The filter holds from before
 * the first packet on. The error of bind(2): -EADDRINUSE, …
 */
int mz_socket_open(const struct mz_addr *self, uint16_t port, const struct sock_fprog *filter,
		   int *ret_fd);
