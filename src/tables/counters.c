// SPDX-License-Identifier: Apache-2.0
#include <errno.h>

#include <bpf/libbpf.h>

#include "tables/internal.h"

static const struct {
	const char *name;
	const char *doc;
} counters[MZ_N_COUNTERS] = {
#define X(name_, doc_) [MZ_COUNT_##name_] = { .name = #name_, .doc = doc_ },
	MZ_COUNTERS(X)
#undef X
}, drops[MZ_DROP_CODES] = {
#define X(code_, name_, doc_) [code_] = { .name = #name_, .doc = doc_ },
	MZ_DROPS(X)
#undef X
};

/* Each row has n_in_row counts, of which the first n are wanted. */
static int read_counts(int fd, uint32_t n_rows, uint32_t n_in_row, uint32_t n,
		       struct mz_count ret_counts[])
{
	_cleanup_free_ struct mz_count *per_cpu = NULL;
	int n_cpus = libbpf_num_possible_cpus();
	uint32_t row, i;
	int r, cpu;

	if (n_cpus < 0)
		return n_cpus;
	per_cpu = calloc((size_t)n_cpus * n_in_row, sizeof(*per_cpu));
	if (!per_cpu)
		return -ENOMEM;
	for (row = 0; row < n_rows; row++) {
		r = bpf_map_lookup_elem(fd, &row, per_cpu);
		if (r < 0)
			return r;
		for (i = 0; i < n; i++) {
			struct mz_count sum = {};

			for (cpu = 0; cpu < n_cpus; cpu++) {
				sum.packets += per_cpu[cpu * n_in_row + i].packets;
				sum.bytes += per_cpu[cpu * n_in_row + i].bytes;
			}
			ret_counts[row * n + i] = sum;
		}
	}
	return 0;
}

int mz_tables_counters(struct mz_tables *tables, struct mz_count ret_counts[static MZ_N_COUNTERS])
{
	return read_counts(tables->counter_fd, 1, MZ_COUNTERS_MAX, MZ_N_COUNTERS, ret_counts);
}

int mz_tables_drops(struct mz_tables *tables, struct mz_count ret_counts[static MZ_DROP_CODES])
{
	return read_counts(tables->drop_fd, MZ_DROP_CODES, 1, 1, ret_counts);
}

const char *mz_counter_name(enum mz_counter counter)
{
	return counter < MZ_N_COUNTERS ? counters[counter].name : NULL;
}

const char *mz_counter_doc(enum mz_counter counter)
{
	return counter < MZ_N_COUNTERS ? counters[counter].doc : NULL;
}

const char *mz_drop_name(unsigned int code)
{
	return code < MZ_DROP_CODES ? drops[code].name : NULL;
}

const char *mz_drop_doc(unsigned int code)
{
	return code < MZ_DROP_CODES ? drops[code].doc : NULL;
}
