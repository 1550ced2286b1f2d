/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "store/index.h"

#define MIN_SLOTS 8

void mz_index_init(struct mz_index *index, unsigned int n_words)
{
	assert(n_words == 1 || n_words == 2);
	*index = (struct mz_index){ .n_words = n_words };
}

void mz_index_fini(struct mz_index *index)
{
	for (unsigned int i = 0; i < MZ_INDEX_N_PARTITIONS; i++)
		free(index->partitions[i].slots);
	mz_index_init(index, index->n_words);
}

static unsigned int partition_of(uint64_t word)
{
	return word >> (64 - MZ_INDEX_PARTITION_BITS);
}

/* Scales the bits that did not choose the partition to any number of slots, without a division. */
static uint32_t home_of(const struct mz_index_partition *part, uint64_t word)
{
	return (unsigned __int128)(word << MZ_INDEX_PARTITION_BITS) * part->n_slots >> 64;
}

static uint64_t *slot_at(const struct mz_index *index, const struct mz_index_partition *part,
			 uint32_t i)
{
	return part->slots + (size_t)i * (index->n_words + 1);
}

static uint32_t next(const struct mz_index_partition *part, uint32_t i)
{
	return i + 1 == part->n_slots ? 0 : i + 1;
}

static bool same_key(const struct mz_index *index, const uint64_t *slot, const uint64_t *key)
{
	return slot[0] == key[0] && (index->n_words == 1 || slot[1] == key[1]);
}

/* The slot that has the key, or the empty one where it would go: there always is one. */
static uint32_t find(const struct mz_index *index, const struct mz_index_partition *part,
		     const uint64_t *key)
{
	uint32_t i = home_of(part, key[0]);

	for (;;) {
		const uint64_t *slot = slot_at(index, part, i);

		if (!slot[index->n_words] || same_key(index, slot, key))
			return i;
		i = next(part, i);
	}
}

static void place(const struct mz_index *index, struct mz_index_partition *part,
		  const uint64_t *key, uint64_t value)
{
	uint64_t *slot = slot_at(index, part, find(index, part, key));

	memcpy(slot, key, index->n_words * sizeof(*key));
	slot[index->n_words] = value;
	part->n_used++;
}

static int grow(const struct mz_index *index, struct mz_index_partition *part)
{
	uint32_t n_slots = part->n_slots ? part->n_slots + part->n_slots / 4 : MIN_SLOTS;
	struct mz_index_partition larger = { .n_slots = n_slots };

	larger.slots = calloc(n_slots, (index->n_words + 1) * sizeof(*larger.slots));
	if (!larger.slots)
		return -ENOMEM;
	for (uint32_t i = 0; i < part->n_slots; i++) {
		const uint64_t *slot = slot_at(index, part, i);

		if (slot[index->n_words])
			place(index, &larger, slot, slot[index->n_words]);
	}
	free(part->slots);
	*part = larger;
	return 0;
}

uint64_t mz_index_get(const struct mz_index *index, const uint64_t *key)
{
	const struct mz_index_partition *part = &index->partitions[partition_of(key[0])];

	if (!part->n_slots)
		return 0;
	return slot_at(index, part, find(index, part, key))[index->n_words];
}

int mz_index_set(struct mz_index *index, const uint64_t *key, uint64_t value)
{
	struct mz_index_partition *part = &index->partitions[partition_of(key[0])];
	int r;

	assert(value);
	if (part->n_slots) {
		uint64_t *slot = slot_at(index, part, find(index, part, key));

		if (slot[index->n_words]) {
			slot[index->n_words] = value;
			return 0;
		}
	}
	if (part->n_used + 1 > part->n_slots - part->n_slots / 8) {
		r = grow(index, part);
		if (r < 0)
			return r;
	}
	place(index, part, key, value);
	return 0;
}

/* Closes the hole: entries behind it move up unless that would put them before their home. */
void mz_index_remove(struct mz_index *index, const uint64_t *key)
{
	struct mz_index_partition *part = &index->partitions[partition_of(key[0])];
	size_t size = (index->n_words + 1) * sizeof(uint64_t);
	uint32_t hole, i;

	if (!part->n_slots)
		return;
	hole = find(index, part, key);
	if (!slot_at(index, part, hole)[index->n_words])
		return;
	for (i = next(part, hole);; i = next(part, i)) {
		const uint64_t *slot = slot_at(index, part, i);
		uint32_t home = home_of(part, slot[0]);
		bool between;

		if (!slot[index->n_words])
			break;
		/* Is the home cyclically in (hole, i]? Then the entry stays. */
		between = hole < i ? hole < home && home <= i : hole < home || home <= i;
		if (between)
			continue;
		memcpy(slot_at(index, part, hole), slot, size);
		hole = i;
	}
	memset(slot_at(index, part, hole), 0, size);
	part->n_used--;
}
