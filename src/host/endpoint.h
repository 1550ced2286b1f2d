/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an endpoint of this host has beside its row: while there is a device, a row of `port` (by
 * device) and one of `local` for each address, and the agent on the device. A row of `local` is
 * never there without that of `port`.
 */
#pragma once

#include "host/host.h"

/* Makes the derived rows and the attachment true for this device. old: the replaced row, or NULL.
 */
int mz_endpoint_serve(struct mz_host *host, uint64_t uid, const struct mz_endpoint *old,
		      const struct mz_endpoint *endpoint, const struct mz_device *device);
/* The same if there is a device; else nothing. */
int mz_endpoint_update(struct mz_host *host, uint64_t uid, const struct mz_endpoint *old,
		       const struct mz_endpoint *endpoint);
/* Removes derived rows, attachment and device. Absent is success. */
int mz_endpoint_delete(struct mz_host *host, uint64_t uid, const struct mz_endpoint *endpoint);
/* Serves every device that has a row of `endpoint`. At start. */
int mz_endpoint_serve_all(struct mz_host *host);
/* Forgets the derived rows of devices that are gone. At start, and now and then. */
int mz_endpoint_forget_gone(struct mz_host *host);

/* -ENOENT. Looks through the whole table, which is as large as this host. */
int mz_endpoint_find(struct mz_host *host, const char *ns, const char *name, uint64_t *ret_uid,
		     struct mz_endpoint *ret_endpoint);
