// SPDX-License-Identifier: Apache-2.0
/* See options.h. */
#include "controller/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <string.h>

enum {
	OPT_STORE = 256,
	OPT_UNIX,
	OPT_LISTEN,
	OPT_CA,
	OPT_CERT,
	OPT_KEY,
	OPT_LEVEL,
	OPT_JOURNAL,
	OPT_VERSION,
	OPT_HELP
};

static const struct option long_options[] = {
	{ "store", required_argument, NULL, OPT_STORE },
	{ "listen-unix", required_argument, NULL, OPT_UNIX },
	{ "listen", required_argument, NULL, OPT_LISTEN },
	{ "ca", required_argument, NULL, OPT_CA },
	{ "cert", required_argument, NULL, OPT_CERT },
	{ "key", required_argument, NULL, OPT_KEY },
	{ "log-level", required_argument, NULL, OPT_LEVEL },
	{ "journal", no_argument, NULL, OPT_JOURNAL },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ "help", no_argument, NULL, OPT_HELP },
	{},
};

static const char usage[] =
	"Usage: mizar-controller [OPTION...]\n"
	"\n"
	"The management plane of Mizar: keeps objects, places bouncers and dividers, and tells\n"
	"each host its rows.\n"
	"\n"
	"  --store PATH        database, made if absent (/var/lib/mizar/store.db)\n"
	"  --listen-unix PATH  Unix socket, only for its owner (/run/mizar/controller.sock)\n"
	"  --listen ADDR:PORT  TCP with mutual TLS; needs --ca, --cert and --key\n"
	"  --ca FILE           PEM: whose clients are trusted. Their common names say what they "
	"may:\n"
	"                      admin:NAME manages, droplet:NAME is that host\n"
	"  --cert FILE         PEM: own certificate chain\n"
	"  --key FILE          PEM: own private key\n"
	"  --log-level LEVEL   error, warning, info or debug (info)\n"
	"  --journal           log lines with the prefixes of sd-daemon(3)\n"
	"  --version           print the version\n"
	"  --help              print this text\n";

static int misuse(const char *format, const char *what)
{
	fprintf(stderr, "mizar-controller: ");
	fprintf(stderr, format, what);
	fprintf(stderr, "; see mizar-controller --help\n");
	return -EINVAL;
}

static int parse_level(const char *text, enum mz_log_level *ret_level)
{
	static const char *const levels[] = {
		[MZ_LOG_ERR] = "error",
		[MZ_LOG_WARN] = "warning",
		[MZ_LOG_INFO] = "info",
		[MZ_LOG_DEBUG] = "debug",
	};
	size_t i;

	for (i = 0; i < sizeof(levels) / sizeof(levels[0]); i++)
		if (!strcmp(text, levels[i])) {
			*ret_level = (enum mz_log_level)i;
			return 0;
		}
	return misuse("--log-level '%s' is none of error, warning, info, debug", text);
}

static int check(const struct ctl_options *options)
{
	const struct mz_rpc_tls *tls = &options->tls;
	bool all = tls->ca && tls->cert && tls->key, any = tls->ca || tls->cert || tls->key;

	if (options->listen_unix[0] != '/')
		return misuse("--listen-unix '%s' must be an absolute path", options->listen_unix);
	if (options->listen && !all)
		return misuse("--listen is TCP, which needs mutual TLS: %s is missing",
			      !tls->ca	   ? "--ca"
			      : !tls->cert ? "--cert"
					   : "--key");
	if (any && !options->listen)
		return misuse("%s are for TCP: --listen ADDR:PORT is missing",
			      "--ca, --cert and --key");
	return 0;
}

int ctl_options_parse(int argc, char **argv, struct ctl_options *ret_options)
{
	struct ctl_options o = {
		.store = "/var/lib/mizar/store.db",
		.listen_unix = "/run/mizar/controller.sock",
		.log_level = MZ_LOG_INFO,
	};
	const char **const texts[] = {
		[OPT_STORE - OPT_STORE] = &o.store,   [OPT_UNIX - OPT_STORE] = &o.listen_unix,
		[OPT_LISTEN - OPT_STORE] = &o.listen, [OPT_CA - OPT_STORE] = &o.tls.ca,
		[OPT_CERT - OPT_STORE] = &o.tls.cert, [OPT_KEY - OPT_STORE] = &o.tls.key,
	};
	int option, r;

	opterr = 0;
	while ((option = getopt_long(argc, argv, ":", long_options, NULL)) != -1) {
		switch (option) {
		case OPT_STORE ... OPT_KEY:
			*texts[option - OPT_STORE] = optarg;
			break;
		case OPT_LEVEL:
			r = parse_level(optarg, &o.log_level);
			if (r < 0)
				return r;
			break;
		case OPT_JOURNAL:
			o.journal = 1;
			break;
		case OPT_VERSION:
			puts("mizar-controller " MIZAR_VERSION);
			return 1;
		case OPT_HELP:
			fputs(usage, stdout);
			return 1;
		case ':':
			return misuse("%s needs a value", argv[optind - 1]);
		default:
			return misuse("unknown option %s", argv[optind - 1]);
		}
	}
	if (optind < argc)
		return misuse("unexpected argument '%s'", argv[optind]);
	r = check(&o);
	if (r < 0)
		return r;
	*ret_options = o;
	return 0;
}
