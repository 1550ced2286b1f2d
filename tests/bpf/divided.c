// SPDX-License-Identifier: Apache-2.0
#include "divided.h"

uint64_t started;

int plane_setup_divided(void **state)
{
	int r = plane_setup_direct(state);

	started = now_ns();
	put_vpc(VNI, MZ_VPC_DIRECT | MZ_VPC_DIVIDE, LIST(DIVIDER));
	return r;
}

int plane_setup_divider(void **state)
{
	int r = plane_setup_divided(state);

	put_vpc(VNI, MZ_VPC_DIRECT | MZ_VPC_DIVIDE, LIST(SELF));
	put_routes();
	return r;
}

void expect_given_back(const char *from, const char *src, const char *dst)
{
	struct frame inner = inner_from(src, dst), in = tunnelled(from, &inner);
	struct frame out = forwarded(from, &inner);

	struct result result;

	mark_returned(&out);
	plane_run(TRANSIT, &in, &result); /* XDP leaves what might be delivered */
	assert_result_sent(TRANSIT, &in, &result, &out, COUNT(forward) | COUNT(give_back));
}

void expect_let_in(const char *from, const char *src, const char *dst)
{
	struct frame inner = inner_from(src, dst), in = tunnelled(from, &inner);
	struct frame out = delivered(MAC_4, &inner);

	expect_sent(TRANSIT, &in, &out, COUNT(deliver));
}
