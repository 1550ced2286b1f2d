/* SPDX-License-Identifier: Apache-2.0 */
/* Plain scalars of YAML: what they mean (core schema of YAML 1.2), and what must be quoted. */
#pragma once

#include <stdbool.h>

#include <jansson.h>

/* -ERANGE: a number too large to be kept exactly, infinite, or not a number. -ENOMEM. */
int mz_scalar_resolve(const char *text, json_t **ret_json);

/*
 * Whether text without quotes would be read as something else than text, by this reader or by one
 * that follows YAML 1.1, where yes, off and 1:30 are no text.
 */
bool mz_scalar_needs_quotes(const char *text);
