/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of single tunnel packets from the underlay have in common. */
#pragma once

#include "plane.h"

#define UDP    (ETH + frame_outer_size())
#define GENEVE (UDP + 8)

struct frame inner_to_4(void);
struct tunnel_spec spec_from(const char *host);
struct frame tunnel(const struct tunnel_spec *spec); /* with inner_to_4() */
void expect_delivered(const struct frame *in);
void expect_refused(const struct tunnel_spec *spec, enum mz_drop reason);
