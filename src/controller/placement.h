/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Placement: which droplets get a network's bouncers or a VPC's dividers. A pure function of the
 * candidates: least loaded first, ties spread by a hash of who asks and who is asked, so that sets
 * made at once do not all meet on the same hosts. Never two of one set on one droplet.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ctl_candidate {
	uint64_t droplet; /* uid */
	uint64_t load;	  /* bouncers and dividers that it has */
	bool avoid;	  /* only if there is nobody else: a replica was just removed from it */
};

/*
 * Puts the best n into the first places, best first (candidates are reordered); returns how many
 * there are: n, or fewer. Who may not be chosen is not a candidate.
 */
size_t ctl_placement_choose(uint64_t set, struct ctl_candidate *candidates, size_t n_candidates,
			    size_t n);
