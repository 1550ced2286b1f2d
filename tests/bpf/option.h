/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Geneve options of the direct path, written down by their fields: docs/wire-format.md, "Options".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mizar/wire.h"

#define COOKIE_SIZE 8

/* The options of a tunnel packet, and the flags that its Geneve header has with them. */
struct options {
	size_t size;
	uint8_t flags;
	uint8_t bytes[MZ_OPTS_MAX];
};

/* Hosts by frame_host(). */
struct rts {
	const char *host;
	uint32_t generation, group;
	uint8_t cookie[COOKIE_SIZE];
};

struct here {
	const char *address, *peer;
	uint8_t cookie[COOKIE_SIZE];
	uint32_t generation, group, flags;
};

/* Behind those that are there; data NULL: zeroes. */
void option_append(struct options *to, uint16_t class, uint8_t type, const void *data,
		   size_t size);
struct options option_rts(const struct rts *rts);
/* The same, and nobody believes it. */
struct options option_none(const struct rts *rts);
struct options option_here(const struct here *here);
struct options option_stale(const char *address, uint32_t generation);
struct options option_echo(const char nonce[static 8]);

/* Where the options of a tunnel packet without IP options are. */
struct frame;
uint8_t *options_of(struct frame *frame);
/* Of the RTS that a packet has as its only option. */
void cookie_of(const struct frame *frame, uint8_t ret_cookie[COOKIE_SIZE]);
