// SPDX-License-Identifier: Apache-2.0
/* mizard's options; base/settings.h reads them. */
#include "host/options.h"

#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "base/settings.h"
#include "mizar/wire.h"
#include "tables/tables.h"

#define PROBE_INTERVAL_MS    200
#define PROBE_INTERVAL_MIN   20
#define PROBE_INTERVAL_MAX   60000
#define NS_PER_S	     1000000000ULL
#define LEASE_MIN	     0.2 /* seconds: a round trip between any two hosts, many times over */
#define LEASE_MAX	     3600.0
#define NEW_DESTINATIONS_MAX 1000000
#define LEARNED_LIMIT	     (1U << 20)

static int set_droplet(void *target, const char *value)
{
	struct mz_options *options = target;
	size_t size = strlen(value);

	if (!size || size >= sizeof(options->droplet) || value[0] == '-' ||
	    value[size - 1] == '-' ||
	    strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789-") != size)
		return mz_misused(
			"--droplet %s: not a name: use at most 63 lower-case letters, digits "
			"and '-', with a letter or digit at both ends",
			value);
	memcpy(options->droplet, value, size + 1);
	return 0;
}

static int set_address(void *target, const char *value)
{
	struct mz_options *options = target;

	if (mz_addr_parse(value, &options->address) < 0)
		return mz_misused("--address %s: not an IP address", value);
	if (!mz_addr_is_tunnel(&options->address))
		return mz_misused("--address %s: no address that other hosts could reach: give a "
			       "unicast address of this host, and no link-local one",
			       value);
	options->has_address = true;
	return 0;
}

static int set_controller(void *target, const char *value)
{
	struct mz_options *options = target;
	const char *colon = strrchr(value, ':');

	if (!strncmp(value, "unix:", 5) ? value[5] != '/' : !colon || colon == value || !colon[1])
		return mz_misused(
			"--controller %s: use unix:/PATH, or HOST:PORT with --ca, --cert and "
			"--key",
			value);
	options->controller = value;
	return 0;
}

static int set_dir(void *target, const char *value)
{
	struct mz_options *options = target;

	if (value[0] != '/')
		return mz_misused("--dir %s: give an absolute path", value);
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

static int set_port(void *target, const char *value)
{
	struct mz_options *options = target;
	unsigned long port;

	if (parse_number(value, 65535, &port) < 0)
		return mz_misused("--port %s: not a UDP port: use 1 to 65535", value);
	options->port = (uint16_t)port;
	return 0;
}

static int set_table_limit(void *target, const char *value)
{
	struct mz_options *options = target;
	unsigned long limit;

	if (parse_number(value, MZ_TABLE_LIMIT, &limit) < 0)
		return mz_misused("--table-limit %s: use 1 to %u rows", value, MZ_TABLE_LIMIT);
	options->table_limit = (uint32_t)limit;
	return 0;
}

static int set_probe_interval(void *target, const char *value)
{
	struct mz_options *options = target;
	unsigned long ms = 0;

	if (strcmp(value, "0") && (parse_number(value, PROBE_INTERVAL_MAX, &ms) < 0 ||
				   ms < PROBE_INTERVAL_MIN))
		return mz_misused("--probe-interval %s: use %d to %d milliseconds, or 0 for none",
				  value, PROBE_INTERVAL_MIN, PROBE_INTERVAL_MAX);
	options->probe_interval = (uint32_t)ms;
	return 0;
}

static int set_learned_limit(void *target, const char *value)
{
	struct mz_options *options = target;
	unsigned long limit;

	if (parse_number(value, MZ_TABLE_LIMIT, &limit) < 0)
		return mz_misused("--learned-limit %s: use 1 to %u rows", value, MZ_TABLE_LIMIT);
	options->learned_limit = (uint32_t)limit;
	return 0;
}

static int set_lease(void *target, const char *value)
{
	struct mz_options *options = target;

	return mz_setting_seconds("lease", value, LEASE_MIN, LEASE_MAX, &options->lease_ns);
}

static int set_new_destinations(void *target, const char *value)
{
	struct mz_options *options = target;
	unsigned long number = 0;

	if (strcmp(value, "0") && parse_number(value, NEW_DESTINATIONS_MAX, &number) < 0)
		return mz_misused("--new-destinations %s: use 1 to %d a second, or 0 for no limit",
				  value, NEW_DESTINATIONS_MAX);
	options->new_interval_ns = number ? NS_PER_S / number : 0;
	return 0;
}

static int set_attach(void *target, const char *value)
{
	struct mz_options *options = target;
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
	return mz_misused("--attach %s: use auto, tcx or clsact", value);
}

static int set_transit(void *target, const char *value)
{
	struct mz_options *options = target;

	for (int i = MZ_TRANSIT_AUTO; i <= MZ_TRANSIT_XDP; i++) {
		if (!strcmp(value, mz_transit_names[i])) {
			options->transit = (enum mz_transit_mode)i;
			return 0;
		}
	}
	return mz_misused("--transit %s: use auto, tc or xdp", value);
}

const char *const mz_gro_names[] = {
	[MZ_GRO_AUTO] = "auto",
	[MZ_GRO_ON] = "on",
	[MZ_GRO_OFF] = "off",
};

static int set_tunnel_gro(void *target, const char *value)
{
	struct mz_options *options = target;

	for (int i = MZ_GRO_AUTO; i <= MZ_GRO_OFF; i++) {
		if (!strcmp(value, mz_gro_names[i])) {
			options->tunnel_gro = (enum mz_gro_mode)i;
			return 0;
		}
	}
	return mz_misused("--tunnel-gro %s: use auto, on or off", value);
}

static int set_offload_test(void *target, const char *value)
{
	struct mz_options *options = target;

	if (strcmp(value, "on") && strcmp(value, "off"))
		return mz_misused("--offload-test %s: use on or off", value);
	options->offload_test = !strcmp(value, "on");
	return 0;
}

static int set_standalone(void *target, const char *value)
{
	struct mz_options *options = target;

	options->standalone = true;
	return 0;
}

static int set_log_level(void *target, const char *value)
{
	struct mz_options *options = target;

	return mz_setting_log_level(value, &options->log_level);
}

static int set_journal(void *target, const char *value)
{
	struct mz_options *options = target;

	options->journal = true;
	return 0;
}

#define TEXT(field) .text = offsetof(struct mz_options, field)

static const struct mz_setting rows[] = {
	{ "droplet", "NAME", "name of this host (first label of the host name)",
	  .set = set_droplet },
	{ "address", "ADDR", "tunnel address (that of --device)", .set = set_address },
	{ "device", "IFNAME", "underlay device (the one that has --address, or the default route)",
	  TEXT(device) },
	{ "controller", "TARGET", "unix:/PATH, or HOST:PORT with mutual TLS",
	  .set = set_controller },
	{ "ca", "FILE", "PEM: whom to trust as a controller", TEXT(tls.ca) },
	{ "cert", "FILE", "PEM: this host's certificate, droplet:NAME", TEXT(tls.cert) },
	{ "key", "FILE", "PEM: its key", TEXT(tls.key) },
	{ "server-name", "NAME", "name in the controller's certificate (HOST)", TEXT(server_name) },
	{ "dir", "PATH", "socket and pins (/run/mizar)", .set = set_dir },
	{ "port", "PORT", "UDP port of the tunnels (6081)", .set = set_port },
	{ "attach", "MODE", "auto, tcx or clsact (auto)", .set = set_attach },
	{ "transit", "MODE", "auto, tc or xdp (auto)", .set = set_transit },
	{ "tunnel-gro", "MODE", "merge tunnel packets that come in: auto, on or off (auto)",
	  .set = set_tunnel_gro },
	{ "offload-test", "on|off", "send super-packets through the programs at the start (on)",
	  .set = set_offload_test },
	{ "table-limit", "ROWS", "rows that a table may grow to (16777216)",
	  .set = set_table_limit },
	{ "probe-interval", "MS",
	  "how often bouncers and dividers are asked whether they live (200)",
	  .set = set_probe_interval },
	{ "lease", "SECONDS", "how long a learned location holds without a word from it (5)",
	  .set = set_lease },
	{ "new-destinations", "N", "that an endpoint may begin to send to in a second (1000)",
	  .set = set_new_destinations },
	{ "learned-limit", "ROWS", "learned locations that this host keeps (1048576)",
	  .set = set_learned_limit },
	{ "standalone", NULL, "no controller: rows are set by hand", .set = set_standalone },
	{ "log-level", "LEVEL", "error, warning, info or debug (info)", .set = set_log_level },
	{ "journal", NULL, "prefix log lines with priorities, for systemd", .set = set_journal },
};

static const struct mz_daemon mizard = {
	.name = "mizard",
	.usage = "mizard - the host's daemon of Mizar\n\n"
		 "usage: mizard (--controller TARGET | --standalone) [OPTION...]",
	.settings = rows,
	.n_settings = ARRAY_SIZE(rows),
};

static int default_droplet(struct mz_options *options)
{
	char name[256] = "";
	size_t i;

	if (options->droplet[0])
		return 0;
	if (gethostname(name, sizeof(name) - 1) < 0)
		return mz_misused("no host name: give --droplet NAME");
	name[strcspn(name, ".")] = 0;
	for (i = 0; name[i]; i++)
		name[i] = (char)tolower((unsigned char)name[i]);
	if (set_droplet(options, name) < 0)
		return mz_misused("the host name is no name for a droplet: give --droplet NAME");
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

	if (!options->controller && !options->standalone)
		return mz_misused("give --controller TARGET, or --standalone to go without one");
	if (options->controller && options->standalone)
		return mz_misused("--standalone goes without --controller: give one of them");
	if (mz_options_is_tcp(options) && (!tls->ca || !tls->cert || !tls->key))
		return mz_misused("--controller %s: TCP needs mutual TLS: give --ca, --cert and "
				  "--key",
				  options->controller);
	if (!mz_options_is_tcp(options) && any_tls)
		return mz_misused(
			"--ca, --cert, --key and --server-name are for --controller HOST:PORT");
	return default_droplet(options);
}

int mz_options_parse(int argc, char **argv, struct mz_options *ret_options)
{
	struct mz_options options = {
		.dir = "/run/mizar",
		.port = MZ_GENEVE_PORT,
		.table_limit = MZ_TABLE_LIMIT,
		.probe_interval = PROBE_INTERVAL_MS,
		.learned_limit = LEARNED_LIMIT,
		.lease_ns = MZ_LEASE_NS,
		.new_interval_ns = MZ_NEW_INTERVAL_NS,
		.offload_test = true,
		.log_level = MZ_LOG_INFO,
	};
	_cleanup_free_ char *text = NULL;
	int r;

	r = mz_settings_read(&mizard, argc, argv, &options, &text);
	if (!r)
		r = check(&options);
	if (r)
		return r;
	options.text = TAKE(text);
	*ret_options = options;
	return 0;
}

void mz_options_fini(struct mz_options *options)
{
	free(TAKE(options->text));
}
