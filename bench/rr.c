// SPDX-License-Identifier: Apache-2.0
/*
 * Request and response over one TCP connection with TCP_NODELAY, as netperf's TCP_RR: one message
 * out, one of the same size back, one at a time. Each transaction is timed.
 *
 *	rr serve PORT			prints "ready", serves one connection until it is closed
 *	rr ask ADDRESS PORT SECONDS SIZE	prints p50, p99 and the longest, in microseconds
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SIZE_MAX_ 16384
#define N_MAX	  4000000 /* transactions */
#define N_WARM_UP 100

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int fail(const char *what)
{
	perror(what);
	return 1;
}

static void set_nodelay(int fd)
{
	int one = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)); /* a TCP socket has it */
}

/* False: the other end closed, or an error. */
static bool receive(int fd, char *buf, size_t size)
{
	return recv(fd, buf, size, MSG_WAITALL) == (ssize_t)size;
}

static int serve(int port)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
	int one = 1, listener = socket(AF_INET6, SOCK_STREAM, 0), fd;
	char buf[SIZE_MAX_];
	ssize_t n;

	(void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)); /* bind() says */
	if (bind(listener, (struct sockaddr *)&any, sizeof(any)) < 0 || listen(listener, 1) < 0)
		return fail("rr: serve");
	puts("ready");
	fflush(stdout);
	fd = accept(listener, NULL, NULL);
	if (fd < 0)
		return fail("rr: serve");
	set_nodelay(fd);
	/* A short message comes in one piece. */
	while ((n = recv(fd, buf, sizeof(buf), 0)) > 0) {
		if (send(fd, buf, (size_t)n, MSG_NOSIGNAL) != n)
			return fail("rr: serve");
	}
	return n < 0 ? fail("rr: serve") : 0;
}

static int open_to(const char *address, int port)
{
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
	struct sockaddr_in to4 = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	bool is_ipv4 = inet_pton(AF_INET, address, &to4.sin_addr) == 1;
	struct timeval patience = { .tv_sec = 5 };
	int fd, r;

	if (!is_ipv4 && inet_pton(AF_INET6, address, &to6.sin6_addr) != 1)
		return -1;
	fd = socket(is_ipv4 ? AF_INET : AF_INET6, SOCK_STREAM, 0);
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	r = is_ipv4 ? connect(fd, (struct sockaddr *)&to4, sizeof(to4))
		    : connect(fd, (struct sockaddr *)&to6, sizeof(to6));
	if (r < 0)
		return -1;
	set_nodelay(fd);
	return fd;
}

static int compare(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return x < y ? -1 : x > y;
}

static int ask(const char *address, int port, double seconds, size_t size)
{
	static float times[N_MAX];
	int fd = open_to(address, port);
	char buf[SIZE_MAX_] = {};
	size_t n_done = 0, n = 0;
	double begin, end = now() + seconds;

	if (fd < 0)
		return fail("rr: ask");
	for (begin = now(); begin < end && n < N_MAX; n_done++) {
		double then;

		if (send(fd, buf, size, MSG_NOSIGNAL) != (ssize_t)size || !receive(fd, buf, size))
			return fail("rr: ask");
		then = now();
		if (n_done >= N_WARM_UP)
			times[n++] = (float)((then - begin) * 1e6);
		begin = then;
	}
	if (!n) {
		fprintf(stderr, "rr: no transaction ended in time\n");
		return 1;
	}
	qsort(times, n, sizeof(*times), compare);
	printf("%.2f %.2f %.2f\n", (double)times[n / 2], (double)times[n * 99 / 100],
	       (double)times[n - 1]);
	return close(fd);
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "serve"))
		return serve(atoi(argv[2]));
	if (argc == 6 && !strcmp(argv[1], "ask") && atol(argv[5]) > 0 && atol(argv[5]) <= SIZE_MAX_)
		return ask(argv[2], atoi(argv[3]), atof(argv[4]), (size_t)atol(argv[5]));
	fprintf(stderr, "usage: rr serve PORT | ask ADDRESS PORT SECONDS SIZE\n");
	return 2;
}
