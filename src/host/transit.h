/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where transit runs on the droplet: in tc alone, or in XDP with tc behind it. XDP is attached when
 * mizard starts, not when the host begins to bounce or divide: attaching resets the rings of real
 * NICs.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "netlink/feature.h"

enum mz_transit_mode {
	MZ_TRANSIT_AUTO, /* XDP where the NIC's driver has it and loses nothing by it, else tc */
	MZ_TRANSIT_TC,
	MZ_TRANSIT_XDP,
};
extern const char *const mz_transit_names[];

#define MZ_TRANSIT_REASON_SIZE 128

struct mz_transit {
	enum mz_transit_mode wanted; /* set by the caller */
	enum mz_transit_mode mode;   /* what it came to: never AUTO */
	char reason[MZ_TRANSIT_REASON_SIZE];
};

/* What is known of a device. */
struct mz_transit_device {
	struct mz_driver driver; /* name "": not known */
	bool has_features;	 /* else an attempt must tell */
	uint64_t features;	 /* MZ_XDP_* */
};

/* Sets mode and reason from wanted. XDP may turn out to be impossible later: see below. */
void mz_transit_decide(struct mz_transit *transit, const struct mz_transit_device *device);
int mz_transit_choose(struct mz_transit *transit, int ifindex);

/*
 * The kernel did not load or attach the program: r says why. AUTO goes on with tc and returns 0,
 * else r is returned; the reason is set.
 */
int mz_transit_refused(struct mz_transit *transit, int r);
