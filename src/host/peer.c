// SPDX-License-Identifier: Apache-2.0
#include "host/peer.h"

#include <errno.h>
#include <stddef.h>

const char *const mz_peer_states[MZ_N_PEER_STATES] = {
	[MZ_PEER_UNKNOWN] = "unknown",
	[MZ_PEER_ALIVE] = "alive",
	[MZ_PEER_DEAD] = "dead",
};

static void enter(struct mz_peer *peer, enum mz_peer_state state, uint64_t now)
{
	peer->state = state;
	peer->since_ns = now;
	peer->is_silent = false;
}

/* Whether that changes anything. */
static bool miss(struct mz_peer *peer, uint64_t now)
{
	if (peer->misses < UINT32_MAX)
		peer->misses++;
	peer->answers = 0;
	if (peer->misses < MZ_PEER_MISSES || now - peer->heard_ns < MZ_PEER_DEAD_NS)
		return false;
	if (peer->state == MZ_PEER_ALIVE) {
		enter(peer, MZ_PEER_DEAD, now);
		return true;
	}
	if (peer->state == MZ_PEER_DEAD || peer->is_silent)
		return false;
	peer->is_silent = true;
	return true;
}

/* Not yet judged, but it looks bad. */
static bool is_suspect(const struct mz_peer *peer)
{
	return peer->misses && peer->state != MZ_PEER_DEAD && !peer->is_silent;
}

static struct mz_peer_echo *last_echo(struct mz_peer *peer)
{
	return &peer->echoes[(peer->n_echoes - 1) % MZ_PEER_ECHOES];
}

bool mz_peer_ask(struct mz_peer *peer, uint64_t now, uint64_t nonce, uint64_t interval,
		 uint32_t random)
{
	bool is_news = peer->is_asked && miss(peer, now);
	uint64_t delay = is_suspect(peer) ? interval / 2 : interval;

	peer->is_asked = true;
	peer->n_echoes++;
	*last_echo(peer) = (struct mz_peer_echo){ .nonce = nonce, .is_open = true };
	peer->asked_ns = now;
	peer->due_ns = now + delay - delay / 10 + random % (delay / 5 + 1);
	return is_news;
}

void mz_peer_unask(struct mz_peer *peer, uint64_t now)
{
	peer->is_asked = false;
	peer->due_ns = now;
	last_echo(peer)->is_open = false;
}

void mz_peer_sent(struct mz_peer *peer, uint64_t sent_ns)
{
	last_echo(peer)->sent_ns = sent_ns;
}

static bool is_back(const struct mz_peer *peer, uint64_t now)
{
	return peer->answers >= MZ_PEER_ANSWERS && now - peer->first_ns >= MZ_PEER_BACK_NS;
}

static struct mz_peer_echo *find_echo(struct mz_peer *peer, uint64_t nonce)
{
	for (size_t i = 0; i < MZ_PEER_ECHOES; i++)
		if (peer->echoes[i].is_open && peer->echoes[i].nonce == nonce)
			return &peer->echoes[i];
	return NULL;
}

int mz_peer_answer(struct mz_peer *peer, uint64_t now, uint64_t nonce, uint64_t at_ns)
{
	struct mz_peer_echo *echo = find_echo(peer, nonce);

	if (!echo)
		return -EBADMSG;
	echo->is_open = false;
	peer->is_asked = false;
	peer->misses = 0;
	peer->heard_ns = now;
	peer->rtt_ns = at_ns > echo->sent_ns ? at_ns - echo->sent_ns : 0;
	if (!peer->answers)
		peer->first_ns = now;
	if (peer->answers < UINT32_MAX)
		peer->answers++;
	if (peer->state == MZ_PEER_ALIVE || (peer->state == MZ_PEER_DEAD && !is_back(peer, now)))
		return 0;
	enter(peer, MZ_PEER_ALIVE, now);
	return 1;
}

bool mz_peer_is_avoided(const struct mz_peer *peer)
{
	return peer->state == MZ_PEER_DEAD || (peer->is_silent && peer->has_company);
}
