/* SPDX-License-Identifier: Apache-2.0 */
/* Random changes of packets. */
#pragma once

#include "frame.h"
#include "random.h"

#define PICK(list) (list)[random_below(sizeof(list) / sizeof((list)[0]))]

void random_bytes(uint8_t *to, size_t size);
void frame_mutate(struct frame *frame);
/* Bytes behind its end. */
void frame_mutate_end(struct frame *frame);
