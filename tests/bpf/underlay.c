// SPDX-License-Identifier: Apache-2.0
#include "underlay.h"

struct frame inner_to_4(void)
{
	return inner_from("10.0.0.2", "10.0.0.4");
}

struct tunnel_spec spec_from(const char *host)
{
	return (struct tunnel_spec){ .dst_mac = SELF_MAC,
				     .src_mac = "02:aa:00:00:00:02",
				     .src = host,
				     .dst = SELF,
				     .src_port = 40000,
				     .vni = VNI };
}

struct frame tunnel(const struct tunnel_spec *spec)
{
	struct frame frame = {}, inner = inner_to_4();

	frame_tunnel(&frame, spec, &inner);
	return frame;
}

void expect_delivered(const struct frame *in)
{
	struct frame inner = inner_to_4(), out = delivered(MAC_4, &inner);

	expect_sent(TRANSIT, in, &out, COUNT(deliver));
}

void expect_refused(const struct tunnel_spec *spec, enum mz_drop reason)
{
	struct frame in = tunnel(spec);

	expect_drop(TRANSIT, &in, reason);
}
