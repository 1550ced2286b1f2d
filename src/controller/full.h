/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A scope read whole, a chunk at a time: from the model what is small, endpoints from the store.
 * Changes under way are no concern here: they have revisions after the one it began at, and follow.
 */
#pragma once

#include "controller/controller.h"
#include "mizar/v1/rows.pb-c.h"

/* Rows of a message; they are copies. */
struct ctl_rows {
	Mizar__V1__Row **rows;
	size_t n, size;
	size_t bytes; /* packed */
};
void ctl_rows_fini(struct ctl_rows *rows);
void ctl_rows_add(struct ctl_rows *rows, const Mizar__V1__Row *row);
void ctl_rows_add_packed(struct ctl_rows *rows, const uint8_t *data, size_t size);

struct ctl_full *ctl_full_new(struct ctl_controller *c, const struct ctl_scope *scope);
void ctl_full_free(struct ctl_full *full);
/* The scope's revision when reading began. */
uint64_t ctl_full_revision(const struct ctl_full *full);
/* Adds about chunk_bytes of rows, perhaps none. 0: these were the last; 1: there are more. */
int ctl_full_read(struct ctl_full *full, size_t chunk_bytes, struct ctl_rows *rows);
