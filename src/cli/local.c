/* SPDX-License-Identifier: Apache-2.0 */
/* Requests to mizard, and its refusals in words. */
#include "cli/local.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "cli/say.h"
#include "cli/target.h"
#include "ipc/ipc.h"

#define DEFAULT_TIMEOUT_S 10

static void say_failure(int r, const char *path)
{
	switch (r) {
	case -ENOENT:
	case -ECONNREFUSED:
		mz_error("no mizard answers at %s: is it running? Another is named with --dir, or "
			 "--lab and --host",
			 path);
		break;
	case -EACCES:
		mz_error("%s: permission denied: this needs root", path);
		break;
	case -ETIMEDOUT:
		mz_error("mizard at %s did not answer in time (--timeout)", path);
		break;
	case -ENAMETOOLONG:
		mz_error("--dir: the path is too long for a socket");
		break;
	default:
		mz_error("mizard at %s: %s", path, strerror(-r));
	}
}

enum mz_exit mz_local_call(const struct mz_args *args, const Mizar__V1__LocalRequest *request,
			   Mizar__V1__LocalResponse **ret_response)
{
	unsigned int timeout_s =
		(unsigned int)mz_args_number(args, MZ_OPT_TIMEOUT, DEFAULT_TIMEOUT_S);
	Mizar__V1__LocalResponse *response = NULL;
	char dir[PATH_MAX], path[PATH_MAX + 16];
	int r;

	if (mz_target_dir(args, dir) < 0)
		return MZ_MISUSED;
	snprintf(path, sizeof(path), "%s/mizard.sock", dir);
	r = mz_ipc_call(path, request, (int)timeout_s * 1000, &response);
	if (r < 0) {
		say_failure(r, path);
		return MZ_FAILED;
	}
	if (response->error) {
		mz_error("%s", response->message && *response->message
				       ? response->message
				       : strerror((int)response->error));
		mizar__v1__local_response__free_unpacked(response, NULL);
		return MZ_FAILED;
	}
	*ret_response = response;
	return MZ_DONE;
}
