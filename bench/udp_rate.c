// SPDX-License-Identifier: Apache-2.0
/*
 * Small UDP packets as fast as they go, one system call each, as an application sends them; the
 * receiver counts what arrives.
 *
 *	udp_rate receive PORT SECONDS	prints "ready", then packets per second since the first one
 *	udp_rate send ADDRESS PORT SECONDS SIZE [RATE]
 *
 * With a rate (packets per second) the sender keeps to it, in a burst each millisecond. When it has
 * read all, the receiver sleeps a millisecond: a wake-up for each packet, from one CPU to another,
 * would cost the sender more than the network does.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* The next packet. False: none comes. */
static bool receive_one(int fd, bool is_first)
{
	struct pollfd waiting = { .fd = fd, .events = POLLIN };
	char buf[2048];

	if (recv(fd, buf, sizeof(buf), MSG_DONTWAIT) >= 0)
		return true;
	(void)usleep(1000); /* cut short: no harm */
	return poll(&waiting, 1, is_first ? 10000 : 500) > 0 && recv(fd, buf, sizeof(buf), 0) >= 0;
}

/* Counts from the first packet for the given time; a silent wire ends it too. */
static int receive(int port, double seconds)
{
	struct sockaddr_in6 any = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
	int size = 4 << 20, fd = socket(AF_INET6, SOCK_DGRAM, 0);
	unsigned long n = 0;
	double begin = 0;

	/* Without the privilege, a smaller one counts too. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof(any)) < 0) {
		perror("udp_rate: receive");
		return 1;
	}
	puts("ready");
	fflush(stdout);
	while (receive_one(fd, !n)) {
		if (!n++)
			begin = now();
		if (!(n & 15) && now() - begin >= seconds)
			break;
	}
	printf("%.0f\n", n ? (double)n / (now() - begin) : 0);
	return 0;
}

static void sleep_until(double then)
{
	struct timespec ts = { .tv_sec = (time_t)then,
			       .tv_nsec = (long)((then - (double)(time_t)then) * 1e9) };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
}

static int transmit(const char *address, int port, double seconds, size_t size, double rate)
{
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
	struct sockaddr_in to4 = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	char buf[2048] = {};
	unsigned long n = 0;
	double begin, end;
	int fd, r;

	if (inet_pton(AF_INET, address, &to4.sin_addr) == 1) {
		fd = socket(AF_INET, SOCK_DGRAM, 0);
		r = connect(fd, (struct sockaddr *)&to4, sizeof(to4));
	} else if (inet_pton(AF_INET6, address, &to6.sin6_addr) == 1) {
		fd = socket(AF_INET6, SOCK_DGRAM, 0);
		r = connect(fd, (struct sockaddr *)&to6, sizeof(to6));
	} else {
		fprintf(stderr, "udp_rate: '%s' is no address\n", address);
		return 2;
	}
	if (r < 0) {
		perror("udp_rate: send");
		return 1;
	}
	begin = now();
	end = begin + seconds;
	while ((++n & 15) || now() < end) {
		if (rate > 0 && n % (unsigned long)(rate / 1000) == 0)
			sleep_until(begin + (double)n / rate);
		/* Full queues and early ICMP errors are part of it. */
		if (send(fd, buf, size, 0) < 0 && errno != ENOBUFS && errno != ECONNREFUSED) {
			perror("udp_rate: send");
			return 1;
		}
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "receive"))
		return receive(atoi(argv[2]), atof(argv[3]));
	if ((argc == 6 || (argc == 7 && atof(argv[6]) >= 1000)) && !strcmp(argv[1], "send") &&
	    (size_t)atol(argv[5]) <= 2048)
		return transmit(argv[2], atoi(argv[3]), atof(argv[4]), (size_t)atol(argv[5]),
				argc == 7 ? atof(argv[6]) : 0);
	fprintf(stderr,
		"usage: udp_rate receive PORT SECONDS\n"
		"       udp_rate send ADDRESS PORT SECONDS SIZE [RATE]\n"
		"       a rate is at least 1000 a second\n");
	return 2;
}
