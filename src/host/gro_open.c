// SPDX-License-Identifier: Apache-2.0
/* Who holds the tunnels' port: the device that merges, or else a socket (host/underlay.h). */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "host/gro.h"
#include "host/underlay.h"

#define SAY(gro, ...) snprintf((gro)->text, sizeof((gro)->text), __VA_ARGS__)

int mz_gro_prepare(struct mz_host *host)
{
	struct mz_gro *gro = &host->gro;
	int r = 0;

	gro->cut_ifindex = gro->in_ifindex = 0;
	if (host->options->tunnel_gro != MZ_GRO_OFF)
		r = mz_gro_add_cut(host->options->dir, host->options->port, &gro->cut_ifindex,
				   &gro->in_ifindex);
	if (r < 0)
		mz_log_warn("device mzcut%u: cannot be made: %s", host->options->port,
			    strerror(-r));
	return 0; /* then there is no merging, see mz_gro_open() */
}

static int up(struct mz_host *host, const struct mz_link *link)
{
	int r = mz_programs_attach_transit(host->programs, host->gro.in_ifindex);

	if (r == 0)
		r = mz_device_up(host->gro.in_ifindex);
	if (r == 0)
		r = mz_device_up(host->gro.cut_ifindex);
	if (r == 0)
		r = mz_programs_attach_agent(host->programs, link->ifindex);
	if (r < 0 || link->flags & IFF_UP)
		return r;
	mz_closep(&host->port_fd);
	host->port_fd = -1;
	return mz_device_up(link->ifindex);
}

/* Why there is no device. */
static void say_why(struct mz_host *host, int r)
{
	uint16_t port = host->options->port;

	switch (-r) {
	case EOPNOTSUPP:
		SAY(&host->gro, "off: this kernel has neither geneve nor vxlan");
		break;
	case EADDRINUSE:
		SAY(&host->gro, "off: UDP port %u has a socket at another address of this host",
		    port);
		break;
	case EEXIST:
	case EPERM:
		SAY(&host->gro, "off: another tunnel device has UDP port %u, or the name mzgro%u",
		    port, port);
		break;
	default:
		SAY(&host->gro, "off: %s", strerror(-r));
	}
}

static int switch_on(struct mz_host *host)
{
	struct mz_link link;
	int r = mz_gro_delete(host->options->dir, host->options->port);

	if (r == 0)
		r = mz_gro_add(host->options->dir, host->options->port, &link);
	if (r == 0)
		r = up(host, &link);
	if (r < 0) {
		say_why(host, r);
		return r;
	}
	host->gro.ifindex = link.ifindex;
	SAY(&host->gro, "%s, device %s%s", link.kind, link.name,
	    strcmp(link.kind, "geneve") ? ": without geneve, packets with options stay single" :
					  "");
	return 0;
}

/* The socket again, or still. */
static int switch_off(struct mz_host *host)
{
	int r = mz_gro_delete(host->options->dir, 0);

	if (r < 0)
		mz_log_warn("device mzgro%u: cannot be removed: %s", host->options->port,
			    strerror(-r));
	return host->port_fd < 0 ? mz_underlay_hold_port(host) : 0;
}

int mz_gro_open(struct mz_host *host)
{
	enum mz_gro_mode mode = host->options->tunnel_gro;
	int r = -EOPNOTSUPP;

	host->gro.ifindex = 0;
	if (mode == MZ_GRO_OFF)
		SAY(&host->gro, "off, asked for");
	else if (!(host->offload.holds & MZ_OFFLOAD_TCP))
		SAY(&host->gro, "off: super-packets do not pass here");
	else if (!host->gro.cut_ifindex)
		SAY(&host->gro, "off: no device mzcut%u", host->options->port);
	else
		r = switch_on(host);
	mz_log_info("tunnel GRO: %s", host->gro.text);
	if (r == 0)
		return 0;
	if (mode == MZ_GRO_ON) {
		mz_log_err("--tunnel-gro on: %s: use --tunnel-gro auto, or off",
			   host->gro.text + strlen("off: "));
		(void)mz_gro_delete(host->options->dir, 0); /* it did not come up */
		return r;
	}
	return switch_off(host);
}

static bool is_up(struct mz_netlink *nl, int ifindex)
{
	struct mz_link link;

	return mz_link_by_index(nl, ifindex, &link) == 0 && link.flags & IFF_UP;
}

bool mz_gro_is_whole(const struct mz_host *host)
{
	_cleanup_(mz_netlink_freep) struct mz_netlink *nl = NULL;
	const struct mz_gro *gro = &host->gro;

	if (!gro->ifindex || mz_netlink_open(&nl) < 0)
		return true; /* nothing to look after, or no way to */
	return is_up(nl, gro->ifindex) && is_up(nl, gro->cut_ifindex) && is_up(nl, gro->in_ifindex);
}
