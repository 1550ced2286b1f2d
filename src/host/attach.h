/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How programs get onto devices. Two ways behind one table of operations; both find what is
 * attached by asking the kernel, so a restarted mizard needs no memory of it.
 */
#pragma once

#include <stdbool.h>

enum mz_hook {
	MZ_HOOK_AGENT,
	MZ_HOOK_TRANSIT,
	MZ_HOOK_XDP,
	MZ_N_HOOKS,
};
/* Names of the programs in bpf/: an attachment is known by the one that it has. */
extern const char *const mz_hook_names[MZ_N_HOOKS];

struct mz_attach_ops {
	const char *name;
	/* 1: the kernel has it, 0: it has not. */
	int (*probe)(int prog_fd);
	/* Makes the attachment, or updates it in place. */
	int (*attach)(const char *bpf_dir, int prog_fd, int ifindex);
	/* Absent is success. */
	int (*detach)(const char *bpf_dir, int ifindex);
	/*
	 * Every attachment of a device gets the new program of its hook, without a gap. 1: there
	 * were some, 0: there were none.
	 */
	int (*update_all)(const char *bpf_dir, const int prog_fds[static MZ_N_HOOKS]);
	int (*detach_all)(const char *bpf_dir);
};

extern const struct mz_attach_ops mz_attach_tcx;
extern const struct mz_attach_ops mz_attach_clsact;

/* XDP on the droplet, beside one of these. -EOPNOTSUPP, -EBUSY or -EEXIST (not ours), -EINVAL. */
int mz_attach_xdp(const char *bpf_dir, int prog_fd, int ifindex);
int mz_detach_xdp(const char *bpf_dir, int ifindex);
int mz_detach_xdp_all(const char *bpf_dir, int except); /* except: a device, or 0 */

/* The hook that a program of ours is for; -ENOENT: it is not ours. */
int mz_hook_of_program(unsigned int prog_id, enum mz_hook *ret_hook);

/* What libbpf says goes to the debug log, not to stderr. */
void mz_libbpf_to_debug(void);

/* 1: the kernel knows BPF_F_ADJ_ROOM_DECAP_L3_IPV4 and _IPV6 (6.3), 0: it does not. */
int mz_probe_decap_flags(void);
