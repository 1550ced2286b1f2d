/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths of Unix sockets that a server is about to bind: who may have been there before, and the
 * mode that the socket gets.
 */
#pragma once

#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

/* -ENAMETOOLONG, -EINVAL (empty). */
int mz_socket_address(const char *path, struct sockaddr_un *ret_address);

/*
 * Makes way for a socket at path: removes one that nobody listens on any more. -EADDRINUSE:
 * somebody does; -EEXIST: there is something else than a socket; -ENOENT: no such directory;
 * -EACCES and others of connect(2), bind(2) and unlink(2).
 */
int mz_socket_claim(const char *path);

/*
 * Sockets made between the two have mode 0600. The mask belongs to the whole process: nothing else
 * is done in between.
 */
mode_t mz_socket_private_begin(void);
void mz_socket_private_end(mode_t saved);
