/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows between the form that travels (rows.proto) and the form that tables hold. Lossless both
 * ways, so that digests can be computed from the tables alone.
 */
#pragma once

#include <stdbool.h>

#include "row/row.h"
#include "tables/tables.h"

struct mz_table_row {
	enum mz_table_id table;
	union {
		struct mz_addr addr;
		__u32 vni;
		struct mz_prefix_key prefix;
		struct mz_vni_addr vni_addr;
		struct mz_network_key network;
		__u64 uid;
	} key;
	union {
		struct mz_droplet droplet;
		struct mz_vpc vpc;
		struct mz_route route;
		struct mz_network network;
		struct mz_location location;
		struct mz_moved moved;
		struct mz_endpoint endpoint;
	} value;
};

/* After mz_row_check(). With key_only the value is zero. */
void mz_row_to_table(const Mizar__V1__Row *row, bool key_only, struct mz_table_row *ret_row);

/* Room for one row of any kind and all that it points to. */
struct mz_row_buffer {
	Mizar__V1__Row row;
	union {
		Mizar__V1__DropletRow droplet;
		Mizar__V1__EndpointRow endpoint;
		Mizar__V1__VpcRow vpc;
		Mizar__V1__PrefixRow prefix;
		Mizar__V1__MemberRow member;
		Mizar__V1__NetworkRow network;
		Mizar__V1__LocationRow location;
		Mizar__V1__MovedRow moved;
	};
	ProtobufCBinaryData replicas[MZ_REPLICAS_MAX];
	Mizar__V1__EndpointAddress addrs[2], *addr_ptrs[2];
};

/* Returns buffer->row, which borrows key and value. NULL: not a table of rows that travel. */
const Mizar__V1__Row *mz_row_from_table(enum mz_table_id table, const void *key, const void *value,
					struct mz_row_buffer *buffer);

/* The tables of rows that travel. */
#define MZ_N_ROW_TABLES 8
extern const enum mz_table_id mz_row_tables[MZ_N_ROW_TABLES];
