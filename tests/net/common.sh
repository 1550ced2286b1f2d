# SPDX-License-Identifier: Apache-2.0
# What the net tests share. A test sources this, makes a lab of its own (named after its process,
# so that tests do not meet), and checks; everything that it made is removed however it ends.
#
# $1 of every test: the directory with the programs. $MIZAR_TRANSIT: where transit runs, tc or xdp.

set -u -o pipefail
programs=$(realpath "$1")
PATH=$programs:$PATH
export MIZAR_LAB=t$$
MIZAR_TRANSIT=${MIZAR_TRANSIT:-tc}
namespaces=()
processes=()

[ "$(id -u)" = 0 ] || { echo "needs root"; exit 77; }

tidy() {
	local result=$? p n
	trap - EXIT
	for p in "${processes[@]}"; do kill "$p" 2>/dev/null; wait "$p" 2>/dev/null; done
	for n in "${namespaces[@]}"; do ip netns del "$n"; done
	if [ $result != 0 ]; then
		for log in /run/mizar-lab/$MIZAR_LAB/*/*.log; do [ -f "$log" ] && { echo "--- $log"; tail -40 "$log"; }; done
		for p in /run/mizar-lab/$MIZAR_LAB/h*/bpf; do
			[ -d "$p" ] && { echo "--- counters and drops of $p"; mizar host stats --dir "${p%/bpf}"; mizar host drops --dir "${p%/bpf}"; }
		done
		echo "$failed"
	fi
	mizar lab down --name $MIZAR_LAB >/dev/null || result=1
	exit $result
}
trap tidy EXIT
trap 'exit 1' INT TERM

failed=
fail() { failed="FAILED: $*"; echo "$failed"; exit 1; }

# refused STATUS TEXT COMMAND...: it fails so, says so on stderr (all of which is in $said then), and prints nothing.
refused() {
	local status=$1 text=$2 out got err=/run/mizar-lab/$MIZAR_LAB/stderr
	shift 2
	out=$("$@" 2>"$err")
	got=$?
	said=$(tr -d '\0' <"$err")
	[ $got = "$status" ] || fail "$* gave $got, not $status: $said"
	[[ $said == *"$text"* ]] || fail "$* does not say '$text': $said"
	[ -z "$out" ] || fail "$* printed: $out"
}

# lab [OPTION...]: a lab of our own, with the transit and the underlay that the environment says.
lab() {
	mizar lab up --name $MIZAR_LAB --timeout 120 --transit $MIZAR_TRANSIT ${MIZAR_UNDERLAY:+--underlay $MIZAR_UNDERLAY} \
		${MIZAR_MTU:+--mtu $MIZAR_MTU} "$@" >&2 || fail "lab up $*"
}

# under REST: an address of the underlay, of its family: 0.1 is 172.31.0.1 or fd00:31::1, 2.1 is 172.31.2.1 or fd00:31:2::1.
under() {
	local net=${1%.*} host=${1#*.}
	[ "${MIZAR_UNDERLAY:-ipv4}" = ipv6 ] || { echo "172.31.$net.$host"; return; }
	[ "$net" = 0 ] && echo "fd00:31::$host" || echo "fd00:31:$net::$host"
}

# manifest: applies standard input.
manifest() { mizar apply -f - >/dev/null || fail "apply"; }

# only HOST...: new bouncers and dividers go there, and to no other of the lab's hosts.
only() {
	local dir
	for dir in /run/mizar-lab/$MIZAR_LAB/h[0-9]*; do
		printf -- '---\n{apiVersion: mizar.com/v1, kind: Droplet, metadata: {name: %s}, spec: {address: "%s", unschedulable: %s}}\n' \
			"${dir##*/}" "$(under 0.${dir##*/h})" "$([[ " $* " == *" ${dir##*/} "* ]] && echo false || echo true)"
	done | manifest
}

# network TENANT NAME N [BOUNCERS]: a network of the tenant's VPC v, 10.0.N.0/24 and fd00:N::/64, with its bouncers.
network() {
	manifest <<-M
	apiVersion: mizar.com/v1
	kind: Network
	metadata: {name: $2, namespace: $1}
	spec: {vpc: v, cidrs: [10.0.$3.0/24, "fd00:$3::/64"], bouncers: ${4:-1}}
	M
	mizar -n $1 wait network $2 --for Provisioned --timeout 5 >/dev/null || fail "network $2 of $1"
}

# vpc TENANT SPEC: the tenant's VPC v, of whose spec this is the inside.
vpc() {
	manifest <<<"{apiVersion: mizar.com/v1, kind: VPC, metadata: {name: v, namespace: $1}, spec: {$2}}"
	mizar -n $1 wait vpc v --for Provisioned --timeout 5 >/dev/null || fail "VPC of $1"
}

# endpoint TENANT/NAME HOST: attaches it on the host, in a namespace of its own, and waits.
endpoint() {
	local ns=$MIZAR_LAB-${1/\//-}
	if ! ip netns pids "$ns" >/dev/null 2>&1; then ip netns add "$ns" && namespaces+=("$ns"); fi
	mizar -n "${1%/*}" attach "${1#*/}" --host "$2" --netns "$ns" >/dev/null || fail "attach $1 on $2"
	mizar -n "${1%/*}" wait endpoint "${1#*/}" --for Provisioned --timeout 10 >/dev/null || fail "$1 was not provisioned"
}

# within TENANT/NAME COMMAND...: in the endpoint's namespace.
within() { local ep=$1; shift; ip netns exec "$MIZAR_LAB-${ep/\//-}" "$@"; }

# reaches TENANT/NAME ADDRESS, reaches_not TENANT/NAME ADDRESS
reaches() { within "$1" ping -n -q -c 2 -i 0.02 -W 2 "$2" >/dev/null || fail "$1 does not reach $2"; }
reaches_not() { if within "$1" ping -n -q -c 2 -i 0.1 -W 1 "$2" >/dev/null; then fail "$1 reaches $2"; fi; }

# count HOST stats|drops NAME: packets counted so far; nothing, if there is no such counter.
count() { mizar host "$2" --all --host "$1" | awk -v name="$3" '$1 == name { print $2 }'; }

# rows HOST TABLE: how many rows the table has.
rows() { mizar host tables --host "$1" | awk -v name="$2" '$1 == name { print $2 }'; }

# eventually COMMAND...: until it succeeds, 20 s at most: a mizard that starts has its programs verified.
eventually() {
	local i
	for i in $(seq 400); do "$@" && return 0; sleep 0.05; done
	fail "never came true: $*"
}

# background TENANT/NAME COMMAND...: runs it in the endpoint's namespace; $! is its own process.
background() {
	local ns=$MIZAR_LAB-${1/\//-}
	shift
	(exec ip netns exec "$ns" "$@") <&0 &
	processes+=($!)
}

# transfer FROM TO ADDRESS [BYTES]: a short TCP transfer, whole and unharmed.
transfer() {
	local bytes=${4:-20000000} sent=/run/mizar-lab/$MIZAR_LAB/sent received=/run/mizar-lab/$MIZAR_LAB/received family=-4
	[[ $3 != *:* ]] || family=-6
	head -c $bytes /dev/urandom >$sent
	background "$2" nc $family -l -N -p 5001 </dev/null >"$received"
	eventually listening "$2" 5001
	within "$1" timeout 20 nc -N -w 5 "$3" 5001 <$sent || fail "TCP from $1 to $3"
	wait $!
	cmp $sent $received >&2 || fail "TCP from $1 to $3: $(wc -c <"$received") of $bytes bytes arrived"
}
listening() { within "$1" ss -Hltn "sport = :$2" | grep -q .; }

# mizard_instead HOST [NAME=VALUE...] [OPTION...]: a mizard takes the place of the host's own: the lab's options (of which
# droplet=, address=, ca=, cert= and key= give others), and these. It logs where the lab's does; $! is its process.
mizard_instead() {
	local host=$1 dir=/run/mizar-lab/$MIZAR_LAB pki=/run/mizar-lab/$MIZAR_LAB/pki
	local droplet=$host address controller ca=$pki/ca.pem cert=$pki/$host.pem key=$pki/$host.key
	shift
	address=$(under 0."${host#h}") controller=$(under 0.250)
	[[ $controller != *:* ]] || controller="[$controller]"
	while [[ ${1:-} == [a-z]*=* ]]; do local "$1"; shift; done
	mizar lab kill "$host" 2>/dev/null
	(exec ip netns exec "$MIZAR_LAB-$host" "$programs/../host/mizard" --droplet "$droplet" --address "$address" --dir "$dir/$host" \
		--controller "$controller:7700" --server-name controller --ca "$ca" --cert "$cert" --key "$key" "$@") >"$dir/$host/mizard.log" 2>&1 &
	processes+=($!)
}
says() { grep -qF -- "$2" "/run/mizar-lab/$MIZAR_LAB/$1/"*.log; } # says HOST TEXT: its log does
