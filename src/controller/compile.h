/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From objects to rows: pure functions. The same objects always give the same rows, byte for byte
 * (digests depend on it). What is compiled borrows text from the objects.
 */
#pragma once

#include "controller/facts.h"
#include "mizar/v1/rows.pb-c.h"

/* A row and all that it points to; must not be copied or moved. */
struct ctl_row {
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
	struct mz_addr addrs[4];
	struct mz_replicas set;
	ProtobufCBinaryData replicas[MZ_REPLICAS_MAX];
	Mizar__V1__EndpointAddress address[2];
	Mizar__V1__EndpointAddress *address_list[2];
	uint8_t mac[6];
};

void ctl_compile_droplet(const struct mz_addr *addr, struct ctl_row *ret_row);
void ctl_compile_vpc(uint32_t vni, struct ctl_vpc_flags flags, const struct mz_replicas *dividers,
		     struct ctl_row *ret_row);
void ctl_compile_network(const struct ctl_network_facts *facts, const struct mz_replicas *bouncers,
			 struct ctl_row *ret_row);
void ctl_compile_prefix(const struct ctl_network_facts *facts, unsigned int index,
			struct ctl_row *ret_row);
void ctl_compile_member(const struct ctl_network_facts *facts, const struct mz_addr *addr,
			struct ctl_row *ret_row);
void ctl_compile_location(const struct ctl_network_facts *facts, const struct mz_addr *addr,
			  const struct mz_addr *host, uint32_t generation, struct ctl_row *ret_row);
/* generation: that of its place on the host. -EINVAL: the stored object is unreadable. */
int ctl_compile_endpoint(const struct ctl_network_facts *facts, const Mizar__V1__Endpoint *endpoint,
			 uint32_t generation, struct ctl_row *ret_row);
void ctl_compile_moved(uint32_t vni, const struct mz_addr *addr, const struct mz_addr *host,
		       uint32_t generation, struct ctl_row *ret_row);
/* Only the key of a row, as deletes carry it. Borrows from row. */
void ctl_compile_key(const Mizar__V1__Row *row, struct ctl_row *ret_key);
