// SPDX-License-Identifier: Apache-2.0
#include "host/settle.h"

#include <errno.h>
#include <inttypes.h>

#include "base/log.h"
#include "host/host.h"
#include "host/local_attach.h"
#include "host/release.h"
#include "host/stream.h"

static int delete_orphan(uint64_t uid, const struct mz_device *device, void *user)
{
	struct mz_host *host = user;
	struct mz_endpoint endpoint;
	int r;

	r = mz_table_get(host->tables, MZ_TABLE_endpoint, &uid, &endpoint);
	if (r != -ENOENT)
		return r;
	mz_log_info("device %s: endpoint %" PRIu64 " does not belong on this host, removed",
		    device->ifname, uid);
	r = mz_device_delete(uid);
	if (r < 0)
		return r;
	mz_stream_tell_device(host->stream, uid, false);
	return mz_programs_detach(host->programs, device->ifindex);
}

static int give_back(const void *key, const void *value, void *user)
{
	const struct mz_endpoint *endpoint = value;
	struct mz_host *host = user;
	struct mz_device device;
	int r;

	r = mz_device_find(*(const __u64 *)key, &device);
	if (r != -ENODEV)
		return r;
	if (mz_attach_is_under_way(host, endpoint->namespace_, endpoint->name))
		return 0;
	return mz_release_add(host->releases, endpoint->namespace_, endpoint->name);
}

int mz_settle(struct mz_host *host)
{
	int r;

	r = mz_device_each(delete_orphan, host);
	return r < 0 ? r : mz_table_each(host->tables, MZ_TABLE_endpoint, give_back, host);
}
