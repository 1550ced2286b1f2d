// SPDX-License-Identifier: Apache-2.0
/* What the pinned programs were loaded with: the one map of theirs that holds the configuration. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include <bpf/bpf.h>

#include "base/cleanup.h"
#include "host/program.h"

#define MAPS_MAX 64

/* -ENOENT: it is another map. */
static int read_config(uint32_t map_id, struct mz_config *ret_config)
{
	_cleanup_close_ int fd = bpf_map_get_fd_by_id(map_id);
	struct bpf_map_info info = {};
	uint32_t size = sizeof(info), slot = 0;
	int r;

	if (fd < 0)
		return fd;
	r = bpf_obj_get_info_by_fd(fd, &info, &size);
	if (r < 0)
		return r;
	if (info.type != BPF_MAP_TYPE_ARRAY || !strstr(info.name, ".rodata") ||
	    info.value_size != sizeof(*ret_config))
		return -ENOENT;
	return bpf_map_lookup_elem(fd, &slot, ret_config);
}

int mz_programs_config(const char *dir, struct mz_config *ret_config)
{
	_cleanup_close_ int fd = -1;
	uint32_t ids[MAPS_MAX] = {}, size;
	struct bpf_prog_info info = { .map_ids = (uintptr_t)ids, .nr_map_ids = MAPS_MAX };
	struct mz_config config;
	char path[PATH_MAX];
	int n, r;

	n = snprintf(path, sizeof(path), "%s/bpf/prog/mz_transit", dir);
	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	fd = bpf_obj_get(path);
	if (fd < 0)
		return fd;
	size = sizeof(info);
	r = bpf_obj_get_info_by_fd(fd, &info, &size);
	for (uint32_t i = 0; r == 0 && i < info.nr_map_ids && i < MAPS_MAX; i++) {
		r = read_config(ids[i], &config);
		if (r == -ENOENT) {
			r = 0;
			continue;
		}
		if (r == 0)
			*ret_config = config;
		return r;
	}
	return r < 0 ? r : -ESTALE;
}
