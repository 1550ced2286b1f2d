/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML to JSON values: documents without aliases, anchors, tags and duplicate keys, nested at most
 * MZ_YAML_DEPTH_MAX deep, scalars by the core schema of YAML 1.2. JSON text is read the same way.
 */
#pragma once

#include <stddef.h>

#include "api/field.h"

#define MZ_YAML_SIZE_MAX  (16U << 20)
#define MZ_YAML_DEPTH_MAX 32

struct mz_yaml_document {
	json_t *json;
	size_t number; /* in the text, from 0; empty documents count */
	int line;      /* of its first value, from 1 */
};
struct mz_yaml {
	struct mz_yaml_document *documents; /* without empty ones */
	size_t n_documents;
};
void mz_yaml_fini(struct mz_yaml *yaml);

/* Stops at the first error of syntax: one problem, which names the line. -EINVAL, -ENOMEM. */
int mz_yaml_load(const char *text, size_t size, struct mz_problems *problems,
		 struct mz_yaml *ret_yaml);

/* What to look for: a path as problems have it, in one document. */
struct mz_yaml_target {
	size_t document; /* its number */
	const char *path;
	int line; /* is set: of the thing itself or the nearest around it; 0 if none */
};
#define MZ_YAML_TARGETS_MAX 128
/* In any order, at most MZ_YAML_TARGETS_MAX. One pass over text, whatever their number. */
void mz_yaml_find_lines(const char *text, size_t size, struct mz_yaml_target *targets, size_t n);
