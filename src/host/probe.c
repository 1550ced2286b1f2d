// SPDX-License-Identifier: Apache-2.0
/* Questions that the kernel answers only when a program asks them. */
#include <errno.h>
#include <stdint.h>

#include <bpf/bpf.h>

#include "base/cleanup.h"
#include "host/attach.h"

/* Linux 6.3; the headers here may be older. */
#define DECAP_L3_IPV4 (1 << 7)
#define DECAP_L3_IPV6 (1 << 8)

/*
 * Asks for more room than any kernel gives: one that knows the flags says -EFAULT to the size, one
 * that does not says -EINVAL to the flags, which it checks first.
 */
int mz_probe_decap_flags(void)
{
	const struct bpf_insn insns[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 2, .imm = 0x1000 },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 3, .imm = BPF_ADJ_ROOM_MAC },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 4,
		  .imm = DECAP_L3_IPV4 | DECAP_L3_IPV6 },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_skb_adjust_room },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	char packet[64] = {};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet, .data_size_in = sizeof(packet));
	_cleanup_close_ int fd = -1;
	int r;

	fd = bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "mz_probe", "GPL", insns, ARRAY_SIZE(insns),
			   NULL);
	if (fd < 0)
		return fd;
	r = bpf_prog_test_run_opts(fd, &opts);
	if (r < 0)
		return r;
	return (int32_t)opts.retval == -EFAULT;
}
