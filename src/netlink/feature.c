// SPDX-License-Identifier: Apache-2.0
/*
 * By ioctl: the features are numbered anew by every kernel, but the same for all its devices, so
 * the number of a name has to be asked for once.
 */
#include "netlink/feature.h"

#include <errno.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include <linux/ethtool.h>
#include <linux/sockios.h>

#include "base/cleanup.h"

#define FEATURES_MAX 1024
#define N_BLOCKS(n_features) (((n_features) + 31) / 32)

static int ethtool(int socket_fd, const char *ifname, void *command)
{
	struct ifreq request = { .ifr_data = command };

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", ifname);
	return ioctl(socket_fd, SIOCETHTOOL, &request) < 0 ? -errno : 0;
}

/* How many features the kernel knows. */
static int count_features(int socket_fd, const char *ifname, uint32_t *ret_n)
{
	_cleanup_free_ struct ethtool_sset_info *command = NULL;
	uint32_t n;
	int r;

	command = calloc(1, sizeof(*command) + sizeof(n)); /* one answer, for one set */
	if (!command)
		return -ENOMEM;
	command->cmd = ETHTOOL_GSSET_INFO;
	command->sset_mask = 1ULL << ETH_SS_FEATURES;
	r = ethtool(socket_fd, ifname, command);
	if (r < 0)
		return r;
	memcpy(&n, command->data, sizeof(n));
	if (n > FEATURES_MAX)
		return -E2BIG;
	*ret_n = n;
	return 0;
}

/* -ENOENT: the kernel does not know it. */
static int find_feature(int socket_fd, const char *ifname, uint32_t n, const char *feature,
			uint32_t *ret_index)
{
	_cleanup_free_ struct ethtool_gstrings *names = NULL;
	uint32_t i;
	int r;

	names = calloc(1, sizeof(*names) + (size_t)n * ETH_GSTRING_LEN);
	if (!names)
		return -ENOMEM;
	names->cmd = ETHTOOL_GSTRINGS;
	names->string_set = ETH_SS_FEATURES;
	names->len = n;
	r = ethtool(socket_fd, ifname, names);
	if (r < 0)
		return r;
	for (i = 0; i < n && i < names->len; i++) {
		if (!strncmp((const char *)names->data + (size_t)i * ETH_GSTRING_LEN, feature,
			     ETH_GSTRING_LEN)) {
			*ret_index = i;
			return 0;
		}
	}
	return -ENOENT;
}

static int set(int socket_fd, const char *ifname, uint32_t n, uint32_t index, bool on)
{
	_cleanup_free_ struct ethtool_sfeatures *command = NULL;

	command = calloc(1, sizeof(*command) + N_BLOCKS(n) * sizeof(command->features[0]));
	if (!command)
		return -ENOMEM;
	command->cmd = ETHTOOL_SFEATURES;
	command->size = N_BLOCKS(n);
	command->features[index / 32].valid = 1U << index % 32;
	command->features[index / 32].requested = on ? 1U << index % 32 : 0;
	return ethtool(socket_fd, ifname, command);
}

/* 1 or 0. */
static int is_on(int socket_fd, const char *ifname, uint32_t n, uint32_t index)
{
	_cleanup_free_ struct ethtool_gfeatures *command = NULL;
	int r;

	command = calloc(1, sizeof(*command) + N_BLOCKS(n) * sizeof(command->features[0]));
	if (!command)
		return -ENOMEM;
	command->cmd = ETHTOOL_GFEATURES;
	command->size = N_BLOCKS(n);
	r = ethtool(socket_fd, ifname, command);
	if (r < 0)
		return r;
	return command->features[index / 32].active >> index % 32 & 1;
}

int mz_feature_set(int socket_fd, const char *ifname, const char *feature, bool on)
{
	uint32_t n, index;
	int r;

	r = count_features(socket_fd, ifname, &n);
	if (r == 0)
		r = find_feature(socket_fd, ifname, n, feature, &index);
	if (r < 0)
		return r == -ENOENT && !on ? 0 : r;
	r = set(socket_fd, ifname, n, index, on);
	if (r == 0)
		r = is_on(socket_fd, ifname, n, index);
	if (r < 0)
		return r;
	return r == on ? 0 : -EOPNOTSUPP;
}

int mz_device_driver(int socket_fd, const char *ifname, struct mz_driver *ret_driver)
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	int r = ethtool(socket_fd, ifname, &info);

	if (r < 0)
		return r;
	_Static_assert(sizeof(ret_driver->name) == sizeof(info.driver), "size of a driver's name");
	memcpy(ret_driver->name, info.driver, sizeof(info.driver) - 1);
	ret_driver->name[sizeof(info.driver) - 1] = 0;
	/* Software has none, or a word of its own there. */
	ret_driver->is_hardware = strpbrk(info.bus_info, ":-0123456789") != NULL;
	return 0;
}
