// SPDX-License-Identifier: Apache-2.0
/*
 * The command line: every option is one row of a table, from which it is parsed and --help printed.
 */
#include "host/options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "mizar/wire.h"
#include "tables/tables.h"

__attribute__((format(printf, 1, 2))) static int misused(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	fputs("mizard: ", stderr);
	vfprintf(stderr, format, ap);
	fputs("\n", stderr);
	va_end(ap);
	return -EINVAL;
}

static int set_droplet(struct mz_options *options, const char *value)
{
	size_t size = strlen(value);

	if (!size || size >= sizeof(options->droplet) || value[0] == '-' ||
	    value[size - 1] == '-' ||
	    strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789-") != size)
		return misused(
			"--droplet %s: not a name: use at most 63 lower-case letters, digits "
			"and '-', with a letter or digit at both ends",
			value);
	memcpy(options->droplet, value, size + 1);
	return 0;
}

static int set_address(struct mz_options *options, const char *value)
{
	if (mz_addr_parse(value, &options->address) < 0)
		return misused("--address %s: not an IP address", value);
	if (!mz_addr_is_tunnel(&options->address))
		return misused("--address %s: no address that other hosts could reach: give a "
			       "unicast address of this host, and no link-local one",
			       value);
	options->has_address = true;
	return 0;
}

static int set_device(struct mz_options *options, const char *value)
{
	options->device = value;
	return 0;
}

static int set_controller(struct mz_options *options, const char *value)
{
	const char *colon = strrchr(value, ':');

	if (!strncmp(value, "unix:", 5) ? value[5] != '/' : !colon || colon == value || !colon[1])
		return misused(
			"--controller %s: use unix:/PATH, or HOST:PORT with --ca, --cert and "
			"--key",
			value);
	options->controller = value;
	return 0;
}

static int set_ca(struct mz_options *options, const char *value)
{
	options->tls.ca = value;
	return 0;
}

static int set_cert(struct mz_options *options, const char *value)
{
	options->tls.cert = value;
	return 0;
}

static int set_key(struct mz_options *options, const char *value)
{
	options->tls.key = value;
	return 0;
}

static int set_server_name(struct mz_options *options, const char *value)
{
	options->server_name = value;
	return 0;
}

static int set_dir(struct mz_options *options, const char *value)
{
	if (value[0] != '/')
		return misused("--dir %s: give an absolute path", value);
	options->dir = value;
	return 0;
}

/* A decimal number from 1 to max. */
static int parse_number(const char *value, unsigned long max, unsigned long *ret_number)
{
	unsigned long number;
	char *end;

	errno = 0;
	number = strtoul(value, &end, 10);
	if (errno || !isdigit((unsigned char)value[0]) || *end || !number || number > max)
		return -EINVAL;
	*ret_number = number;
	return 0;
}

static int set_port(struct mz_options *options, const char *value)
{
	unsigned long port;

	if (parse_number(value, 65535, &port) < 0)
		return misused("--port %s: not a UDP port: use 1 to 65535", value);
	options->port = (uint16_t)port;
	return 0;
}

static int set_table_limit(struct mz_options *options, const char *value)
{
	unsigned long limit;

	if (parse_number(value, MZ_TABLE_LIMIT, &limit) < 0)
		return misused("--table-limit %s: use 1 to %u rows", value, MZ_TABLE_LIMIT);
	options->table_limit = (uint32_t)limit;
	return 0;
}

static int set_attach(struct mz_options *options, const char *value)
{
	static const char *const modes[] = {
		[MZ_ATTACH_AUTO] = "auto",
		[MZ_ATTACH_TCX] = "tcx",
		[MZ_ATTACH_CLSACT] = "clsact",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		if (!strcmp(value, modes[i])) {
			options->attach = (enum mz_attach_mode)i;
			return 0;
		}
	}
	return misused("--attach %s: use auto, tcx or clsact", value);
}

static int set_transit(struct mz_options *options, const char *value)
{
	for (int i = MZ_TRANSIT_AUTO; i <= MZ_TRANSIT_XDP; i++) {
		if (!strcmp(value, mz_transit_names[i])) {
			options->transit = (enum mz_transit_mode)i;
			return 0;
		}
	}
	return misused("--transit %s: use auto, tc or xdp", value);
}

static int set_standalone(struct mz_options *options, const char *value)
{
	options->standalone = true;
	return 0;
}

static int set_log_level(struct mz_options *options, const char *value)
{
	static const char *const levels[] = {
		[MZ_LOG_ERR] = "err",
		[MZ_LOG_WARN] = "warn",
		[MZ_LOG_INFO] = "info",
		[MZ_LOG_DEBUG] = "debug",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(levels); i++) {
		if (!strcmp(value, levels[i])) {
			options->log_level = (enum mz_log_level)i;
			return 0;
		}
	}
	return misused("--log-level %s: use err, warn, info or debug", value);
}

static int set_journal(struct mz_options *options, const char *value)
{
	options->journal = true;
	return 0;
}

static int print_version(struct mz_options *options, const char *value)
{
	puts("mizard " MIZAR_VERSION);
	return 1;
}

static int print_help(struct mz_options *options, const char *value);

static const struct {
	const char *name;
	const char *value; /* NULL: takes none */
	const char *doc;
	int (*set)(struct mz_options *options, const char *value);
} rows[] = {
	{ "droplet", "NAME", "name of this host (first label of the host name)", set_droplet },
	{ "address", "ADDR", "tunnel address (that of --device)", set_address },
	{ "device", "IFNAME", "underlay device (the one that has --address)", set_device },
	{ "controller", "TARGET", "unix:/PATH, or HOST:PORT with mutual TLS", set_controller },
	{ "ca", "FILE", "PEM: whom to trust as a controller", set_ca },
	{ "cert", "FILE", "PEM: this host's certificate, droplet:NAME", set_cert },
	{ "key", "FILE", "PEM: its key", set_key },
	{ "server-name", "NAME", "name in the controller's certificate (HOST)", set_server_name },
	{ "dir", "PATH", "socket and pins (/run/mizar)", set_dir },
	{ "port", "PORT", "UDP port of the tunnels (6081)", set_port },
	{ "attach", "MODE", "auto, tcx or clsact (auto)", set_attach },
	{ "transit", "MODE", "auto, tc or xdp (auto)", set_transit },
	{ "table-limit", "ROWS", "rows that a table may grow to (16777216)", set_table_limit },
	{ "standalone", NULL, "no controller: rows are set by hand", set_standalone },
	{ "log-level", "LEVEL", "err, warn, info or debug (info)", set_log_level },
	{ "journal", NULL, "prefix log lines with priorities, for systemd", set_journal },
	{ "version", NULL, "print the version", print_version },
	{ "help", NULL, "print this", print_help },
};

static int print_help(struct mz_options *options, const char *value)
{
	size_t i;

	puts("mizard - the host's daemon of Mizar\n\n"
	     "usage: mizard (--address ADDR | --device IFNAME) (--controller TARGET | --standalone)"
	     "\n");
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		printf("  --%-11s %-7s %s\n", rows[i].name, rows[i].value ? rows[i].value : "",
		       rows[i].doc);
	return 1;
}

static int default_droplet(struct mz_options *options)
{
	char name[256] = "";
	size_t i;

	if (options->droplet[0])
		return 0;
	if (gethostname(name, sizeof(name) - 1) < 0)
		return misused("no host name: give --droplet NAME");
	name[strcspn(name, ".")] = 0;
	for (i = 0; name[i]; i++)
		name[i] = (char)tolower((unsigned char)name[i]);
	if (set_droplet(options, name) < 0)
		return misused("the host name is no name for a droplet: give --droplet NAME");
	return 0;
}

bool mz_options_is_tcp(const struct mz_options *options)
{
	return options->controller && strncmp(options->controller, "unix:", 5);
}

/* What only the options together can tell. */
static int check(struct mz_options *options)
{
	const struct mz_rpc_tls *tls = &options->tls;
	bool any_tls = tls->ca || tls->cert || tls->key || options->server_name;

	if (!options->has_address && !options->device)
		return misused("which underlay? give --address ADDR or --device IFNAME");
	if (!options->controller && !options->standalone)
		return misused("give --controller TARGET, or --standalone to go without one");
	if (options->controller && options->standalone)
		return misused("--standalone goes without --controller: give one of them");
	if (mz_options_is_tcp(options) && (!tls->ca || !tls->cert || !tls->key))
		return misused("--controller %s: TCP needs mutual TLS: give --ca, --cert and --key",
			       options->controller);
	if (!mz_options_is_tcp(options) && any_tls)
		return misused(
			"--ca, --cert, --key and --server-name are for --controller HOST:PORT");
	return default_droplet(options);
}

int mz_options_parse(int argc, char **argv, struct mz_options *ret_options)
{
	struct mz_options options = {
		.dir = "/run/mizar",
		.port = MZ_GENEVE_PORT,
		.table_limit = MZ_TABLE_LIMIT,
		.log_level = MZ_LOG_INFO,
	};
	struct option longs[ARRAY_SIZE(rows) + 1] = {};
	int index, c, r;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		longs[i].name = rows[i].name;
		longs[i].has_arg = rows[i].value ? required_argument : no_argument;
	}
	while ((c = getopt_long(argc, argv, "", longs, &index)) >= 0) {
		if (c == '?')
			return misused("try mizard --help"); /* getopt has said what is wrong */
		r = rows[index].set(&options, optarg);
		if (r)
			return r;
	}
	if (optind < argc)
		return misused("%s: mizard takes options only; try mizard --help", argv[optind]);
	r = check(&options);
	if (r < 0)
		return r;
	*ret_options = options;
	return 0;
}
