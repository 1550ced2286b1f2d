// SPDX-License-Identifier: Apache-2.0
/*
 * mizard. Comes up from the tables to the controller, each step with what the steps before it left,
 * also by a mizard that was killed; goes down without touching the data plane.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/addr.h"
#include "base/log.h"
#include "base/notify.h"
#include "host/aging.h"
#include "host/apply.h"
#include "host/endpoint.h"
#include "host/host.h"
#include "host/local.h"
#include "host/release.h"
#include "host/stream.h"
#include "host/underlay.h"

/* How often devices are looked at: namespaces go without a word. */
#define RECONCILE_MS 2000

struct daemon {
	struct mz_host host;
	uv_loop_t loop;
	uv_signal_t term, interrupt;
	uv_timer_t reconcile;
};

/* ---- start ----------------------------------------------------------------------------------- */

/* Before anything is made or replaced. */
static int check_certificates(struct mz_host *host)
{
	const struct mz_options *options = host->options;
	char why[512];
	int r;

	if (options->standalone || !mz_options_is_tcp(options))
		return 0;
	r = mz_rpc_tls_check(&options->tls, why, sizeof(why));
	if (r < 0)
		mz_log_err("--controller %s: %s", options->controller, why);
	return r;
}

/* First of all, so that it has nothing of ours; it works while the next steps are taken. */
static int begin_offload_test(struct mz_host *host)
{
	int r = host->options->offload_test ? mz_offload_start_own(&host->offload_test) : 0;

	if (!host->options->offload_test)
		mz_offload_untested("--offload-test off", &host->offload);
	else if (r < 0)
		mz_offload_untested(strerror(-r), &host->offload);
	return 0;
}

/* Before any endpoint gets a device. */
static int end_offload_test(struct mz_host *host)
{
	int r = host->offload_test.pid ?
			mz_offload_finish(&host->offload_test, &host->offload) :
			0;

	if (r < 0) {
		mz_log_err("offloads: in a test of their own, the programs passed no packet as it "
			   "was sent: this kernel is not fit, but --offload-test off goes on");
		return r;
	}
	mz_log_info("offloads: %s (%u ms)", host->offload.text, host->offload.ms);
	return 0;
}

static int open_tables(struct mz_host *host)
{
	const char *dir = host->options->dir;
	unsigned int i;
	int r;

	if (mkdir(dir, 0755) < 0 && errno != EEXIST) {
		r = -errno;
		mz_log_err("--dir %s: %s", dir, strerror(-r));
		return r;
	}
	r = mz_tables_open(dir, true, &host->tables);
	switch (-r) {
	case 0:
		for (i = 0; i < MZ_N_TABLES; i++)
			mz_tables_set_limit(host->tables, i, host->options->table_limit);
		mz_tables_set_limit(host->tables, MZ_TABLE_learned, host->options->learned_limit);
		r = mz_table_show(host->tables, MZ_TABLE_learned);
		if (r < 0)
			break;
		return 0;
	case EBUSY:
		mz_log_err("--dir %s: another mizard runs here: stop it, or give another --dir",
			   dir);
		return r;
	case ESTALE:
		mz_log_err("--dir %s: the tables are of another version of mizard: detach the "
			   "endpoints and run `mizar host uninstall`",
			   dir);
		return r;
	case EPERM:
		mz_log_err(
			"--dir %s: no privilege for BPF: run mizard as root, in a container with "
			"CAP_BPF, CAP_NET_ADMIN and CAP_SYS_ADMIN",
			dir);
		return r;
	case EOPNOTSUPP:
		mz_log_err("--dir %s: this kernel lacks BPF features: Linux 6.1 or later is needed",
			   dir);
		return r;
	}
	mz_log_err("--dir %s: tables cannot be opened: %s", dir, strerror(-r));
	return r;
}

static int load_programs(struct mz_host *host)
{
	struct mz_config config = {
		.self = host->self,
		.port_be = htons(host->options->port),
		.virtual_mac = MZ_VIRTUAL_MAC,
		.ifindex = (uint32_t)host->underlay.ifindex,
		.lease = host->options->lease_ns,
		.new_interval = host->options->new_interval_ns,
		.cut_ifindex = (uint32_t)host->gro.cut_ifindex,
	};
	struct mz_transit transit = {};
	struct mz_programs *programs;
	int r;

	transit.wanted = host->options->transit;
	r = mz_programs_new(host->options->dir, host->tables, &config, host->options->attach,
			    &transit, &programs);
	if (r < 0 && *transit.reason && transit.mode != transit.wanted) {
		mz_log_err("--transit xdp: device %s: %s: use --transit auto, or tc",
			   host->underlay.ifname, transit.reason);
		return r;
	}
	if (r < 0) {
		mz_log_err("programs: not loaded, those of before stay: %s%s", strerror(-r),
			   r == -EOPNOTSUPP ? ": try --attach clsact, or a later kernel" : "");
		return r;
	}
	mz_programs_free(host->programs); /* of another device: see follow_underlay() */
	host->programs = programs;
	host->transit = transit;
	mz_log_info("device %s: transit by %s: %s", host->underlay.ifname,
		    mz_transit_names[transit.mode], transit.reason);
	r = mz_programs_attach_transit(host->programs, host->underlay.ifindex);
	if (r < 0)
		mz_log_err("device %s: transit is not attached: %s", host->underlay.ifname,
			   strerror(-r));
	return r;
}

static int follow_droplet(const void *key, const void *value, void *user)
{
	struct mz_host *host = user;

	if (!mz_addr_compare(key, &host->self))
		return 0;
	return mz_nexthops_add(host->nexthops, key);
}

/* Everything that the tables say must be there beside them. */
static int restore(struct mz_host *host)
{
	int r;

	r = mz_apply_load_scopes(host);
	if (r < 0) {
		mz_log_err("tables: cannot be read: %s", strerror(-r));
		return r;
	}
	r = mz_endpoint_forget_gone(host);
	if (r >= 0)
		r = mz_endpoint_serve_all(host);
	if (r < 0) {
		mz_log_err("endpoints: their devices cannot be served: %s", strerror(-r));
		return r;
	}
	r = mz_nexthops_new(host->loop, host->tables, &host->self, &host->nexthops);
	if (r >= 0)
		r = mz_table_each(host->tables, MZ_TABLE_droplet, follow_droplet, host);
	if (r < 0) {
		mz_log_err("next hops: cannot follow the kernel's routes: %s", strerror(-r));
		return r;
	}
	r = mz_aging_new(host, &host->aging);
	if (r < 0)
		mz_log_err("learned locations: %s", strerror(-r));
	return r;
}

/* Before anybody can change rows. */
static int follow_peers(struct mz_host *host)
{
	int r = mz_peers_new(host->loop, host->tables, &host->self, host->options->port,
			     host->options->probe_interval, &host->peers);

	if (r < 0)
		mz_log_err("hosts: cannot be asked whether they are alive: %s", strerror(-r));
	return r;
}

static int listen_locally(struct mz_host *host)
{
	char path[256];
	int r;

	if (snprintf(path, sizeof(path), "%s/mizard.sock", host->options->dir) >=
	    (int)sizeof(path)) {
		mz_log_err("--dir %s: too long", host->options->dir);
		return -ENAMETOOLONG;
	}
	r = mz_ipc_server_new(host->loop, path, mz_local_request, host, &host->ipc);
	if (r < 0)
		mz_log_err("%s: cannot listen: %s", path, strerror(-r));
	return r;
}

static int dial_controller(struct mz_host *host)
{
	const struct mz_options *options = host->options;
	int r;

	if (options->standalone)
		return 0;
	r = mz_rpc_new(host->loop, &host->rpc);
	if (r >= 0)
		r = mz_rpc_client_new(host->rpc, options->controller,
				      mz_options_is_tcp(options) ? &options->tls : NULL,
				      options->server_name, &host->client);
	if (r >= 0)
		r = mz_releases_new(host, &host->releases);
	if (r >= 0)
		r = mz_stream_new(host, &host->stream);
	if (r < 0)
		mz_log_err("--controller %s: %s", options->controller, strerror(-r));
	return r;
}

static int start(struct mz_host *host)
{
	static int (*const steps[])(struct mz_host * host) = {
		check_certificates, begin_offload_test, mz_underlay_open, open_tables,
		mz_gro_prepare,	    load_programs,	end_offload_test, mz_gro_open,
		restore,	    follow_peers,	listen_locally,	  dial_controller,
	};
	char text[MZ_ADDR_STRLEN];
	size_t i;
	int r;

	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		r = steps[i](host);
		if (r < 0)
			return r;
	}
	mz_log_info("droplet %s: %s on %s, endpoints get MTU %u, programs attached by %s",
		    host->options->droplet, mz_addr_format(&host->self, text),
		    host->underlay.ifname, mz_host_endpoint_mtu(host),
		    mz_programs_mode(host->programs) == MZ_ATTACH_TCX ? "tcx" : "clsact");
	mz_notify("READY=1");
	return 0;
}

/* ---- run ------------------------------------------------------------------------------------- */

static void on_signal(uv_signal_t *signal, int number)
{
	mz_log_info("stopping; the data plane goes on");
	mz_notify("STOPPING=1");
	uv_stop(signal->loop);
}

/* The tunnel address is on another device: its own was made anew, or the operator moved it. */
static void move_underlay(struct mz_host *host, const struct mz_device *device)
{
	const struct mz_device old = host->underlay;
	int r;

	host->underlay = *device;
	r = load_programs(host); /* says what is wrong */
	if (r < 0) {
		host->underlay = old;
		return;
	}
	mz_log_info("droplet %s: now on %s (interface %d)", host->options->droplet,
		    device->ifname, device->ifindex);
	r = mz_programs_detach(host->programs, old.ifindex);
	if (r < 0)
		mz_log_warn("device %s: transit stays attached: %s", old.ifname, strerror(-r));
}

static void follow_underlay(struct mz_host *host)
{
	struct mz_device device;
	char text[MZ_ADDR_STRLEN];
	int r = mz_device_by_address(&host->self, &device);

	if (r < 0) {
		if (!host->is_underlay_gone)
			mz_log_err("droplet %s: no tunnel packet comes in: address %s: %s",
				   host->options->droplet, mz_addr_format(&host->self, text),
				   r == -EADDRNOTAVAIL ? "on no device any more" : strerror(-r));
		host->is_underlay_gone = true;
		return;
	}
	host->is_underlay_gone = false;
	if (device.ifindex != host->underlay.ifindex)
		move_underlay(host, &device);
	if (device.mtu != host->underlay.mtu) {
		host->underlay.mtu = device.mtu;
		mz_log_info("device %s: MTU %u, new endpoints get %u", device.ifname, device.mtu,
			    mz_host_endpoint_mtu(host));
	}
}

static void follow_gro(struct mz_host *host)
{
	if (mz_gro_is_whole(host))
		return;
	mz_log_warn("tunnel GRO: somebody took a device of it away, or down");
	if (mz_gro_prepare(host) == 0 && load_programs(host) == 0)
		(void)mz_gro_open(host); /* says what is wrong */
}

static void on_reconcile(uv_timer_t *timer)
{
	struct mz_host *host = timer->data;
	int r;

	follow_underlay(host);
	follow_gro(host);
	r = mz_endpoint_forget_gone(host);
	if (r < 0)
		mz_log_warn("endpoints: cannot look for devices that are gone: %s", strerror(-r));
}

/* From the last to the first; all that is pinned stays. */
static void stop(struct daemon *daemon)
{
	struct mz_host *host = &daemon->host;

	mz_stream_free(TAKE(host->stream));
	mz_rpc_client_free(TAKE(host->client)); /* attaches under way are answered */
	mz_releases_free(TAKE(host->releases));
	mz_ipc_server_free(TAKE(host->ipc));
	mz_peers_free(TAKE(host->peers));
	mz_aging_free(TAKE(host->aging));
	mz_nexthops_free(TAKE(host->nexthops));
	uv_close((uv_handle_t *)&daemon->term, NULL);
	uv_close((uv_handle_t *)&daemon->interrupt, NULL);
	uv_close((uv_handle_t *)&daemon->reconcile, NULL);
	mz_rpc_free(TAKE(host->rpc));
	(void)uv_run(&daemon->loop, UV_RUN_DEFAULT); /* until all handles are closed */
	mz_scopes_free(TAKE(host->scopes));
	mz_keyset_fini(&host->fresh);
	mz_programs_free(TAKE(host->programs));
	mz_tables_free(TAKE(host->tables));
	if (host->port_fd >= 0)
		(void)close(TAKE_FD(host->port_fd)); /* nothing to do about it at the end */
	(void)uv_loop_close(&daemon->loop);
}

static int run(const struct mz_options *options)
{
	struct daemon daemon = {
		.host = { .options = options, .port_fd = -1, .started_ns = uv_hrtime() },
	};
	int r;

	r = uv_loop_init(&daemon.loop);
	if (r < 0) {
		mz_log_err("no event loop: %s", uv_strerror(r));
		return r;
	}
	daemon.host.loop = &daemon.loop;
	/* None of these can fail on a new loop. */
	(void)uv_signal_init(&daemon.loop, &daemon.term);
	(void)uv_signal_init(&daemon.loop, &daemon.interrupt);
	(void)uv_timer_init(&daemon.loop, &daemon.reconcile);
	daemon.reconcile.data = &daemon.host;
	(void)uv_signal_start(&daemon.term, on_signal, SIGTERM);
	(void)uv_signal_start(&daemon.interrupt, on_signal, SIGINT);
	(void)uv_timer_start(&daemon.reconcile, on_reconcile, RECONCILE_MS, RECONCILE_MS);

	r = start(&daemon.host);
	if (r >= 0)
		(void)uv_run(&daemon.loop, UV_RUN_DEFAULT); /* ends by uv_stop() */
	stop(&daemon);
	return r;
}

int main(int argc, char **argv)
{
	struct mz_options options;
	int r;

	r = mz_options_parse(argc, argv, &options);
	if (r)
		return r < 0 ? 2 : 0;
	mz_log_setup(options.log_level, options.journal);
	if (geteuid() != 0) {
		mz_log_err("mizard must run as root: it loads BPF programs and makes devices");
		mz_options_fini(&options);
		return 1;
	}
	/* A client of the local socket may go while it is answered. */
	(void)signal(SIGPIPE, SIG_IGN);
	r = run(&options);
	mz_options_fini(&options);
	return r < 0 ? 1 : 0;
}
