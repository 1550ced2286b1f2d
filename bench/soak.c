// SPDX-License-Identifier: Apache-2.0
/*
 * How much of the first two CPUs is taken by whoever comes before this program: processes of higher
 * priority, interrupts, softirqs. On each CPU a thread reads the clock without end; what is missing
 * between two readings somebody else had. Unlike the kernel's statistics it sees microseconds, and
 * counts softirqs whoever they are booked on.
 *
 *	soak SECONDS		prints seconds of both CPUs that were taken, for each second
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define N_CPUS	    2
#define N_CALIBRATE 100000
#define NOISE_NS    250 /* beyond what reading the clock takes: cache misses, not others */

struct soaker {
	pthread_t thread;
	int cpu;
	long ns;    /* how long */
	long taken; /* of it, in ns; -1: failed */
};

static long now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000L + ts.tv_nsec;
}

/* The least time between two readings. */
static long calibrate(void)
{
	long least = 1000000, last = now();

	for (int i = 0; i < N_CALIBRATE; i++) {
		long then = now();

		if (then > last && then - last < least)
			least = then - last;
		last = then;
	}
	return least;
}

static void *soak(void *user)
{
	struct soaker *s = user;
	long reading, last, end;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(s->cpu, &set);
	s->taken = -1;
	if (pthread_setaffinity_np(pthread_self(), sizeof(set), &set))
		return NULL;
	s->taken = 0;
	reading = calibrate();
	last = now();
	end = last + s->ns;
	while (last < end) {
		long then = now();

		if (then - last > reading + NOISE_NS)
			s->taken += then - last - reading;
		last = then;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct soaker soakers[N_CPUS];
	double taken = 0, seconds = argc == 2 ? atof(argv[1]) : 0;

	if (seconds <= 0) {
		fprintf(stderr, "usage: soak SECONDS\n");
		return 2;
	}
	for (int i = 0; i < N_CPUS; i++) {
		soakers[i] = (struct soaker){ .cpu = i, .ns = (long)(seconds * 1e9) };
		errno = pthread_create(&soakers[i].thread, NULL, soak, &soakers[i]);
		if (errno) {
			perror("soak");
			return 1;
		}
	}
	for (int i = 0; i < N_CPUS; i++) {
		pthread_join(soakers[i].thread, NULL);
		if (soakers[i].taken < 0) {
			fprintf(stderr, "soak: there is no CPU %d to run on\n", i);
			return 1;
		}
		taken += (double)soakers[i].taken / 1e9;
	}
	printf("%.6f\n", taken / seconds);
	return 0;
}
