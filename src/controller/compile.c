// SPDX-License-Identifier: Apache-2.0
/* See compile.h. Every field of a row is present, also where it has its default. */
#include "controller/compile.h"

#include <errno.h>
#include <string.h>

#include "row/row.h"

#define SET(message, field, value)                                                                 \
	do {                                                                                       \
		(message)->has_##field = true;                                                     \
		(message)->field = (value);                                                        \
	} while (0)

/* Points a bytes field at one of the row's own addresses. */
#define SET_ADDR(message, field, slot, value)                                                      \
	do {                                                                                       \
		ret_row->addrs[slot] = (value);                                                    \
		(message)->has_##field = true;                                                     \
		mz_row_set_addr(&(message)->field, &ret_row->addrs[slot]);                         \
	} while (0)

#define BEGIN(name, NAME)                                                                          \
	({                                                                                         \
		memset(ret_row, 0, sizeof(*ret_row));                                              \
		mizar__v1__row__init(&ret_row->row);                                               \
		mizar__v1__##name##_row__init(&ret_row->name);                                     \
		ret_row->row.row_case = MIZAR__V1__ROW__ROW_##NAME;                                \
		ret_row->row.name = &ret_row->name;                                                \
		&ret_row->name;                                                                    \
	})

void ctl_compile_droplet(const struct mz_addr *addr, struct ctl_row *ret_row)
{
	Mizar__V1__DropletRow *droplet = BEGIN(droplet, DROPLET);

	SET_ADDR(droplet, address, 0, *addr);
}

void ctl_compile_vpc(uint32_t vni, struct ctl_vpc_flags flags, const struct mz_replicas *dividers,
		     struct ctl_row *ret_row)
{
	Mizar__V1__VpcRow *vpc = BEGIN(vpc, VPC);

	SET(vpc, vni, vni);
	SET(vpc, divide, flags.divide);
	SET(vpc, direct, flags.direct);
	ret_row->set = *dividers;
	MZ_ROW_SET_REPLICAS(vpc, dividers, &ret_row->set, ret_row->replicas);
}

void ctl_compile_network(const struct ctl_network_facts *facts, const struct mz_replicas *bouncers,
			 struct ctl_row *ret_row)
{
	Mizar__V1__NetworkRow *network = BEGIN(network, NETWORK);

	SET(network, network, facts->uid);
	SET(network, vni, facts->vni);
	SET(network, slot, 0);
	SET(network, slot_bits, 0);
	ret_row->set = *bouncers;
	MZ_ROW_SET_REPLICAS(network, bouncers, &ret_row->set, ret_row->replicas);
}

void ctl_compile_prefix(const struct ctl_network_facts *facts, unsigned int index,
			struct ctl_row *ret_row)
{
	Mizar__V1__PrefixRow *prefix = BEGIN(prefix, PREFIX);

	SET(prefix, vni, facts->vni);
	SET_ADDR(prefix, prefix, 0, facts->prefixes[index].addr);
	SET(prefix, prefix_length, facts->prefixes[index].len);
	SET(prefix, network, facts->uid);
}

void ctl_compile_member(const struct ctl_network_facts *facts, const struct mz_addr *addr,
			struct ctl_row *ret_row)
{
	Mizar__V1__MemberRow *member = BEGIN(member, MEMBER);

	SET(member, vni, facts->vni);
	SET_ADDR(member, address, 0, *addr);
	SET(member, network, facts->uid);
}

void ctl_compile_location(const struct ctl_network_facts *facts, const struct mz_addr *addr,
			  const struct mz_addr *host, uint32_t generation, struct ctl_row *ret_row)
{
	Mizar__V1__LocationRow *location = BEGIN(location, LOCATION);

	SET(location, vni, facts->vni);
	SET_ADDR(location, address, 0, *addr);
	SET(location, network, facts->uid);
	SET_ADDR(location, host, 1, *host);
	SET(location, generation, generation);
}

int ctl_compile_endpoint(const struct ctl_network_facts *facts, const Mizar__V1__Endpoint *endpoint,
			 uint32_t generation, struct ctl_row *ret_row)
{
	struct mz_addr addrs[CTL_ENDPOINT_ADDRESSES_MAX];
	Mizar__V1__EndpointRow *row = BEGIN(endpoint, ENDPOINT);
	int i, n = ctl_endpoint_addresses(endpoint, addrs);

	if (n < 0 || !endpoint->spec->mac || mz_mac_parse(endpoint->spec->mac, ret_row->mac) < 0)
		return -EINVAL;

	SET(row, uid, endpoint->metadata->uid);
	SET(row, vni, facts->vni);
	SET(row, network, facts->uid);
	SET(row, generation, generation);
	row->namespace_ = endpoint->metadata->namespace_;
	row->name = endpoint->metadata->name;
	row->has_mac = true;
	row->mac = (ProtobufCBinaryData){ .data = ret_row->mac, .len = sizeof(ret_row->mac) };
	for (i = 0; i < n; i++) {
		Mizar__V1__EndpointAddress *address = &ret_row->address[i];
		int prefix = ctl_network_facts_prefix_of(facts, &addrs[i]);

		mizar__v1__endpoint_address__init(address);
		SET_ADDR(address, address, i * 2, addrs[i]);
		/* A group member is alone on its link, and has no gateway. */
		SET(address, prefix_length, prefix < 0 ? 128 : facts->prefixes[prefix].len);
		if (prefix >= 0)
			SET_ADDR(address, gateway, i * 2 + 1, facts->gateways[prefix]);
		ret_row->address_list[i] = address;
	}
	row->n_addresses = (size_t)n;
	row->addresses = ret_row->address_list;
	return 0;
}

void ctl_compile_moved(uint32_t vni, const struct mz_addr *addr, const struct mz_addr *host,
		       uint32_t generation, struct ctl_row *ret_row)
{
	Mizar__V1__MovedRow *moved = BEGIN(moved, MOVED);

	SET(moved, vni, vni);
	SET_ADDR(moved, address, 0, *addr);
	SET_ADDR(moved, host, 1, *host);
	SET(moved, generation, generation);
}

void ctl_compile_key(const Mizar__V1__Row *row, struct ctl_row *ret_key)
{
	memset(ret_key, 0, sizeof(*ret_key));
	mizar__v1__row__init(&ret_key->row);
	ret_key->row.row_case = row->row_case;
	ret_key->row.droplet = &ret_key->droplet; /* a union: right for all kinds */

#define KEEP(name, field)                                                                          \
	do {                                                                                       \
		ret_key->name.has_##field = true;                                                  \
		ret_key->name.field = row->name->field;                                            \
	} while (0)
	switch (row->row_case) {
	case MIZAR__V1__ROW__ROW_DROPLET:
		mizar__v1__droplet_row__init(&ret_key->droplet);
		KEEP(droplet, address);
		break;
	case MIZAR__V1__ROW__ROW_ENDPOINT:
		mizar__v1__endpoint_row__init(&ret_key->endpoint);
		KEEP(endpoint, uid);
		break;
	case MIZAR__V1__ROW__ROW_VPC:
		mizar__v1__vpc_row__init(&ret_key->vpc);
		KEEP(vpc, vni);
		break;
	case MIZAR__V1__ROW__ROW_PREFIX:
		mizar__v1__prefix_row__init(&ret_key->prefix);
		KEEP(prefix, vni);
		KEEP(prefix, prefix);
		KEEP(prefix, prefix_length);
		break;
	case MIZAR__V1__ROW__ROW_MEMBER:
		mizar__v1__member_row__init(&ret_key->member);
		KEEP(member, vni);
		KEEP(member, address);
		break;
	case MIZAR__V1__ROW__ROW_NETWORK:
		mizar__v1__network_row__init(&ret_key->network);
		KEEP(network, network);
		KEEP(network, slot);
		break;
	case MIZAR__V1__ROW__ROW_LOCATION:
		mizar__v1__location_row__init(&ret_key->location);
		KEEP(location, vni);
		KEEP(location, address);
		break;
	case MIZAR__V1__ROW__ROW_MOVED:
		mizar__v1__moved_row__init(&ret_key->moved);
		KEEP(moved, vni);
		KEEP(moved, address);
		break;
	case MIZAR__V1__ROW__ROW__NOT_SET:
	case _MIZAR__V1__ROW__ROW__CASE_IS_INT_SIZE:
		break;
	}
#undef KEEP
}
