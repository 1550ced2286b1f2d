// SPDX-License-Identifier: Apache-2.0
/*
 * clsact: a direct-action filter on the ingress of the device's clsact qdisc, with a priority and a
 * handle of our own, by which we find it again. The qdisc stays when the filter goes: others may
 * use it, and one without filters costs nothing.
 */
#include <errno.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "base/log.h"
#include "host/attach.h"
#include "netlink/link.h"

#define PRIORITY 0x4d5a /* "MZ" */
#define HANDLE 1

/* A bpf_tc_hook for the ingress of a device. */
#define INGRESS(name, ifindex_)                                                                    \
	LIBBPF_OPTS(bpf_tc_hook, name, .ifindex = ifindex_, .attach_point = BPF_TC_INGRESS)

/* Every kernel that loads the programs has it. */
static int clsact_probe(int prog_fd)
{
	return 1;
}

static int clsact_attach(const char *bpf_dir, int prog_fd, int ifindex)
{
	INGRESS(hook, ifindex);
	LIBBPF_OPTS(bpf_tc_opts, opts, .prog_fd = prog_fd, .flags = BPF_TC_F_REPLACE,
		    .priority = PRIORITY, .handle = HANDLE);
	int r;

	if (ifindex <= 0)
		return -ENODEV;
	r = bpf_tc_hook_create(&hook);
	if (r < 0 && r != -EEXIST)
		return r;
	return bpf_tc_attach(&hook, &opts);
}

/* -ENOENT: no filter of ours, or no qdisc, or no device. */
static int query(int ifindex, unsigned int *ret_prog_id)
{
	INGRESS(hook, ifindex);
	LIBBPF_OPTS(bpf_tc_opts, opts, .priority = PRIORITY, .handle = HANDLE);
	int r = bpf_tc_query(&hook, &opts);

	/* Without a clsact qdisc the kernel finds the parent invalid. */
	if (r == -EINVAL || r == -ENODEV)
		return -ENOENT;
	if (r < 0)
		return r;
	*ret_prog_id = opts.prog_id;
	return 0;
}

static int clsact_detach(const char *bpf_dir, int ifindex)
{
	INGRESS(hook, ifindex);
	LIBBPF_OPTS(bpf_tc_opts, opts, .priority = PRIORITY, .handle = HANDLE);
	unsigned int prog_id;
	enum mz_hook which;
	int r;

	if (ifindex <= 0)
		return 0;
	r = query(ifindex, &prog_id);
	if (r == 0)
		r = mz_hook_of_program(prog_id, &which);
	if (r == 0)
		r = bpf_tc_detach(&hook, &opts);
	return r == -ENOENT ? 0 : r;
}

struct replacement {
	const char *bpf_dir;
	const int *prog_fds; /* NULL: detach */
	int n_replaced;
};

static int visit_device(const struct mz_link *link, void *user)
{
	struct replacement *replacement = user;
	unsigned int prog_id;
	enum mz_hook which;
	int r;

	if (!replacement->prog_fds)
		return clsact_detach(replacement->bpf_dir, link->ifindex);
	r = query(link->ifindex, &prog_id);
	if (r == 0)
		r = mz_hook_of_program(prog_id, &which);
	if (r == -ENOENT)
		return 0;
	if (r == 0)
		r = clsact_attach(replacement->bpf_dir, replacement->prog_fds[which],
				  link->ifindex);
	if (r < 0)
		mz_log_debug("programs: %s: %s", link->name, strerror(-r));
	else
		replacement->n_replaced++;
	return r;
}

static int visit_devices(struct replacement *replacement)
{
	_cleanup_(mz_netlink_freep) struct mz_netlink *nl = NULL;
	int r = mz_netlink_open(&nl);

	if (r < 0)
		return r;
	r = mz_link_each(nl, visit_device, replacement);
	return r == -EINTR ? mz_link_each(nl, visit_device, replacement) : r;
}

static int clsact_update_all(const char *bpf_dir, const int prog_fds[static MZ_N_HOOKS])
{
	struct replacement replacement = { .bpf_dir = bpf_dir, .prog_fds = prog_fds };
	int r = visit_devices(&replacement);

	return r < 0 ? r : replacement.n_replaced > 0;
}

static int clsact_detach_all(const char *bpf_dir)
{
	struct replacement replacement = { .bpf_dir = bpf_dir };

	return visit_devices(&replacement);
}

const struct mz_attach_ops mz_attach_clsact = {
	.name = "clsact",
	.probe = clsact_probe,
	.attach = clsact_attach,
	.detach = clsact_detach,
	.update_all = clsact_update_all,
	.detach_all = clsact_detach_all,
};
