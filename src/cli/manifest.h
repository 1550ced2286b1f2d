/* SPDX-License-Identifier: Apache-2.0 */
/* A manifest from a file or standard input, for apply and delete; its problems as text. */
#pragma once

#include "cli/args.h"
#include "mizar/v1/management.pb-c.h"

struct mz_source {
	const char *name; /* for messages */
	char *text;
	size_t size;
	struct mz_manifest manifest;
};

/*
 * Reads, parses and checks it whole. "-" is standard input. Objects that name no namespace get ns.
 * -EINVAL, -ENOENT and so on: all that is wrong was said.
 */
int mz_source_read(const char *file, const char *ns, struct mz_source *ret_source);
void mz_source_fini(struct mz_source *source);

/* "web.yaml: document 3 (line 41) Network acme/web: spec.cidrs[0]: ..." on stderr, for each. */
void mz_source_say(const struct mz_source *source, struct mz_problems *problems);
