/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Completion. The shell's part is fixed and asks `mizar complete -- WORD...` what may stand in
 * place of the last word; that is answered here from the same rows that parse. Names are asked of
 * the controller, which has a moment to answer; whatever goes wrong, there is no completion and no
 * noise.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/args.h"
#include "cli/say.h"
#include "cli/server.h"
#include "cli/target.h"
#include "lab/lab.h"
#include "tables/tables.h"

#define TIMEOUT_MS 300
#define NAMES_MAX  500 /* more help nobody */
#define VPCS_MAX   5000 /* that are looked at for their namespaces */

static const char script[] =
	"_mizar()\n"
	"{\n"
	"	local word\n"
	"	COMPREPLY=()\n"
	"	while IFS= read -r word; do\n"
	"		COMPREPLY+=(\"$word\")\n"
	"	done < <(\"${COMP_WORDS[0]}\" complete -- \"${COMP_WORDS[@]:1:COMP_CWORD}\" "
	"2>/dev/null)\n"
	"}\n"
	"complete -o default -F _mizar mizar\n";

enum mz_exit mz_verb_completion(const struct mz_args *args)
{
	if (strcmp(args->words[0], "bash")) {
		mz_error("completion is there for bash, not for '%s'", args->words[0]);
		return MZ_MISUSED;
	}
	fputs(script, stdout);
	return MZ_DONE;
}

struct completing {
	const char *prefix; /* what was typed of the last word */
	const struct mz_verb *verb;
	const char *group;
	const struct mz_kind_info *kind; /* named by the first word behind the verb */
	size_t n_words;			 /* behind the verb, before the last */
	const char *option;		 /* whose value the last word is, or NULL */
	struct mz_args args;		 /* what says where the controller is */
	size_t n_names;
};

static void offer(struct completing *c, const char *text)
{
	if (!strncmp(text, c->prefix, strlen(c->prefix)))
		puts(text);
}

static void offer_choices(struct completing *c, const char *choices)
{
	char word[64];

	while (*choices) {
		size_t size = strcspn(choices, "|");

		snprintf(word, sizeof(word), "%.*s", (int)size, choices);
		offer(c, word);
		choices += size;
		choices += *choices == '|';
	}
}

static void offer_kinds(struct completing *c, bool made)
{
	char name[64];

	for (size_t i = 1; i < MZ_N_KINDS; i++) {
		size_t n = 0;

		if (made && mz_kinds[i].managed)
			continue;
		for (; mz_kinds[i].name[n] && n + 1 < sizeof(name); n++)
			name[n] = (char)tolower((unsigned char)mz_kinds[i].name[n]);
		name[n] = 0;
		offer(c, made ? name : mz_kinds[i].plural);
	}
}

static int offer_object(const struct mz_object *object, void *user)
{
	struct completing *c = user;

	offer(c, mz_object_name(object));
	return ++c->n_names >= NAMES_MAX;
}

static void offer_objects(struct completing *c, const struct mz_kind_info *kind)
{
	_cleanup_(mz_server_freep) struct mz_server *server = NULL;

	if (!kind || mz_server_open(&c->args, &server) != MZ_DONE)
		return;
	mz_server_set_quiet(server, TIMEOUT_MS);
	(void)mz_server_list(server, kind, mz_target_namespace(&c->args), NULL, offer_object, c);
}

struct tenants {
	struct completing *c;
	char *names[NAMES_MAX];
	size_t n, n_vpcs;
};

static int offer_tenant(const struct mz_object *vpc, void *user)
{
	const char *name = mz_object_namespace(vpc);
	struct tenants *tenants = user;
	size_t i;

	for (i = 0; i < tenants->n && strcmp(tenants->names[i], name); i++)
		;
	if (i == tenants->n) {
		tenants->names[i] = strdup(name);
		if (!tenants->names[i])
			return -ENOMEM;
		tenants->n++;
		offer(tenants->c, name);
	}
	return tenants->n == NAMES_MAX || ++tenants->n_vpcs == VPCS_MAX;
}

/* No kind holds the namespaces; who has something there has a VPC first. */
static void offer_tenants(struct completing *c)
{
	_cleanup_(mz_server_freep) struct mz_server *server = NULL;
	struct tenants tenants = { .c = c };

	if (mz_server_open(&c->args, &server) != MZ_DONE)
		return;
	mz_server_set_quiet(server, TIMEOUT_MS);
	(void)mz_server_list(server, &mz_kinds[MZ_KIND_VPC], NULL, NULL, offer_tenant, &tenants);
	while (tenants.n)
		free(tenants.names[--tenants.n]);
}

static int offer_lab(const struct mz_lab *lab, void *user)
{
	offer(user, lab->name);
	return 0;
}

static void offer_places(struct completing *c, bool hosts_only)
{
	char name[MZ_LAB_PLACE_SIZE];
	struct mz_lab lab;

	if (mz_lab_load(mz_target_lab(&c->args) ?: "mizar", &lab) < 0)
		return;
	for (unsigned int p = 1; p <= lab.n_hosts; p++)
		offer(c, mz_lab_place_name(p, name));
	if (!hosts_only)
		offer_choices(c, "ctl|net");
}

static void offer_namespaces_of_network(struct completing *c)
{
	DIR *dir = opendir("/run/netns");
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			offer(c, entry->d_name);
	if (dir)
		closedir(dir);
}

static void offer_place(struct completing *c, enum mz_offer place)
{
	switch (place) {
	case MZ_OFFER_NOTHING:
	case MZ_OFFER_FILE: /* the shell's own: -o default */
		break;
	case MZ_OFFER_NAMESPACE:
		offer_tenants(c);
		break;
	case MZ_OFFER_KIND:
		offer_kinds(c, false);
		break;
	case MZ_OFFER_MADE_KIND:
		offer_kinds(c, true);
		break;
	case MZ_OFFER_OBJECT:
		offer_objects(c, c->kind);
		break;
	case MZ_OFFER_ENDPOINT:
		offer_objects(c, &mz_kinds[MZ_KIND_ENDPOINT]);
		break;
	case MZ_OFFER_DROPLET:
		offer_objects(c, &mz_kinds[MZ_KIND_DROPLET]);
		break;
	case MZ_OFFER_LAB:
		(void)mz_lab_each(offer_lab, c); /* none readable: none offered */
		break;
	case MZ_OFFER_HOST:
		offer_places(c, true);
		break;
	case MZ_OFFER_PLACE:
		offer_places(c, false);
		break;
	case MZ_OFFER_TABLE:
		for (size_t i = 0; i < MZ_N_TABLES; i++)
			offer(c, mz_table_infos[i].name);
		break;
	case MZ_OFFER_NETNS:
		offer_namespaces_of_network(c);
		break;
	case MZ_OFFER_SHELL:
		offer(c, "bash");
		break;
	}
}

static void offer_verbs(struct completing *c)
{
	char word[64];

	for (const struct mz_verb *v = mz_verbs; v->name; v++) {
		size_t size = strcspn(v->name, " ");

		if (v->is_hidden)
			continue;
		snprintf(word, sizeof(word), "%.*s", (int)size, v->name);
		if (!c->group && (v == mz_verbs || strncmp(v[-1].name, v->name, size)))
			offer(c, word);
		else if (c->group && v->name[size] && !strcmp(word, c->group))
			offer(c, v->name + size + 1);
	}
}

static void offer_options(struct completing *c)
{
	char text[MZ_FLAG_SIZE + 2], flag[MZ_FLAG_SIZE];

	for (size_t id = 0; id < MZ_N_OPTIONS; id++) {
		if (c->verb && !(c->verb->options & (1ULL << id)))
			continue;
		snprintf(text, sizeof(text), "--%s", mz_options[id].name);
		offer(c, text);
	}
	if (!c->verb || !c->verb->has_fields || !c->kind)
		return;
	for (const struct mz_field *f = mz_spec_fields(c->kind); f->pbc; f++) {
		snprintf(text, sizeof(text), "--%s", mz_field_flag(f, flag));
		if (!f->output)
			offer(c, text);
	}
}

static void offer_value(struct completing *c)
{
	const struct mz_option *o = mz_option_find(c->option, strlen(c->option));
	const struct mz_field *f;

	if (o && o->choices) {
		offer_choices(c, o->choices);
		return;
	}
	if (o) {
		offer_place(c, o->offer);
		return;
	}
	f = c->kind ? mz_field_by_flag(c->kind, c->option, strlen(c->option)) : NULL;
	if (f && f->ref)
		offer_objects(c, mz_kind_find(f->ref));
	for (size_t i = 0; f && f->enumeration && f->enumeration->values[i].json; i++)
		offer(c, f->enumeration->values[i].json);
}

/* ---- what was typed so far ------------------------------------------------------------------- */

static const struct mz_option *option_of(const char *word)
{
	if (!strncmp(word, "--", 2))
		return mz_option_find(word + 2, strcspn(word + 2, "="));
	for (size_t id = 0; id < MZ_N_OPTIONS; id++)
		if (mz_options[id].letter && mz_options[id].letter == word[1] && !word[2])
			return &mz_options[id];
	return NULL;
}

static void take_word(struct completing *c, const char *word)
{
	size_t n;

	if (c->verb) {
		if (!c->n_words++)
			c->kind = mz_kind_find(word);
		return;
	}
	c->verb = c->group ? mz_verb_find(c->group, word, &n) : mz_verb_find(word, NULL, &n);
	if (!c->verb && !c->group && mz_verb_is_group(word))
		c->group = word;
}

/* Options with values take the next word, or, if that is the last, make it their value. */
static void take_words(struct completing *c, char *const *words)
{
	for (; words[0] && words[1]; words++) {
		const char *word = words[0];
		const struct mz_option *o = word[0] == '-' ? option_of(word) : NULL;
		bool is_field = !o && word[0] == '-' && c->verb && c->verb->has_fields && c->kind;

		if (word[0] != '-') {
			take_word(c, word);
			continue;
		}
		if (strchr(word, '=') || !((o && o->value) || is_field))
			continue;
		if (!words[2]) {
			c->option = o ? o->name : word + 2;
			return;
		}
		if (o)
			c->args.values[o - mz_options] = words[1];
		words++;
	}
}

/* Bash makes "--for=gone" three words; without the middle one it is the same as "--for gone". */
static size_t drop_equals(char *const *words, char **ret_words)
{
	size_t n = 0;

	for (; *words; words++) {
		bool is_last = !words[1];

		if (!strcmp(*words, "=")) {
			if (is_last)
				ret_words[n++] = "";
			continue;
		}
		ret_words[n++] = *words;
	}
	ret_words[n] = NULL;
	return n;
}

enum mz_exit mz_verb_complete(const struct mz_args *args)
{
	struct completing c = { .prefix = "", .args = *args };
	_cleanup_free_ char **words = NULL;
	size_t n = 0;

	while (args->command[n])
		n++;
	words = calloc(n + 1, sizeof(*words));
	if (!words)
		return MZ_FAILED;
	n = drop_equals(args->command, words);
	take_words(&c, words);
	if (n)
		c.prefix = words[n - 1];
	if (c.option)
		offer_value(&c);
	else if (c.prefix[0] == '-')
		offer_options(&c);
	else if (!c.verb)
		offer_verbs(&c);
	else
		offer_place(&c, c.verb->offers[c.n_words ? 1 : 0]);
	return MZ_DONE;
}
