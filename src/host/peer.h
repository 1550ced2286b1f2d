/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host that this one bounces or divides by: is it alive? It is asked now and then by an ECHO with
 * a random nonce, which its transit sends back, however late: an answer to any of the last ones
 * counts, so that a way that takes longer than the time between two ECHOs is no dead host. A time
 * between two ECHOs in which no answer comes is a miss. No clock and no socket in here: the caller
 * says what time it is (ns, CLOCK_MONOTONIC) and what came back.
 *
 *	             answer                  unanswered: 3 in a row, for 0.5 s
 *	  unknown ------------> alive -----------------------------------------> dead
 *	     |                    ^                                               |
 *	     | the same           +-----------------------------------------------+
 *	     v                               answers to all for 1 s
 *	  unknown and silent
 *
 * That second is for the one who is back: a neighbour that it asked for in vain is asked for again
 * once a second (ARP, ND), and packets that it should send there meanwhile would be lost.
 *
 * A host that never answered may be down since before mizard started, or of a make that knows no
 * ECHO: nobody can tell. Silent ones are therefore avoided as long as another host of the same set
 * is alive, and used when there is none.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "mizar/tables.h"

#define MZ_PEER_MISSES	 3
#define MZ_PEER_DEAD_NS	 500000000ULL
#define MZ_PEER_ANSWERS	 2
#define MZ_PEER_BACK_NS	 1000000000ULL
#define MZ_PEER_ECHOES	 8 /* whose answers count */

enum mz_peer_state {
	MZ_PEER_UNKNOWN,
	MZ_PEER_ALIVE,
	MZ_PEER_DEAD,
	MZ_N_PEER_STATES,
};
extern const char *const mz_peer_states[MZ_N_PEER_STATES];

struct mz_peer_echo {
	uint64_t nonce;
	uint64_t sent_ns; /* by the clock of answers */
	bool is_open;	  /* not answered */
};

struct mz_peer {
	struct mz_addr addr;
	enum mz_peer_state state;
	bool is_silent;	    /* never answered, for long enough */
	bool is_asked;	    /* an ECHO went out, and nothing came since */
	struct mz_peer_echo echoes[MZ_PEER_ECHOES]; /* the last ones; a ring */
	uint32_t n_echoes;
	uint32_t misses;    /* unanswered in a row */
	uint32_t answers;   /* in a row */
	uint64_t due_ns;    /* when to ask the next time */
	uint64_t asked_ns;
	uint64_t first_ns;  /* the first of the answers */
	uint64_t heard_ns;  /* when the last answer came; before the first: when it was new */
	uint64_t since_ns;  /* of the state */
	uint64_t rtt_ns;    /* of the last answer; zero: none yet */

	/* The set's business: see peers.c. */
	uint64_t n_uses;    /* in rows */
	bool is_marked;	    /* has a row in `dead` */
	uint64_t marked_ns; /* until then */
	bool has_company;   /* a host of the same set is alive */
};

/*
 * It is due: if nothing came since the last time, that is a miss, and the next one goes out now.
 * How long until it is due again comes from interval and random, within 10 % of it; half of it for
 * a host that has just fallen silent. Returns whether the state has changed, or is_silent.
 */
bool mz_peer_ask(struct mz_peer *peer, uint64_t now, uint64_t nonce, uint64_t interval,
		 uint32_t random);
/* The ECHO that mz_peer_ask() ordered could not be sent: it does not count, and is due still. */
void mz_peer_unask(struct mz_peer *peer, uint64_t now);
/* It went out, by the clock of answers. */
void mz_peer_sent(struct mz_peer *peer, uint64_t sent_ns);
/*
 * It came back, at at_ns by the clock of answers. -EBADMSG: none of the last ones; else whether the
 * state has changed: 1 or 0.
 */
int mz_peer_answer(struct mz_peer *peer, uint64_t now, uint64_t nonce, uint64_t at_ns);
/* Should the data plane choose others? */
bool mz_peer_is_avoided(const struct mz_peer *peer);
