/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attachments that are BPF links, each pinned as BPF_DIR/FOLDER/IFNAME-IFINDEX, so that they stay
 * when mizard goes. The link of a device that was deleted is dead (-ENOLINK): its pin is all that
 * is left to remove.
 */
#pragma once

#include <linux/bpf.h>
#include <stdint.h>

#include "host/attach.h"

struct mz_pinned {
	const char *folder;
	enum bpf_attach_type type;
	uint32_t flags; /* of bpf_link_create() */
};

/*
 * Makes the link, or gives the one that is there the program. -ENODEV; -EBUSY, -EEXIST: a program
 * that is not ours has the place.
 */
int mz_pinned_attach(const struct mz_pinned *kind, const char *bpf_dir, int prog_fd, int ifindex);
/* Absent is success; of a device that is gone: all pins of such devices. */
int mz_pinned_detach(const struct mz_pinned *kind, const char *bpf_dir, int ifindex);
/* Each link gets the new program of its hook. 1: there were some, 0: there were none. */
int mz_pinned_update_all(const struct mz_pinned *kind, const char *bpf_dir,
			 const int prog_fds[static MZ_N_HOOKS]);
/* except: a device that keeps its own, or 0. */
int mz_pinned_detach_all(const struct mz_pinned *kind, const char *bpf_dir, int except);
