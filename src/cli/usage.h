/* SPDX-License-Identifier: Apache-2.0 */
/* Help as text, from the rows of verb.h and the field table. */
#pragma once

#include <stdio.h>

#include "cli/args.h"

#define MZ_USAGE_WIDTH 80

/* mizar --help, or of a group ("lab") if one is given. */
void mz_usage_all(FILE *out, const char *group);
/* mizar VERB --help; kind: of `create KIND --help`, or NULL. */
void mz_usage_verb(FILE *out, const struct mz_verb *verb, const struct mz_kind_info *kind);

/* "-n, --namespace NAME" */
#define MZ_OPTION_TEXT_SIZE 96
const char *mz_option_text(const struct mz_option *option, char buf[static MZ_OPTION_TEXT_SIZE]);
#define MZ_FIELD_DOC_SIZE 512
const char *mz_field_doc(const struct mz_field *field, char buf[static MZ_FIELD_DOC_SIZE]);
const char *mz_field_text(const struct mz_field *field, char buf[static MZ_OPTION_TEXT_SIZE]);
