// SPDX-License-Identifier: Apache-2.0
/* See options.h; base/settings.h reads them. */
#include "controller/options.h"

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "base/settings.h"

static int set_log_level(void *target, const char *value)
{
	struct ctl_options *options = target;

	return mz_setting_log_level(value, &options->log_level);
}

static int set_journal(void *target, const char *value)
{
	struct ctl_options *options = target;

	options->journal = 1;
	return 0;
}

#define SECONDS_MIN 0.1
#define SECONDS_MAX 86400.0

static int set_ms(const char *name, const char *value, uint64_t *ret_ms)
{
	uint64_t ns;
	int r = mz_setting_seconds(name, value, SECONDS_MIN, SECONDS_MAX, &ns);

	if (r >= 0)
		*ret_ms = ns / 1000000;
	return r;
}

static int set_dead_after(void *target, const char *value)
{
	struct ctl_options *options = target;

	return set_ms("dead-after", value, &options->times.dead_ms);
}

static int set_hold_addresses(void *target, const char *value)
{
	struct ctl_options *options = target;

	return set_ms("hold-addresses", value, &options->times.hold_ms);
}

static int set_tombstones(void *target, const char *value)
{
	struct ctl_options *options = target;

	return set_ms("tombstones", value, &options->times.tombstone_ms);
}

#define TEXT(field) .text = offsetof(struct ctl_options, field)

static const struct mz_setting rows[] = {
	{ "store", "PATH", "database, made if absent (/var/lib/mizar/store.db)", TEXT(store) },
	{ "listen-unix", "PATH",
	  "Unix socket, only for its owner (/run/mizar-controller/controller.sock)",
	  TEXT(listen_unix) },
	{ "listen", "ADDR:PORT", "TCP with mutual TLS; needs --ca, --cert and --key",
	  TEXT(listen) },
	{ "ca", "FILE",
	  "PEM: whose clients are trusted; admin:NAME manages, droplet:NAME is that host",
	  TEXT(tls.ca) },
	{ "cert", "FILE", "PEM: own certificate chain", TEXT(tls.cert) },
	{ "key", "FILE", "PEM: own private key", TEXT(tls.key) },
	{ "dead-after", "SECONDS",
	  "a host whose stream is down for longer is dead: its bouncers and dividers are placed "
	  "elsewhere (10)",
	  .set = set_dead_after },
	{ "hold-addresses", "SECONDS",
	  "how long the addresses of a deleted endpoint wait for its host when that is not "
	  "connected (60)",
	  .set = set_hold_addresses },
	{ "tombstones", "SECONDS",
	  "how long the host that an endpoint migrated from forwards what still comes; two leases "
	  "of the hosts are enough (30)",
	  .set = set_tombstones },
	{ "log-level", "LEVEL", "error, warning, info or debug (info)", .set = set_log_level },
	{ "journal", NULL, "prefix log lines with priorities, for systemd", .set = set_journal },
};

static const struct mz_daemon mizar_controller = {
	.name = "mizar-controller",
	.usage = "mizar-controller - the management plane of Mizar: keeps objects, places "
		 "bouncers\n"
		 "and dividers, and tells each host its rows\n\n"
		 "usage: mizar-controller [OPTION...]",
	.settings = rows,
	.n_settings = ARRAY_SIZE(rows),
};

static int check(const struct ctl_options *options)
{
	const struct mz_rpc_tls *tls = &options->tls;
	bool all = tls->ca && tls->cert && tls->key, any = tls->ca || tls->cert || tls->key;

	if (options->listen_unix[0] != '/')
		return mz_misused("--listen-unix %s: it must be an absolute path",
				  options->listen_unix);
	if (options->listen && !all)
		return mz_misused("--listen is TCP, which needs mutual TLS: %s is missing",
				  !tls->ca     ? "--ca"
				  : !tls->cert ? "--cert"
					       : "--key");
	if (any && !options->listen)
		return mz_misused("%s are for TCP: --listen ADDR:PORT is missing",
				  "--ca, --cert and --key");
	return 0;
}

int ctl_options_parse(int argc, char **argv, struct ctl_options *ret_options)
{
	struct ctl_options options = {
		.store = "/var/lib/mizar/store.db",
		.listen_unix = MZ_CONTROLLER_SOCKET,
		.log_level = MZ_LOG_INFO,
		.times = { .dead_ms = 10000, .hold_ms = 60000, .tombstone_ms = 30000 },
	};
	_cleanup_free_ char *text = NULL;
	int r;

	r = mz_settings_read(&mizar_controller, argc, argv, &options, &text);
	if (!r)
		r = check(&options);
	if (r)
		return r;
	options.text = TAKE(text);
	*ret_options = options;
	return 0;
}

void ctl_options_fini(struct ctl_options *options)
{
	free(TAKE(options->text));
}
