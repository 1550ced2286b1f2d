/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command line, parsed by the rows of verb.h. Nothing here prints or reads anything else, so that
 * every misuse can be tested as text.
 */
#pragma once

#include "cli/verb.h"

#define MZ_FIELDS_MAX  32
#define MZ_MISUSE_SIZE 512

/* A spec field of `create`, as given. */
struct mz_field_arg {
	const struct mz_field *field;
	const char *value; /* "true" for a boolean without one */
};

struct mz_args {
	const struct mz_verb *verb; /* NULL: none was named, only with --help */
	const char *group;	    /* first word of a verb of two, while verb is NULL */
	const struct mz_kind_info
		*kind; /* of a verb with has_fields, once its first word was read */
	const char
		*values[MZ_N_OPTIONS]; /* borrowed from argv; NULL: absent; "": present, no value */
	const char **words;	       /* behind the verb */
	size_t n_words;
	char *const *command; /* behind "--", ends with NULL; or NULL */
	struct mz_field_arg fields[MZ_FIELDS_MAX];
	size_t n_fields;
};

/*
 * -EINVAL: misuse, said in ret_misuse in one line. With --help, what is missing or wrong behind the
 * verb is not looked at. Otherwise ret_args borrows from argv and is ended by mz_args_fini().
 */
int mz_args_parse(int argc, char *const argv[], struct mz_args *ret_args,
		  char ret_misuse[static MZ_MISUSE_SIZE]);
void mz_args_fini(struct mz_args *args);

static inline bool mz_args_has(const struct mz_args *args, enum mz_option_id id)
{
	return args->values[id];
}

/* Of an option with min and max, which was checked; absent: the given one. */
uint64_t mz_args_number(const struct mz_args *args, enum mz_option_id id, uint64_t absent);

/* The verb of one or two words; ret_n_words: how many it took. NULL: no such verb. */
const struct mz_verb *mz_verb_find(const char *first, const char *second, size_t *ret_n_words);
/* Whether it is the first word of verbs of two. */
bool mz_verb_is_group(const char *word);
/* By long name; NULL. */
const struct mz_option *mz_option_find(const char *name, size_t size);
/* Spec field of a kind by its flag ("locationGeneration" is location-generation). NULL. */
const struct mz_field *mz_field_by_flag(const struct mz_kind_info *kind, const char *flag,
					size_t size);
/* The fields of a kind's spec, ended by pbc == NULL. */
const struct mz_field *mz_spec_fields(const struct mz_kind_info *kind);
#define MZ_FLAG_SIZE 64
const char *mz_field_flag(const struct mz_field *field, char buf[static MZ_FLAG_SIZE]);
bool mz_field_is_flag_bool(const struct mz_field *field);
