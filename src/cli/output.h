/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects on stdout in the form that -o asks for. They come one by one; JSON and YAML are collected
 * in a temporary file and appear only when all is well, a table appears as it comes.
 */
#pragma once

#include "cli/args.h"

enum mz_form {
	MZ_FORM_TABLE,
	MZ_FORM_WIDE,
	MZ_FORM_JSON,
	MZ_FORM_YAML,
	MZ_FORM_NAME,
};
enum mz_form mz_form_of(const struct mz_args *args);

struct mz_output;

/*
 * is_list: JSON is a List even of one object. column: header of an additional first column, or
 * NULL.
 */
int mz_output_new(enum mz_form form, const struct mz_kind_info *kind, bool is_list,
		  bool with_namespace, const char *column, struct mz_output **ret_output);
void mz_output_free(struct mz_output *output);
DEFINE_CLEANUP(struct mz_output *, mz_output_free)

/* cell: of the additional column, or NULL. */
int mz_output_add(struct mz_output *output, const struct mz_object *object, const char *cell);
/* So far, for somebody who watches. Tables only. */
void mz_output_flush(struct mz_output *output);
/* Prints what was collected. -EIO and the like: stdout could not be written; said. */
int mz_output_end(struct mz_output *output);
size_t mz_output_n_objects(const struct mz_output *output);

/* Any one JSON value (borrowed), as JSON or YAML; form is one of these. */
int mz_print_json(enum mz_form form, const json_t *json);

/* "network/web" */
#define MZ_OBJECT_REF_SIZE 160
const char *mz_object_ref(const struct mz_object *object, char buf[static MZ_OBJECT_REF_SIZE]);
const char *mz_ref(const struct mz_kind_info *kind, const char *name,
		   char buf[static MZ_OBJECT_REF_SIZE]);
