#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# Who has no right to it, or speaks to nobody, is told so: wrong certificates, an address of another droplet, no privilege, no
# controller. Nothing of what strangers try reaches the controller's objects.
. "$(dirname "$0")/common.sh"

lab --hosts 2
dir=/run/mizar-lab/$MIZAR_LAB
pki=$dir/pki
certificate() { # certificate COMMON-NAME FILE [OPTION...]: signed by itself, or who the options say
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj "/CN=$1" -keyout "$pki/$2.key" -out "$pki/$2.pem" "${@:3}" 2>/dev/null ||
		fail "openssl"
}
certificate droplet:h1 foreign
certificate droplet:h3 h3 -CA $pki/ca.pem -CAkey $pki/ca.key

# A mizard that is not h1's: it goes on trying, and says why; the controller has it as not connected.
mizard_is_refused() { # mizard_is_refused TEXT NAME=VALUE...
	mizard_instead h1 "${@:2}"
	eventually says h1 "$1"
	kill $! && wait $!
}
mizard_is_refused "the certificate's common name is 'droplet:h2', and must be 'droplet:h1'" cert=$pki/h2.pem key=$pki/h2.key
mizard_is_refused "the certificate's common name is 'admin:lab', and must be 'droplet:h1'" cert=$pki/admin.pem key=$pki/admin.key
mizard_is_refused "droplet h3: the address 172.31.0.1 is that of droplet h1" droplet=h3 cert=$pki/h3.pem key=$pki/h3.key
mizard_is_refused "not connected, retrying: " ca=$pki/foreign.pem
mizard_is_refused "not connected, retrying: " cert=$pki/foreign.pem key=$pki/foreign.key
says ctl "h1: stream is up" && [ "$(mizar get droplets -o name | wc -l)" = 2 ] || fail "droplets: $(mizar get droplets)"
refused 1 "does not belong to certificate" $programs/../host/mizard --droplet h1 --address 172.31.0.1 --controller h:1 \
	--ca $pki/ca.pem --cert $pki/h1.pem --key $pki/h2.key --dir $dir/none
[ ! -e $dir/none ] || fail "a mizard with a wrong key has made something"

# A mizar that speaks to nobody (cli.sh has those with wrong certificates), and a client without a certificate.
at() { mizar lab exec h2 -- env -u MIZAR_LAB mizar --server "$1" --ca $pki/ca.pem --cert $pki/admin.pem --key $pki/admin.key get vpcs --timeout 1; }
refused 1 "no controller answers at 172.31.0.250:7709" at 172.31.0.250:7709
refused 1 "the controller at 172.31.0.99:7700 did not answer within 1 s (--timeout)" at 172.31.0.99:7700
refused 1 "no controller answers at unix:/nope: No such file or directory: is mizar-controller running?" mizar --server unix:/nope get vpcs
refused 1 "there is no lab none-$$: mizar lab up --name none-$$" mizar --lab none-$$ get vpcs
nameless() { sleep 2 | mizar lab exec h2 -- openssl s_client -connect 172.31.0.250:7700 -alpn h2 >/dev/null; }
refused 1 "eof while reading" nameless

# Nobody in particular.
nobody() { refused 1 "$1" setpriv --reuid nobody --regid nogroup --clear-groups "${@:2}"; }
nobody "mizard.sock: permission denied: this needs root" mizar attach web-1 --host h2 --netns x
nobody "this needs root" mizar host uninstall --host h2
nobody "mizard must run as root" $programs/../host/mizard --address 172.31.0.1 --standalone --dir $dir/none
refused 1 "no privilege for BPF: run mizard as root, in a container with CAP_BPF, CAP_NET_ADMIN and CAP_SYS_ADMIN" \
	mizar lab exec h1 -- setpriv --bounding-set -bpf,-sys_admin,-perfmon $programs/../host/mizard --address 172.31.0.1 --standalone --dir $dir/h1
