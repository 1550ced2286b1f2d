/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the bytes of keys and values mean: one row per field, in the order of the struct. Checks and
 * the text form come from these rows.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "mizar/tables.h"

enum field_type {
	FIELD_END,
	FIELD_ADDR,	     /* struct mz_addr */
	FIELD_ADDR_OR_NONE,  /* zero: none, not shown */
	FIELD_PREFIX,	     /* struct mz_prefix_key: "vni", "prefix" */
	FIELD_MAC,	     /* unicast */
	FIELD_VNI,	     /* u32 below 2^24 */
	FIELD_IFINDEX,	     /* u32, not 0 */
	FIELD_U16,
	FIELD_U32,
	FIELD_U64,	     /* a string in JSON, as in the API */
	FIELD_FLAGS,	     /* u32; one boolean per name in `flags` */
	FIELD_REPLICAS,	     /* struct mz_replicas */
	FIELD_PREFIX_LEN4,   /* u8, of 128 bits, around an IPv4 address; zero: everything */
	FIELD_PREFIX_LEN6,   /* the same, IPv6 */
	FIELD_TEXT,	     /* MZ_NAME_SIZE */
	FIELD_WAYS,	     /* struct mz_nexthop; the whole value is looked at */
	FIELD_ENDPOINT_ADDRS,/* n_addrs of struct mz_endpoint; the whole value is looked at */
	FIELD_PAD,	     /* zero, not shown */
};

struct field {
	enum field_type type;
	const char *name; /* in JSON */
	size_t offset;
	size_t size;
	const char *const *flags; /* bit 0 first, NULL at the end */
};

struct fields {
	const struct field *key;
	const struct field *value;
};

/* Which of the ways has a slot: an index into them. */
static inline unsigned int mz_way_of_slot(const struct mz_nexthop *nexthop, unsigned int slot)
{
	return nexthop->slots >> slot * MZ_WAY_BITS & (MZ_WAYS_MAX - 1);
}

extern const struct fields mz_table_fields[MZ_N_TABLES];
