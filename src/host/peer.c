// SPDX-License-Identifier: Apache-2.0
#include "host/peer.h"

#include <errno.h>

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

bool mz_peer_ask(struct mz_peer *peer, uint64_t now, uint64_t nonce, uint64_t interval,
		 uint32_t random)
{
	bool is_news = peer->is_asked && miss(peer, now);
	uint64_t delay = is_suspect(peer) ? interval / 2 : interval;

	peer->is_asked = true;
	peer->nonce = nonce;
	peer->asked_ns = now;
	peer->due_ns = now + delay - delay / 10 + random % (delay / 5 + 1);
	return is_news;
}

void mz_peer_unask(struct mz_peer *peer, uint64_t now)
{
	peer->is_asked = false;
	peer->due_ns = now;
}

static bool is_back(const struct mz_peer *peer, uint64_t now)
{
	return peer->answers >= MZ_PEER_ANSWERS && now - peer->first_ns >= MZ_PEER_BACK_NS;
}

int mz_peer_answer(struct mz_peer *peer, uint64_t now, uint64_t nonce, uint64_t rtt)
{
	if (!peer->is_asked || peer->nonce != nonce)
		return -EBADMSG;
	peer->is_asked = false;
	peer->misses = 0;
	peer->heard_ns = now;
	peer->rtt_ns = rtt;
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
