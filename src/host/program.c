// SPDX-License-Identifier: Apache-2.0
/*
 * Loading and replacing. The order is what keeps packets flowing: everything is loaded and verified
 * before the first attachment changes, and every change swaps one program for another in place.
 *
 *	DIR/bpf/prog/mz_agent  mz_transit	what is loaded
 *	DIR/bpf/prog/tail			and what they go on to, which ends without a pin
 *	DIR/bpf/link/IFNAME-IFINDEX		tcx links (clsact keeps its filters itself)
 */
#include "host/program.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/log.h"
#include "host/attach.h"
#include "mizar.skel.h"

const char *const mz_hook_names[MZ_N_HOOKS] = {
	[MZ_HOOK_AGENT] = "mz_agent",
	[MZ_HOOK_TRANSIT] = "mz_transit",
};

struct mz_programs {
	char bpf_dir[PATH_MAX];
	int prog_fds[MZ_N_HOOKS];
	int tail_fd;
	enum mz_attach_mode mode;
	bool has_other_mode; /* attachments that the other mode left behind */
};

static const struct mz_attach_ops *mode_ops(enum mz_attach_mode mode)
{
	return mode == MZ_ATTACH_CLSACT ? &mz_attach_clsact : &mz_attach_tcx;
}

static const struct mz_attach_ops *other_ops(enum mz_attach_mode mode)
{
	return mode == MZ_ATTACH_CLSACT ? &mz_attach_tcx : &mz_attach_clsact;
}

int mz_hook_of_program(unsigned int prog_id, enum mz_hook *ret_hook)
{
	struct bpf_prog_info info = {};
	uint32_t size = sizeof(info);
	_cleanup_close_ int fd = bpf_prog_get_fd_by_id(prog_id);
	int hook, r;

	if (fd < 0)
		return fd;
	r = bpf_obj_get_info_by_fd(fd, &info, &size);
	if (r < 0)
		return r;
	for (hook = 0; hook < MZ_N_HOOKS; hook++) {
		if (!strncmp(info.name, mz_hook_names[hook], sizeof(info.name))) {
			*ret_hook = (enum mz_hook)hook;
			return 0;
		}
	}
	return -ENOENT;
}

/* The verifier's log can be long: it goes where somebody asked for it, line by line. */
static int log_libbpf(enum libbpf_print_level level, const char *format, va_list args)
{
	_cleanup_free_ char *text = NULL;
	char *line, *rest = NULL;

	if (level == LIBBPF_DEBUG || vasprintf(&text, format, args) < 0) {
		text = NULL;
		return 0;
	}
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		mz_log_debug("%s", line);
	return 0;
}

void mz_libbpf_to_debug(void)
{
	(void)libbpf_set_print(log_libbpf); /* returns the one before */
}

static int reuse_maps(struct mizar_bpf *skel, struct mz_tables *tables)
{
	int r = 0;

#define X(name_, ...)                                                                              \
	if (r == 0)                                                                                \
		r = bpf_map__reuse_fd(skel->maps.name_,                                            \
				      mz_tables_outer_fd(tables, MZ_TABLE_##name_));
	MZ_BPF_TABLES(X)
#undef X
	if (r == 0)
		r = bpf_map__reuse_fd(skel->maps.counter, mz_tables_counter_fd(tables));
	if (r == 0)
		r = bpf_map__reuse_fd(skel->maps.drop, mz_tables_drop_fd(tables));
	return r;
}

static void mizar_bpf_destroyp(struct mizar_bpf **skel)
{
	mizar_bpf__destroy(*skel);
}

static int dup_fd(int from, int *ret_fd)
{
	int fd = fcntl(from, F_DUPFD_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

/* Only the file descriptors are kept: libbpf's view of the object is some megabytes. */
static int load(struct mz_programs *programs, struct mz_tables *tables,
		const struct mz_config *config)
{
	_cleanup_(mizar_bpf_destroyp) struct mizar_bpf *skel = NULL;
	int r;

	r = mz_probe_decap_flags();
	if (r < 0)
		return r;
	skel = mizar_bpf__open();
	if (!skel)
		return -errno;
	skel->rodata->mz_config = *config;
	skel->rodata->mz_config.decap_flags_ok = (uint32_t)r;
	r = reuse_maps(skel, tables);
	if (r == 0)
		r = mizar_bpf__load(skel);
	if (r == 0)
		r = dup_fd(bpf_program__fd(skel->progs.mz_agent),
			   &programs->prog_fds[MZ_HOOK_AGENT]);
	if (r == 0)
		r = dup_fd(bpf_program__fd(skel->progs.mz_transit),
			   &programs->prog_fds[MZ_HOOK_TRANSIT]);
	if (r == 0)
		r = dup_fd(bpf_map__fd(skel->maps.tail), &programs->tail_fd);
	return r;
}

static int choose_mode(struct mz_programs *programs, enum mz_attach_mode wanted)
{
	int has_tcx = mz_attach_tcx.probe(programs->prog_fds[MZ_HOOK_AGENT]);

	if (has_tcx < 0)
		return has_tcx;
	if (wanted == MZ_ATTACH_TCX && !has_tcx) {
		mz_log_debug("programs: this kernel has no tcx (Linux 6.6)");
		return -EOPNOTSUPP;
	}
	programs->mode = wanted == MZ_ATTACH_AUTO && has_tcx ? MZ_ATTACH_TCX :
			 wanted == MZ_ATTACH_AUTO	     ? MZ_ATTACH_CLSACT :
							       wanted;
	return 0;
}

static int make_dir(const char *bpf_dir, const char *name)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/%s", bpf_dir, name);

	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	return mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

/* By way of a second name, so that there is a pin at any time. */
static int pin(const struct mz_programs *programs, const char *name, int fd)
{
	char path[PATH_MAX], new_path[PATH_MAX];
	int n, r;

	n = snprintf(new_path, sizeof(new_path), "%s/prog/%s_new", programs->bpf_dir, name);
	if (n < 0 || (size_t)n >= sizeof(new_path))
		return -ENAMETOOLONG;
	n = snprintf(path, sizeof(path), "%s/prog/%s", programs->bpf_dir, name);
	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	if (unlink(new_path) < 0 && errno != ENOENT)
		return -errno;
	r = bpf_obj_pin(fd, new_path);
	if (r < 0)
		return r;
	return rename(new_path, path) < 0 ? -errno : 0;
}

static int install(struct mz_programs *programs)
{
	int hook, r;

	r = make_dir(programs->bpf_dir, "prog");
	if (r == 0)
		r = make_dir(programs->bpf_dir, "link");
	if (r == 0)
		r = other_ops(programs->mode)->update_all(programs->bpf_dir, programs->prog_fds);
	if (r < 0)
		return r;
	programs->has_other_mode = r > 0;
	r = mode_ops(programs->mode)->update_all(programs->bpf_dir, programs->prog_fds);
	if (r > 0)
		r = 0;
	for (hook = 0; r == 0 && hook < MZ_N_HOOKS; hook++)
		r = pin(programs, mz_hook_names[hook], programs->prog_fds[hook]);
	if (r == 0)
		r = pin(programs, "tail", programs->tail_fd);
	return r;
}

int mz_programs_new(const char *dir, struct mz_tables *tables, const struct mz_config *config,
		    enum mz_attach_mode mode, struct mz_programs **ret_programs)
{
	_cleanup_(mz_programs_freep) struct mz_programs *programs = calloc(1, sizeof(*programs));
	int n, r;

	if (!programs)
		return -ENOMEM;
	programs->prog_fds[MZ_HOOK_AGENT] = programs->prog_fds[MZ_HOOK_TRANSIT] = -1;
	programs->tail_fd = -1;
	n = snprintf(programs->bpf_dir, sizeof(programs->bpf_dir), "%s/bpf", dir);
	if (n < 0 || (size_t)n >= sizeof(programs->bpf_dir))
		return -ENAMETOOLONG;
	mz_libbpf_to_debug();
	r = load(programs, tables, config);
	(void)malloc_trim(0); /* what libbpf used is not needed again */
	if (r == 0)
		r = choose_mode(programs, mode);
	if (r == 0)
		r = install(programs);
	if (r < 0)
		return r == -EACCES ? -EINVAL : r; /* the verifier's word for a bad program */
	*ret_programs = TAKE(programs);
	return 0;
}

void mz_programs_free(struct mz_programs *programs)
{
	int hook;

	if (!programs)
		return;
	for (hook = 0; hook < MZ_N_HOOKS; hook++)
		mz_closep(&programs->prog_fds[hook]);
	mz_closep(&programs->tail_fd);
	free(programs);
}

enum mz_attach_mode mz_programs_mode(const struct mz_programs *programs)
{
	return programs->mode;
}

/*
 * First the attachment that is wanted, then the end of one that another mode left: for a moment
 * both are there, of which the first one takes every packet that is ours.
 */
static int attach(struct mz_programs *programs, enum mz_hook hook, int ifindex)
{
	int r = mode_ops(programs->mode)->attach(programs->bpf_dir, programs->prog_fds[hook],
						 ifindex);

	if (r < 0 || !programs->has_other_mode)
		return r;
	return other_ops(programs->mode)->detach(programs->bpf_dir, ifindex);
}

int mz_programs_attach_transit(struct mz_programs *programs, int ifindex)
{
	return attach(programs, MZ_HOOK_TRANSIT, ifindex);
}

int mz_programs_attach_agent(struct mz_programs *programs, int ifindex)
{
	return attach(programs, MZ_HOOK_AGENT, ifindex);
}

int mz_programs_detach(struct mz_programs *programs, int ifindex)
{
	int r = mode_ops(programs->mode)->detach(programs->bpf_dir, ifindex);

	if (r < 0 || !programs->has_other_mode)
		return r;
	return other_ops(programs->mode)->detach(programs->bpf_dir, ifindex);
}
