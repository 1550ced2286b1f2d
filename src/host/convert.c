// SPDX-License-Identifier: Apache-2.0
#include "host/convert.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

#include "base/addr.h"

const enum mz_table_id mz_row_tables[MZ_N_ROW_TABLES] = {
	MZ_TABLE_droplet, MZ_TABLE_endpoint, MZ_TABLE_vpc,	MZ_TABLE_prefix,
	MZ_TABLE_member,  MZ_TABLE_network,  MZ_TABLE_location, MZ_TABLE_moved,
};

/* ---- to tables ------------------------------------------------------------------------------- */

static struct mz_replicas to_replicas(const ProtobufCBinaryData *addrs, size_t n, uint32_t ready,
				      uint32_t known)
{
	struct mz_replicas replicas = {
		.n = (__u16)(n - ready - known),
		.n_ready = (__u8)ready,
		.n_known = (__u8)known,
	};
	size_t i;

	assert(n <= MZ_REPLICAS_MAX);
	for (i = 0; i < n; i++)
		replicas.addrs[i] = mz_row_addr(&addrs[i]);
	return replicas;
}

static void to_endpoint(const Mizar__V1__EndpointRow *row, struct mz_endpoint *endpoint)
{
	size_t i;

	endpoint->network = row->network;
	endpoint->vni = row->vni;
	endpoint->generation = row->generation;
	endpoint->n_addrs = (__u32)row->n_addresses;
	memcpy(endpoint->mac, row->mac.data, sizeof(endpoint->mac));
	for (i = 0; i < row->n_addresses; i++) {
		const Mizar__V1__EndpointAddress *from = row->addresses[i];

		endpoint->addrs[i].addr = mz_row_addr(&from->address);
		endpoint->addrs[i].prefix_len = from->prefix_length;
		if (from->has_gateway)
			endpoint->addrs[i].gateway = mz_row_addr(&from->gateway);
	}
	memcpy(endpoint->namespace_, row->namespace_, strlen(row->namespace_));
	memcpy(endpoint->name, row->name, strlen(row->name));
}

static void to_key(const Mizar__V1__Row *row, struct mz_table_row *ret)
{
	switch (row->row_case) {
	case MIZAR__V1__ROW__ROW_DROPLET:
		ret->table = MZ_TABLE_droplet;
		ret->key.addr = mz_row_addr(&row->droplet->address);
		break;
	case MIZAR__V1__ROW__ROW_ENDPOINT:
		ret->table = MZ_TABLE_endpoint;
		ret->key.uid = row->endpoint->uid;
		break;
	case MIZAR__V1__ROW__ROW_VPC:
		ret->table = MZ_TABLE_vpc;
		ret->key.vni = row->vpc->vni;
		break;
	case MIZAR__V1__ROW__ROW_PREFIX:
		ret->table = MZ_TABLE_prefix;
		ret->key.prefix = (struct mz_prefix_key){
			.prefixlen = 32 + row->prefix->prefix_length,
			.vni_be = htonl(row->prefix->vni),
			.prefix = mz_row_addr(&row->prefix->prefix),
		};
		break;
	case MIZAR__V1__ROW__ROW_MEMBER:
		ret->table = MZ_TABLE_member;
		ret->key.vni_addr.vni = row->member->vni;
		ret->key.vni_addr.addr = mz_row_addr(&row->member->address);
		break;
	case MIZAR__V1__ROW__ROW_NETWORK:
		ret->table = MZ_TABLE_network;
		ret->key.network.network = row->network->network;
		ret->key.network.slot = row->network->slot;
		break;
	case MIZAR__V1__ROW__ROW_LOCATION:
		ret->table = MZ_TABLE_location;
		ret->key.vni_addr.vni = row->location->vni;
		ret->key.vni_addr.addr = mz_row_addr(&row->location->address);
		break;
	case MIZAR__V1__ROW__ROW_MOVED:
		ret->table = MZ_TABLE_moved;
		ret->key.vni_addr.vni = row->moved->vni;
		ret->key.vni_addr.addr = mz_row_addr(&row->moved->address);
		break;
	case MIZAR__V1__ROW__ROW__NOT_SET:
	case _MIZAR__V1__ROW__ROW__CASE_IS_INT_SIZE:
		assert(!"a row that mz_row_check() refuses");
	}
}

static void to_value(const Mizar__V1__Row *row, struct mz_table_row *ret)
{
	switch (row->row_case) {
	case MIZAR__V1__ROW__ROW_DROPLET:
		break; /* no fields yet */
	case MIZAR__V1__ROW__ROW_ENDPOINT:
		to_endpoint(row->endpoint, &ret->value.endpoint);
		break;
	case MIZAR__V1__ROW__ROW_VPC:
		ret->value.vpc.flags = (row->vpc->divide ? MZ_VPC_DIVIDE : 0) |
				       (row->vpc->direct ? MZ_VPC_DIRECT : 0);
		ret->value.vpc.dividers = to_replicas(row->vpc->dividers, row->vpc->n_dividers,
						      row->vpc->ready, row->vpc->known);
		break;
	case MIZAR__V1__ROW__ROW_PREFIX:
		ret->value.route.network = row->prefix->network;
		break;
	case MIZAR__V1__ROW__ROW_MEMBER:
		ret->value.route.network = row->member->network;
		break;
	case MIZAR__V1__ROW__ROW_NETWORK:
		ret->value.network.vni = row->network->vni;
		ret->value.network.slot_bits = row->network->slot_bits;
		ret->value.network.bouncers =
			to_replicas(row->network->bouncers, row->network->n_bouncers,
				    row->network->ready, row->network->known);
		break;
	case MIZAR__V1__ROW__ROW_LOCATION:
		ret->value.location.network = row->location->network;
		ret->value.location.host = mz_row_addr(&row->location->host);
		ret->value.location.generation = row->location->generation;
		break;
	case MIZAR__V1__ROW__ROW_MOVED:
		ret->value.moved.host = mz_row_addr(&row->moved->host);
		ret->value.moved.generation = row->moved->generation;
		break;
	case MIZAR__V1__ROW__ROW__NOT_SET:
	case _MIZAR__V1__ROW__ROW__CASE_IS_INT_SIZE:
		break; /* to_key() was here first */
	}
}

void mz_row_to_table(const Mizar__V1__Row *row, bool key_only, struct mz_table_row *ret_row)
{
	memset(ret_row, 0, sizeof(*ret_row));
	to_key(row, ret_row);
	if (!key_only)
		to_value(row, ret_row);
}

/* ---- from tables ----------------------------------------------------------------------------- */

#define SET(message, field, value) ((message)->has_##field = 1, (message)->field = (value))
#define SET_ADDR(message, field, value)                                                            \
	((message)->has_##field = 1, mz_row_set_addr(&(message)->field, (value)))

static void from_endpoint(const __u64 *uid, const struct mz_endpoint *endpoint,
			  struct mz_row_buffer *buffer)
{
	Mizar__V1__EndpointRow *row = &buffer->endpoint;
	size_t i;

	*row = (Mizar__V1__EndpointRow)MIZAR__V1__ENDPOINT_ROW__INIT;
	SET(row, uid, *uid);
	SET(row, vni, endpoint->vni);
	SET(row, network, endpoint->network);
	SET(row, generation, endpoint->generation);
	row->namespace_ = (char *)endpoint->namespace_;
	row->name = (char *)endpoint->name;
	SET(row, mac, ((ProtobufCBinaryData){ sizeof(endpoint->mac), (uint8_t *)endpoint->mac }));
	row->addresses = buffer->addr_ptrs;
	row->n_addresses = endpoint->n_addrs <= 2 ? endpoint->n_addrs : 2;
	for (i = 0; i < row->n_addresses; i++) {
		Mizar__V1__EndpointAddress *to = &buffer->addrs[i];

		*to = (Mizar__V1__EndpointAddress)MIZAR__V1__ENDPOINT_ADDRESS__INIT;
		SET_ADDR(to, address, &endpoint->addrs[i].addr);
		SET(to, prefix_length, endpoint->addrs[i].prefix_len);
		if (!mz_addr_is_zero(&endpoint->addrs[i].gateway))
			SET_ADDR(to, gateway, &endpoint->addrs[i].gateway);
		buffer->addr_ptrs[i] = to;
	}
}

static void from_vpc(const __u32 *vni, const struct mz_vpc *vpc, struct mz_row_buffer *buffer)
{
	Mizar__V1__VpcRow *row = &buffer->vpc;

	*row = (Mizar__V1__VpcRow)MIZAR__V1__VPC_ROW__INIT;
	SET(row, vni, *vni);
	SET(row, divide, !!(vpc->flags & MZ_VPC_DIVIDE));
	SET(row, direct, !!(vpc->flags & MZ_VPC_DIRECT));
	MZ_ROW_SET_REPLICAS(row, dividers, &vpc->dividers, buffer->replicas);
}

static void from_prefix(const struct mz_prefix_key *key, const struct mz_route *route,
			struct mz_row_buffer *buffer)
{
	Mizar__V1__PrefixRow *row = &buffer->prefix;

	*row = (Mizar__V1__PrefixRow)MIZAR__V1__PREFIX_ROW__INIT;
	SET(row, vni, ntohl(key->vni_be));
	SET_ADDR(row, prefix, &key->prefix);
	SET(row, prefix_length, key->prefixlen - 32);
	SET(row, network, route->network);
}

static void from_member(const struct mz_vni_addr *key, const struct mz_route *route,
			struct mz_row_buffer *buffer)
{
	Mizar__V1__MemberRow *row = &buffer->member;

	*row = (Mizar__V1__MemberRow)MIZAR__V1__MEMBER_ROW__INIT;
	SET(row, vni, key->vni);
	SET_ADDR(row, address, &key->addr);
	SET(row, network, route->network);
}

static void from_network(const struct mz_network_key *key, const struct mz_network *network,
			 struct mz_row_buffer *buffer)
{
	Mizar__V1__NetworkRow *row = &buffer->network;

	*row = (Mizar__V1__NetworkRow)MIZAR__V1__NETWORK_ROW__INIT;
	SET(row, network, key->network);
	SET(row, vni, network->vni);
	SET(row, slot, key->slot);
	SET(row, slot_bits, network->slot_bits);
	MZ_ROW_SET_REPLICAS(row, bouncers, &network->bouncers, buffer->replicas);
}

static void from_location(const struct mz_vni_addr *key, const struct mz_location *location,
			  struct mz_row_buffer *buffer)
{
	Mizar__V1__LocationRow *row = &buffer->location;

	*row = (Mizar__V1__LocationRow)MIZAR__V1__LOCATION_ROW__INIT;
	SET(row, vni, key->vni);
	SET_ADDR(row, address, &key->addr);
	SET(row, network, location->network);
	SET_ADDR(row, host, &location->host);
	SET(row, generation, location->generation);
}

static void from_moved(const struct mz_vni_addr *key, const struct mz_moved *moved,
		       struct mz_row_buffer *buffer)
{
	Mizar__V1__MovedRow *row = &buffer->moved;

	*row = (Mizar__V1__MovedRow)MIZAR__V1__MOVED_ROW__INIT;
	SET(row, vni, key->vni);
	SET_ADDR(row, address, &key->addr);
	SET_ADDR(row, host, &moved->host);
	SET(row, generation, moved->generation);
}

const Mizar__V1__Row *mz_row_from_table(enum mz_table_id table, const void *key, const void *value,
					struct mz_row_buffer *buffer)
{
	Mizar__V1__Row *row = &buffer->row;

	*row = (Mizar__V1__Row)MIZAR__V1__ROW__INIT;
	row->droplet = &buffer->droplet; /* all kinds share their place, here as in the oneof */
	switch (table) {
	case MZ_TABLE_droplet:
		row->row_case = MIZAR__V1__ROW__ROW_DROPLET;
		buffer->droplet = (Mizar__V1__DropletRow)MIZAR__V1__DROPLET_ROW__INIT;
		SET_ADDR(&buffer->droplet, address, (const struct mz_addr *)key);
		return row;
	case MZ_TABLE_endpoint:
		row->row_case = MIZAR__V1__ROW__ROW_ENDPOINT;
		from_endpoint(key, value, buffer);
		return row;
	case MZ_TABLE_vpc:
		row->row_case = MIZAR__V1__ROW__ROW_VPC;
		from_vpc(key, value, buffer);
		return row;
	case MZ_TABLE_prefix:
		row->row_case = MIZAR__V1__ROW__ROW_PREFIX;
		from_prefix(key, value, buffer);
		return row;
	case MZ_TABLE_member:
		row->row_case = MIZAR__V1__ROW__ROW_MEMBER;
		from_member(key, value, buffer);
		return row;
	case MZ_TABLE_network:
		row->row_case = MIZAR__V1__ROW__ROW_NETWORK;
		from_network(key, value, buffer);
		return row;
	case MZ_TABLE_location:
		row->row_case = MIZAR__V1__ROW__ROW_LOCATION;
		from_location(key, value, buffer);
		return row;
	case MZ_TABLE_moved:
		row->row_case = MIZAR__V1__ROW__ROW_MOVED;
		from_moved(key, value, buffer);
		return row;
	case MZ_TABLE_nexthop:
	case MZ_TABLE_port:
	case MZ_TABLE_local:
	case MZ_TABLE_learned:
	case MZ_TABLE_dead:
	case MZ_TABLE_scope:
	case MZ_N_TABLES:
		break;
	}
	return NULL;
}
