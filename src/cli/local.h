/* SPDX-License-Identifier: Apache-2.0 */
/* mizard on this host, or on a host of a lab: one request over its socket. No gRPC. */
#pragma once

#include "cli/args.h"
#include "mizar/v1/local.pb-c.h"

/*
 * Not MZ_DONE: what the verb should return; said, also an error that the response carries. The
 * response is freed with mizar__v1__local_response__free_unpacked().
 */
enum mz_exit mz_local_call(const struct mz_args *args, const Mizar__V1__LocalRequest *request,
			   Mizar__V1__LocalResponse **ret_response);
