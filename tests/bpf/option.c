// SPDX-License-Identifier: Apache-2.0
#include "option.h"

#include <assert.h>
#include <string.h>

#include "frame.h"

#define CONTROL (MZ_GENEVE_F_CONTROL | MZ_GENEVE_F_CRITICAL)

static void put_address(uint8_t to[static 16], const char *text)
{
	struct mz_addr a = addr(text);

	memcpy(to, &a, sizeof(a));
}

void option_append(struct options *to, uint16_t class, uint8_t type, const void *data, size_t size)
{
	uint8_t *at = to->bytes + to->size;

	assert(to->size + 4 + size <= sizeof(to->bytes) && size % 4 == 0);
	put16(at, class);
	at[2] = type;
	at[3] = size / 4;
	memset(at + 4, 0, size);
	if (data)
		memcpy(at + 4, data, size);
	to->size += 4 + size;
}

static struct options of_class(uint8_t type, const void *data, size_t size)
{
	struct options o = { .flags = type & MZ_OPT_CRITICAL ? CONTROL : 0 };

	option_append(&o, MZ_OPT_CLASS, type, data, size);
	return o;
}

struct options option_rts(const struct rts *rts)
{
	uint8_t data[32];

	put_address(data, rts->host);
	put32(data + 16, rts->generation);
	put32(data + 20, rts->group);
	memcpy(data + 24, rts->cookie, COOKIE_SIZE);
	return of_class(0x01, data, sizeof(data));
}

struct options option_none(const struct rts *rts)
{
	struct options o = option_rts(rts);

	o.bytes[2] = 0;
	memset(o.bytes + o.size - COOKIE_SIZE, 0, COOKIE_SIZE);
	return o;
}

struct options option_here(const struct here *here)
{
	uint8_t data[52];

	put_address(data, here->address);
	put_address(data + 16, here->peer);
	memcpy(data + 32, here->cookie, COOKIE_SIZE);
	put32(data + 40, here->generation);
	put32(data + 44, here->group);
	put32(data + 48, here->flags);
	return of_class(0x83, data, sizeof(data));
}

struct options option_stale(const char *address, uint32_t generation)
{
	uint8_t data[20];

	put_address(data, address);
	put32(data + 16, generation);
	return of_class(0x82, data, sizeof(data));
}

struct options option_echo(const char nonce[static 8])
{
	return of_class(0x86, nonce, 8);
}

uint8_t *options_of(struct frame *frame)
{
	return frame->bytes + ETH + frame_outer_size() + 16;
}

void cookie_of(const struct frame *frame, uint8_t ret_cookie[COOKIE_SIZE])
{
	memcpy(ret_cookie, options_of((struct frame *)frame) + 4 + 24, COOKIE_SIZE);
}
