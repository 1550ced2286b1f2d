// SPDX-License-Identifier: Apache-2.0
/*
 * Whether a row is well-formed. Every field that a table holds must be present, so that a row has
 * one packed form and digests of the controller and of the host agree.
 */
#include <errno.h>
#include <string.h>

#include "base/addr.h"
#include "row/row.h"

#define VNI_MAX 0xffffff
/* The name of an endpoint's device is "mz" and the uid in hex, and has at most 15 characters. */
#define UID_MAX ((1ULL << 52) - 1)
#define SLOT_BITS_MAX 16

/* In a function that has ret_field: refuses the row unless cond holds. */
#define WANT(cond, field)                  \
	do {                               \
		if (!(cond)) {             \
			*ret_field = (field); \
			return -EINVAL;    \
		}                          \
	} while (0)

/* An address that one machine can have. */
static bool is_unicast(const ProtobufCBinaryData *field)
{
	struct mz_addr addr;
	const uint8_t *ip4;

	if (field->len != sizeof(addr))
		return false;
	addr = mz_row_addr(field);
	if (!mz_addr_is_ipv4(&addr))
		return !mz_addr_is_zero(&addr) && addr.bytes[0] != 0xff;
	ip4 = addr.bytes + 12;
	return ip4[0] != 0 && ip4[0] < 224; /* RFC 1122, 3.2.1.3: no "this", no multicast */
}

/* A prefix without host bits; IPv4 prefixes lie within ::ffff:0:0/96. */
static bool is_prefix(const ProtobufCBinaryData *field, uint32_t len)
{
	struct mz_addr addr, masked;

	if (field->len != sizeof(addr) || len > 128)
		return false;
	addr = mz_row_addr(field);
	masked = mz_addr_mask(&addr, len);
	return !mz_addr_compare(&addr, &masked) && (len >= 96 || !mz_addr_is_ipv4(&addr));
}

static bool is_replicas(const ProtobufCBinaryData *addrs, size_t n)
{
	size_t i;

	if (n > MZ_REPLICAS_MAX)
		return false;
	for (i = 0; i < n; i++) {
		if (!is_unicast(&addrs[i]))
			return false;
	}
	return true;
}

/* Of n replicas so many are not used. One that is zero is absent, or digests would not agree. */
static bool are_unused(bool has_ready, uint32_t ready, bool has_known, uint32_t known, size_t n)
{
	return has_ready == !!ready && has_known == !!known && ready <= n && known <= n - ready;
}

/* Names end up in device aliases and messages: RFC 1123 labels only. */
static bool is_label(const char *text)
{
	size_t size = text ? strlen(text) : 0;

	return size && size < MZ_NAME_SIZE &&
	       strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == size && text[0] != '-' &&
	       text[size - 1] != '-';
}

static bool is_mac(const ProtobufCBinaryData *field)
{
	static const uint8_t zero[6];

	return field->len == 6 && !(field->data[0] & 1) && memcmp(field->data, zero, 6);
}

static bool is_vni(bool has, uint32_t vni)
{
	return has && vni && vni <= VNI_MAX;
}

static int check_droplet(const Mizar__V1__DropletRow *row, const char **ret_field)
{
	WANT(row->has_address && is_unicast(&row->address), "address");
	return 0;
}

static int check_endpoint_address(const Mizar__V1__EndpointAddress *addr, const char **ret_field)
{
	struct mz_addr a;

	WANT(!addr->base.n_unknown_fields, "addresses");
	WANT(addr->has_address && is_unicast(&addr->address), "addresses.address");
	a = mz_row_addr(&addr->address);
	WANT(addr->has_prefix_length && addr->prefix_length <= 128, "addresses.prefix_length");
	WANT(addr->prefix_length >= 96 || !mz_addr_is_ipv4(&a), "addresses.prefix_length");
	/* A group network has no gateway. */
	if (addr->has_gateway) {
		struct mz_addr gateway;

		WANT(is_unicast(&addr->gateway), "addresses.gateway");
		gateway = mz_row_addr(&addr->gateway);
		WANT(mz_addr_is_ipv4(&a) == mz_addr_is_ipv4(&gateway), "addresses.gateway");
	}
	return 0;
}

static int check_endpoint(const Mizar__V1__EndpointRow *row, bool key_only, const char **ret_field)
{
	unsigned int n_families[2] = {};
	size_t i;
	int r;

	WANT(row->has_uid && row->uid && row->uid <= UID_MAX, "uid");
	if (key_only)
		return 0;
	WANT(is_vni(row->has_vni, row->vni), "vni");
	WANT(row->has_network && row->network, "network");
	WANT(is_label(row->namespace_), "namespace");
	WANT(is_label(row->name), "name");
	WANT(row->has_mac && is_mac(&row->mac), "mac");
	WANT(row->has_generation, "generation");
	WANT(row->n_addresses >= 1 && row->n_addresses <= 2, "addresses");
	for (i = 0; i < row->n_addresses; i++) {
		struct mz_addr addr;

		r = check_endpoint_address(row->addresses[i], ret_field);
		if (r < 0)
			return r;
		addr = mz_row_addr(&row->addresses[i]->address);
		WANT(++n_families[mz_addr_is_ipv4(&addr)] == 1, "addresses");
	}
	return 0;
}

static int check_vpc(const Mizar__V1__VpcRow *row, bool key_only, const char **ret_field)
{
	WANT(is_vni(row->has_vni, row->vni), "vni");
	if (key_only)
		return 0;
	WANT(row->has_divide, "divide");
	WANT(row->has_direct, "direct");
	WANT(is_replicas(row->dividers, row->n_dividers), "dividers");
	WANT(are_unused(row->has_ready, row->ready, row->has_known, row->known, row->n_dividers),
	     "ready, known");
	return 0;
}

static int check_prefix(const Mizar__V1__PrefixRow *row, bool key_only, const char **ret_field)
{
	WANT(is_vni(row->has_vni, row->vni), "vni");
	WANT(row->has_prefix_length, "prefix_length");
	WANT(row->has_prefix && is_prefix(&row->prefix, row->prefix_length), "prefix");
	if (key_only)
		return 0;
	WANT(row->has_network && row->network, "network");
	return 0;
}

static int check_member(const Mizar__V1__MemberRow *row, bool key_only, const char **ret_field)
{
	WANT(is_vni(row->has_vni, row->vni), "vni");
	WANT(row->has_address && is_unicast(&row->address), "address");
	if (key_only)
		return 0;
	WANT(row->has_network && row->network, "network");
	return 0;
}

static int check_network(const Mizar__V1__NetworkRow *row, bool key_only, const char **ret_field)
{
	WANT(row->has_network && row->network, "network");
	WANT(row->has_slot && row->slot < 1U << SLOT_BITS_MAX, "slot");
	if (key_only)
		return 0;
	WANT(is_vni(row->has_vni, row->vni), "vni");
	WANT(row->has_slot_bits && row->slot_bits <= SLOT_BITS_MAX, "slot_bits");
	WANT(row->slot < 1U << row->slot_bits, "slot");
	WANT(is_replicas(row->bouncers, row->n_bouncers), "bouncers");
	WANT(are_unused(row->has_ready, row->ready, row->has_known, row->known, row->n_bouncers),
	     "ready, known");
	return 0;
}

static int check_location(const Mizar__V1__LocationRow *row, bool key_only, const char **ret_field)
{
	WANT(is_vni(row->has_vni, row->vni), "vni");
	WANT(row->has_address && is_unicast(&row->address), "address");
	if (key_only)
		return 0;
	WANT(row->has_network && row->network, "network");
	WANT(row->has_host && is_unicast(&row->host), "host");
	WANT(row->has_generation, "generation");
	return 0;
}

static int check_moved(const Mizar__V1__MovedRow *row, bool key_only, const char **ret_field)
{
	WANT(is_vni(row->has_vni, row->vni), "vni");
	WANT(row->has_address && is_unicast(&row->address), "address");
	if (key_only)
		return 0;
	WANT(row->has_host && is_unicast(&row->host), "host");
	WANT(row->has_generation, "generation");
	return 0;
}

int mz_row_check(const Mizar__V1__Row *row, bool key_only, const char **ret_field)
{
	const ProtobufCMessage *message;

	WANT(row->row_case != MIZAR__V1__ROW__ROW__NOT_SET, "row");
	/* All members of the oneof are messages: what one has in common with the others. */
	message = (const ProtobufCMessage *)row->droplet;
	/* A table has no place for a field of a later version: the digests would never agree. */
	WANT(!row->base.n_unknown_fields && !message->n_unknown_fields, "row");

	switch (row->row_case) {
	case MIZAR__V1__ROW__ROW_DROPLET:
		return check_droplet(row->droplet, ret_field);
	case MIZAR__V1__ROW__ROW_ENDPOINT:
		return check_endpoint(row->endpoint, key_only, ret_field);
	case MIZAR__V1__ROW__ROW_VPC:
		return check_vpc(row->vpc, key_only, ret_field);
	case MIZAR__V1__ROW__ROW_PREFIX:
		return check_prefix(row->prefix, key_only, ret_field);
	case MIZAR__V1__ROW__ROW_MEMBER:
		return check_member(row->member, key_only, ret_field);
	case MIZAR__V1__ROW__ROW_NETWORK:
		return check_network(row->network, key_only, ret_field);
	case MIZAR__V1__ROW__ROW_LOCATION:
		return check_location(row->location, key_only, ret_field);
	case MIZAR__V1__ROW__ROW_MOVED:
		return check_moved(row->moved, key_only, ret_field);
	case MIZAR__V1__ROW__ROW__NOT_SET:
	case _MIZAR__V1__ROW__ROW__CASE_IS_INT_SIZE:
		break;
	}
	*ret_field = "row";
	return -EINVAL;
}
