/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The protocol of docs/wire-format.md, "Learning", as small as it can be: an endpoint s that stays on host S, and
 * an endpoint d whose place, H1 or H2, a controller changes; bouncers B and C, divider V. Any of these
 * may be one host. The net loses, doubles and reorders; rows expire and are forgotten at any time.
 *
 * Chaos comes first: every order of what the controller does, of sending and of arriving. Then the
 * controller and the losses end, and s and d talk in rounds. Asserted:
 *
 *	- what is delivered on a host was held there at some time since it was sent;
 *	- between networks of a VPC that divides, it has passed a divider;
 *	- no packet makes more than HOPS hops: nothing is sent round for ever;
 *	- with migrate and without losses (lossy 0), a packet is not lost either;
 *	- after ROUNDS rounds packets go direct, or by the divider where they must.
 *
 * The shapes that are checked, and the faults that must be found, are in run.py.
 */
#define S  1
#define H1 2
#define H2 at_h2

/* The shape, from the environment; not part of the state. */
hidden byte at_h2, at_b, at_c, at_v; /* where the roles are; 0: nowhere */
hidden byte divides;		/* the VPC asks for dividers */
hidden byte same;		/* s and d are in one network */
hidden byte two_way;		/* d answers */
hidden byte lossy;
hidden byte migrate;		/* d is never deleted */
hidden byte moves;		/* of d */
hidden byte sends, lapses;	/* packets in chaos; rows that expire or are forgotten, packets doubled */
hidden byte fault;		/* what is left out of the protocol, and must be found */

#define B at_b
#define C at_c
#define V at_v
#define LEASE  4 /* rounds */
#define ROUNDS 14
#define HOPS   9
#define SLOTS  5

#define N_HOSTS 7
#define s 0
#define d 1
#define AT(host, end) ((host) * 2 + (end))

#define BOUNCES(host) ((host) != 0 && ((host) == B || (host) == C))
#define DIVIDES(host) ((host) != 0 && (host) == V)
#define BETWEEN (divides && !same) /* networks, of a VPC that divides */

/* What the controller has put on hosts. */
bit is_local[14];
byte generation[14];
byte location[14], location_generation[14];
byte moved[N_HOSTS], moved_generation[N_HOSTS]; /* of d */

/* What they have learned. */
#define UNKNOWN 0
#define FRESH	1
#define EXPIRED 2
#define STALE	3
#define NOBODY	4
byte state[14], host[14], before[14], row_generation[14], age[14];
bit is_proven[14];

/* Packets on the way. */
#define DATA   1
#define HERE   2
#define STALED 3
#define BACK   4 /* given back */
typedef packet {
	byte kind, from, to;
	bit end;	  /* to whom: s or d; HERE and STALE: about whom */
	byte rts, given;  /* RTS: host, 0: none; and generation, also that of HERE and STALE */
	byte hops, held;  /* held: hosts that had d since it was sent, as bits */
	bit is_divided, is_nobody
};
packet net[SLOTS];
byte n_packets;

packet p;  /* the one at hand */
byte here; /* and where */
byte i, j, bouncer, hops, from, to;
bit asks, may, believed, learned, is_here, is_over, is_quiet;
byte n_moves, n_sends, n_lapses, round, newest = 1, place = H1, step, target;
bit is_deleted;

#define OTHER(end) (1 - (end))
#define HELD (1 << H1) * is_local[AT(H1, d)] + (1 << H2) * is_local[AT(H2, d)]

inline copy(to_, from_) {
	to_.kind = from_.kind; to_.from = from_.from; to_.to = from_.to; to_.end = from_.end;
	to_.rts = from_.rts; to_.given = from_.given; to_.hops = from_.hops; to_.held = from_.held;
	to_.is_divided = from_.is_divided; to_.is_nobody = from_.is_nobody
}

inline clear(slot) {
	net[slot].kind = 0; net[slot].from = 0; net[slot].to = 0; net[slot].end = 0;
	net[slot].rts = 0; net[slot].given = 0; net[slot].hops = 0; net[slot].held = 0;
	net[slot].is_divided = 0; net[slot].is_nobody = 0
}

/* The packet at hand is gone. */
inline drop(is_fair) {
	assert(lossy || is_over || is_fair)
}

inline put() {
	if
	:: n_packets < SLOTS -> copy(net[n_packets], p); n_packets++
	:: else -> drop(p.kind != DATA && p.kind != BACK)
	fi
}

inline take(slot) {
	copy(p, net[slot]);
	n_packets--;
	j = slot;
	do
	:: j < n_packets -> copy(net[j], net[j + 1]); j++
	:: else -> break
	od;
	clear(n_packets);
	j = 0
}

/* A control packet from `here`; p stays. */
inline tell(kind_, to_, end_, given_, is_nobody_) {
	if
	:: n_packets < SLOTS - 1 && to_ != here -> /* there is room left for p */
		net[n_packets].kind = kind_; net[n_packets].from = here; net[n_packets].to = to_;
		net[n_packets].end = end_; net[n_packets].given = given_;
		net[n_packets].is_nobody = is_nobody_;
		n_packets++
	:: else
	fi
}

inline go(to_) {
	p.from = here; p.to = to_; p.kind = DATA; p.hops++;
	assert(p.hops <= HOPS);
	put()
}

inline deliver() {
	assert(p.end == s || (p.held & 1 << here) != 0);
	assert(!BETWEEN || p.is_divided);
	if
	:: is_over && p.end == d -> is_here = 1; hops = p.hops
	:: else
	fi
}

#define ROW	AT(here, p.end)		/* of the destination */
#define SOURCE	AT(here, OTHER(p.end))
#define IS_USED (state[ROW] == FRESH)
#define IS_FROM_ROLE (BOUNCES(p.from) || DIVIDES(p.from))

/* A row of `here`. */
inline learn(row, host_, given_, proof_) {
	learned = 0;
	if
	:: state[row] == FRESH && host_ != host[row] && given_ != 0 && given_ < row_generation[row]
	:: host_ == here && fault != 7
	:: state[row] == STALE && p.kind == DATA && given_ != 0 && given_ < row_generation[row]
	:: else ->
		if
		:: host[row] != host_ -> before[row] = host[row]; host[row] = host_
		:: else
		fi;
		state[row] = FRESH; row_generation[row] = given_; age[row] = 0;
		is_proven[row] = proof_;
		learned = 1
	fi
}

inline forget(row) {
	state[row] = UNKNOWN; host[row] = 0; before[row] = 0; row_generation[row] = 0;
	age[row] = 0; is_proven[row] = 0
}

/* By the tables of a bouncer or divider; for an agent, and for what was given back. */
inline send_by_bouncer() {
	p.rts = 0; p.given = 0;
	if
	:: asks -> p.rts = here; p.given = generation[SOURCE]
	:: else
	fi;
	if
	:: DIVIDES(here) -> p.is_divided = 1
	:: else
	fi;
	if
	:: BOUNCES(here) && (!BETWEEN || DIVIDES(here)) ->
		if
		:: location[ROW] != 0 && location[ROW] != here -> go(location[ROW])
		:: else -> drop(0)
		fi
	:: BOUNCES(here) && BETWEEN && !DIVIDES(here) -> go(V)
	:: else -> go(bouncer)
	fi
}

/* An endpoint of `here` sends p. */
inline agent() {
	if
	:: is_local[ROW] && (!BETWEEN || DIVIDES(here)) ->
		p.is_divided = DIVIDES(here);
		deliver()
	:: else ->
		if
		:: BOUNCES(here) && location[ROW] != 0 && location[ROW] != here &&
		   (!BETWEEN || DIVIDES(here)) ->
			send_by_bouncer()
		:: else ->
			if
			:: state[ROW] == NOBODY -> drop(0)
			:: IS_USED ->
				if
				:: asks && age[ROW] >= LEASE / 2 ->
					p.rts = here; p.given = generation[SOURCE]
				:: else
				fi;
				if
				:: DIVIDES(here) -> p.is_divided = 1
				:: else
				fi;
				go(host[ROW])
			:: else -> send_by_bouncer()
			fi
		fi
	fi
}

/* A bouncer vouches for the source, or not. */
inline attest() {
	if
	:: p.rts == 0 || DIVIDES(p.from)
	:: else ->
		if
		:: location[SOURCE] == p.rts && location_generation[SOURCE] == p.given && p.from == p.rts
		:: else -> p.rts = 0; p.given = 0
		fi
	fi
}

/* STALE, to who took this host for d's; to a divider too, which keeps what it learned. */
inline tell_moved() {
	if
	:: p.end == d && moved[here] != 0 ->
		tell(STALED, p.from, d, moved_generation[here], 0)
	:: else
	fi
}

inline give_back() {
	if
	:: fault == 1 -> drop(0)
	:: else ->
		p.kind = BACK; p.to = p.from; p.from = here; p.hops++;
		assert(p.hops <= HOPS);
		put()
	fi
}

inline answer_rts() {
	believed = IS_FROM_ROLE || (BOUNCES(here) && location[SOURCE] == p.rts &&
				    location_generation[SOURCE] == p.given);
	learned = 0;
	if
	:: believed -> learn(SOURCE, p.rts, p.given, !DIVIDES(p.rts))
	:: else
	fi;
	if
	:: (believed && (learned || !divides)) || (!believed && p.rts == p.from) ->
		tell(HERE, p.rts, p.end, generation[ROW], 0)
	:: else
	fi
}

/* Between networks: the divider puts itself in between. */
inline divide() {
	p.is_divided = 1;
	if
	:: p.rts != 0 ->
		learned = 1;
		if
		:: BOUNCES(p.from) -> learn(SOURCE, p.rts, p.given, 1)
		:: else
		fi;
		if
		:: state[ROW] == NOBODY -> tell(HERE, p.rts, p.end, 0, 1)
		:: else -> tell(HERE, p.rts, p.end, 0, 0)
		fi;
		p.rts = here; p.given = 0
	:: else
	fi;
	if
	:: state[ROW] == NOBODY -> drop(0)
	:: BOUNCES(here) && location[ROW] != 0 && location[ROW] != here -> go(location[ROW])
	:: BOUNCES(here) && location[ROW] == 0 -> drop(0)
	:: !BOUNCES(here) && IS_USED -> go(host[ROW])
	:: else ->
		if /* nobody asks: let the sender do it */
		:: p.rts == 0 && fault != 2 -> tell(STALED, p.from, p.end, 0, 0)
		:: else
		fi;
		go(bouncer)
	fi
}

inline receive_data() {
	if
	:: host[SOURCE] == p.from && (state[SOURCE] == FRESH || state[SOURCE] == EXPIRED) ->
		state[SOURCE] = FRESH; age[SOURCE] = 0
	:: else
	fi;
	may = !divides || IS_FROM_ROLE || DIVIDES(here) ||
	      (same && (BOUNCES(here) || (is_proven[SOURCE] && host[SOURCE] == p.from)));
	if
	:: is_local[ROW] && may ->
		if
		:: DIVIDES(here) && BETWEEN -> p.is_divided = 1
		:: else
		fi;
		deliver();
		if
		:: p.rts != 0 -> answer_rts()
		:: else
		fi
	:: else ->
		if
		:: !is_local[ROW] && BOUNCES(here) && location[ROW] != 0 &&
		   (!BETWEEN || DIVIDES(p.from)) ->
			attest();
			tell_moved();
			if
			:: location[ROW] == here -> drop(0)
			:: else -> go(location[ROW])
			fi
		:: !is_local[ROW] && DIVIDES(here) && BETWEEN -> divide()
		:: !is_local[ROW] && BOUNCES(here) && BETWEEN && !DIVIDES(p.from) && location[ROW] != 0 ->
			attest();
			go(V)
		:: !is_local[ROW] && BOUNCES(here) && location[ROW] == 0 && !BETWEEN ->
			if
			:: p.rts != 0 -> tell(HERE, p.rts, p.end, 0, 1)
			:: else
			fi;
			drop(0)
		:: !is_local[ROW] && p.end == d && moved[here] != 0 && (!divides || fault == 3) &&
		   !(BOUNCES(here) && location[ROW] != 0) ->
			tell_moved();
			go(moved[here])
		:: else -> give_back()
		fi
	fi
}

inline receive_back() {
	if
	:: is_local[ROW] && (!BETWEEN || DIVIDES(here)) -> deliver()
	:: else ->
		if
		:: DIVIDES(here) && BOUNCES(p.from) && fault != 6 -> /* its network's: who else knows? */
			state[ROW] = NOBODY; age[ROW] = 0;
			drop(1)
		:: host[ROW] == p.from && !(DIVIDES(here) && BOUNCES(p.from) && fault != 6) ->
			if
			:: state[ROW] == FRESH || state[ROW] == EXPIRED -> state[ROW] = STALE
			:: else
			fi;
			send_by_bouncer()
		:: host[ROW] != p.from && before[ROW] == p.from && fault != 4 && !(DIVIDES(here) && BOUNCES(p.from)) -> send_by_bouncer()
		:: else -> drop(BOUNCES(here)) /* was in flight when its rows changed */
		fi
	fi
}

inline receive() {
	here = p.to;
	printf("model: %d: from %d, kind %d, end %d, rts %d, generation %d, hops %d; row %d of %d, %d; source %d of %d, %d\n",
	       here, p.from, p.kind, p.end, p.rts, p.given, p.hops, state[ROW], host[ROW], row_generation[ROW],
	       state[SOURCE], host[SOURCE], row_generation[SOURCE]);
	if
	:: p.kind == DATA -> receive_data()
	:: p.kind == BACK -> receive_back()
	:: p.kind == HERE && p.is_nobody ->
		if
		:: state[ROW] != FRESH -> state[ROW] = NOBODY; age[ROW] = 0
		:: else
		fi
	:: p.kind == HERE && !p.is_nobody ->
		learn(ROW, p.from, p.given, !DIVIDES(p.from) && !DIVIDES(here))
	:: p.kind == STALED ->
		if
		:: host[ROW] == p.from && (state[ROW] == FRESH || state[ROW] == EXPIRED) &&
		   (row_generation[ROW] == 0 || p.given > row_generation[ROW]) ->
			state[ROW] = STALE
		:: else
		fi
	fi;
	learned = 0; believed = 0; may = 0
}

/* An endpoint sends: end is its peer. */
inline send(from_, end_) {
	here = from_;
	printf("model: %d sends to %d\n", here, end_);
	p.kind = DATA; p.from = 0; p.to = 0; p.end = end_; p.rts = 0; p.given = 0; p.hops = 0;
	p.held = HELD; p.is_divided = 0; p.is_nobody = 0;
	agent()
}

inline rest() {
	p.kind = 0; p.from = 0; p.to = 0; p.end = 0; p.rts = 0; p.given = 0; p.hops = 0; p.held = 0;
	p.is_divided = 0; p.is_nobody = 0;
	here = 0; i = 0; j = 0
}

/* d has come to a host, with its device: whatever is on the way may be delivered there from now on. */
inline arrive(host_) {
	newest++;
	is_local[AT(host_, d)] = 1; generation[AT(host_, d)] = newest;
	if
	:: fault == 5
	:: else -> moved[host_] = 0; moved_generation[host_] = 0
	fi;
	i = 0;
	do
	:: i < n_packets -> net[i].held = net[i].held | 1 << host_; i++
	:: else -> break
	od;
	i = 0
}

inline set_location(bouncer_, host_, generation_) {
	if
	:: bouncer_ != 0 ->
		location[AT(bouncer_, d)] = host_; location_generation[AT(bouncer_, d)] = generation_
	:: else
	fi
}

inline leave(host_) {
	is_local[AT(host_, d)] = 0; generation[AT(host_, d)] = 0
}

/* One thing that the controller does and has acknowledged, in the order of the contract. */
inline control() {
	printf("model: controller: step %d, from %d to %d\n", step, place, target);
	if
	:: step == 0 && target != place -> /* migrate: (a) the new host, (b) the bouncers, (c) the old host */
		arrive(target); step = 1
	:: step == 1 -> set_location(B, target, newest); step = 2
	:: step == 2 -> set_location(C, target, newest); step = 3
	:: step == 3 ->
		leave(place);
		moved[place] = target; moved_generation[place] = newest;
		place = target; step = 0; n_moves++
	:: step == 4 -> set_location(B, 0, 0); step = 5 /* delete */
	:: step == 5 -> set_location(C, 0, 0); step = 6
	:: step == 6 -> leave(place); step = 7; is_deleted = 1
	:: step == 7 -> arrive(target); place = target; step = 8 /* and anew */
	:: step == 8 -> set_location(B, place, newest); step = 9
	:: step == 9 -> set_location(C, place, newest); step = 0; n_moves++; is_deleted = 0
	fi
}

inline choose_bouncer() {
	if
	:: bouncer = B
	:: C != 0 -> bouncer = C
	fi;
	if
	:: asks = 1
	:: !is_over && !is_quiet -> asks = 0
	fi
}

inline set_up() {
	is_local[AT(S, s)] = 1; generation[AT(S, s)] = 1;
	is_local[AT(H1, d)] = 1; generation[AT(H1, d)] = 1;
	location[AT(B, s)] = S; location_generation[AT(B, s)] = 1;
	if
	:: C != 0 -> location[AT(C, s)] = S; location_generation[AT(C, s)] = 1
	:: else
	fi;
	set_location(B, H1, 1);
	set_location(C, H1, 1)
}

/* One round: rows get older, both send, all arrives. */
inline grow_old() {
	i = 0;
	do
	:: i < 14 ->
		if
		:: state[i] == FRESH && age[i] < LEASE -> age[i]++
		:: state[i] == FRESH && age[i] >= LEASE -> state[i] = EXPIRED
		:: state[i] == NOBODY -> forget(i)
		:: else
		fi;
		i++
	:: else -> break
	od;
	i = 0
}

c_code {
	static int shape(const char *name)
	{
		return getenv(name) ? atoi(getenv(name)) : 0;
	}
};

init {
	c_code {
		at_h2 = shape("at_h2"); at_b = shape("at_b"); at_c = shape("at_c"); at_v = shape("at_v");
		divides = shape("divides"); same = shape("same"); two_way = shape("two_way");
		lossy = shape("lossy"); migrate = shape("migrate"); moves = shape("moves");
		sends = shape("sends"); lapses = shape("lapses"); fault = shape("fault");
	};
	d_step { set_up() };
	do
	:: atomic { !is_over && (n_moves < moves || step != 0) ->
		if
		:: step == 0 && place == H1 -> target = H2
		:: step == 0 && place == H2 -> target = H1
		:: step == 0 && !migrate -> step = 4; target = H1
		:: step == 0 && !migrate -> step = 4; target = H2
		:: step != 0
		fi;
		d_step { control(); rest() }
	}
	:: atomic { !is_over && n_sends < sends && n_packets < SLOTS ->
		n_sends++;
		choose_bouncer();
		if
		:: from = S; to = d
		:: two_way && is_local[AT(H1, d)] -> from = H1; to = s
		:: two_way && is_local[AT(H2, d)] -> from = H2; to = s
		fi;
		goto sending
	}
	:: atomic { n_packets > 0 ->
		i = 0;
		if
		:: is_over
		:: else ->
			do
			:: i + 1 < n_packets -> i++
			:: break
			od
		fi;
		choose_bouncer();
		if
		:: d_step { take(i); receive(); rest() }
		:: lossy && !is_over -> d_step { take(i); rest() }
		:: n_lapses < lapses && n_packets < SLOTS && !is_over ->
			n_lapses++;
			d_step { copy(p, net[i]); put(); rest() }
		fi
	}
	:: atomic { n_lapses < lapses && !is_over ->
		n_lapses++;
		i = 2;
		do
		:: i < 13 -> i++
		:: break
		od;
		if
		:: state[i] == FRESH -> state[i] = EXPIRED
		:: state[i] != UNKNOWN -> d_step { forget(i) }
		:: moved[i / 2] != 0 && step == 0 -> moved[i / 2] = 0; moved_generation[i / 2] = 0
		:: else
		fi;
		i = 0
	}
	:: !is_over && n_moves == moves && step == 0 -> is_over = 1
	:: atomic { is_over && n_packets == 0 && round < 2 * ROUNDS ->
		if
		:: round == 2 * ROUNDS - 1 ->
			assert(is_here && hops <= 1 + BETWEEN)
		:: else
		fi;
		choose_bouncer();
		is_here = 0; hops = 0;
		from = S; to = d;
		if
		:: round % 2 == 0 -> d_step { grow_old() }
		:: round % 2 == 1 && two_way -> from = place; to = s
		:: else -> from = 0
		fi;
		round++;
		if
		:: from != 0 -> goto sending
		:: else
		fi
	}
	:: is_over && n_packets == 0 && round == 2 * ROUNDS -> break
	:: false ->
sending:	skip;
		d_step { send(from, to); from = 0; to = 0; rest() }
	od
}
