#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# A lab comes up whole, comes up again where something died, refuses what is not its own, and goes without leaving
# a process, a namespace, a mount or a file, also after a crash, an interruption or a failure.
. "$(dirname "$0")/common.sh"

place() { echo /run/mizar-lab/$MIZAR_LAB/$1; }
pid() { cut -d' ' -f1 "$(place "$1")/pid"; }
alive() { kill -0 "$1" 2>/dev/null && [ "$(cut -d' ' -f3 /proc/"$1"/stat)" != Z ]; }
dead() { ! alive "$1"; }
connected() { [ "$(mizar lab status | grep -c 'connected$')" = "$1" ]; }

nothing_left() { # nothing_left PID...
	[ ! -e "$(place .)" ] || fail "$(place .) is left: $(find "$(place .)")"
	[ ! -e "/run/mizar-lab/.$MIZAR_LAB.lock" ] || fail "the lock file is left"
	! ip netns list | grep -q "^$MIZAR_LAB-" || fail "left: $(ip netns list | grep "^$MIZAR_LAB-")"
	! grep -q "$MIZAR_LAB" /proc/self/mounts || fail "left: $(grep "$MIZAR_LAB" /proc/self/mounts)"
	local p
	for p in "$@"; do eventually dead "$p"; done
}

# Up, whole.
begin=$(date +%s%N)
lab --hosts 2 --mizard-options "--lease 7.5 --new-destinations 20"
echo "up in $((($(date +%s%N) - begin) / 1000000)) ms"
connected 2 || fail "not connected: $(mizar lab status)"
[ "$(mizar lab status -o json | python3 -c 'import json, sys; print(sum(p["running"] for p in json.load(sys.stdin)["places"]))')" = 3 ] || fail "status -o json"
mizar lab exec h1 -- ping -n -q -c 1 -W 1 172.31.0.2 >/dev/null || fail "hosts do not reach each other"
mizar lab exec h1 -- sh -c 'exit 7'
[ $? = 7 ] || fail "exec does not give the command's exit status"
eval "$(mizar lab env --name other)"
[ "$MIZAR_LAB" = other ] || fail "env"
MIZAR_LAB=t$$

# Again: nothing changes. With other options: refused.
before=$(pid ctl),$(pid h1),$(pid h2)
lab
[ "$(pid ctl),$(pid h1),$(pid h2)" = "$before" ] || fail "a second lab up started something"
mizar lab up --hosts 3 2>/dev/null
[ $? = 1 ] || fail "other options were not refused"
mizar lab up --routed 2>/dev/null
[ $? = 1 ] || fail "other options were not refused"
refused 1 "mizard --lease 7.5 --new-destinations 20: take it down" mizar lab up --mizard-options "--lease 7"

# What died comes back, and only that.
h2=$(pid h2)
mizar lab kill h2 || fail "kill"
dead "$h2" || fail "h2's mizard is alive"
connected 1 || fail "status does not show it: $(mizar lab status)"
lab
tr '\0' ' ' </proc/"$(pid h2)"/cmdline | grep -e "--lease 7.5 --new-destinations 20" >/dev/null || fail "mizard's options"
connected 2 || fail "not connected again: $(mizar lab status)"
[ "$(pid ctl),$(pid h1)" = "${before%,*}" ] || fail "more than h2 was started"

# A pid that now belongs to somebody else is not ours: it is left alone. What runs unknown is said, not killed.
sleep 1000 &
stranger=$!
processes+=($stranger)
controller=$(pid ctl)
h1=$(pid h1)
echo "$stranger 1" >"$(place h1)/pid"
mizar lab down 2>/dev/null && fail "down with an unknown mizard on h1"
alive $stranger || fail "a stranger was killed"
alive "$h1" || fail "an unknown process was killed"
kill -9 "$h1"
eventually dead "$h1"
mizar lab down || fail "down"
nothing_left "$controller" "$h1"
mizar lab down || fail "down of nothing"
nothing_left

# A namespace of ours by name only: refused and left alone, and nothing else made.
ip netns add $MIZAR_LAB-h2
namespaces+=($MIZAR_LAB-h2)
mizar lab up --hosts 2 2>/dev/null && fail "a foreign namespace was taken"
ip netns list | grep -q "^$MIZAR_LAB-h2" || fail "the foreign namespace is gone"
ip netns del $MIZAR_LAB-h2
namespaces=()
nothing_left

# Everything crashed.
lab --hosts 2 --routed
mizar lab exec h1 -- ping -n -q -c 1 -W 1 172.31.2.2 >/dev/null || fail "not routed"
pids="$(pid ctl) $(pid h1) $(pid h2)"
kill -9 $pids
mizar lab down || fail "down after a crash"
nothing_left $pids

# Interrupted at any moment.
for delay in 0.01 0.03 0.1 0.3; do
	mizar lab up --hosts 2 2>/dev/null &
	up=$!
	sleep $delay
	kill -INT $up 2>/dev/null
	wait $up && mizar lab down
	nothing_left
done

# Killed at any moment, then taken down.
for delay in 0.01 0.03 0.1 0.3; do
	mizar lab up --hosts 2 2>/dev/null &
	up=$!
	sleep $delay
	kill -KILL $up 2>/dev/null
	wait $up 2>/dev/null
	mizar lab down 2>/dev/null || fail "down after a killed up"
	nothing_left
done
