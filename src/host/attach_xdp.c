// SPDX-License-Identifier: Apache-2.0
/*
 * XDP in the driver (native): a BPF link, which the kernel lets nobody else replace, and which
 * never replaces the program of somebody else. Generic XDP is not asked for: it is slower than tc.
 */
#include <linux/if_link.h>

#include "host/pinned.h"

static const struct mz_pinned kind = {
	.folder = "xdp",
	.type = BPF_XDP,
	.flags = XDP_FLAGS_DRV_MODE,
};

int mz_attach_xdp(const char *bpf_dir, int prog_fd, int ifindex)
{
	return mz_pinned_attach(&kind, bpf_dir, prog_fd, ifindex);
}

int mz_detach_xdp(const char *bpf_dir, int ifindex)
{
	return mz_pinned_detach(&kind, bpf_dir, ifindex);
}

int mz_detach_xdp_all(const char *bpf_dir, int except)
{
	return mz_pinned_detach_all(&kind, bpf_dir, except);
}
