/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The BPF programs of a host: loading, pinning, attaching, replacing. A new version is loaded and
 * verified whole before any link is touched; on any failure the old programs stay attached.
 */
#pragma once

#include "base/cleanup.h"
#include "host/transit.h"
#include "tables/tables.h"

struct mz_programs;

enum mz_attach_mode {
	MZ_ATTACH_AUTO,	  /* tcx where the kernel has it (6.6), else clsact */
	MZ_ATTACH_TCX,	  /* pinned links */
	MZ_ATTACH_CLSACT, /* a filter of our own priority and handle */
};

/*
 * Loads agent and transit with config as their read-only data and the tables of `tables`, pins them
 * below dir/bpf/prog, and updates every existing attachment to them. The secret of config is made
 * here, anew each time. Where transit->wanted comes to
 * XDP, that is attached to config's device; all other XDP of ours is taken off. -EPERM, -EOPNOTSUPP
 * (names what is missing), -EINVAL (the verifier's log goes to debug); transit->reason is set if
 * XDP was asked for and is not to be had.
 */
int mz_programs_new(const char *dir, struct mz_tables *tables, const struct mz_config *config,
		    enum mz_attach_mode mode, struct mz_transit *transit,
		    struct mz_programs **ret_programs);
void mz_programs_free(struct mz_programs *programs); /* attachments stay */
DEFINE_CLEANUP(struct mz_programs *, mz_programs_free)

/* What the pinned programs below dir were loaded with. -ENOENT: there are none; -ESTALE: others. */
int mz_programs_config(const char *dir, struct mz_config *ret_config);

/* What AUTO came to. */
enum mz_attach_mode mz_programs_mode(const struct mz_programs *programs);

/* Repeatable. -ENODEV. The pin of a link is link/IFNAME-IFINDEX. */
int mz_programs_attach_transit(struct mz_programs *programs, int ifindex);
int mz_programs_attach_agent(struct mz_programs *programs, int ifindex);
/* Absent is success; also drops the pins of devices that are gone. */
int mz_programs_detach(struct mz_programs *programs, int ifindex);

/*
 * Takes the devices of endpoints down, releases the kernel's neighbours that mizard asked for, then
 * removes the device that merges tunnel packets (host/gro.h), all attachments, pins and the bpffs
 * below dir, then dir's bpf/. Absent is success. -EBUSY: a writer has the tables open. Runs in the
 * network namespace of the host that is uninstalled.
 */
int mz_programs_uninstall(const char *dir);
