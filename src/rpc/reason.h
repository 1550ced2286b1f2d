/* SPDX-License-Identifier: Apache-2.0 */
/* Inside src/rpc: why a call failed, for people. */
#pragma once

#include <stdbool.h>

#include <grpc/slice.h>

#include "rpc/rpc.h"

/*
 * The status text of a call as one printable line, for free(); NULL without memory. Where gRPC
 * speaks of its own insides, says what is wrong and what to look at instead.
 */
char *mz_rpc_reason(enum mz_rpc_code code, grpc_slice details, bool is_tls);
