/* SPDX-License-Identifier: Apache-2.0 */
/* Inside src/rpc: targets and listening addresses, in the forms that rpc.h allows and no other. */
#pragma once

#define MZ_RPC_UNIX "unix:"

/*
 * "unix:/path" or "host:port", as a target for gRPC, for free(). -EINVAL: neither (gRPC itself
 * knows many more forms, and takes "unix:1" for a path); -ENAMETOOLONG.
 */
int mz_rpc_target(const char *target, char **ret_target);

/*
 * Whether "10.0.0.1:7700" can be listened on, since gRPC does not say why not. -EINVAL: not an
 * address and a port; -EADDRINUSE, -EADDRNOTAVAIL, -EACCES.
 */
int mz_rpc_try_listen(const char *address);
