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
#include "host/socket.h"
#include "mizar/wire.h"

#define MTU_MIN_IPV6	 1280
#define LOOPBACK_IFINDEX 1 /* in every namespace */

static bool from_sockaddr(const struct sockaddr *sa, int family, struct mz_addr *ret_addr)
{
	struct mz_addr addr;

	if (!sa || sa->sa_family != family ||
	    mz_sockaddr_addr((const union mz_sockaddr *)sa, &addr) < 0 ||
	    !mz_addr_is_tunnel(&addr))
		return false;
	*ret_addr = addr;
	return true;
}

/* The first IPv4 address of a device, or if it has none the first IPv6. -EADDRNOTAVAIL. */
static int first_address(const char *ifname, struct mz_addr *ret_addr)
{
	static const int families[] = { AF_INET, AF_INET6 };
	struct ifaddrs *list, *ifa;
	int r = -EADDRNOTAVAIL;
	size_t i;

	if (getifaddrs(&list) < 0)
		return -errno;
	for (i = 0; i < ARRAY_SIZE(families); i++)
		for (ifa = list; ifa && r < 0; ifa = ifa->ifa_next)
			if (!strcmp(ifa->ifa_name, ifname) &&
			    from_sockaddr(ifa->ifa_addr, families[i], ret_addr))
				r = 0;
	freeifaddrs(list);
	return r;
}

/*
 * The address that packets to far away would leave with. Nothing is sent: class E (RFC 1112,
 * section 4) and the start of the global unicast addresses (RFC 4291) stand for what only the
 * default route leads to. -EADDRNOTAVAIL.
 */
static int default_address(int family, struct mz_addr *ret_addr)
{
	struct sockaddr_in6 sin6 = {
		.sin6_family = AF_INET6,
		.sin6_port = htons(MZ_GENEVE_PORT),
		.sin6_addr.s6_addr = { 0x20, [15] = 1 },
	};
	struct sockaddr_in sin = {
		.sin_family = AF_INET,
		.sin_port = htons(MZ_GENEVE_PORT),
		.sin_addr.s_addr = htonl(0xf0000001),
	};
	struct sockaddr *sa = family == AF_INET ? (void *)&sin : (void *)&sin6;
	socklen_t size = family == AF_INET ? sizeof(sin) : sizeof(sin6);
	_cleanup_close_ int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, sa, size) < 0 || getsockname(fd, sa, &size) < 0)
		return -errno;
	return from_sockaddr(sa, family, ret_addr) ? 0 : -EADDRNOTAVAIL;
}

static int find_default_device(struct mz_host *host)
{
	int r = default_address(AF_INET, &host->self);

	if (r < 0)
		r = default_address(AF_INET6, &host->self);
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
		if (host->underlay.ifindex == LOOPBACK_IFINDEX) {
			mz_log_err("--address %s: it is on %s, where no tunnel packet comes in: "
				   "give one of the device on the underlay",
				   text, host->underlay.ifname);
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
		mz_log_err("--device %s: it has no address that other hosts could reach: set one, "
			   "or give another device",
			   options->device);
	return r;
}

/*
 * The socket never sees a packet: transit takes them all. Should one slip through while nothing is
 * attached, the filter keeps it out of the queue.
 */
int mz_underlay_hold_port(struct mz_host *host)
{
	struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
	const struct sock_fprog filter = { .len = 1, .filter = &nothing };
	char text[MZ_ADDR_STRLEN];
	int r;

	r = mz_socket_open(&host->self, host->options->port, &filter, &host->port_fd);
	if (r < 0)
		mz_log_err("UDP port %u of %s: %s: stop the program that uses it (ss -lunp), "
			   "remove the device (ip -d link), or give another --port to all hosts",
			   host->options->port, mz_addr_format(&host->self, text),
			   r == -EADDRINUSE ? "in use by another socket or tunnel device" :
					      strerror(-r));
	return r;
}

int mz_underlay_open(struct mz_host *host)
{
	struct mz_link gro;
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
	if (mz_gro_find(host->options->dir, host->options->port, &gro) == 0 && gro.flags & IFF_UP)
		return 0;
	return mz_underlay_hold_port(host);
}
