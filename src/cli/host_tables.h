/* SPDX-License-Identifier: Apache-2.0 */
/* A host's pinned tables, and what its programs were loaded with; mizard need not run. */
#pragma once

#include <limits.h>

#include "cli/args.h"
#include "tables/tables.h"

/* Of the directory. What is wrong is said. */
enum mz_exit mz_host_tables_open(const char *dir, struct mz_tables **ret_tables);
enum mz_exit mz_host_config(const char *dir, struct mz_config *ret_config);
