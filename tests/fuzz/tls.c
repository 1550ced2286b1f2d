// SPDX-License-Identifier: Apache-2.0
/* PEM files of a CA, a certificate and a key, each a piece: what is no such file is said so. */
#include "fuzz.h"

#include "rpc/rpc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "ca", "cert", "key" };
	struct input input = { data, size };
	char paths[3][160], why[512] = "";
	struct mz_rpc_tls tls = { .ca = paths[0], .cert = paths[1], .key = paths[2] };
	int r;

	for (int i = 0; i < 3; i++) {
		(void)snprintf(paths[i], sizeof(paths[i]), "%s/%s", own_directory(), names[i]);
		write_file(paths[i], take_piece(&input));
	}
	r = mz_rpc_tls_check(&tls, why, sizeof(why));
	REQUIRE(r == 0 || (r < 0 && *why));
	return 0;
}
