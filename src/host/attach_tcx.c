// SPDX-License-Identifier: Apache-2.0
/* tcx (Linux 6.6): a BPF link per device. */
#include <errno.h>

#include <bpf/bpf.h>

#include "base/cleanup.h"
#include "host/pinned.h"

/* enum bpf_attach_type of Linux 6.6; the headers here may be older. */
#define TCX_INGRESS ((enum bpf_attach_type)46)

static const struct mz_pinned kind = { .folder = "link", .type = TCX_INGRESS };

/* No such device is what a kernel with tcx says to interface index 0. */
static int tcx_probe(int prog_fd)
{
	int fd = bpf_link_create(prog_fd, 0, TCX_INGRESS, NULL);

	if (fd >= 0) {
		(void)close(fd); /* undoes it */
		return 1;
	}
	if (fd == -EPERM)
		return fd;
	return fd == -ENODEV;
}

static int tcx_attach(const char *bpf_dir, int prog_fd, int ifindex)
{
	return mz_pinned_attach(&kind, bpf_dir, prog_fd, ifindex);
}

static int tcx_detach(const char *bpf_dir, int ifindex)
{
	return mz_pinned_detach(&kind, bpf_dir, ifindex);
}

static int tcx_update_all(const char *bpf_dir, const int prog_fds[static MZ_N_HOOKS])
{
	return mz_pinned_update_all(&kind, bpf_dir, prog_fds);
}

static int tcx_detach_all(const char *bpf_dir)
{
	return mz_pinned_detach_all(&kind, bpf_dir, 0);
}

const struct mz_attach_ops mz_attach_tcx = {
	.name = "tcx",
	.probe = tcx_probe,
	.attach = tcx_attach,
	.detach = tcx_detach,
	.update_all = tcx_update_all,
	.detach_all = tcx_detach_all,
};
