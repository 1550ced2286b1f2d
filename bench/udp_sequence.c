// SPDX-License-Identifier: Apache-2.0
/*
 * A stream of numbered UDP packets from one network namespace to an address, which may be in one
 * namespace, or go from one to another meanwhile: what is lost, doubled, out of order, and when.
 * One process holds the sockets of all namespaces, so every packet is accounted for, by one clock.
 *
 *	udp_sequence [OPTION...] FROM ADDRESS TO...
 *
 * FROM and TO are namespaces (ip netns); ADDRESS is that of the receiver, IPv4 or IPv6. It ends
 * after the given time, or by SIGTERM or SIGINT, waits for late packets, and prints one line of
 * JSON:
 *
 *	begin		when the first packet was sent; CLOCK_MONOTONIC, in seconds, as all times
 *	sent, received	packets, each once; with --echo, `received` counts answers
 *	lost, duplicated
 *	reordered	arrived after one of the same flow that was sent later
 *	unsent		refused by the sender's own kernel
 *	longest_gap_ms	between two arrivals, or from the last one to the end; least: the interval
 *	longest_loss_ms	from the sending of the first lost one to that of the next that arrived
 *	first_ms	from the first sending to the first arrival; null: nothing arrived
 *	rtt_us		with --echo: first, second, median
 *	places		for each TO: received, first, last (times; null: nothing arrived)
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "netlink/namespace.h"

#define N_FLOWS_MAX  256
#define N_PLACES_MAX 8
#define SIZE_MAX_    9000

/* The payload of every packet; the rest is zeros. Ours alone, so in host order. */
struct mark {
	uint64_t run; /* what others send to the port is not counted */
	uint64_t number;
};

struct packet {
	double sent;
	double arrived;	   /* with --echo: the answer; zero: not yet */
	uint32_t n_times;  /* it arrived */
	bool is_reordered; /* when it arrived, a later one of its flow had done so */
	bool is_unsent;
};

struct place {
	int fd;
	unsigned long n_received;
	double first, last;
};

static struct {
	double rate, seconds, linger;
	long port, size, n_flows, burst;
	bool do_echo;
	const char *log;
} options = { .rate = 1000, .linger = 0.5, .port = 5210, .size = 64, .n_flows = 1,
	      .burst = 1 };

static struct sockaddr_storage target;
static socklen_t target_size;
static int flows[N_FLOWS_MAX]; /* a socket, so a source port, each */
static uint64_t newest[N_FLOWS_MAX];
static struct place places[N_PLACES_MAX];
static size_t n_places;
static struct packet *packets;
static size_t n_packets, room;
static uint64_t run_id;
static volatile sig_atomic_t is_over;

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void end(int number)
{
	is_over = 1;
}

static void enlarge(int fd)
{
	int size = 8 << 20;

	/* Without the privilege, a smaller one counts too. */
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
}

static int open_place(void *user)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6,
				    .sin6_port = htons((uint16_t)options.port) };
	_cleanup_close_ int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0)
		return -errno;
	enlarge(fd);
	*(int *)user = TAKE_FD(fd);
	return 0;
}

static int open_flow(void *user)
{
	_cleanup_close_ int fd =
		socket(target.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&target, target_size) < 0)
		return -errno;
	enlarge(fd);
	*(int *)user = TAKE_FD(fd);
	return 0;
}

/* Opens a socket in the namespace; it belongs there from then on. */
static int open_in(const char *name, int (*fn)(void *), int *ret_fd)
{
	_cleanup_close_ int netns = -1;
	char path[256];
	int r;

	(void)snprintf(path, sizeof(path), "/run/netns/%s", name);
	r = mz_netns_open(path, &netns);
	if (r == 0)
		r = mz_netns_call(netns, fn, ret_fd);
	if (r < 0)
		fprintf(stderr, "udp_sequence: %s: %s\n", name, strerror(-r));
	return r;
}

/* The packet of this run that the socket has next; NULL: none. */
static struct packet *take(int fd, struct mark *ret_mark, struct sockaddr_in6 *ret_from)
{
	socklen_t size = sizeof(*ret_from);
	char buf[SIZE_MAX_];

	for (;;) {
		ssize_t n = recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)ret_from, &size);

		/* An ICMP error stands before packets. */
		if (n < 0 && errno != ECONNREFUSED && errno != EHOSTUNREACH)
			return NULL;
		if (n < (ssize_t)sizeof(*ret_mark))
			continue;
		memcpy(ret_mark, buf, sizeof(*ret_mark));
		if (ret_mark->run == run_id && ret_mark->number < n_packets)
			return &packets[ret_mark->number];
	}
}

static void note_arrival(struct packet *packet, uint64_t number, double when)
{
	uint64_t *last = &newest[number % (uint64_t)options.n_flows];

	if (packet->n_times++)
		return;
	packet->arrived = when;
	packet->is_reordered = number < *last;
	if (number > *last)
		*last = number;
}

static void take_requests(struct place *place)
{
	struct sockaddr_in6 from;
	struct packet *packet;
	struct mark mark;

	while ((packet = take(place->fd, &mark, &from))) {
		double when = now();

		place->first = place->first ?: when;
		place->last = when;
		place->n_received++;
		if (!options.do_echo)
			note_arrival(packet, mark.number, when);
		else /* one that cannot be answered is lost, and counted so */
			(void)sendto(place->fd, &mark, sizeof(mark), 0, (struct sockaddr *)&from,
				     sizeof(from));
	}
}

static void take_answers(int fd)
{
	struct sockaddr_in6 from;
	struct packet *packet;
	struct mark mark;

	while ((packet = take(fd, &mark, &from)))
		note_arrival(packet, mark.number, now());
}

/* Takes what comes until then. */
static void take_until(double then)
{
	struct pollfd fds[N_PLACES_MAX + N_FLOWS_MAX];
	size_t n = 0;

	for (size_t i = 0; i < n_places; i++)
		fds[n++] = (struct pollfd){ .fd = places[i].fd, .events = POLLIN };
	for (long i = 0; i < options.n_flows && options.do_echo; i++)
		fds[n++] = (struct pollfd){ .fd = flows[i], .events = POLLIN };
	do {
		double left = then > now() ? then - now() : 0;
		struct timespec ts = { .tv_sec = (time_t)left,
				       .tv_nsec = (long)((left - (double)(time_t)left) * 1e9) };

		if (ppoll(fds, n, &ts, NULL) <= 0)
			continue; /* cut short: no harm */
		for (size_t i = 0; i < n; i++) {
			if (fds[i].revents && i < n_places)
				take_requests(&places[i]);
			else if (fds[i].revents)
				take_answers(fds[i].fd);
		}
	} while (now() < then);
}

static int send_next(void)
{
	struct mark mark = { .run = run_id, .number = n_packets };
	int fd = flows[n_packets % (size_t)options.n_flows];
	char buf[SIZE_MAX_] = {};
	ssize_t n;

	if (n_packets == room) {
		struct packet *more = realloc(packets, 2 * room * sizeof(*packets));

		if (!more)
			return -ENOMEM;
		packets = more;
		room *= 2;
	}
	memcpy(buf, &mark, sizeof(mark));
	packets[n_packets++] = (struct packet){ .sent = now() };
	n = send(fd, buf, (size_t)options.size, 0);
	if (n < 0) /* it may have been the error that an earlier one brought home */
		n = send(fd, buf, (size_t)options.size, 0);
	packets[n_packets - 1].is_unsent = n < 0;
	return 0;
}

/* Packets keep to their times: those that are late go at once. */
static int stream(void)
{
	double begin = now();

	while (!is_over && (options.seconds <= 0 || now() < begin + options.seconds)) {
		int r = send_next();

		if (r < 0)
			return r;
		if (n_packets % (size_t)options.burst == 0)
			take_until(begin + (double)n_packets / options.rate);
	}
	take_until(now() + options.linger);
	return 0;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double rtt_us(const struct packet *packet)
{
	return packet->n_times ? (packet->arrived - packet->sent) * 1e6 : 0;
}

static double median_rtt_us(void)
{
	_cleanup_free_ double *all = malloc(n_packets * sizeof(*all));
	size_t n = 0;

	for (size_t i = 0; all && i < n_packets; i++) {
		if (packets[i].n_times)
			all[n++] = rtt_us(&packets[i]);
	}
	if (!n)
		return 0;
	qsort(all, n, sizeof(*all), compare);
	return all[n / 2];
}

/* The longest time without an arrival, from the first one to the end of sending. */
static double longest_gap(double done)
{
	_cleanup_free_ double *all = malloc((n_packets + 1) * sizeof(*all));
	double longest = 0;
	size_t n = 0;

	for (size_t i = 0; all && i < n_packets; i++) {
		if (packets[i].n_times)
			all[n++] = packets[i].arrived;
	}
	if (!n)
		return done - packets[0].sent;
	qsort(all, n, sizeof(*all), compare);
	all[n++] = done;
	for (size_t i = 1; i < n; i++) {
		if (all[i] - all[i - 1] > longest)
			longest = all[i] - all[i - 1];
	}
	return longest;
}

/* Of all flows, the longest row of lost packets. */
static double longest_loss(void)
{
	double longest = 0;

	for (size_t flow = 0; flow < (size_t)options.n_flows; flow++) {
		double since = 0;

		for (size_t i = flow; i < n_packets; i += (size_t)options.n_flows) {
			if (since && packets[i].sent - since > longest)
				longest = packets[i].sent - since;
			since = packets[i].n_times ? 0 : since ?: packets[i].sent;
		}
		/* None came any more. */
		if (since && packets[n_packets - 1].sent - since > longest)
			longest = packets[n_packets - 1].sent - since;
	}
	return longest;
}

static void print_time(const char *name, double when, double unit)
{
	if (when)
		printf("\"%s\": %.6f", name, when * unit);
	else
		printf("\"%s\": null", name);
}

static void print_places(void)
{
	printf("\"places\": [");
	for (size_t i = 0; i < n_places; i++) {
		printf("%s{\"received\": %lu, ", i ? ", " : "", places[i].n_received);
		print_time("first", places[i].first, 1);
		printf(", ");
		print_time("last", places[i].last, 1);
		printf("}");
	}
	printf("]");
}

static void print_result(void)
{
	size_t n_received = 0, n_duplicated = 0, n_reordered = 0, n_unsent = 0;
	double first = 0;

	for (size_t i = 0; i < n_packets; i++) {
		const struct packet *packet = &packets[i];

		n_received += packet->n_times > 0;
		n_duplicated += packet->n_times > 1 ? packet->n_times - 1 : 0;
		n_reordered += packet->is_reordered;
		n_unsent += packet->is_unsent;
		if (packet->n_times && (!first || packet->arrived < first))
			first = packet->arrived;
	}
	printf("{\"begin\": %.6f, \"sent\": %zu, \"received\": %zu, \"lost\": %zu, "
	       "\"duplicated\": %zu, \"reordered\": %zu, \"unsent\": %zu, "
	       "\"longest_gap_ms\": %.3f, \"longest_loss_ms\": %.3f, ",
	       packets[0].sent, n_packets - n_unsent, n_received, n_packets - n_unsent - n_received,
	       n_duplicated, n_reordered, n_unsent,
	       longest_gap(packets[n_packets - 1].sent) * 1e3, longest_loss() * 1e3);
	print_time("first_ms", first ? first - packets[0].sent : 0, 1e3);
	if (options.do_echo)
		printf(", \"rtt_us\": {\"first\": %.1f, \"second\": %.1f, \"median\": %.1f}",
		       rtt_us(&packets[0]), n_packets > 1 ? rtt_us(&packets[1]) : 0,
		       median_rtt_us());
	printf(", ");
	print_places();
	printf("}\n");
}

/* A line for each packet: number, sent, arrived (0: lost), how often. */
static int write_log(void)
{
	FILE *file = fopen(options.log, "we");

	if (!file)
		return -errno;
	for (size_t i = 0; i < n_packets; i++)
		fprintf(file, "%zu %.6f %.6f %u\n", i, packets[i].sent, packets[i].arrived,
			packets[i].n_times);
	return fclose(file) ? -errno : 0;
}

static int usage(void)
{
	fprintf(stderr, "usage: udp_sequence [OPTION...] FROM ADDRESS TO...\n"
			"  --rate N      packets a second (default 1000)\n"
			"  --seconds S   how long; without: until SIGTERM or SIGINT\n"
			"  --linger S    wait so long for late packets (default 0.5)\n"
			"  --size N      bytes of payload (default 64)\n"
			"  --flows N     source ports, in turn (default 1)\n"
			"  --burst N     packets that are sent at once (default 1)\n"
			"  --port N      of the receiver (default 5210)\n"
			"  --echo        receivers send every packet back\n"
			"  --log FILE    a line for each packet: number, sent, arrived, times\n");
	return 2;
}

static bool parse_options(int argc, char **argv)
{
	static const struct option known[] = {
		{ "rate", 1, NULL, 'r' },   { "seconds", 1, NULL, 's' }, { "linger", 1, NULL, 'l' },
		{ "size", 1, NULL, 'b' },   { "flows", 1, NULL, 'f' },	 { "port", 1, NULL, 'p' },
		{ "echo", 0, NULL, 'e' },   { "log", 1, NULL, 'o' },	 { "burst", 1, NULL, 'u' },
		{},
	};
	int c;

	while ((c = getopt_long(argc, argv, "", known, NULL)) >= 0) {
		switch (c) {
		case 'r': options.rate = atof(optarg); break;
		case 's': options.seconds = atof(optarg); break;
		case 'l': options.linger = atof(optarg); break;
		case 'b': options.size = atol(optarg); break;
		case 'f': options.n_flows = atol(optarg); break;
		case 'u': options.burst = atol(optarg); break;
		case 'p': options.port = atol(optarg); break;
		case 'e': options.do_echo = true; break;
		case 'o': options.log = optarg; break;
		default: return false;
		}
	}
	return options.rate > 0 && options.size >= (long)sizeof(struct mark) &&
	       options.size <= SIZE_MAX_ && options.n_flows > 0 && options.n_flows <= N_FLOWS_MAX &&
	       options.burst > 0 &&
	       options.port > 0 && options.port < 65536 && argc - optind >= 3 &&
	       argc - optind <= 2 + N_PLACES_MAX;
}

static bool parse_target(const char *text)
{
	struct sockaddr_in6 *to6 = (struct sockaddr_in6 *)&target;
	struct sockaddr_in *to4 = (struct sockaddr_in *)&target;

	if (inet_pton(AF_INET, text, &to4->sin_addr) == 1) {
		to4->sin_family = AF_INET;
		to4->sin_port = htons((uint16_t)options.port);
		target_size = sizeof(*to4);
	} else if (inet_pton(AF_INET6, text, &to6->sin6_addr) == 1) {
		to6->sin6_family = AF_INET6;
		to6->sin6_port = htons((uint16_t)options.port);
		target_size = sizeof(*to6);
	} else {
		fprintf(stderr, "udp_sequence: '%s' is no address\n", text);
	}
	return target_size > 0;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = end };
	int r;

	if (!parse_options(argc, argv) || !parse_target(argv[optind + 1]))
		return usage();
	(void)sigaction(SIGTERM, &action, NULL); /* known signals: it cannot fail */
	(void)sigaction(SIGINT, &action, NULL);
	for (int i = optind + 2; i < argc; i++) {
		if (open_in(argv[i], open_place, &places[n_places++].fd) < 0)
			return 1;
	}
	for (long i = 0; i < options.n_flows; i++) {
		if (open_in(argv[optind], open_flow, &flows[i]) < 0)
			return 1;
	}
	run_id = (uint64_t)getpid() << 32 ^ (uint64_t)(now() * 1e9);
	room = 1 << 16;
	packets = malloc(room * sizeof(*packets));
	r = packets ? stream() : -ENOMEM;
	if (r == 0 && options.log)
		r = write_log();
	if (r < 0 || !n_packets) {
		fprintf(stderr, "udp_sequence: %s\n", r < 0 ? strerror(-r) : "ended too early");
		return 1;
	}
	print_result();
	return 0;
}
