/* SPDX-License-Identifier: Apache-2.0 */
/* Inside src/rpc: PEM files as gRPC's credentials, and who is on the other side of a call. */
#pragma once

#include <grpc/grpc_security.h>

#include "rpc/rpc.h"

/* See mz_rpc_tls_check() for the errors. */
int mz_rpc_tls_server_credentials(const struct mz_rpc_tls *tls,
				  grpc_server_credentials **ret_credentials);
int mz_rpc_tls_client_credentials(const struct mz_rpc_tls *tls,
				  grpc_channel_credentials **ret_credentials);

/*
 * Common name of the peer's certificate, for free(). Only a peer on a Unix socket has none (NULL):
 * that one is trusted as the local administrator. A certificate without a usable name gives "".
 */
int mz_rpc_peer_name(grpc_call *call, const char *peer, char **ret_name);
