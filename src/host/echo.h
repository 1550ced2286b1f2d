/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The socket that ECHOs leave by and come back to: many with one system call each way. What comes
 * in is hostile: only whole ECHOs of ours from the tunnels' port are handed on, with their sender,
 * who must be compared with the one who was asked.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "mizar/tables.h"

#define MZ_ECHO_BATCH 64 /* at most, in one call of mz_echo_send() */

struct mz_echo {
	int fd;
	uint16_t port; /* of the tunnels */
	uint16_t mark; /* in every nonce of this socket: see mz_echo_open() */
};

struct mz_echo_probe {
	struct mz_addr to;
	uint64_t nonce;
};

/*
 * A nonce has 16 bits that the socket's filter looks for, random for each socket: a flood of those
 * who do not know them does not fill the queue that answers come by. The other 48 are each
 * nonce's own.
 */
int mz_echo_open(const struct mz_addr *self, uint16_t port, struct mz_echo *ret_echo);
void mz_echo_close(struct mz_echo *echo);

/* New nonces. -EAGAIN: too early after boot; … */
int mz_echo_nonces(const struct mz_echo *echo, struct mz_echo_probe *probes, size_t n);
/*
 * Returns how many of them are gone, or never will be (no route): those behind have found no room,
 * and may be tried later. ret_ns: when they went, for mz_echo_receive().
 */
size_t mz_echo_send(const struct mz_echo *echo, const struct mz_echo_probe *probes, size_t n,
		    uint64_t *ret_ns);

/* at_ns: when the kernel had it, by the same clock as mz_echo_send(). */
typedef void (*mz_echo_fn)(const struct mz_addr *from, uint64_t nonce, uint64_t at_ns, void *user);
/* All that is waiting, up to a bound that a flood would reach. */
void mz_echo_receive(const struct mz_echo *echo, mz_echo_fn fn, void *user);
