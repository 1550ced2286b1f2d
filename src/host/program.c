// SPDX-License-Identifier: Apache-2.0
/*
 * Loading and replacing. The order is what keeps packets flowing: everything is loaded and verified
 * before the first attachment changes, and every change swaps one program for another in place.
 *
 *	DIR/bpf/prog/mz_agent  mz_transit  mz_transit_xdp	what is loaded
 *	DIR/bpf/prog/tail		what they go on to, which ends without a pin
 *	DIR/bpf/link/IFNAME-IFINDEX	tcx links (clsact keeps its filters itself)
 *	DIR/bpf/xdp/IFNAME-IFINDEX	the droplet's XDP link
 */
#include "host/program.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/log.h"
#include "host/attach.h"
#include "mizar.skel.h"
#include "mizar_xdp.skel.h"

const char *const mz_hook_names[MZ_N_HOOKS] = {
	[MZ_HOOK_AGENT] = "mz_agent",
	[MZ_HOOK_TRANSIT] = "mz_transit",
	[MZ_HOOK_XDP] = "mz_transit_xdp",
};

struct mz_programs {
	char bpf_dir[PATH_MAX];
	int prog_fds[MZ_N_HOOKS]; /* -1: not used */
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

static int reuse_map(const struct bpf_object *object, const char *name, int fd)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, name);

	return map ? bpf_map__reuse_fd(map, fd) : -ENOENT;
}

static int reuse_maps(const struct bpf_object *object, struct mz_tables *tables)
{
	int r = 0;

#define X(name, ...)                                                                              \
	if (r == 0)                                                                               \
		r = reuse_map(object, #name, mz_tables_outer_fd(tables, MZ_TABLE_##name));
	MZ_BPF_TABLES(X)
#undef X
	if (r == 0)
		r = reuse_map(object, "counter", mz_tables_counter_fd(tables));
	if (r == 0)
		r = reuse_map(object, "drop", mz_tables_drop_fd(tables));
	if (r == 0)
		r = reuse_map(object, "epoch", mz_tables_epoch_fd(tables));
	return r;
}

/* The read-only data of every object is the configuration, and nothing else. */
static int configure(const struct bpf_object *object, const struct mz_config *config)
{
	struct bpf_map *rodata = bpf_object__find_map_by_name(object, ".rodata");

	return rodata ? bpf_map__set_initial_value(rodata, config, sizeof(*config)) : -ENOENT;
}

static int dup_fd(int from, int *ret_fd)
{
	int fd = fcntl(from, F_DUPFD_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	*ret_fd = fd;
	return 0;
}

static int dup_program(const struct bpf_object *object, enum mz_hook hook, int *ret_fd)
{
	struct bpf_program *program =
		bpf_object__find_program_by_name(object, mz_hook_names[hook]);

	return program ? dup_fd(bpf_program__fd(program), ret_fd) : -ENOENT;
}

static void bpf_object_closep(struct bpf_object **object)
{
	bpf_object__close(*object); /* takes NULL */
}

/* Only the file descriptors are kept: libbpf's view of an object is some megabytes. */
static int load(struct mz_programs *programs, const void *elf, size_t size, enum mz_hook first,
		enum mz_hook last, struct mz_tables *tables, const struct mz_config *config)
{
	_cleanup_(bpf_object_closep) struct bpf_object *object = NULL;
	struct bpf_map *tail;
	int r;

	object = bpf_object__open_mem(elf, size, NULL);
	if (!object)
		return -errno;
	r = configure(object, config);
	if (r == 0)
		r = reuse_maps(object, tables);
	if (r == 0)
		r = bpf_object__load(object);
	for (int hook = first; r == 0 && hook <= (int)last; hook++)
		r = dup_program(object, (enum mz_hook)hook, &programs->prog_fds[hook]);
	tail = bpf_object__find_map_by_name(object, "tail");
	if (r == 0 && tail)
		r = dup_fd(bpf_map__fd(tail), &programs->tail_fd);
	return r;
}

static int load_tc(struct mz_programs *programs, struct mz_tables *tables,
		   const struct mz_config *config)
{
	struct mz_config probed = *config;
	const void *elf;
	size_t size;
	int r = mz_probe_decap_flags();

	if (r < 0)
		return r;
	probed.decap_flags_ok = (uint32_t)r;
	elf = mizar_bpf__elf_bytes(&size);
	return load(programs, elf, size, MZ_HOOK_AGENT, MZ_HOOK_TRANSIT, tables, &probed);
}

static int load_xdp(struct mz_programs *programs, struct mz_tables *tables,
		    const struct mz_config *config)
{
	size_t size;
	const void *elf = mizar_xdp_bpf__elf_bytes(&size);

	return load(programs, elf, size, MZ_HOOK_XDP, MZ_HOOK_XDP, tables, config);
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
	if (fd < 0)
		return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
	r = bpf_obj_pin(fd, new_path);
	if (r < 0)
		return r;
	return rename(new_path, path) < 0 ? -errno : 0;
}

static int make_dirs(const struct mz_programs *programs)
{
	static const char *const names[] = { "prog", "link", "xdp" };
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(names); i++)
		r = make_dir(programs->bpf_dir, names[i]);
	return r;
}

/* XDP comes first: it may be refused, and then nothing has changed. */
static int install_xdp(struct mz_programs *programs, struct mz_tables *tables,
		       const struct mz_config *config, struct mz_transit *transit)
{
	int ifindex = (int)config->ifindex;
	int r = mz_transit_choose(transit, ifindex);

	if (r < 0 || transit->mode == MZ_TRANSIT_TC)
		return r;
	r = load_xdp(programs, tables, config);
	if (r == 0)
		r = mz_attach_xdp(programs->bpf_dir, programs->prog_fds[MZ_HOOK_XDP], ifindex);
	if (r < 0) {
		mz_closep(&programs->prog_fds[MZ_HOOK_XDP]);
		programs->prog_fds[MZ_HOOK_XDP] = -1;
		return mz_transit_refused(transit, r);
	}
	return mz_detach_xdp_all(programs->bpf_dir, ifindex);
}

static int install_tc(struct mz_programs *programs)
{
	int r = other_ops(programs->mode)->update_all(programs->bpf_dir, programs->prog_fds);

	if (r < 0)
		return r;
	programs->has_other_mode = r > 0;
	r = mode_ops(programs->mode)->update_all(programs->bpf_dir, programs->prog_fds);
	return r > 0 ? 0 : r;
}

static int install(struct mz_programs *programs, struct mz_tables *tables,
		   const struct mz_config *config, struct mz_transit *transit)
{
	int hook, r = make_dirs(programs);

	if (r == 0)
		r = install_xdp(programs, tables, config, transit);
	if (r == 0)
		r = install_tc(programs);
	if (r == 0 && transit->mode == MZ_TRANSIT_TC)
		r = mz_detach_xdp_all(programs->bpf_dir, 0);
	for (hook = 0; r == 0 && hook < MZ_N_HOOKS; hook++)
		r = pin(programs, mz_hook_names[hook], programs->prog_fds[hook]);
	if (r == 0)
		r = pin(programs, "tail", programs->tail_fd);
	return r;
}

int mz_programs_new(const char *dir, struct mz_tables *tables, const struct mz_config *config,
		    enum mz_attach_mode mode, struct mz_transit *transit,
		    struct mz_programs **ret_programs)
{
	_cleanup_(mz_programs_freep) struct mz_programs *programs = calloc(1, sizeof(*programs));
	struct mz_config own = *config;
	int hook, n, r;

	if (!programs)
		return -ENOMEM;
	for (hook = 0; hook < MZ_N_HOOKS; hook++)
		programs->prog_fds[hook] = -1;
	programs->tail_fd = -1;
	if (getrandom(own.secret, sizeof(own.secret), 0) != sizeof(own.secret))
		return -errno;
	n = snprintf(programs->bpf_dir, sizeof(programs->bpf_dir), "%s/bpf", dir);
	if (n < 0 || (size_t)n >= sizeof(programs->bpf_dir))
		return -ENAMETOOLONG;
	mz_libbpf_to_debug();
	r = load_tc(programs, tables, &own);
	if (r == 0)
		r = choose_mode(programs, mode);
	if (r == 0)
		r = install(programs, tables, &own, transit);
	(void)malloc_trim(0); /* what libbpf used is not needed again */
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
	int r = mz_detach_xdp(programs->bpf_dir, ifindex);

	if (r == 0)
		r = mode_ops(programs->mode)->detach(programs->bpf_dir, ifindex);
	if (r < 0 || !programs->has_other_mode)
		return r;
	return other_ops(programs->mode)->detach(programs->bpf_dir, ifindex);
}
