// SPDX-License-Identifier: Apache-2.0
/* Most changes are where headers and their lengths stand. */
#include "fuzz_mutate.h"

#include <string.h>

#define SIZE_MAX_FUZZ 3000 /* what XDP takes in one buffer */

void random_bytes(uint8_t *to, size_t size)
{
	while (size--)
		*to++ = random_below(256);
}

/* Where a header may begin: outer Ethernet, IP, UDP, Geneve, inner Ethernet, IP, what follows. */
static size_t random_offset(const struct frame *frame)
{
	static const size_t starts[] = { 0, 12, 14, 34, 42, 50, 54, 62, 70, 84, 104, 124 };
	size_t off =
		random_chance(90) ? PICK(starts) + random_below(24) : random_below(frame->size);

	return off < frame->size ? off : random_below(frame->size);
}

static void insert_or_delete(struct frame *frame)
{
	size_t off = random_offset(frame), size = random_below(3) ? 4 : random_below(40) + 1;

	if (random_chance(50) && off + size <= frame->size) {
		memmove(frame->bytes + off, frame->bytes + off + size, frame->size - off - size);
		frame->size -= size;
	} else if (frame->size + size <= SIZE_MAX_FUZZ) {
		memmove(frame->bytes + off + size, frame->bytes + off, frame->size - off);
		random_bytes(frame->bytes + off, size);
		frame->size += size;
	}
}

void frame_mutate_end(struct frame *frame)
{
	size_t size = random_chance(80) ? random_below(64) : random_below(1500);

	if (frame->size + size > SIZE_MAX_FUZZ)
		return;
	random_bytes(frame->bytes + frame->size, size);
	frame->size += size;
}

void frame_mutate(struct frame *frame)
{
	static const uint8_t values[] = { 0, 1, 4, 5, 6, 0x45, 0x60, 0x7f, 0x80, 0xfe, 0xff };
	size_t off = random_offset(frame), from = random_offset(frame);
	size_t n = random_chance(50) ? 4 : 16;

	switch (random_below(9)) {
	case 0:
		frame->bytes[off] = random_below(256);
		break;
	case 1:
		frame->bytes[off] ^= 1 << random_below(8);
		break;
	case 2:
		frame->bytes[off] = PICK(values);
		break;
	case 3:
		frame->bytes[off] += random_chance(50) ? 1 : -1;
		break;
	case 4:
		if (off + 2 <= frame->size)
			put16(frame->bytes + off,
			      random_below(2) ? frame->size - off : random_below(64));
		break;
	case 5:
		if (off + n <= frame->size && from + n <= frame->size)
			memmove(frame->bytes + off, frame->bytes + from, n);
		break;
	case 6:
		frame->size = random_below(frame->size) + 1;
		break;
	case 7:
		frame_mutate_end(frame);
		break;
	default:
		insert_or_delete(frame);
	}
}
