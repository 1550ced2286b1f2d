// SPDX-License-Identifier: Apache-2.0
#include "host/endpoint.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/addr.h"
#include "base/log.h"
#include "host/local_attach.h"
#include "host/release.h"
#include "host/stream.h"
#include "mizar/wire.h"

unsigned int mz_host_endpoint_mtu(const struct mz_host *host)
{
	return MZ_ENDPOINT_MTU(host->underlay.mtu, !mz_addr_is_ipv4(&host->self));
}

/* ---- derived rows ---------------------------------------------------------------------------- */

/* Who has no gateway has everything on its link. */
static __u8 on_link_len(const struct mz_endpoint *endpoint, size_t i)
{
	return mz_addr_is_zero(&endpoint->addrs[i].gateway) ?
		       0 :
		       (__u8)endpoint->addrs[i].prefix_len;
}

static __u32 port_flags(const struct mz_device *device)
{
	return device->peer_elsewhere ? MZ_PORT_PEER : 0;
}

static __u16 local_mtu(const struct mz_device *device)
{
	return device->mtu > UINT16_MAX ? UINT16_MAX : (__u16)device->mtu;
}

static int put_port(struct mz_host *host, uint64_t uid, const struct mz_endpoint *endpoint,
		    const struct mz_device *device)
{
	const __u32 ifindex = (__u32)device->ifindex;
	struct mz_port port = {
		.uid = uid,
		.network = endpoint->network,
		.vni = endpoint->vni,
		.flags = port_flags(device),
	};
	size_t i;

	memcpy(port.mac, endpoint->mac, sizeof(port.mac));
	for (i = 0; i < endpoint->n_addrs; i++) {
		if (mz_addr_is_ipv4(&endpoint->addrs[i].addr)) {
			port.ip4 = endpoint->addrs[i].addr;
			port.gateway4 = endpoint->addrs[i].gateway;
			port.prefix_len4 = on_link_len(endpoint, i);
		} else {
			port.ip6 = endpoint->addrs[i].addr;
			port.gateway6 = endpoint->addrs[i].gateway;
			port.prefix_len6 = on_link_len(endpoint, i);
		}
	}
	return mz_table_put(host->tables, MZ_TABLE_port, &ifindex, &port);
}

/*
 * Where it was before it came here. Nothing is sent there any more, but what comes back from there
 * is still taken, and delivered; the row goes by its age.
 */
static int end_learned(struct mz_host *host, const struct mz_vni_addr *key)
{
	struct mz_learned row;
	int r = mz_table_get(host->tables, MZ_TABLE_learned, key, &row);

	if (r < 0 || row.flags & MZ_LEARNED_STALE)
		return r == -ENOENT ? 0 : r;
	row.flags |= MZ_LEARNED_STALE;
	return mz_table_put(host->tables, MZ_TABLE_learned, key, &row);
}

static int put_locals(struct mz_host *host, const struct mz_endpoint *endpoint,
		      const struct mz_device *device)
{
	size_t i;
	int r;

	for (i = 0; i < endpoint->n_addrs; i++) {
		const struct mz_vni_addr key = {
			.vni = endpoint->vni,
			.addr = endpoint->addrs[i].addr,
		};
		struct mz_local local = {
			.network = endpoint->network,
			.ifindex = (__u32)device->ifindex,
			.generation = endpoint->generation,
			.mtu = local_mtu(device),
			.flags = port_flags(device),
		};

		memcpy(local.mac, endpoint->mac, sizeof(local.mac));
		r = mz_table_put(host->tables, MZ_TABLE_local, &key, &local);
		if (r >= 0)
			r = end_learned(host, &key);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool has_address(const struct mz_endpoint *endpoint, __u32 vni, const struct mz_addr *addr)
{
	size_t i;

	if (!endpoint || endpoint->vni != vni)
		return false;
	for (i = 0; i < endpoint->n_addrs; i++) {
		if (!mz_addr_compare(&endpoint->addrs[i].addr, addr))
			return true;
	}
	return false;
}

/*
 * Removes the rows of `local` for the addresses of `endpoint` that `kept` (or NULL) has not. An
 * address that another endpoint has taken over meanwhile is left to it.
 */
static int delete_locals(struct mz_host *host, uint64_t uid, const struct mz_endpoint *endpoint,
			 const struct mz_endpoint *kept)
{
	struct mz_local local;
	struct mz_port port;
	size_t i;
	int r;

	for (i = 0; i < endpoint->n_addrs; i++) {
		const struct mz_vni_addr key = {
			.vni = endpoint->vni,
			.addr = endpoint->addrs[i].addr,
		};

		if (has_address(kept, key.vni, &key.addr))
			continue;
		r = mz_table_get(host->tables, MZ_TABLE_local, &key, &local);
		if (r == -ENOENT)
			continue;
		if (r >= 0)
			r = mz_table_get(host->tables, MZ_TABLE_port, &local.ifindex, &port);
		if (r >= 0 && port.uid != uid)
			continue;
		if (r >= 0 || r == -ENOENT)
			r = mz_table_delete(host->tables, MZ_TABLE_local, &key);
		if (r < 0)
			return r;
	}
	return 0;
}

struct find_port {
	uint64_t uid;
	__u32 ifindex;
};

static int match_port(const void *key, const void *value, void *user)
{
	const struct mz_port *port = value;
	struct find_port *find = user;

	if (port->uid != find->uid)
		return 0;
	find->ifindex = *(const __u32 *)key;
	return 1;
}

/* The row outlives its device: the device's number is asked of the row. 0: no row. */
static int find_port(struct mz_host *host, uint64_t uid, __u32 *ret_ifindex)
{
	struct find_port find = { .uid = uid };
	int r;

	r = mz_table_each(host->tables, MZ_TABLE_port, match_port, &find);
	if (r < 0)
		return r;
	*ret_ifindex = find.ifindex;
	return 0;
}

/* ---- life ------------------------------------------------------------------------------------ */

int mz_endpoint_serve(struct mz_host *host, uint64_t uid, const struct mz_endpoint *old,
		      const struct mz_endpoint *endpoint, const struct mz_device *device)
{
	int r;

	r = put_port(host, uid, endpoint, device);
	if (r < 0)
		return r;
	r = mz_programs_attach_agent(host->programs, device->ifindex);
	if (r >= 0)
		r = mz_device_up(device->ifindex);
	if (r < 0)
		return r;
	r = put_locals(host, endpoint, device);
	if (r < 0)
		return r;
	return old ? delete_locals(host, uid, old, endpoint) : 0;
}

int mz_endpoint_update(struct mz_host *host, uint64_t uid, const struct mz_endpoint *old,
		       const struct mz_endpoint *endpoint)
{
	struct mz_device device;
	int r;

	r = mz_device_find(uid, &device);
	if (r == -ENODEV)
		return 0;
	if (r < 0)
		return r;
	if (old && memcmp(old->mac, endpoint->mac, sizeof(old->mac)))
		mz_log_warn("endpoint %s/%s: its MAC changed under a device: attach it again",
			    endpoint->namespace_, endpoint->name);
	return mz_endpoint_serve(host, uid, old, endpoint, &device);
}

int mz_endpoint_delete(struct mz_host *host, uint64_t uid, const struct mz_endpoint *endpoint)
{
	__u32 ifindex;
	int r;

	r = find_port(host, uid, &ifindex);
	if (r < 0)
		return r;
	r = delete_locals(host, uid, endpoint, NULL);
	if (r < 0)
		return r;
	/* The agent stays to the end: without it, the device's packets would reach the host's
	 * stack. */
	r = mz_device_delete(uid);
	if (r < 0 || !ifindex)
		return r;
	mz_stream_tell_device(host->stream, uid, false);
	r = mz_programs_detach(host->programs, (int)ifindex);
	if (r < 0)
		return r;
	return mz_table_delete(host->tables, MZ_TABLE_port, &ifindex);
}

/* ---- devices that are there, or are gone ----------------------------------------------------- */

static int serve_device(uint64_t uid, const struct mz_device *device, void *user)
{
	struct mz_host *host = user;
	struct mz_endpoint endpoint;
	int r;

	r = mz_table_get(host->tables, MZ_TABLE_endpoint, &uid, &endpoint);
	if (r == -ENOENT) {
		/* It may be on its way: the row serves the device when it comes. */
		mz_log_warn("device %s: endpoint %" PRIu64 " is not known to belong on this host",
			    device->ifname, uid);
		return 0;
	}
	if (r < 0)
		return r;
	return mz_endpoint_serve(host, uid, NULL, &endpoint, device);
}

int mz_endpoint_serve_all(struct mz_host *host)
{
	return mz_device_each(serve_device, host);
}

static void give_back(struct mz_host *host, const struct mz_endpoint *endpoint)
{
	int r = 0;

	if (host->releases && !mz_attach_is_under_way(host, endpoint->namespace_, endpoint->name))
		r = mz_release_add(host->releases, endpoint->namespace_, endpoint->name);
	if (r < 0)
		mz_log_warn("endpoint %s/%s: the controller is not told: %s", endpoint->namespace_,
			    endpoint->name, strerror(-r));
}

/* Who owns the endpoint may change it at any time, in a namespace that says nothing of it here. */
static int follow_mtu(struct mz_host *host, const struct mz_port *port,
		      const struct mz_device *device)
{
	struct mz_endpoint endpoint;
	struct mz_local local;
	int r = mz_table_get(host->tables, MZ_TABLE_endpoint, &port->uid, &endpoint);

	if (r >= 0) {
		const struct mz_vni_addr key = { endpoint.vni, endpoint.addrs[0].addr };

		r = mz_table_get(host->tables, MZ_TABLE_local, &key, &local);
	}
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return local.ifindex != (__u32)device->ifindex || local.mtu == local_mtu(device) ?
		       0 :
		       put_locals(host, &endpoint, device);
}

static int forget_port(const void *key, const void *value, void *user)
{
	const __u32 *ifindex = key;
	const struct mz_port *port = value;
	struct mz_host *host = user;
	struct mz_endpoint endpoint;
	struct mz_device device;
	bool is_lost;
	int r;

	r = mz_device_find(port->uid, &device);
	if (r >= 0 && device.ifindex == (int)*ifindex)
		return follow_mtu(host, port, &device);
	if (r < 0 && r != -ENODEV)
		return r;
	is_lost = r < 0; /* else a new device has taken over all but this row */
	r = mz_table_get(host->tables, MZ_TABLE_endpoint, &port->uid, &endpoint);
	if (r < 0 && r != -ENOENT)
		return r;
	is_lost = is_lost && r >= 0;
	r = is_lost ? delete_locals(host, port->uid, &endpoint, NULL) : 0;
	if (r >= 0)
		r = mz_programs_detach(host->programs, (int)*ifindex);
	if (r >= 0)
		r = mz_table_delete(host->tables, MZ_TABLE_port, ifindex);
	if (r >= 0 && is_lost) {
		mz_log_info("endpoint %s/%s: its device is gone", endpoint.namespace_,
			    endpoint.name);
		mz_stream_tell_device(host->stream, port->uid, false);
		give_back(host, &endpoint);
	}
	return r;
}

int mz_endpoint_forget_gone(struct mz_host *host)
{
	return mz_table_each(host->tables, MZ_TABLE_port, forget_port, host);
}

/* ---- by name --------------------------------------------------------------------------------- */

struct find_endpoint {
	const char *ns, *name;
	uint64_t uid;
	struct mz_endpoint endpoint;
};

static int match_endpoint(const void *key, const void *value, void *user)
{
	const struct mz_endpoint *endpoint = value;
	struct find_endpoint *find = user;

	__u64 uid = *(const __u64 *)key;

	/* An endpoint that was deleted and made again: the older one's row may still be there. */
	if (uid < find->uid || strcmp(endpoint->namespace_, find->ns) ||
	    strcmp(endpoint->name, find->name))
		return 0;
	find->uid = uid;
	find->endpoint = *endpoint;
	return 0;
}

int mz_endpoint_find(struct mz_host *host, const char *ns, const char *name, uint64_t *ret_uid,
		     struct mz_endpoint *ret_endpoint)
{
	struct find_endpoint find = { .ns = ns, .name = name };
	int r;

	r = mz_table_each(host->tables, MZ_TABLE_endpoint, match_endpoint, &find);
	if (r < 0)
		return r;
	if (!find.uid)
		return -ENOENT;
	*ret_uid = find.uid;
	*ret_endpoint = find.endpoint;
	return 0;
}
