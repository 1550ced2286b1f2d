// SPDX-License-Identifier: Apache-2.0
/*
 * What a row is called: its table, its key as text, its scope, its hash.
 */
#include "row/row.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "base/replicas.h"

#define FNV_OFFSET 0xcbf29ce484222325ULL
#define FNV_PRIME 0x100000001b3ULL

bool mz_scope_id_equal(struct mz_scope_id a, struct mz_scope_id b)
{
	return a.kind == b.kind && a.id == b.id;
}

const char *mz_scope_format(struct mz_scope_id scope, char buf[static MZ_SCOPE_STRLEN])
{
	static const char *const kinds[] = {
		[MIZAR__V1__SCOPE__KIND__DROPLETS] = "droplets",
		[MIZAR__V1__SCOPE__KIND__HOST] = "host",
		[MIZAR__V1__SCOPE__KIND__VPC] = "vpc",
		[MIZAR__V1__SCOPE__KIND__ROUTES] = "routes",
		[MIZAR__V1__SCOPE__KIND__NETWORK] = "network",
		[MIZAR__V1__SCOPE__KIND__LOCATIONS] = "locations",
	};
	unsigned int kind = scope.kind;

	/* Kinds come from the wire: a log line must be able to name an unknown one. */
	if (kind >= ARRAY_SIZE(kinds))
		snprintf(buf, MZ_SCOPE_STRLEN, "kind-%u/%" PRIu64, kind, scope.id);
	else if (kind == MIZAR__V1__SCOPE__KIND__DROPLETS || kind == MIZAR__V1__SCOPE__KIND__HOST)
		snprintf(buf, MZ_SCOPE_STRLEN, "%s", kinds[kind]);
	else
		snprintf(buf, MZ_SCOPE_STRLEN, "%s/%" PRIu64, kinds[kind], scope.id);
	return buf;
}

static uint64_t fnv1a(uint64_t hash, const uint8_t *data, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++)
		hash = (hash ^ data[i]) * FNV_PRIME;
	return hash;
}

/* MurmurHash3's 64-bit finalizer: FNV alone mixes its last bytes badly into the high bits. */
static uint64_t fmix64(uint64_t hash)
{
	hash ^= hash >> 33;
	hash *= 0xff51afd7ed558ccdULL;
	hash ^= hash >> 33;
	hash *= 0xc4ceb9fe1a85ec53ULL;
	hash ^= hash >> 33;
	return hash;
}

uint64_t mz_hash(const void *data, size_t size)
{
	return fmix64(fnv1a(FNV_OFFSET, data, size));
}

/* A sink for protobuf-c that hashes instead of keeping. */
struct hash_buffer {
	ProtobufCBuffer base;
	uint64_t hash;
};

static void hash_append(ProtobufCBuffer *buffer, size_t size, const uint8_t *data)
{
	struct hash_buffer *self = (struct hash_buffer *)buffer;

	self->hash = fnv1a(self->hash, data, size);
}

uint64_t mz_row_hash(const Mizar__V1__Row *row)
{
	struct hash_buffer buffer = { .base.append = hash_append, .hash = FNV_OFFSET };

	protobuf_c_message_pack_to_buffer(&row->base, &buffer.base);
	return fmix64(buffer.hash);
}

struct mz_scope_id mz_row_scope(const Mizar__V1__Row *row)
{
	struct mz_scope_id scope = { .kind = MIZAR__V1__SCOPE__KIND__DROPLETS };

	switch (row->row_case) {
	case MIZAR__V1__ROW__ROW_DROPLET:
		break;
	case MIZAR__V1__ROW__ROW_ENDPOINT:
		scope.kind = MIZAR__V1__SCOPE__KIND__HOST;
		break;
	case MIZAR__V1__ROW__ROW_VPC:
		scope.kind = MIZAR__V1__SCOPE__KIND__VPC;
		scope.id = row->vpc->vni;
		break;
	case MIZAR__V1__ROW__ROW_PREFIX:
		scope.kind = MIZAR__V1__SCOPE__KIND__ROUTES;
		scope.id = row->prefix->vni;
		break;
	case MIZAR__V1__ROW__ROW_MEMBER:
		scope.kind = MIZAR__V1__SCOPE__KIND__ROUTES;
		scope.id = row->member->vni;
		break;
	case MIZAR__V1__ROW__ROW_NETWORK:
		scope.kind = MIZAR__V1__SCOPE__KIND__NETWORK;
		scope.id = row->network->network;
		break;
	case MIZAR__V1__ROW__ROW_LOCATION:
		scope.kind = MIZAR__V1__SCOPE__KIND__LOCATIONS;
		scope.id = row->location->network;
		break;
	case MIZAR__V1__ROW__ROW_MOVED:
		scope.kind = MIZAR__V1__SCOPE__KIND__HOST;
		break;
	case MIZAR__V1__ROW__ROW__NOT_SET:
	case _MIZAR__V1__ROW__ROW__CASE_IS_INT_SIZE:
		assert(!"a row that mz_row_check() refuses");
	}
	return scope;
}

/* Also of rows that mz_row_check() refused: their key goes into the message that says so. */
static const char *addr_text(const ProtobufCBinaryData *field, char buf[static MZ_ADDR_STRLEN])
{
	struct mz_addr addr;

	if (field->len != sizeof(addr))
		return "?";
	memcpy(&addr, field->data, sizeof(addr));
	return mz_addr_format(&addr, buf);
}

static void prefix_key_format(const Mizar__V1__PrefixRow *row, char buf[static MZ_ROW_KEY_STRLEN])
{
	char text[MZ_ADDR_STRLEN], prefix[MZ_PREFIX_STRLEN];
	unsigned int len = row->prefix_length;
	struct mz_addr addr;

	if (row->prefix.len == sizeof(addr)) {
		addr = mz_row_addr(&row->prefix);
		if (len <= 128 && (len >= 96 || !mz_addr_is_ipv4(&addr))) {
			snprintf(buf, MZ_ROW_KEY_STRLEN, "vni %u %s", row->vni,
				 mz_prefix_format(&addr, len, prefix));
			return;
		}
	}
	snprintf(buf, MZ_ROW_KEY_STRLEN, "vni %u %s length %u of 128", row->vni,
		 addr_text(&row->prefix, text), len);
}

const char *mz_row_key_format(const Mizar__V1__Row *row, char buf[static MZ_ROW_KEY_STRLEN])
{
	char addr[MZ_ADDR_STRLEN];

	switch (row->row_case) {
	case MIZAR__V1__ROW__ROW_DROPLET:
		snprintf(buf, MZ_ROW_KEY_STRLEN, "%s", addr_text(&row->droplet->address, addr));
		return buf;
	case MIZAR__V1__ROW__ROW_ENDPOINT:
		snprintf(buf, MZ_ROW_KEY_STRLEN, "uid %" PRIu64, row->endpoint->uid);
		return buf;
	case MIZAR__V1__ROW__ROW_VPC:
		snprintf(buf, MZ_ROW_KEY_STRLEN, "vni %u", row->vpc->vni);
		return buf;
	case MIZAR__V1__ROW__ROW_PREFIX:
		prefix_key_format(row->prefix, buf);
		return buf;
	case MIZAR__V1__ROW__ROW_MEMBER:
		snprintf(buf, MZ_ROW_KEY_STRLEN, "vni %u %s", row->member->vni,
			 addr_text(&row->member->address, addr));
		return buf;
	case MIZAR__V1__ROW__ROW_NETWORK:
		snprintf(buf, MZ_ROW_KEY_STRLEN, "network %" PRIu64 " slot %u",
			 row->network->network, row->network->slot);
		return buf;
	case MIZAR__V1__ROW__ROW_LOCATION:
		snprintf(buf, MZ_ROW_KEY_STRLEN, "vni %u %s", row->location->vni,
			 addr_text(&row->location->address, addr));
		return buf;
	case MIZAR__V1__ROW__ROW_MOVED:
		snprintf(buf, MZ_ROW_KEY_STRLEN, "vni %u %s", row->moved->vni,
			 addr_text(&row->moved->address, addr));
		return buf;
	case MIZAR__V1__ROW__ROW__NOT_SET:
	case _MIZAR__V1__ROW__ROW__CASE_IS_INT_SIZE:
		break;
	}
	snprintf(buf, MZ_ROW_KEY_STRLEN, "?");
	return buf;
}

const char *mz_row_table_name(const Mizar__V1__Row *row)
{
	switch (row->row_case) {
	case MIZAR__V1__ROW__ROW_DROPLET:
		return "droplet";
	case MIZAR__V1__ROW__ROW_ENDPOINT:
		return "endpoint";
	case MIZAR__V1__ROW__ROW_VPC:
		return "vpc";
	case MIZAR__V1__ROW__ROW_PREFIX:
		return "prefix";
	case MIZAR__V1__ROW__ROW_MEMBER:
		return "member";
	case MIZAR__V1__ROW__ROW_NETWORK:
		return "network";
	case MIZAR__V1__ROW__ROW_LOCATION:
		return "location";
	case MIZAR__V1__ROW__ROW_MOVED:
		return "moved";
	case MIZAR__V1__ROW__ROW__NOT_SET:
	case _MIZAR__V1__ROW__ROW__CASE_IS_INT_SIZE:
		break;
	}
	return "unknown";
}

size_t mz_row_list_replicas(const struct mz_replicas *replicas,
			    ProtobufCBinaryData ret_list[static MZ_REPLICAS_MAX])
{
	size_t i, n = mz_replicas_size(replicas);

	for (i = 0; i < n; i++)
		mz_row_set_addr(&ret_list[i], &replicas->addrs[i]);
	return n;
}

void mz_row_set_addr(ProtobufCBinaryData *field, const struct mz_addr *addr)
{
	field->len = sizeof(addr->bytes);
	field->data = (uint8_t *)addr->bytes; /* never written through: messages are only packed */
}

struct mz_addr mz_row_addr(const ProtobufCBinaryData *field)
{
	struct mz_addr addr;

	assert(field->len == sizeof(addr));
	memcpy(&addr, field->data, sizeof(addr));
	return addr;
}
