/* SPDX-License-Identifier: Apache-2.0 */
/* What a lab is called, where its parts are, and the record of what was asked for. */
#include "lab/lab.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "base/cleanup.h"
#include "lab/internal.h"
#include "netlink/namespace.h"

bool mz_lab_name_is_valid(const char *name)
{
	size_t size = strlen(name);

	return size && size <= MZ_LAB_NAME_MAX && name[0] != '-' &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == size;
}

const char *mz_lab_path(const char *name, char buf[static MZ_LAB_PATH_SIZE], const char *format,
			...)
{
	int n = snprintf(buf, MZ_LAB_PATH_SIZE, MZ_LAB_ROOT "/%.*s/", MZ_LAB_NAME_MAX, name);
	va_list ap;

	va_start(ap, format);
	vsnprintf(buf + n, MZ_LAB_PATH_SIZE - (size_t)n, format, ap);
	va_end(ap);
	return buf;
}

const char *mz_lab_place_name(unsigned int place, char buf[static MZ_LAB_PLACE_SIZE])
{
	if (place >= MZ_LAB_CTL)
		snprintf(buf, MZ_LAB_PLACE_SIZE, "%s", place == MZ_LAB_CTL ? "ctl" : "net");
	else
		snprintf(buf, MZ_LAB_PLACE_SIZE, "h%u", place);
	return buf;
}

int mz_lab_place_parse(const struct mz_lab *lab, const char *text, unsigned int *ret_place)
{
	char name[MZ_LAB_PLACE_SIZE];

	for (unsigned int place = 1; place <= MZ_LAB_NET; place++) {
		if (place > lab->n_hosts && place < MZ_LAB_CTL)
			continue;
		if (strcmp(mz_lab_place_name(place, name), text))
			continue;
		*ret_place = place;
		return 0;
	}
	return -EINVAL;
}

const char *mz_lab_netns_path(const struct mz_lab *lab, unsigned int place,
			      char buf[static MZ_LAB_PATH_SIZE])
{
	char name[MZ_LAB_PLACE_SIZE];

	snprintf(buf, MZ_LAB_PATH_SIZE, MZ_NETNS_ROOT "/%s-%s", lab->name,
		 mz_lab_place_name(place, name));
	return buf;
}

const char *mz_lab_address(const struct mz_lab *lab, unsigned int place,
			   char buf[static MZ_LAB_PLACE_SIZE])
{
	static const char *const formats[2][2] = { /* by family, and whether it is routed */
		{ "172.31.0.%u", "172.31.%u.2" },
		{ "fd00:31::%u", "fd00:31:%u::2" },
	};
	unsigned int n = place == MZ_LAB_CTL ? 250 : place & 0xff;

	snprintf(buf, MZ_LAB_PLACE_SIZE, formats[lab->ipv6][lab->routed], n);
	return buf;
}

int mz_lab_record(const struct mz_lab *lab)
{
	char path[MZ_LAB_PATH_SIZE];
	json_t *json;
	int r;

	json = json_pack("{s:s, s:i, s:i, s:b, s:b, s:s, s:s}", "name", lab->name, "hosts",
			 (int)lab->n_hosts, "mtu", (int)lab->mtu, "routed", (int)lab->routed,
			 "ipv6", (int)lab->ipv6, "transit", lab->transit, "mizardOptions",
			 lab->mizard_options);
	if (!json)
		return -ENOMEM;
	r = json_dump_file(json, mz_lab_path(lab->name, path, "lab.json"), JSON_INDENT(2));
	json_decref(json);
	return r < 0 ? -EIO : 0;
}

int mz_lab_read(const char *path, struct mz_lab *ret_lab)
{
	int hosts = 0, mtu = 0, routed = 0, ipv6 = 0;
	const char *transit = "", *options = "";
	json_t *json;
	int r;

	if (access(path, F_OK) < 0)
		return -errno;
	json = json_load_file(path, 0, NULL);
	r = json_unpack(json, "{s:i, s:i, s:b, s:b, s:s, s?s}", "hosts", &hosts, "mtu", &mtu,
			"routed", &routed, "ipv6", &ipv6, "transit", &transit, "mizardOptions",
			&options);
	if (r < 0 || hosts < 1 || hosts > MZ_LAB_HOSTS_MAX || mtu < 1 ||
	    strlen(transit) >= sizeof(ret_lab->transit) ||
	    strlen(options) >= sizeof(ret_lab->mizard_options)) {
		json_decref(json);
		return -EINVAL;
	}
	*ret_lab = (struct mz_lab){ .n_hosts = (unsigned int)hosts,
				    .mtu = (unsigned int)mtu,
				    .routed = routed,
				    .ipv6 = ipv6 };
	memcpy(ret_lab->transit, transit, strlen(transit) + 1);
	memcpy(ret_lab->mizard_options, options, strlen(options) + 1);
	json_decref(json);
	return 0;
}

int mz_lab_load(const char *name, struct mz_lab *ret_lab)
{
	char path[MZ_LAB_PATH_SIZE];
	struct mz_lab lab;
	int r;

	if (!mz_lab_name_is_valid(name))
		return -EINVAL;
	r = mz_lab_read(mz_lab_path(name, path, "lab.json"), &lab);
	if (r < 0)
		return r;
	memcpy(lab.name, name, strlen(name) + 1);
	*ret_lab = lab;
	return 0;
}

int mz_lab_each(int (*fn)(const struct mz_lab *lab, void *user), void *user)
{
	DIR *dir = opendir(MZ_LAB_ROOT);
	struct dirent *entry;
	struct mz_lab lab;
	int r = 0;

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while (!r && (entry = readdir(dir)))
		if (mz_lab_load(entry->d_name, &lab) == 0)
			r = fn(&lab, user);
	closedir(dir);
	return r;
}

int mz_lab_enter(const struct mz_lab *lab, unsigned int place)
{
	char path[MZ_LAB_PATH_SIZE];
	_cleanup_close_ int fd = -1;
	int r;

	r = mz_netns_open(mz_lab_netns_path(lab, place, path), &fd);
	if (r < 0)
		return r;
	return setns(fd, CLONE_NEWNET) < 0 ? -errno : 0;
}
