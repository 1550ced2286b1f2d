// SPDX-License-Identifier: Apache-2.0
#include "learning.h"

#include <string.h>

const struct pair pairs[2] = {
	{ .own = PORT_IPV4,
	  .here = "10.0.0.4",
	  .dst = "10.0.1.9",
	  .here_200 = "10.0.1.4",
	  .src = "10.0.0.9",
	  .there = "10.0.0.6",
	  .gone = "10.0.0.77",
	  .remote = "10.0.0.2",
	  .other = "10.0.0.3" },
	{ .own = PORT_IPV6,
	  .here = "fd00:a::4",
	  .dst = "fd00:b::9",
	  .here_200 = "fd00:b::4",
	  .src = "fd00:a::9",
	  .there = "fd00:a::6",
	  .gone = "fd00:a::77",
	  .remote = "fd00:a::2",
	  .other = "fd00:a::3" },
};

const struct rts rts_of_source = { .host = SOURCE,
				   .generation = 5,
				   .group = 0x67,
				   .cookie = { 1, 2, 3, 4, 5, 6, 7, 8 } };

int plane_setup_direct(void **state)
{
	int r = plane_setup(state);

	plane_forget();
	put_vpc(VNI, MZ_VPC_DIRECT, LIST(DIVIDER));
	return r;
}

struct frame with_rts(const char *from, const char *src, const char *dst, const struct rts *rts)
{
	struct frame inner = inner_from(src, dst);
	struct options o = option_rts(rts);

	return tunnelled_with(from, &inner, &o);
}

struct frame here_for(const char *host, const char *address, const char *peer,
		      uint32_t generation, uint32_t flags)
{
	struct here here = {
		.address = address, .peer = peer, .generation = generation, .flags = flags
	};
	struct options o;

	memcpy(here.cookie, rts_of_source.cookie, COOKIE_SIZE);
	o = option_here(&here);
	return control_to(host, &o, 0);
}

void expect_learned(const char *ip, const struct mz_learned *expected, uint64_t then)
{
	struct mz_learned row, whole = *expected;

	assert_true(get_learned(ip, &row));
	assert_in_range(row.confirmed, then - COARSE_NS, now_ns());
	whole.confirmed = row.confirmed;
	whole.asked = row.asked;
	whole.asked_bouncers = row.asked_bouncers;
	assert_memory_equal(&row, &whole, sizeof(row));
}

void expect_new(const char *ip, const char *host, uint64_t network, uint32_t generation,
		uint32_t flags, uint64_t then)
{
	struct mz_learned row = { .host = addr(host),
				  .network = network,
				  .generation = generation,
				  .group = flags & MZ_LEARNED_RTS ? rts_of_source.group : 0,
				  .flags = flags };

	expect_learned(ip, &row, then);
}
