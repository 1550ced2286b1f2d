// SPDX-License-Identifier: Apache-2.0
#include "host/underlay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/filter.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "base/addr.h"
#include "base/log.h"
#include "mizar/wire.h"

#define MTU_MIN_IPV6 1280

static struct mz_addr from_ipv4(struct in_addr in)
{
	struct mz_addr addr = { .bytes = { [10] = 0xff, [11] = 0xff } };

	memcpy(addr.bytes + 12, &in, sizeof(in));
	return addr;
}

/* The first IPv4 address of a device. -EADDRNOTAVAIL. */
static int first_address(const char *ifname, struct mz_addr *ret_addr)
{
	struct ifaddrs *list, *ifa;
	int r = -EADDRNOTAVAIL;

	if (getifaddrs(&list) < 0)
		return -errno;
	for (ifa = list; ifa && r < 0; ifa = ifa->ifa_next) {
		if (!ifa->ifa_addr || ifa->ifa_addr->sa_family != AF_INET ||
		    strcmp(ifa->ifa_name, ifname))
			continue;
		*ret_addr = from_ipv4(((struct sockaddr_in *)ifa->ifa_addr)->sin_addr);
		r = 0;
	}
	freeifaddrs(list);
	return r;
}

/*
 * The address that packets to far away would leave with. Nothing is sent: the reserved class E (RFC
 * 1112, section 4) stands for what only the default route leads to.
 */
static int default_address(struct mz_addr *ret_addr)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(MZ_GENEVE_PORT) };
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t size = sizeof(sin);

	sin.sin_addr.s_addr = htonl(0xf0000001); /* 240.0.0.1 */
	if (fd < 0 || connect(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0 ||
	    getsockname(fd, (struct sockaddr *)&sin, &size) < 0)
		return -errno;
	*ret_addr = from_ipv4(sin.sin_addr);
	return 0;
}

static int find_default_device(struct mz_host *host)
{
	int r = default_address(&host->self);

	if (r >= 0)
		r = mz_device_by_address(&host->self, &host->underlay);
	if (r < 0)
		mz_log_err("which underlay? there is no default route: give --address or --device");
	return r;
}

static int find_device(struct mz_host *host)
{
	const struct mz_options *options = host->options;
	char text[MZ_ADDR_STRLEN];
	int r;

	if (options->has_address) {
		host->self = options->address;
		r = mz_device_by_address(&host->self, &host->underlay);
		mz_addr_format(&host->self, text);
		if (r < 0) {
			mz_log_err("--address %s: no device here has it: give an address of this "
				   "host: %s",
				   text, strerror(-r));
			return r;
		}
		if (options->device && strcmp(options->device, host->underlay.ifname)) {
			mz_log_err("--device %s: address %s is on %s: leave one of the two options "
				   "away",
				   options->device, text, host->underlay.ifname);
			return -EINVAL;
		}
		return 0;
	}
	if (!options->device)
		return find_default_device(host);
	r = mz_device_by_name(options->device, &host->underlay);
	if (r < 0) {
		mz_log_err("--device %s: %s", options->device, strerror(-r));
		return r;
	}
	r = first_address(options->device, &host->self);
	if (r < 0)
		mz_log_err("--device %s: it has no IPv4 address: set one, or give another device",
			   options->device);
	return r;
}

/*
 * The socket never sees a packet: transit takes them all. Should one slip through while nothing is
 * attached, the filter keeps it out of the queue.
 */
static int hold_port(struct mz_host *host)
{
	struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
	const struct sock_fprog filter = { .len = 1, .filter = &nothing };
	struct sockaddr_in sin = {
		.sin_family = AF_INET,
		.sin_port = htons(host->options->port),
	};
	_cleanup_close_ int fd = -1;
	char text[MZ_ADDR_STRLEN];

	memcpy(&sin.sin_addr, host->self.bytes + 12, sizeof(sin.sin_addr));
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) < 0)
		return -errno;
	if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)) < 0) {
		int r = -errno;

		mz_log_err("UDP port %u of %s: %s: stop the program that uses it (ss -lunp), or "
			   "give another --port to all hosts",
			   host->options->port, mz_addr_format(&host->self, text),
			   r == -EADDRINUSE ? "in use by another socket" : strerror(-r));
		return r;
	}
	host->port_fd = TAKE_FD(fd);
	return 0;
}

int mz_underlay_open(struct mz_host *host)
{
	int r;

	r = find_device(host);
	if (r < 0)
		return r;
	/* RFC 8200, section 5: what IPv6 asks of every link. The device is the operator's to
	 * change. */
	if (host->underlay.mtu < MTU_MIN_IPV6 || mz_host_endpoint_mtu(host) < MTU_MIN_IPV6) {
		mz_log_err("device %s: MTU %u leaves endpoints less than %d: raise it",
			   host->underlay.ifname, host->underlay.mtu, MTU_MIN_IPV6);
		return -EINVAL;
	}
	return hold_port(host);
}
