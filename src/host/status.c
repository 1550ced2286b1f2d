// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <stdlib.h>

#include "host/hello.h"
#include "host/local.h"
#include "host/stream.h"

#define SET(message, field, value) ((message)->has_##field = 1, (message)->field = (value))

static void fill_underlay(struct mz_host *host, Mizar__V1__LocalStatus *status)
{
	status->droplet = (char *)host->options->droplet;
	status->has_address = 1;
	mz_row_set_addr(&status->address, &host->self);
	status->device = host->underlay.ifname;
	SET(status, underlay_mtu, host->underlay.mtu);
	SET(status, endpoint_mtu, mz_host_endpoint_mtu(host));
	SET(status, port, host->options->port);
	status->attach = mz_programs_mode(host->programs) == MZ_ATTACH_TCX ? "tcx" : "clsact";
	status->transit = (char *)mz_transit_names[host->transit.mode];
	status->transit_reason = host->transit.reason;
	status->offloads = host->offload.text;
	status->tunnel_gro = host->gro.text;
}

static void fill_controller(struct mz_host *host, Mizar__V1__LocalStatus *status)
{
	status->controller = (char *)(host->options->controller ?: "");
	SET(status, connected, host->stream && mz_stream_is_connected(host->stream));
	status->reason = (char *)(host->stream ? mz_stream_reason(host->stream) : "standalone");
	SET(status, rows_received, host->rows_received);
}

struct peers {
	Mizar__V1__LocalPeer *items, **ptrs;
};

static void peers_fini(struct peers *peers)
{
	free(peers->items);
	free(peers->ptrs);
}

static int fill_peers(struct mz_host *host, Mizar__V1__LocalStatus *status,
		      struct peers *ret_peers)
{
	size_t i, n;
	const struct mz_peer *list = mz_peers_list(host->peers, &n);
	uint64_t now = uv_hrtime();

	ret_peers->items = calloc(n + 1, sizeof(*ret_peers->items));
	ret_peers->ptrs = calloc(n + 1, sizeof(*ret_peers->ptrs));
	if (!ret_peers->items || !ret_peers->ptrs)
		return -ENOMEM;
	for (i = 0; i < n; i++) {
		Mizar__V1__LocalPeer *peer = ret_peers->ptrs[i] = &ret_peers->items[i];

		*peer = (Mizar__V1__LocalPeer)MIZAR__V1__LOCAL_PEER__INIT;
		peer->has_address = 1;
		mz_row_set_addr(&peer->address, &list[i].addr);
		peer->state = (char *)mz_peer_states[list[i].state];
		SET(peer, avoided, list[i].is_marked);
		SET(peer, state_ms, (now - list[i].since_ns) / 1000000);
		SET(peer, misses, list[i].misses);
		if (list[i].rtt_ns)
			SET(peer, rtt_us, (list[i].rtt_ns + 500) / 1000);
	}
	status->peers = ret_peers->ptrs;
	status->n_peers = n;
	return 0;
}

void mz_status(struct mz_host *host, struct mz_ipc_request *request)
{
	Mizar__V1__LocalResponse response = MIZAR__V1__LOCAL_RESPONSE__INIT;
	Mizar__V1__LocalStatus status = MIZAR__V1__LOCAL_STATUS__INIT;
	_cleanup_(mz_scope_messages_fini) struct mz_scope_messages scopes = {};
	_cleanup_(peers_fini) struct peers peers = {};

	if (mz_scope_messages_init(host->scopes, &scopes) < 0 ||
	    fill_peers(host, &status, &peers) < 0) {
		mz_local_reply_error(request, ENOMEM, "out of memory");
		return;
	}
	status.version = MIZAR_VERSION;
	fill_underlay(host, &status);
	fill_controller(host, &status);
	SET(&status, uptime_seconds, (uv_hrtime() - host->started_ns) / 1000000000);
	SET(&status, endpoints_attached, (uint32_t)mz_table_count(host->tables, MZ_TABLE_port));
	status.scopes = scopes.ptrs;
	status.n_scopes = scopes.n;
	response.status = &status;
	mz_ipc_reply(request, &response);
}
