/* SPDX-License-Identifier: Apache-2.0 */
/* Help as text: lines of two columns, the right one wrapped. */
#include <ctype.h>
#include <string.h>

#include "cli/usage.h"

/* Prints text from column `at` on, with lines that end before MZ_USAGE_WIDTH. */
static void print_wrapped(FILE *out, size_t indent, size_t at, const char *text)
{
	while (*text) {
		size_t size = strcspn(text, " \n");

		if (at > indent && at + 1 + size > MZ_USAGE_WIDTH) {
			fprintf(out, "\n%*s", (int)indent, "");
			at = indent;
		} else if (at > indent) {
			fputc(' ', out);
			at++;
		}
		fprintf(out, "%.*s", (int)size, text);
		at += size;
		text += size;
		text += strspn(text, " \n");
	}
	fputc('\n', out);
}

#define LEFT_WIDTH 28

static void print_row(FILE *out, const char *left, const char *right)
{
	int n = fprintf(out, "  %s", left);

	if (n >= LEFT_WIDTH) {
		fputc('\n', out);
		n = 0;
	}
	fprintf(out, "%*s", LEFT_WIDTH - n, "");
	print_wrapped(out, LEFT_WIDTH, LEFT_WIDTH, right);
}

const char *mz_option_text(const struct mz_option *option, char buf[static MZ_OPTION_TEXT_SIZE])
{
	char letter[] = { '-', option->letter, ',', ' ', 0 };

	snprintf(buf, MZ_OPTION_TEXT_SIZE, "%s--%s%s%s", option->letter ? letter : "", option->name,
		 option->value ? " " : "", option->choices ?: option->value ?: "");
	return buf;
}

/* What a field's flag wants: its type in a word. */
static const char *field_value(const struct mz_field *field)
{
	switch (field->format) {
	case MZ_FORMAT_DNS_LABEL:
		return "NAME";
	case MZ_FORMAT_IP:
		return "ADDRESS";
	case MZ_FORMAT_PREFIX:
		return "PREFIX";
	case MZ_FORMAT_MAC:
		return "MAC";
	case MZ_FORMAT_TIMESTAMP:
	case MZ_FORMAT_LABEL_KEY:
	case MZ_FORMAT_LABEL_VALUE:
	case MZ_FORMAT_IFNAME:
	case MZ_FORMAT_ANY:
		break;
	}
	switch (field->pbc->type) {
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_BYTES:
		return "TEXT";
	default: /* the numbers; a message has no flag */
		return "N";
	}
}

const char *mz_field_text(const struct mz_field *field, char buf[static MZ_OPTION_TEXT_SIZE])
{
	bool repeated = field->pbc->label == PROTOBUF_C_LABEL_REPEATED;
	char flag[MZ_FLAG_SIZE];
	int n;

	mz_field_flag(field, flag);
	if (mz_field_is_flag_bool(field)) {
		snprintf(buf, MZ_OPTION_TEXT_SIZE, "--%s[=false]", flag);
		return buf;
	}
	n = snprintf(buf, MZ_OPTION_TEXT_SIZE, "--%s ", flag);
	if (!field->enumeration)
		n += snprintf(buf + n, MZ_OPTION_TEXT_SIZE - (size_t)n, "%s%s", field_value(field),
			      repeated ? ",..." : "");
	for (size_t i = 0; field->enumeration && field->enumeration->values[i].json; i++)
		if (n < MZ_OPTION_TEXT_SIZE)
			n += snprintf(buf + n, MZ_OPTION_TEXT_SIZE - (size_t)n, "%s%s",
				      i ? "|" : "", field->enumeration->values[i].json);
	return buf;
}

const char *mz_field_doc(const struct mz_field *field, char buf[static MZ_FIELD_DOC_SIZE])
{
	if (field->doc && *field->doc)
		snprintf(buf, MZ_FIELD_DOC_SIZE, "%s", field->doc);
	else
		snprintf(buf, MZ_FIELD_DOC_SIZE, "%s%s.", field->ref ? "The name of a " : "",
			 field->ref ?: field->json);
	if (field->required)
		strncat(buf, " Required.", MZ_FIELD_DOC_SIZE - strlen(buf) - 1);
	return buf;
}

void mz_usage_all(FILE *out, const char *group)
{
	size_t size = group ? strlen(group) : 0;
	char left[64];

	fprintf(out, "Usage: mizar %s%sVERB [OPTION...]\n\n", group ?: "", group ? " " : "");
	for (const struct mz_verb *v = mz_verbs; v->name; v++) {
		if (v->is_hidden ||
		    (group && (strncmp(v->name, group, size) || v->name[size] != ' ')))
			continue;
		snprintf(left, sizeof(left), "%s", v->name);
		print_row(out, left, v->summary);
	}
	fprintf(out, "\nmizar VERB --help says what a verb takes. $MIZAR_LAB names a lab, "
		     "$MIZAR_SERVER a\ncontroller to speak to. Exit status: 0 done, 1 failed, "
		     "2 misused.\n");
}

static void print_kinds(FILE *out)
{
	char left[64];

	fprintf(out, "\nKinds:\n");
	for (size_t i = 1; i < MZ_N_KINDS; i++) {
		const struct mz_kind_info *k = &mz_kinds[i];
		int n = snprintf(left, sizeof(left), "%s", k->plural);

		for (size_t j = 0; k->shorts && k->shorts[j]; j++)
			n += snprintf(left + n, sizeof(left) - (size_t)n, ", %s", k->shorts[j]);
		print_row(out, left, k->message->doc ?: "");
	}
}

void mz_usage_verb(FILE *out, const struct mz_verb *verb, const struct mz_kind_info *kind)
{
	char text[MZ_OPTION_TEXT_SIZE], doc[MZ_FIELD_DOC_SIZE], summary[128];

	fprintf(out, "Usage: mizar %s%s%s%s\n\n", verb->name, *verb->synopsis ? " " : "",
		verb->synopsis, verb->options & ~MZ_OPT_BIT(HELP) ? " [OPTION...]" : "");
	snprintf(summary, sizeof(summary), "%s.", verb->summary);
	summary[0] = (char)toupper((unsigned char)summary[0]);
	print_wrapped(out, 0, 0, summary);
	if (verb->text)
		print_wrapped(out, 0, 0, verb->text);
	if (kind) {
		fprintf(out, "\nFields of %s %s:\n", kind->article, kind->name);
		for (const struct mz_field *f = mz_spec_fields(kind); f->pbc; f++)
			if (!f->output)
				print_row(out, mz_field_text(f, text), mz_field_doc(f, doc));
	} else if (verb->offers[0] == MZ_OFFER_KIND || verb->offers[0] == MZ_OFFER_MADE_KIND) {
		print_kinds(out);
	}
	fprintf(out, "\nOptions:\n");
	for (size_t id = 0; id < MZ_N_OPTIONS; id++)
		if (verb->options & (1ULL << id))
			print_row(out, mz_option_text(&mz_options[id], text), mz_options[id].doc);
}
