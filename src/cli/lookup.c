/* SPDX-License-Identifier: Apache-2.0 */
/* Finding rows: verbs and options by what was typed, spec fields by their flag. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "cli/args.h"

const struct mz_verb *mz_verb_find(const char *first, const char *second, size_t *ret_n_words)
{
	for (const struct mz_verb *v = mz_verbs; v->name; v++) {
		size_t size = strcspn(v->name, " ");
		bool has_second = v->name[size];

		if (strlen(first) != size || strncmp(v->name, first, size))
			continue;
		if (has_second && (!second || strcmp(v->name + size + 1, second)))
			continue;
		*ret_n_words = has_second ? 2 : 1;
		return v;
	}
	return NULL;
}

bool mz_verb_is_group(const char *word)
{
	for (const struct mz_verb *v = mz_verbs; v->name; v++) {
		size_t size = strcspn(v->name, " ");

		if (v->name[size] && strlen(word) == size && !strncmp(v->name, word, size))
			return true;
	}
	return false;
}

const struct mz_option *mz_option_find(const char *name, size_t size)
{
	for (size_t id = 0; id < MZ_N_OPTIONS; id++)
		if (strlen(mz_options[id].name) == size &&
		    !strncmp(mz_options[id].name, name, size))
			return &mz_options[id];
	return NULL;
}

const struct mz_field *mz_spec_fields(const struct mz_kind_info *kind)
{
	static const struct mz_field none[1];

	for (const struct mz_field *f = kind->message->fields; f->pbc; f++)
		if (!strcmp(f->json, "spec"))
			return f->message->fields;
	return none;
}

const char *mz_field_flag(const struct mz_field *field, char buf[static MZ_FLAG_SIZE])
{
	size_t n = 0;

	for (const char *c = field->json; *c && n + 2 < MZ_FLAG_SIZE; c++) {
		if (isupper((unsigned char)*c))
			buf[n++] = '-';
		buf[n++] = (char)tolower((unsigned char)*c);
	}
	buf[n] = 0;
	return buf;
}

const struct mz_field *mz_field_by_flag(const struct mz_kind_info *kind, const char *flag,
					size_t size)
{
	char buf[MZ_FLAG_SIZE];

	for (const struct mz_field *f = mz_spec_fields(kind); f->pbc; f++) {
		mz_field_flag(f, buf);
		if (!f->output && strlen(buf) == size && !strncmp(buf, flag, size))
			return f;
	}
	return NULL;
}

bool mz_field_is_flag_bool(const struct mz_field *field)
{
	return field->pbc->type == PROTOBUF_C_TYPE_BOOL &&
	       field->pbc->label != PROTOBUF_C_LABEL_REPEATED;
}

uint64_t mz_args_number(const struct mz_args *args, enum mz_option_id id, uint64_t absent)
{
	return args->values[id] ? strtoull(args->values[id], NULL, 10) : absent;
}
