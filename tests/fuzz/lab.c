// SPDX-License-Identifier: Apache-2.0
/* The record of a lab, which anything may have written. */
#include "fuzz.h"

#include "lab/internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[128], place[MZ_LAB_PLACE_SIZE], address[MZ_LAB_PLACE_SIZE];
	struct mz_lab lab = {};

	(void)snprintf(path, sizeof(path), "%s/lab.json", own_directory());
	write_file(path, (struct input){ data, size });
	if (mz_lab_read(path, &lab) < 0)
		return 0;
	REQUIRE(lab.n_hosts >= 1 && lab.n_hosts <= MZ_LAB_HOSTS_MAX && lab.mtu);
	for (unsigned int i = 1; i <= MZ_LAB_NET; i++) {
		(void)mz_lab_place_name(i, place);
		(void)mz_lab_address(&lab, i, address);
	}
	return 0;
}
