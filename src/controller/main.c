// SPDX-License-Identifier: Apache-2.0
/*
 * mizar-controller: opens the store, builds the model, serves. Everything it knows comes from the
 * store: it may be killed at any moment.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/notify.h"
#include "controller/controller.h"
#include "controller/methods.h"
#include "controller/options.h"

static void on_signal(uv_signal_t *signal, int number)
{
	uv_stop(signal->loop);
}

/* The directory that a file of ours is to be in: made if absent, as its parent must not be. */
static int make_parent(const char *path)
{
	_cleanup_free_ char *parent = strdup(path);
	char *slash = parent ? strrchr(parent, '/') : NULL;

	if (!parent)
		return -ENOMEM;
	if (!slash || slash == parent)
		return 0;
	*slash = 0;
	return mkdir(parent, 0755) < 0 && errno != EEXIST ? -errno : 0;
}

static int open_store(uv_loop_t *loop, const char *path, struct mz_store **ret_store)
{
	int r;

	r = make_parent(path);
	if (r >= 0)
		r = mz_store_open_sqlite(loop, path, ret_store);
	if (r == -EBUSY)
		mz_log_err("store %s: another mizar-controller has it open; stop that one, or use "
			   "another --store",
			   path);
	else if (r == -EPROTO)
		mz_log_err(
			"store %s: not a store of mizar-controller, or damaged; move it away, or "
			"use another --store",
			path);
	else if (r < 0)
		mz_log_err("store %s: cannot be opened: %s", path, strerror(-r));
	return r;
}

static int listen_all(struct mz_rpc_server *server, const struct ctl_options *options)
{
	int r;

	r = make_parent(options->listen_unix);
	if (r >= 0)
		r = mz_rpc_server_listen_unix(server, options->listen_unix);
	if (r < 0) {
		mz_log_err("socket %s: %s; another one may be given with --listen-unix",
			   options->listen_unix, strerror(-r));
		return r;
	}
	if (options->listen) {
		char why[256];

		r = mz_rpc_tls_check(&options->tls, why, sizeof(why));
		if (r < 0) {
			mz_log_err("mutual TLS: %s", why);
			return r;
		}
		r = mz_rpc_server_listen_tls(server, options->listen, &options->tls, NULL);
		if (r < 0) {
			mz_log_err("--listen %s: %s; it wants an address of this host and a free "
				   "port, as 10.0.0.1:7700",
				   options->listen, strerror(-r));
			return r;
		}
	}
	r = mz_rpc_server_start(server);
	if (r < 0)
		mz_log_err("server: cannot be started: %s", strerror(-r));
	return r;
}

static int serve(uv_loop_t *loop, struct ctl_controller *c, const struct ctl_options *options)
{
	_cleanup_(mz_rpc_freep) struct mz_rpc *rpc = NULL;
	_cleanup_(mz_rpc_server_freep) struct mz_rpc_server *server = NULL;
	struct mz_rpc_method methods[CTL_N_METHODS + 1];
	int r;

	ctl_methods(c, methods);
	r = mz_rpc_new(loop, &rpc);
	r = r ?: mz_rpc_server_new(rpc, methods, &server);
	if (r < 0) {
		mz_log_err("gRPC: cannot be started: %s", strerror(-r));
		return r;
	}
	r = listen_all(server, options);
	if (r < 0)
		return r;
	mz_log_info("mizar-controller " MIZAR_VERSION " serves at %s%s%s: %lu endpoints in %s",
		    options->listen_unix, options->listen ? " and " : "", options->listen ?: "",
		    (unsigned long)mz_store_count(c->store, MZ_KIND_ENDPOINT), c->store_path);
	mz_notify("READY=1");
	(void)uv_run(loop, UV_RUN_DEFAULT); /* stopped by a signal */
	mz_notify("STOPPING=1");
	mz_log_info("mizar-controller ends");
	return 0;
}

static int run(uv_loop_t *loop, struct ctl_controller *c, const struct ctl_options *options)
{
	_cleanup_(mz_store_freep) struct mz_store *store = NULL;
	int r;

	r = open_store(loop, options->store, &store);
	if (r < 0)
		return r;
	r = ctl_controller_init(c, loop, store, options->store, &options->times);
	if (r < 0) {
		mz_log_err("store %s: cannot be read: %s", options->store, strerror(-r));
		return r;
	}
	r = serve(loop, c, options);
	mz_store_free(TAKE(store)); /* what waits for commits is told first */
	ctl_controller_fini(c);
	return r;
}

int main(int argc, char **argv)
{
	static const int signals[] = { SIGTERM, SIGINT };
	uv_signal_t handles[ARRAY_SIZE(signals)];
	struct ctl_options options;
	struct ctl_controller c; /* with handles of the loop: it lives until that is closed */
	uv_loop_t loop;
	size_t i;
	int r;

	r = ctl_options_parse(argc, argv, &options);
	if (r)
		return r < 0 ? 2 : 0;
	mz_log_setup(options.log_level, options.journal);
	(void)signal(SIGPIPE, SIG_IGN); /* clients may go at any time */
	r = uv_loop_init(&loop);
	if (r < 0) {
		mz_log_err("event loop: %s", uv_strerror(r));
		ctl_options_fini(&options);
		return 1;
	}
	for (i = 0; i < ARRAY_SIZE(signals); i++) {
		(void)uv_signal_init(&loop, &handles[i]); /* fails only without memory, as do */
		(void)uv_signal_start(&handles[i], on_signal, signals[i]);
	}
	r = run(&loop, &c, &options);
	for (i = 0; i < ARRAY_SIZE(signals); i++)
		uv_close((uv_handle_t *)&handles[i], NULL);
	(void)uv_run(&loop, UV_RUN_DEFAULT); /* closes what is open */
	(void)uv_loop_close(&loop);
	ctl_options_fini(&options);
	return r < 0 ? 1 : 0;
}
