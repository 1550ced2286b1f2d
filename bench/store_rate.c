// SPDX-License-Identifier: Apache-2.0
/*
 * The object store at two populations in one process, in interleaved rounds.
 *
 *	store_rate rate DIR POPULATION ROUNDS
 *
 * makes DIR/small.db (1000 endpoints) and DIR/large.db, and prints
 *
 *	fill RATE			endpoints per second, 1000 to a transaction
 *	create small|large RATE		per second, 256 clients that each wait for its commit
 *	lone small|large MS		one client: median time until durable
 *	find small|large US		by name, and the object
 *
 *	store_rate open FILE
 *
 * prints how long that took, and the memory it took: "open MS BYTES POPULATION".
 *
 * Creating an endpoint is what the controller does for one: the object with its network as owner,
 * an address and a location generation, in one transaction. Those of a round are deleted after it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "store/store.h"

#define SMALL	     1000
#define PER_NETWORK  1000
#define N_CLIENTS    256
#define ROUND_CREATE 20000
#define ROUND_LONE   200
#define ROUND_FIND   20000

struct bench {
	const char *name;
	uv_loop_t *loop;
	struct mz_store *store;
	uint64_t n_made; /* serial numbers: names and addresses */
	unsigned int n_left, n_done;
};

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void must(int r, const char *what)
{
	if (r >= 0)
		return;
	fprintf(stderr, "store_rate: %s: %s\n", what, strerror(-r));
	exit(1);
}

static void endpoint_name(uint64_t number, char name[static 32])
{
	snprintf(name, 32, "endpoint-%lu", number);
}

static void set(char **field, const char *value)
{
	must(mz_string_set(field, value), "out of memory");
}

static struct mz_object *endpoint(uint64_t number, uint64_t uid, const char *address)
{
	struct mz_object *object = NULL;
	Mizar__V1__EndpointStatus *status;
	Mizar__V1__EndpointSpec *spec;
	Mizar__V1__Metadata *metadata;
	char text[64];

	must(mz_object_new(MZ_KIND_ENDPOINT, &object), "out of memory");
	metadata = mz_object_metadata(object);
	metadata->has_uid = metadata->has_generation = metadata->has_creation_timestamp = true;
	metadata->uid = uid;
	metadata->generation = 1;
	metadata->creation_timestamp = 1700000000;
	endpoint_name(number, text);
	set(&metadata->name, text);
	set(&metadata->namespace_, "tenant-1");
	spec = object->endpoint->spec;
	snprintf(text, sizeof(text), "network-%lu", number / PER_NETWORK);
	set(&spec->network, text);
	spec->addresses = malloc(sizeof(*spec->addresses));
	if (!spec->addresses)
		must(-ENOMEM, "endpoint");
	spec->n_addresses = 1;
	spec->addresses[0] = NULL;
	set(&spec->addresses[0], address);
	set(&spec->mac, "02:00:00:00:00:01");
	set(&spec->droplet, "host-17");
	status = object->endpoint->status;
	set(&status->droplet, "host-17");
	return object;
}

/* Networks are only owners here: any number that is no endpoint's. */
static void create(struct bench *bench, struct mz_txn *txn)
{
	uint64_t number = bench->n_made++;
	_cleanup_(mz_object_freep) struct mz_object *object = NULL;
	struct mz_addr addr;
	char text[MZ_ADDR_STRLEN];
	uint32_t generation;
	uint64_t uid;

	must(mz_addr_parse("10.0.0.0", &addr), "address");
	addr = mz_addr_add(&addr, number);
	uid = mz_txn_new_uid(txn);
	object = endpoint(number, uid, mz_addr_format(&addr, text));
	must(mz_txn_put(txn, object, 1 + number / PER_NETWORK, 0), "put");
	must(mz_txn_take_address(txn, 1, &addr, uid), "address");
	must(mz_txn_next_generation(txn, 1, &addr, &generation), "generation");
}

static void submit(struct bench *bench);

static void on_created(int r, void *user)
{
	struct bench *bench = user;

	must(r, "commit");
	bench->n_done++;
	submit(bench);
}

static void submit(struct bench *bench)
{
	struct mz_txn *txn = NULL;

	if (!bench->n_left)
		return;
	bench->n_left--;
	must(mz_txn_new(bench->store, &txn), "transaction");
	create(bench, txn);
	mz_txn_commit(txn, on_created, bench);
}

static double create_many(struct bench *bench, unsigned int n, unsigned int n_clients)
{
	double begin = now();

	bench->n_left = n;
	bench->n_done = 0;
	for (unsigned int i = 0; i < n_clients; i++)
		submit(bench);
	while (bench->n_done < n)
		uv_run(bench->loop, UV_RUN_ONCE);
	return now() - begin;
}

static void on_done(int r, void *user)
{
	must(r, "commit");
	*(bool *)user = true;
}

static void commit(struct bench *bench, struct mz_txn *txn)
{
	bool done = false;

	mz_txn_commit(txn, on_done, &done);
	while (!done)
		uv_run(bench->loop, UV_RUN_ONCE);
}

static void fill(struct bench *bench, uint64_t population)
{
	while (bench->n_made < population) {
		struct mz_txn *txn = NULL;

		must(mz_txn_new(bench->store, &txn), "transaction");
		for (unsigned int i = 0; i < 1000 && bench->n_made < population; i++)
			create(bench, txn);
		commit(bench, txn);
	}
}

/* Back to the population as it was. */
static void remove_last(struct bench *bench, unsigned int n)
{
	struct mz_txn *txn = NULL;
	struct mz_addr base;

	must(mz_addr_parse("10.0.0.0", &base), "address");
	must(mz_txn_new(bench->store, &txn), "transaction");
	while (n--) {
		struct mz_addr addr = mz_addr_add(&base, --bench->n_made);

		must(mz_txn_delete(txn, MZ_KIND_ENDPOINT,
				   mz_store_address_owner(bench->store, 1, &addr)),
		     "delete");
		must(mz_txn_release_address(txn, 1, &addr), "release");
	}
	commit(bench, txn);
}

static double find_many(struct bench *bench, unsigned int n)
{
	uint64_t population = mz_store_count(bench->store, MZ_KIND_ENDPOINT);
	double begin = now();

	for (unsigned int i = 0; i < n; i++) {
		_cleanup_(mz_object_freep) struct mz_object *object = NULL;
		char name[32];
		uint64_t uid;

		endpoint_name(i * 0x9e3779b97f4a7c15 % population, name);
		must(mz_store_find(bench->store, MZ_KIND_ENDPOINT, "tenant-1", name, &uid), "find");
		must(mz_store_get(bench->store, MZ_KIND_ENDPOINT, uid, &object), "get");
	}
	return now() - begin;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* The median: a checkpoint falls into one of many. */
static double create_lone(struct bench *bench)
{
	double seconds[ROUND_LONE];

	for (unsigned int i = 0; i < ROUND_LONE; i++)
		seconds[i] = create_many(bench, 1, 1);
	qsort(seconds, ROUND_LONE, sizeof(*seconds), compare);
	return seconds[ROUND_LONE / 2];
}

static void run_round(struct bench *bench)
{
	printf("create %s %.0f\n", bench->name,
	       ROUND_CREATE / create_many(bench, ROUND_CREATE, N_CLIENTS));
	remove_last(bench, ROUND_CREATE);
	printf("lone %s %.4f\n", bench->name, create_lone(bench) * 1e3);
	remove_last(bench, ROUND_LONE);
	printf("find %s %.2f\n", bench->name, find_many(bench, ROUND_FIND) * 1e6 / ROUND_FIND);
	fflush(stdout);
}

static struct mz_store *open_store(uv_loop_t *loop, const char *path)
{
	struct mz_store *store = NULL;

	must(mz_store_open_sqlite(loop, path, &store), path);
	return store;
}

static int rate(const char *dir, uint64_t population, unsigned int rounds)
{
	struct bench benches[] = { { .name = "small" }, { .name = "large" } };
	const uint64_t populations[] = { SMALL, population };
	uv_loop_t loop;

	must(uv_loop_init(&loop), "loop");
	for (unsigned int i = 0; i < ARRAY_SIZE(benches); i++) {
		double begin = now();
		char path[4096];

		snprintf(path, sizeof(path), "%s/%s.db", dir, benches[i].name);
		benches[i].loop = &loop;
		benches[i].store = open_store(&loop, path);
		fill(&benches[i], populations[i]);
		if (i == 1)
			printf("fill %.0f\n", (double)population / (now() - begin));
	}
	fflush(stdout);
	for (unsigned int i = 0; i < rounds; i++)
		for (unsigned int k = 0; k < ARRAY_SIZE(benches); k++)
			run_round(&benches[(i + k) % ARRAY_SIZE(benches)]);
	for (unsigned int i = 0; i < ARRAY_SIZE(benches); i++)
		mz_store_free(benches[i].store);
	uv_run(&loop, UV_RUN_DEFAULT);
	return 0;
}

static size_t resident(void)
{
	FILE *file = fopen("/proc/self/statm", "r");
	unsigned long size, pages;
	int n;

	if (!file)
		return 0;
	n = fscanf(file, "%lu %lu", &size, &pages);
	fclose(file);
	return n == 2 ? pages * sysconf(_SC_PAGESIZE) : 0;
}

static int open_only(const char *path)
{
	struct mz_store *store;
	size_t before;
	double begin;
	uv_loop_t loop;

	must(uv_loop_init(&loop), "loop");
	before = resident();
	begin = now();
	store = open_store(&loop, path);
	printf("open %.1f", (now() - begin) * 1e3);
	printf(" %zu %lu\n", resident() - before, mz_store_count(store, MZ_KIND_ENDPOINT));
	mz_store_free(store);
	uv_run(&loop, UV_RUN_DEFAULT);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 5 && !strcmp(argv[1], "rate") && atol(argv[3]) > 0)
		return rate(argv[2], strtoull(argv[3], NULL, 10), atoi(argv[4]));
	if (argc == 3 && !strcmp(argv[1], "open"))
		return open_only(argv[2]);
	fprintf(stderr, "usage: store_rate rate DIR POPULATION ROUNDS | open FILE\n");
	return 2;
}
