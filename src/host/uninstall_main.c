// SPDX-License-Identifier: Apache-2.0
/*
 * The last that is left of a mizard that was removed: takes the data plane out of the kernel, with
 * the devices of endpoints. As mizar host uninstall --devices, but it can be kept when all else is
 * gone: it needs no more libraries than ip(8) does.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "host/device.h"
#include "host/program.h"

static int delete_device(uint64_t uid, const struct mz_device *device, void *user)
{
	return mz_device_delete(uid);
}

int main(int argc, char **argv)
{
	int r;

	if (argc != 2) {
		fprintf(stderr, "usage: %s DIR\n", argv[0]);
		return 2;
	}
	r = mz_programs_uninstall(argv[1]);
	if (!r)
		r = mz_device_each(delete_device, NULL);
	if (r < 0)
		fprintf(stderr, "%s: the data plane of %s stays: %s\n", argv[0], argv[1],
			r == -EBUSY ? "a mizard is running" : strerror(-r));
	return r < 0 ? 1 : 0;
}
