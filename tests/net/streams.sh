# SPDX-License-Identifier: Apache-2.0
# What the tests of the direct path share: three streams at once, and who is on the way of packets. Sourced after common.sh.

here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
state=/run/mizar-lab/$MIZAR_LAB

# numbered FROM TO ADDRESS [OPTION...]: numbered UDP packets, one way, 1000 a second until SIGTERM; `heard` says what arrived.
numbered() {
	"$programs/../../bench/udp_sequence" "${@:4}" "$MIZAR_LAB-${1/\//-}" "$3" "$MIZAR_LAB-${2/\//-}" </dev/null >$state/udp &
	udp=$!
	processes+=($udp)
}
heard() { sed -n "s/.*[{ ]\"$1\": \([0-9.]*\).*/\1/p" $state/udp; }

# all_arrives WHAT: the numbered packets end, and none was lost or doubled.
all_arrives() {
	kill $udp 2>/dev/null
	wait $udp || fail "$1: udp_sequence"
	[ "$(heard sent)" -gt 100 ] || fail "$1: only $(heard sent) packets were sent"
	[ "$(heard lost),$(heard duplicated)" = 0,0 ] || fail "$1: $(cat $state/udp)"
}

# streams FROM TO ADDRESS: numbered UDP, TCP at 4 MB/s, and 100 pings a second, until streams_end.
streams() {
	background "$2" "$here/tcp_stream.py" receive 5003 </dev/null >$state/tcp.received
	tcp_receiver=$!
	eventually listening "$2" 5003
	background "$1" "$here/tcp_stream.py" send "$3" 5003 4000000 </dev/null >$state/tcp.sent
	tcp_sender=$!
	background "$1" ping -n -q -i 0.01 -W 1 "$3" </dev/null >$state/ping
	ping=$!
	numbered "$1" "$2" "$3"
}

# streams_end WHAT: they end, and all that was sent arrived. $gap: longest time without a packet, in ms.
streams_end() {
	kill $tcp_sender && wait $tcp_sender && wait $tcp_receiver || fail "$1: TCP broke: $(cat $state/tcp.*)"
	read -r received pause <$state/tcp.received
	[ "$received" = "$(cat $state/tcp.sent)" ] || fail "$1: TCP: $received of $(cat $state/tcp.sent) bytes arrived"
	kill -INT $ping
	wait $ping
	grep -q ' 0% packet loss' $state/ping || fail "$1: ping: $(cat $state/ping)"
	all_arrives "$1"
	gap=$(heard longest_gap_ms)
	echo "$1: $(heard sent) datagrams, $(heard reordered) out of order, longest gap $gap ms; $received bytes of TCP, longest pause $pause ms"
}

# is_on TENANT/NAME HOST: it came there, if it migrated.
is_on() { [ "$(mizar -n "${1%/*}" get endpoint "${1#*/}" -o json | sed -n '/"status"/,$s/^    "droplet": "\(.*\)".*/\1/p')" = "$2" ]; }

# standing HOST... -- COMMAND...: no tunnel packet of endpoints comes to these hosts meanwhile; `moving`: to each some do.
arrived() { mizar host stats --all --host "$1" | awk '$1 == "transit" { n += $2 } $1 == "echo" { n -= $2 } END { print n }'; }
passing() { # passing HOST... -- COMMAND...: $passed, a number for each host
	local hosts=() before=() i
	while [ "$1" != -- ]; do hosts+=("$1"); before+=("$(arrived "$1")"); shift; done
	"${@:2}" || fail "$*"
	passed=()
	for i in "${!hosts[@]}"; do passed+=($(($(arrived "${hosts[i]}") - before[i]))); done
}
standing() { passing "$@"; [[ "${passed[*]}" =~ ^[0\ ]*$ ]] || fail "$*: ${passed[*]} packets came"; }
moving() { passing "$@"; [[ ! " ${passed[*]} " =~ " 0 " ]] || fail "$*: ${passed[*]} packets came"; }

# capture HOST COMMAND...: $n_packets tunnel packets of endpoints came to the host and went from it meanwhile, $n_options of them with options or
# for control. Echoes have VNI 0.
capture() {
	(exec ip netns exec $MIZAR_LAB-net dumpcap -q -B 16 -i "$1" -f "udp port 6081" -w $state/capture) 2>$state/capture.log &
	local capture=$!
	processes+=($capture)
	eventually grep -q '^File:' $state/capture.log
	"${@:2}"
	sleep 0.2 # the last packets are in the kernel's buffer
	kill -INT $capture && wait $capture
	read -r n_packets n_options < <(tshark -n -r $state/capture -Y 'geneve.vni != 0' -T fields -e geneve.flags -e geneve.options 2>/dev/null |
		awk -F'\t' '{ n++; if ($1 !~ /^0x0*$/ || $2 != "") options++ } END { print n + 0, options + 0 }')
}
