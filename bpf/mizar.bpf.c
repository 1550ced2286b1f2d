// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The two hooks of the data plane. mz_agent runs on tc ingress of every endpoint's host-side device,
 * mz_transit on tc ingress of the droplet.
 */
#include "bpf.h"
#include "maps.h"

#include <linux/pkt_cls.h>

SEC("tc")
int mz_agent(struct __sk_buff *ctx)
{
	__u32 ifindex = ctx->ifindex;

	return table_lookup(port, &ifindex) ? TC_ACT_UNSPEC : TC_ACT_SHOT;
}

SEC("tc")
int mz_transit(struct __sk_buff *ctx)
{
	return mz_config.port_be ? TC_ACT_UNSPEC : TC_ACT_SHOT;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
