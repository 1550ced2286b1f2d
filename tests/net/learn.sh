#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
#	h1: src (a)      h2: mate (a), dst (b)      h3: bounces for a and b      h4: divides
#	     |                |                          |                            |
#	  ---+----------------+--------------------------+----------------------------+---  underlay
#
# After one round trip, and after one packet where nobody answers, no packet passes a bouncer: h1 and h2 speak to each other, or by the
# divider where packets between networks must pass it. Then packets carry no options. `directPath: false` keeps them on the bouncers.
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/streams.sh"

lab --hosts 4
for tenant in plain divided; do
	only h4
	vpc $tenant "dividers: 1, divide: $([ $tenant = plain ] && echo false || echo true)"
	only h3
	network $tenant a 1
	network $tenant b 2
	for e in src:a:1.2:h1 mate:a:1.3:h2 dst:b:2.2:h2; do
		IFS=: read -r name net address host <<<$e
		mizar -n $tenant create endpoint $name --network $net --addresses 10.0.$address,fd00:${address/./::} >/dev/null || fail "create $name"
		endpoint $tenant/$name $host
	done
done

# introduced TENANT NAME ADDRESS [DIVIDER]: one-way UDP and a ping take the bouncer to begin with, then only h1, h2 and the divider.
introduced() {
	local on_way=(h2 ${4:-}) off_way=(h3 ${4:-h4})
	[ -z "${4:-}" ] || off_way=(h3)
	path $1 $3 | grep -qw h3 || fail "$1 to $3: not by the bouncer at first: $(path $1 $3)"
	numbered $1/src $1/$2 $3
	eventually knows h1 $3
	standing ${off_way[*]} -- moving ${on_way[*]} -- sleep 0.2
	all_arrives "$1 to $3"
	reaches $1/src $3
	standing ${off_way[*]} -- moving h1 ${on_way[*]} -- reaches $1/src $3
	! path $1 $3 | grep -w h3 || fail "$1 to $3: still by the bouncer"
}
knows() { mizar host locations --host $1 | grep -qwF -- "$2"; }
path() { mizar -n $1 path src "$2" || fail "mizar path"; }

pairs="plain/mate/10.0.1.3 plain/mate/fd00:1::3 plain/dst/10.0.2.2 plain/dst/fd00:2::2"
for pair in $pairs; do
	introduced ${pair//\// }
	introduced divided $(tr / ' ' <<<${pair#plain/}) $([[ $pair == *mate* ]] || echo h4)
done

# Once more, and what is on the wire then.
everywhere() { for pair in $pairs ${pairs//plain/divided}; do reaches ${pair%%/*}/src ${pair##*/}; done; }
everywhere
capture h1 standing h3 -- everywhere
[ $n_packets -ge 32 ] && [ $n_options = 0 ] || fail "$n_options of $n_packets packets have options"

# Switched off and on while packets flow.
detour() { passing h3 -- sleep 0.1; [ $passed -gt 20 ]; }
no_detour() { passing h3 -- sleep 0.1; [ $passed = 0 ]; }
numbered plain/src plain/mate 10.0.1.3
eventually no_detour
vpc plain "dividers: 1, divide: false, directPath: false"
eventually detour
vpc plain "dividers: 1, divide: false"
eventually no_detour
all_arrives "directPath switched"
echo "directPath switched: $(heard sent) datagrams, $(heard reordered) out of order"
