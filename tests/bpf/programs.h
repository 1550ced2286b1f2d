/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The real programs in the kernel, as the tests of packets and the simulation use them alike:
 * loading, tables, what they count, and what leaves beside the packet of a test run. All in a
 * network namespace of the test's own.
 *
 * What the kernel refuses after the start ends the process.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "frame.h"
#include "mizar/counters.h"
#include "mizar/tables.h"

#define VIRTUAL_MAC "02:00:00:00:00:fe"

struct mizar_bpf;

/* Of all that was counted, by the programs of one object. */
struct counts {
	struct mz_count counters[MZ_N_COUNTERS];
	struct mz_count drops[MZ_DROP_CODES];
};

/* Ends the process with errno's text, unless it is so. */
void programs_must(bool is, const char *what);

/* Enters a new namespace. Returns whether the kernel has the flags of decapsulation; -errno. */
int programs_open(void);
void programs_close(void);
/* What main() ends with if it cannot go on: says why, and returns 77 if only root is missing. */
int programs_excuse(int error);

/* self, port_be, virtual_mac and lease are set; the rest is the caller's. */
struct mz_config programs_config(const char *self, bool decap_flags_ok);
void programs_configure(const volatile struct mz_config *rodata, const struct mz_config *config);
int programs_load(const struct mz_config *config, struct mizar_bpf **ret);
/* Makes those that are 0, and has the programs use them all. */
int programs_use_tables(const struct mizar_bpf *skeleton, int tables[static MZ_N_TABLES]);
/* Has programs forget their copies of rows. */
void programs_raise_epoch(const struct mizar_bpf *skeleton);
void programs_empty_map(int fd);

/* Sums over the CPUs, since the last time. */
void programs_take_counts(const struct mizar_bpf *skeleton, struct counts *ret);
/*
 * The packet itself comes out of the test run, and never leaves by a device: what does is a copy.
 * False: there is no more.
 */
bool programs_take_copy(struct frame *ret);
/*
 * After these: one that the programs made in order to receive it once more, with this mark. Then
 * the packet that comes out of the test run went on as it is.
 */
bool programs_take_again(struct frame *ret, uint32_t *ret_mark);

/* Pairs of devices, both ends up, so that a copy can leave: the index of one end of each. */
int programs_make_devices(unsigned int n, int mtu, uint32_t ret_ifindexes[]);
