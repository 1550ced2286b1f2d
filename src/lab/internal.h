/* SPDX-License-Identifier: Apache-2.0 */
/* Inside src/lab: the parts that up.c and down.c put together. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "lab/lab.h"

#define MZ_NETNS_ROOT "/run/netns"

/* "mizar: lab NAME: ..." on stderr. */
void mz_lab_say(const struct mz_lab *lab, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* What mz_lab_load() does, without the name: that is the directory's. */
int mz_lab_read(const char *path, struct mz_lab *ret_lab);
/* Writes lab.json. */
int mz_lab_record(const struct mz_lab *lab);

/*
 * Only one process at a time makes or removes a lab of this name. Closing the descriptor unlocks;
 * mz_lab_lock_remove() takes the file away too, when the lab is gone.
 */
int mz_lab_lock(const char *name, int *ret_fd);
void mz_lab_lock_remove(const char *name);

/* Named as `ip netns` does it. Present on add and absent on remove are success. lo is up. */
int mz_lab_netns_add(const char *path);
int mz_lab_netns_remove(const char *path);

/* All devices, addresses and routes of the underlay; what is there stays. */
int mz_lab_underlay_add(const struct mz_lab *lab);

/* For mz_netns_call(): makes a veth device fit for a peer that runs XDP. user: its name. */
int mz_lab_suit_xdp(void *user);

/* A file in the place's directory; its process's log. Return buf. */
const char *mz_lab_place_path(const struct mz_lab *lab, unsigned int place, const char *file,
			      char buf[static MZ_LAB_PATH_SIZE]);
const char *mz_lab_log_path(const struct mz_lab *lab, unsigned int place,
			    char buf[static MZ_LAB_PATH_SIZE]);

/* When a process started, in clock ticks since boot. -ESRCH: none, or only its remains. */
int mz_lab_start_time(pid_t pid, unsigned long long *ret_start);
/*
 * Starts a program in a place's namespace, with output to PLACE/NAME.log, and records its pid
 * before it runs. argv[0] is the program's name; it is looked for beside this program, in the build
 * tree's sibling `folder`, and in $PATH.
 */
int mz_lab_process_start(const struct mz_lab *lab, unsigned int place, const char *folder,
			 const char *const argv[]);
/* To the recorded process, if it is still the same one. Absent is success. */
int mz_lab_process_signal(const struct mz_lab *lab, unsigned int place, int signal);
/* Waits for its end; after timeout_ms it is killed. */
int mz_lab_process_wait(const struct mz_lab *lab, unsigned int place, int timeout_ms);
/* The last lines of its log, on stderr. */
void mz_lab_process_show_log(const struct mz_lab *lab, unsigned int place);

/* Under the lock: mz_lab_down() without it. */
int mz_lab_remove(const char *name);
