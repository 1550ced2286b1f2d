/* SPDX-License-Identifier: Apache-2.0 */
/* mizar(1) in roff, from the rows of verb.h; the build runs this. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "cli/usage.h"
#include "rpc/rpc.h"

/* Roff takes '.' and ''' at the start of a line, and '\' and '-' anywhere, as its own. */
static void print_text(const char *text)
{
	if (*text == '.' || *text == '\'')
		fputs("\\&", stdout);
	for (; *text; text++) {
		if (*text == '\\')
			fputs("\\e", stdout);
		else if (*text == '-')
			fputs("\\-", stdout);
		else
			putchar(*text);
	}
}

static void print_line(const char *text)
{
	print_text(text);
	putchar('\n');
}

static void print_term(const char *term, const char *text)
{
	printf(".TP\n.B ");
	print_line(term);
	print_line(text);
}

static void print_verb(const struct mz_verb *verb)
{
	printf(".TP\n.B mizar %s", verb->name);
	printf("\\fR ");
	print_line(verb->synopsis);
	print_text(verb->summary);
	printf(".\n");
	if (verb->text)
		print_line(verb->text);
	printf("Options:");
	for (size_t id = 0; id < MZ_N_OPTIONS; id++) {
		if (!(verb->options & (1ULL << id)) || id == MZ_OPT_HELP)
			continue;
		printf(" ");
		print_text("--");
		print_text(mz_options[id].name);
	}
	printf(verb->options & ~MZ_OPT_BIT(HELP) ? ".\n" : " none.\n");
}

static void print_kind(const struct mz_kind_info *kind)
{
	char text[MZ_OPTION_TEXT_SIZE], doc[MZ_FIELD_DOC_SIZE];

	printf(".SS \"mizar create ");
	for (const char *c = kind->name; *c; c++)
		putchar(tolower((unsigned char)*c));
	printf(" NAME\"\n");
	print_line(kind->message->doc ?: "");
	for (const struct mz_field *f = mz_spec_fields(kind); f->pbc; f++)
		if (!f->output)
			print_term(mz_field_text(f, text), mz_field_doc(f, doc));
}

static const struct {
	const char *name, *doc;
} environment[] = {
	{ "MIZAR_LAB", "the lab to speak to, as --lab" },
	{ "MIZAR_SERVER", "the controller, as --server" },
	{ "MIZAR_CA", "as --ca" },
	{ "MIZAR_CERT", "as --cert" },
	{ "MIZAR_KEY", "as --key" },
};

static const struct {
	const char *name, *doc;
} files[] = {
	{ MZ_CONTROLLER_SOCKET, "the controller, when no other is named" },
	{ "/run/mizar/mizard.sock", "this host's mizard, when no other is named" },
	{ "/run/mizar-lab/NAME/", "a lab: certificates, and a directory with log, pid file and "
				  "sockets per host" },
};

enum mz_exit mz_verb_man(const struct mz_args *args)
{
	char text[MZ_OPTION_TEXT_SIZE];

	printf(".TH MIZAR 1 \"\" \"Mizar " MIZAR_VERSION
	       "\" \"Mizar\"\n.SH NAME\nmizar \\- objects, "
	       "hosts and labs of a Mizar network\n.SH SYNOPSIS\n.B mizar\n.I VERB\n"
	       "[\\fIWORD\\fR...] [\\fIOPTION\\fR...]\n.SH VERBS\n");
	for (const struct mz_verb *v = mz_verbs; v->name; v++)
		if (!v->is_hidden)
			print_verb(v);
	printf(".SH OPTIONS\n");
	for (size_t id = 0; id < MZ_N_OPTIONS; id++)
		print_term(mz_option_text(&mz_options[id], text), mz_options[id].doc);
	printf(".SH FIELDS\n");
	for (size_t i = 1; i < MZ_N_KINDS; i++)
		if (!mz_kinds[i].managed)
			print_kind(&mz_kinds[i]);
	printf(".SH ENVIRONMENT\nOptions stand above the environment.\n");
	for (size_t i = 0; i < ARRAY_SIZE(environment); i++)
		print_term(environment[i].name, environment[i].doc);
	printf("Without any of these and without a controller in the default place, a person at a "
	       "terminal is taken\nto the one lab that is up; a script is not.\n");
	printf(".SH FILES\n");
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		print_term(files[i].name, files[i].doc);
	printf(".SH \"EXIT STATUS\"\n0 done, 1 failed, 2 misused.\n"
	       ".SH \"SEE ALSO\"\n.BR mizar\\-manifest (5),\n.BR mizard (8),\n"
	       ".BR mizar\\-controller (8)\n");
	return MZ_DONE;
}
