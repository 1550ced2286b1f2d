// SPDX-License-Identifier: Apache-2.0
#include "rpc/reason.h"

#include <stdio.h>
#include <string.h>

#include "rpc/message.h"

/* "…; last error: CODE: ADDRESS: WHY", of gRPC 1.51. Any other text stays as it is. */
#define CONNECT_PREFIX "failed to connect to all addresses; last error: "

static const struct {
	const char *part;
	const char *text;
} tls_reasons[] = {
	/* All that a client sees of a server that refuses it. */
	{ "Socket closed",
	  "the server hung up: it may not trust our certificate (of another CA, or expired), or it "
	  "has just stopped" },
	{ "certificate verify failed",
	  "the server's certificate is not valid, or not issued by the CA that we trust" },
	{ "wrong version number", "the server does not speak TLS on this port" },
};

static const char *explain(const char *why, bool is_tls)
{
	for (size_t i = 0; is_tls && i < ARRAY_SIZE(tls_reasons); i++) {
		if (strstr(why, tls_reasons[i].part))
			return tls_reasons[i].text;
	}

	return why;
}

char *mz_rpc_reason(enum mz_rpc_code code, grpc_slice details, bool is_tls)
{
	_cleanup_free_ char *text = mz_rpc_text(details);
	char *address, *why, *reason;

	if (!text || code != MZ_RPC_UNAVAILABLE ||
	    strncmp(text, CONNECT_PREFIX, strlen(CONNECT_PREFIX)) != 0)
		return TAKE(text);

	address = strstr(text + strlen(CONNECT_PREFIX), ": ");
	why = address ? strstr(address + 2, ": ") : NULL;
	if (!why)
		return TAKE(text);

	address += 2;
	*why = '\0';
	if (asprintf(&reason, "cannot connect to %s: %s", address, explain(why + 2, is_tls)) < 0)
		return NULL;

	return reason;
}
