/* SPDX-License-Identifier: Apache-2.0 */
/* mizar-controller's options. Text is borrowed from argv and from what ctl_options_fini() frees. */
#pragma once

#include "base/log.h"
#include "controller/controller.h"
#include "rpc/rpc.h"

struct ctl_options {
	const char *store;
	const char *listen_unix;
	const char *listen; /* ADDR:PORT, or NULL */
	struct mz_rpc_tls tls;
	struct ctl_times times;
	enum mz_log_level log_level;
	int journal;
	char *text; /* of the --config file */
};

/* 0: run; 1: done already (--help, --version); -EINVAL: misused, said on stderr. */
int ctl_options_parse(int argc, char **argv, struct ctl_options *ret_options);
void ctl_options_fini(struct ctl_options *options);
