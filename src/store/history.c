/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last changes, in a ring, and the watches that read it, each from its own place. Watches run
 * from the loop, never inside a commit: what they are told was submitted, and they may read and
 * submit themselves. The ring is bounded, but an entry stays until every watch has had it: they are
 * all served within a few turns of the loop.
 */
#include <errno.h>
#include <string.h>

#include <utlist.h>

#include "store/internal.h"

#define MAX_ENTRIES 32768
#define MAX_SIZE    (16U << 20)
#define PER_TURN    1024 /* changes told before the loop may do something else */

struct mz_history_entry {
	struct mz_version *version;
	uint64_t revision;
	enum mz_change change;
};

struct mz_watch {
	struct mz_history *history; /* NULL: the store is gone */
	uint64_t at;		    /* number of the next entry */
	bool freed;		    /* while dispatching */
	mz_watch_fn fn;
	void *user;
	struct mz_watch *prev, *next;
};

static struct mz_history_entry *entry_at(const struct mz_history *history, uint64_t number)
{
	return &history->entries[number % history->n_slots];
}

static size_t entry_size(const struct mz_version *version)
{
	return sizeof(*version) + version->size;
}

void mz_history_init(struct mz_history *history, uint64_t revision)
{
	*history = (struct mz_history){ .floor = revision };
}

static void drop_first(struct mz_history *history)
{
	struct mz_history_entry *entry = entry_at(history, history->first);

	history->floor = entry->revision;
	history->size -= entry_size(entry->version);
	mz_version_unref(entry->version);
	history->first++;
}

void mz_history_fini(struct mz_history *history)
{
	struct mz_watch *watch;

	DL_FOREACH(history->watches, watch)
		watch->history = NULL;
	while (history->first != history->end)
		drop_first(history);
	free(history->entries);
	mz_history_init(history, 0);
}

/* Drops what is over the bounds and was told to all. */
static void trim(struct mz_history *history)
{
	uint64_t keep = history->end;
	const struct mz_watch *watch;

	DL_FOREACH(history->watches, watch)
		if (watch->at < keep)
			keep = watch->at;
	while (history->first < keep &&
	       (history->end - history->first > MAX_ENTRIES || history->size > MAX_SIZE))
		drop_first(history);
}

int mz_history_reserve(struct mz_history *history, size_t n_entries)
{
	size_t n_used, n_slots = history->n_slots ?: 64;
	struct mz_history_entry *entries;

	trim(history);
	n_used = history->end - history->first;
	while (n_slots < n_used + n_entries)
		n_slots *= 2;
	if (n_slots == history->n_slots)
		return 0;
	entries = calloc(n_slots, sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	for (uint64_t i = history->first; i != history->end; i++)
		entries[i % n_slots] = *entry_at(history, i);
	free(history->entries);
	history->entries = entries;
	history->n_slots = n_slots;
	return 0;
}

void mz_history_add(struct mz_history *history, enum mz_change change, struct mz_version *version,
		    uint64_t revision)
{
	*entry_at(history, history->end++) = (struct mz_history_entry){
		.version = mz_version_ref(version),
		.revision = revision,
		.change = change,
	};
	history->size += entry_size(version);
}

/* The number of the first entry behind the revision; entries ascend. */
static uint64_t first_after(const struct mz_history *history, uint64_t revision)
{
	uint64_t low = history->first, high = history->end;

	while (low < high) {
		uint64_t middle = low + (high - low) / 2;

		if (entry_at(history, middle)->revision <= revision)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

int mz_watch_new(struct mz_store *store, uint64_t revision, mz_watch_fn fn, void *user,
		 struct mz_watch **ret_watch)
{
	struct mz_history *history = &store->history;
	struct mz_watch *watch;

	if (revision < history->floor || revision > store->revision)
		return -ERANGE;
	watch = calloc(1, sizeof(*watch));
	if (!watch)
		return -ENOMEM;
	watch->history = history;
	watch->at = first_after(history, revision);
	watch->fn = fn;
	watch->user = user;
	DL_APPEND(history->watches, watch);
	mz_store_notify(store);
	*ret_watch = watch;
	return 0;
}

void mz_watch_free(struct mz_watch *watch)
{
	struct mz_history *history = watch ? watch->history : NULL;

	if (history && history->dispatching) {
		watch->freed = true; /* the list is being walked */
		return;
	}
	if (history)
		DL_DELETE(history->watches, watch);
	free(watch);
}

static bool find_oldest(const struct mz_history *history, uint64_t *ret_number)
{
	const struct mz_watch *watch;
	uint64_t oldest = history->end;

	DL_FOREACH(history->watches, watch)
		if (!watch->freed && watch->at < oldest)
			oldest = watch->at;
	*ret_number = oldest;
	return oldest < history->end;
}

/* Unpacked once for all who wait for it. The ring may move while watches submit changes. */
static int tell(struct mz_history *history, uint64_t number)
{
	struct mz_history_entry entry = *entry_at(history, number);
	_cleanup_(mz_object_freep) struct mz_object *object = NULL;
	struct mz_watch *watch;
	int r;

	r = mz_version_unpack(entry.version, &object);
	if (r < 0)
		return r;
	DL_FOREACH(history->watches, watch) {
		if (watch->freed || watch->at != number)
			continue;
		watch->at++;
		watch->fn(entry.change, object, entry.revision, watch->user);
	}
	return 0;
}

static void sweep(struct mz_history *history)
{
	struct mz_watch *watch, *next;

	DL_FOREACH_SAFE(history->watches, watch, next)
		if (watch->freed)
			mz_watch_free(watch);
}

bool mz_history_dispatch(struct mz_history *history)
{
	bool more;
	uint64_t number;

	history->dispatching = true;
	for (unsigned int i = 0; i < PER_TURN && find_oldest(history, &number); i++)
		if (tell(history, number) < 0)
			break; /* out of memory: again in the next turn */
	history->dispatching = false;
	sweep(history);
	more = find_oldest(history, &number);
	trim(history);
	return more;
}
