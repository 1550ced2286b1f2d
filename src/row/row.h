/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows as they travel (rows.proto): which scope one belongs to, whether it is well-formed, and the
 * hash that digests are summed from. Used by the controller and by mizard alike.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mizar/tables.h"
#include "mizar/v1/rows.pb-c.h"

struct mz_scope_id {
	Mizar__V1__Scope__Kind kind;
	uint64_t id;
};
bool mz_scope_id_equal(struct mz_scope_id a, struct mz_scope_id b);
#define MZ_SCOPE_STRLEN 40
/* "locations/42", for logs. */
const char *mz_scope_format(struct mz_scope_id scope, char buf[static MZ_SCOPE_STRLEN]);

/* FNV-1a (64 bit), finished with the murmur3 mixer (fmix64). */
uint64_t mz_hash(const void *data, size_t size);
/* mz_hash() of the packed row. */
uint64_t mz_row_hash(const Mizar__V1__Row *row);

/*
 * Sizes of bytes fields, ranges, number of replicas, presence of all key fields (and of all others
 * unless key_only). Rows come from outside: everything else may rely on this having passed.
 * -EINVAL, with the field's name in *ret_field (static text).
 */
int mz_row_check(const Mizar__V1__Row *row, bool key_only, const char **ret_field);

/* After mz_row_check(), and not of a key alone: a location's network is no part of its key. */
struct mz_scope_id mz_row_scope(const Mizar__V1__Row *row);

/* The row's key as text, for messages: "vni 7 10.0.0.2". */
#define MZ_ROW_KEY_STRLEN 160
const char *mz_row_key_format(const Mizar__V1__Row *row, char buf[static MZ_ROW_KEY_STRLEN]);
/* "location" */
const char *mz_row_table_name(const Mizar__V1__Row *row);

/* Of a row of a VPC or network: `field` is its list, `list` the room for it, which borrows. */
#define MZ_ROW_SET_REPLICAS(message, field, replicas, list)                                        \
	do {                                                                                       \
		(message)->n_##field = mz_row_list_replicas(replicas, list);                       \
		(message)->field = (list);                                                         \
		(message)->ready = (replicas)->n_ready;                                            \
		(message)->known = (replicas)->n_known;                                            \
		(message)->has_ready = (message)->ready > 0;                                       \
		(message)->has_known = (message)->known > 0;                                       \
	} while (0)
size_t mz_row_list_replicas(const struct mz_replicas *replicas,
			    ProtobufCBinaryData ret_list[static MZ_REPLICAS_MAX]);
void mz_row_set_addr(ProtobufCBinaryData *field, const struct mz_addr *addr); /* borrows addr */
struct mz_addr mz_row_addr(const ProtobufCBinaryData *field); /* after mz_row_check */
