#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
#	h1: src      h2: dst, other      h3: bounces      lease: 0.4 s
#
# A location that nobody confirms is asked for again before its lease ends: one-way packets never go back to the bouncer. It needs no mizard.
# One that is not used is forgotten; what is sent after that is lost nowhere.
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/streams.sh"

lab --hosts 3 --mizard-options "--lease 0.4"
only h3
vpc t "dividers: 1"
network t a 1
for e in src:2:h1 dst:3:h2 other:4:h2; do
	IFS=: read -r name address host <<<$e
	mizar -n t create endpoint $name --network a --addresses 10.0.1.$address,fd00:1::$address >/dev/null || fail "create $name"
	endpoint t/$name $host
done
knows() { mizar host locations --host $1 | grep -qwF -- "$2"; }
forgot() { ! knows "$@"; }

# one_way NAME ADDRESS: for three leases the bouncer sees nothing of it, and h1 asks now and then.
one_way() {
	numbered t/src t/$1 $2
	eventually knows h1 $2
	local asked=$(count h1 stats introduce) answered=$(count h2 stats here)
	standing h3 -- sleep 1.3
	asked=$(($(count h1 stats introduce) - asked)) answered=$(($(count h2 stats here) - answered))
	all_arrives "one way to $2"
	[ $asked -ge 3 ] && [ $asked -le 60 ] && [ $answered -ge 3 ] || fail "$asked times asked, $answered times answered"
	echo "to $2: asked $asked times in three leases, answered $answered times"
}
one_way dst 10.0.1.3
one_way dst fd00:1::3
eventually forgot h1 10.0.1.3
eventually forgot h2 10.0.1.2

# Between the end of a lease and being forgotten: by the bouncer again, and nothing is lost.
for pause in 0.5 0.9; do
	numbered t/src t/dst 10.0.1.3 --seconds 0.2
	wait $udp
	sleep $pause
	numbered t/src t/dst 10.0.1.3
	eventually knows h1 10.0.1.3
	sleep 0.1
	all_arrives "after a pause of $pause s"
done

# No mizard anywhere.
for host in h1 h2 h3; do mizar lab kill $host || fail "kill $host"; done
one_way other 10.0.1.4
knows h1 10.0.1.3 || fail "somebody swept without a mizard"
mizar lab up --name $MIZAR_LAB --hosts 3 >&2 || fail "lab up again"
eventually forgot h1 10.0.1.4
eventually forgot h2 10.0.1.2
[ "$(count h1 stats learn_full)" = 0 ] || fail "a table was full"
