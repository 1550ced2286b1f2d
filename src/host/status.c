// SPDX-License-Identifier: Apache-2.0
#include <errno.h>

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

void mz_status(struct mz_host *host, struct mz_ipc_request *request)
{
	Mizar__V1__LocalResponse response = MIZAR__V1__LOCAL_RESPONSE__INIT;
	Mizar__V1__LocalStatus status = MIZAR__V1__LOCAL_STATUS__INIT;
	_cleanup_(mz_scope_messages_fini) struct mz_scope_messages scopes = {};

	if (mz_scope_messages_init(host->scopes, &scopes) < 0) {
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
