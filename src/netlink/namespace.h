/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Visits to other network namespaces. Sockets belong to the namespace that they were opened in, so
 * a visit only has to last as long as opening them.
 */
#pragma once

/* -ENOENT, -EACCES …; -ENOTTY: the path is no network namespace. */
int mz_netns_open(const char *path, int *ret_fd);

/*
 * Calls fn with the calling thread inside the namespace; returns what fn returned, or why it could
 * not get in. Other threads stay where they are.
 */
int mz_netns_call(int netns_fd, int (*fn)(void *user), void *user);

/* 1: the namespace is the calling thread's own; 0: it is another one. */
int mz_netns_is_own(int netns_fd);
