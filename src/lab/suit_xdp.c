// SPDX-License-Identifier: Apache-2.0
/*
 * What a veth device that runs XDP needs of its other end. A packet that turns round has no note of
 * what was left to be done to it, so checksums must be whole; and the other end polls for what is
 * sent back to it by XDP only if it has an XDP program too: one that passes everything.
 */
#include <errno.h>
#include <net/if.h>
#include <sys/socket.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>

#include "base/cleanup.h"
#include "lab/internal.h"
#include "netlink/feature.h"

static int load_pass(int *ret_fd)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = XDP_PASS },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_XDP,
		    .prog_flags = BPF_F_XDP_HAS_FRAGS); /* for packets of more than a page */
	int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "mz_lab_pass", "GPL", insns, ARRAY_SIZE(insns),
			       &opts);

	if (fd < 0)
		return fd;
	*ret_fd = fd;
	return 0;
}

static int complete_checksums(const char *name)
{
	static const char *const offloads[] = { "tx-checksum-ip-generic", "tx-checksum-sctp" };
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int r = 0;

	if (fd < 0)
		return -errno;
	for (size_t i = 0; !r && i < ARRAY_SIZE(offloads); i++)
		r = mz_feature_set(fd, name, offloads[i], false);
	return r;
}

int mz_lab_suit_xdp(void *user)
{
	const char *name = user;
	_cleanup_close_ int fd = -1;
	int r;

	r = complete_checksums(name);
	if (!r)
		r = load_pass(&fd);
	if (r < 0)
		return r;
	return bpf_xdp_attach((int)if_nametoindex(name), fd, XDP_FLAGS_DRV_MODE, NULL);
}
