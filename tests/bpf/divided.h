/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the tests of a VPC that divides have in common.
 *
 *	10.0.0.9 on .5, network 100 --> bouncer .2 --> divider --> bouncer .4 --> 10.0.1.9 on .6
 */
#pragma once

#include "learning.h"

#define THERE THIRD /* where the destination is */

extern uint64_t started; /* the test */

int plane_setup_divided(void **state); /* plane_setup_direct() in such a VPC, with divider .3 */
int plane_setup_divider(void **state); /* this host is its divider */

void expect_given_back(const char *from, const char *src, const char *dst);
void expect_let_in(const char *from, const char *src, const char *dst);
