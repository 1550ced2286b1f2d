/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the command line knows: one row per option and one per verb. The parser (args.c), usage
 * (usage.c), the manual page (man.c) and completion (complete.c) are made from these rows and from
 * nothing else; the flags of `mizar create KIND` come from the field table in the same way.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/field.h"

/* What a verb returns, and mizar exits with. */
enum mz_exit {
	MZ_DONE = 0,
	MZ_FAILED = 1,
	MZ_MISUSED = 2,
};

/* What completion offers in a place. */
enum mz_offer {
	MZ_OFFER_NOTHING,
	MZ_OFFER_FILE, /* by the shell */
	MZ_OFFER_KIND,
	MZ_OFFER_MADE_KIND, /* kinds that users make */
	MZ_OFFER_OBJECT,    /* names of the kind that stands before */
	MZ_OFFER_ENDPOINT,
	MZ_OFFER_DROPLET,
	MZ_OFFER_NAMESPACE,
	MZ_OFFER_LAB,
	MZ_OFFER_HOST,	/* of the lab */
	MZ_OFFER_PLACE, /* a host of the lab, ctl or net */
	MZ_OFFER_TABLE,
	MZ_OFFER_NETNS,
	MZ_OFFER_SHELL,
};

enum mz_option_id {
	MZ_OPT_HELP,
	MZ_OPT_SERVER,
	MZ_OPT_CA,
	MZ_OPT_CERT,
	MZ_OPT_KEY,
	MZ_OPT_SERVER_NAME,
	MZ_OPT_LAB,
	MZ_OPT_TIMEOUT,
	MZ_OPT_NAMESPACE,
	MZ_OPT_ALL_NAMESPACES,
	MZ_OPT_OUTPUT,
	MZ_OPT_FILE,
	MZ_OPT_DRY_RUN,
	MZ_OPT_WAIT,
	MZ_OPT_SELECTOR,
	MZ_OPT_LABELS,
	MZ_OPT_IGNORE_NOT_FOUND,
	MZ_OPT_FOR,
	MZ_OPT_HOST,
	MZ_OPT_DIR,
	MZ_OPT_NETNS,
	MZ_OPT_IFNAME,
	MZ_OPT_ALL,
	MZ_OPT_VNI,
	MZ_OPT_NAME,
	MZ_OPT_HOSTS,
	MZ_OPT_UNDERLAY,
	MZ_OPT_ROUTED,
	MZ_OPT_MTU,
	MZ_OPT_TRANSIT,
	MZ_OPT_MIZARD_OPTIONS,
	MZ_OPT_KEEP_GOING,
	MZ_OPT_DEVICES,
	MZ_OPT_TO,
	MZ_N_OPTIONS,
};

struct mz_option {
	const char *name;    /* behind "--" */
	char letter;	     /* behind "-", or 0 */
	const char *value;   /* what usage calls its value; NULL: it has none */
	const char *choices; /* the values allowed, "a|b|c"; NULL: see min and max */
	uint64_t min, max;   /* max != 0: its value is a number within these */
	enum mz_offer offer;
	const char *doc;
};
extern const struct mz_option mz_options[MZ_N_OPTIONS];

struct mz_args;

struct mz_verb {
	const char *name;		   /* one word or two: "host tables" */
	const char *synopsis;		   /* the words behind it: "KIND [NAME...]" */
	const char *summary;		   /* one line, for the list of verbs */
	const char *text;		   /* the rest of what there is to say, or NULL */
	uint64_t options;		   /* MZ_OPT_BIT() of each it takes */
	unsigned int min_words, max_words; /* behind the verb */
	enum mz_offer offers[2];	   /* the last one stands for all that follow */
	bool has_fields;  /* takes the spec fields of the kind, its first word, as options */
	bool has_command; /* takes a command behind "--" */
	bool is_hidden;	  /* for programs: not in usage */
	enum mz_exit (*run)(const struct mz_args *args);
};
/* Ends with a row without a name. */
extern const struct mz_verb mz_verbs[];

#define MZ_OPT_BIT(id) (1ULL << (MZ_OPT_##id))

/* The verbs, one file a group. */
enum mz_exit mz_verb_apply(const struct mz_args *args);
enum mz_exit mz_verb_get(const struct mz_args *args);
enum mz_exit mz_verb_describe(const struct mz_args *args);
enum mz_exit mz_verb_delete(const struct mz_args *args);
enum mz_exit mz_verb_watch(const struct mz_args *args);
enum mz_exit mz_verb_wait(const struct mz_args *args);
enum mz_exit mz_verb_create(const struct mz_args *args);
enum mz_exit mz_verb_attach(const struct mz_args *args);
enum mz_exit mz_verb_detach(const struct mz_args *args);
enum mz_exit mz_verb_path(const struct mz_args *args);
enum mz_exit mz_verb_endpoint_migrate(const struct mz_args *args);
enum mz_exit mz_verb_host_status(const struct mz_args *args);
enum mz_exit mz_verb_host_peers(const struct mz_args *args);
enum mz_exit mz_verb_host_tables(const struct mz_args *args);
enum mz_exit mz_verb_host_stats(const struct mz_args *args);
enum mz_exit mz_verb_host_drops(const struct mz_args *args);
enum mz_exit mz_verb_host_locations(const struct mz_args *args);
enum mz_exit mz_verb_host_set(const struct mz_args *args);
enum mz_exit mz_verb_host_unset(const struct mz_args *args);
enum mz_exit mz_verb_host_uninstall(const struct mz_args *args);
enum mz_exit mz_verb_lab_up(const struct mz_args *args);
enum mz_exit mz_verb_lab_down(const struct mz_args *args);
enum mz_exit mz_verb_lab_status(const struct mz_args *args);
enum mz_exit mz_verb_lab_exec(const struct mz_args *args);
enum mz_exit mz_verb_lab_kill(const struct mz_args *args);
enum mz_exit mz_verb_lab_env(const struct mz_args *args);
enum mz_exit mz_verb_version(const struct mz_args *args);
enum mz_exit mz_verb_completion(const struct mz_args *args);
enum mz_exit mz_verb_complete(const struct mz_args *args);
enum mz_exit mz_verb_man(const struct mz_args *args);
enum mz_exit mz_verb_help(const struct mz_args *args);
