/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which controller and which host a command speaks to. Options stand above the environment, a lab
 * above the default places. Problems are said on stderr here; the results are then exit codes.
 */
#pragma once

#include <limits.h>

#include "cli/args.h"
#include "lab/lab.h"
#include "rpc/rpc.h"

struct mz_target {
	char server[PATH_MAX];	       /* "unix:PATH" or "HOST:PORT" */
	char lab[MZ_LAB_NAME_MAX + 1]; /* whose it is, empty: of none */
	struct mz_rpc_tls tls;	       /* all NULL for a Unix socket */
	const char *server_name;
};
int mz_target_server(const struct mz_args *args, struct mz_target *ret_target);

/* mizard's directory. 0, or -EINVAL: misuse. */
int mz_target_dir(const struct mz_args *args, char ret_dir[static PATH_MAX]);

/* The lab that was named, by option or environment, else NULL. Borrowed. */
const char *mz_target_lab(const struct mz_args *args);
const char *mz_target_namespace(const struct mz_args *args);
