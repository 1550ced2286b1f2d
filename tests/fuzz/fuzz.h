/* SPDX-License-Identifier: Apache-2.0 */
/* What the fuzz targets share: an input that is read piece by piece, and what must hold. */
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* Called by libFuzzer. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

#define REQUIRE(condition)                                                                         \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__,          \
				#condition);                                                       \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

struct input {
	const uint8_t *data;
	size_t size;
};

/* 0 at the end. */
static inline uint8_t take_byte(struct input *input)
{
	if (!input->size)
		return 0;
	input->size--;
	return *input->data++;
}

/* At most n bytes; borrowed. */
static inline struct input take(struct input *input, size_t n)
{
	struct input part = { input->data, n < input->size ? n : input->size };

	input->data += part.size;
	input->size -= part.size;
	return part;
}

/* A piece behind its length of two bytes, which may lie. */
static inline struct input take_piece(struct input *input)
{
	size_t n = take_byte(input);

	return take(input, n << 8 | take_byte(input));
}

/* Up to a 0 or the end, in memory of exactly its size, so that a step too far is seen. */
static inline char *take_text(struct input *input)
{
	size_t size = strnlen((const char *)input->data, input->size);
	char *text = malloc(size + 1);

	REQUIRE(text);
	memcpy(text, input->data, size);
	text[size] = '\0';
	(void)take(input, size + 1);
	return text;
}

/* Bytes of the input into a struct of fixed size; zeroes when it ends. */
static inline void take_struct(struct input *input, void *to, size_t size)
{
	struct input part = take(input, size);

	memset(to, 0, size);
	memcpy(to, part.data, part.size);
}

/* A directory of the target's own below /dev/shm, removed when it ends; borrowed. */
const char *own_directory(void);
void write_file(const char *path, struct input content);
