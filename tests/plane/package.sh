#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
#	a fresh Debian, booted in namespaces: under0 192.0.2.1/24, default route
#	mizar-controller ──socket── mizard ── acme/web-1, acme/web-2
#
# The packages are built, installed by apt, and start. An endpoint outlives restarts, an upgrade and the removal of mizard
# without a packet lost. Purged, nothing is left.
#
# $1: the top of the source tree.  $2: a directory of our own. Wants root and a kernel with cgroup v2.
set -u -o pipefail
top=$1
work=$2
[ "$(id -u)" = 0 ] || { echo "needs root"; exit 77; }
umask 022 # the tree is a system's
step() { printf '%(%T)T %s\n' -1 "$*"; }
fail() { echo "FAILED: $*"; exit 1; }

# Nothing of an earlier run that was killed: what is mounted there was in that run's namespace.
rm -rf "$work" && mkdir -p "$work/cgroup" && work=$(realpath "$work") || exit 1
tree=$work/tree
unshare_pid='' tree_pid='' init=''
group=mizar-package-$$

tidy() {
	local result=$?
	trap - EXIT
	[ $result = 0 ] || [ -z "$init" ] || {
		inside journalctl --no-pager -o short-monotonic -n 60
		tail -30 "$work/boot.log"
	}
	[ -z "$tree_pid" ] || { touch "$work/given-up" && wait "$tree_pid"; } # it leaves no mounts then
	if [ -n "$unshare_pid" ]; then
		kill -KILL "$unshare_pid" && wait "$unshare_pid" 2>/dev/null # and with it all that it holds
	fi
	# The kernel takes a moment to empty a cgroup whose processes were killed.
	for _ in $(seq 100); do
		unshare --mount bash -c 'mount -t cgroup2 none "$1" && [ ! -d "$1/$2" ] ||
			find "$1/$2" -depth -type d -exec rmdir {} +' - "$work/cgroup" $group 2>/dev/null && break
		sleep 0.05
	done
	[ $result != 0 ] || rm -rf "$tree"
	exit $result
}
trap tidy EXIT
trap 'exit 1' INT TERM

# ---- a Debian ------------------------------------------------------------------------------------

# While the packages are built: they are waited for at the end.
make_tree() {
	local codename sources
	codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
	mapfile -t sources < <(grep -lsE "(^| )$codename( |$)" /etc/apt/sources.list /etc/apt/sources.list.d/*.{list,sources})
	apt-config dump Acquire::http Acquire::https | grep -i proxy >"$work/proxy.conf"
	mmdebstrap --quiet --variant=minbase --include=systemd,systemd-sysv,iproute2,iputils-ping --aptopt="$work/proxy.conf" \
		--skip=cleanup/apt --customize-hook="until [ -e $work/built ]; do [ ! -e $work/given-up ] || exit 1; sleep 0.2; done" \
		--customize-hook="copy-in $work/packages /root" \
		--customize-hook='chroot "$1" sh -c "apt-get install -q -y --no-install-recommends --download-only /root/packages/*.deb"' \
		"$codename" "$tree" "${sources[@]}" </dev/null >"$work/tree.log" 2>&1 || { cat "$work/tree.log"; fail "mmdebstrap"; }
	# It has the real kernel under it: these would set what belongs to the machine.
	ln -s /dev/null "$tree/etc/systemd/system/systemd-sysctl.service"
	ln -s /dev/null "$tree/etc/systemd/system/systemd-binfmt.service"
	echo droplet-1 >"$tree/etc/hostname"
}

# In new namespaces of every kind but user: becomes systemd, with only network settings of the kernel writable.
boot='
set -e
tree=$1 cgroup=$2/$3
mount -t cgroup2 none "$2" && mkdir -p "$cgroup" && echo 0 >"$cgroup/cgroup.procs"
exec unshare --mount --pid --fork --kill-child=KILL --net --uts --ipc --cgroup bash -ec '\''
tree=$1
mount --make-rprivate /
mount --bind "$tree" "$tree"
mount -t proc -o nosuid,nodev,noexec proc "$tree/proc"
mount --bind "$tree/proc/sys" "$tree/proc/sys"
mount --bind "$tree/proc/sys/net" "$tree/proc/sys/net"
mount -o remount,bind,ro "$tree/proc/sys"
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs "$tree/sys"
mount -t cgroup2 -o nosuid,nodev,noexec none "$tree/sys/fs/cgroup"
mount -t tmpfs -o mode=0755,nosuid,nodev tmpfs "$tree/run"
mount -t tmpfs -o mode=0755,nosuid tmpfs "$tree/dev"
for node in null zero full random urandom tty; do touch "$tree/dev/$node"; mount --bind "/dev/$node" "$tree/dev/$node"; done
mkdir "$tree/dev/pts" "$tree/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$tree/dev/pts"
mount -t tmpfs -o nosuid,nodev tmpfs "$tree/dev/shm"
ln -s pts/ptmx "$tree/dev/ptmx"
ip link set lo up
ip link add under0 type veth peer name far0
ip addr add 192.0.2.1/24 dev under0
ip link set far0 up
ip link set under0 up
ip route add default via 192.0.2.254
cd "$tree"
pivot_root . mnt
umount -l /mnt
mount --make-rshared /
exec env -i container=mizar PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive /sbin/init --log-target=console
'\'' - "$tree"'

inside() { nsenter --target "$init" --mount --pid --net --uts --ipc --cgroup -- /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin \
	DEBIAN_FRONTEND=noninteractive "$@" </dev/null; }
eventually() {
	local end=$((SECONDS + 60))
	while [ $SECONDS -lt $end ]; do "$@" >/dev/null 2>&1 && return 0; sleep 0.1; done
	fail "never came true: $*"
}
booted() { [[ $(inside systemctl is-system-running) =~ ^(running|degraded)$ ]]; }

start_tree() {
	unshare --mount bash -c "$boot" - "$tree" "$work/cgroup" $group </dev/null >"$work/boot.log" 2>&1 &
	unshare_pid=$!
	has_init() { read -ra init <<<"$(cat "/proc/$unshare_pid/task/$unshare_pid/children")" && [ "$(cat "/proc/$init/comm")" = systemd ]; }
	eventually has_init
	eventually booted
}

# ---- the packages in it --------------------------------------------------------------------------

apt() { inside apt-get -q -y --no-install-recommends "$@" >"$work/apt.log" 2>&1 || { cat "$work/apt.log"; fail "apt $*"; }; }
mizar() { inside mizar "$@"; }
active() { inside systemctl is-active --quiet "$@"; }
# What a system has: files, users, mounts, devices. Caches, logs and apt's own books are no part of it.
inventory() {
	inside find / -xdev \( -path /var/lib/dpkg -o -path /var/lib/apt -o -path /var/cache -o -path /var/log -o -path /root -o -path /tmp \
		-o -path /var/lib/systemd \) -prune -o -print | grep -vxE '/etc/[^/]*-|/etc/ld.so.cache|/var/tmp/systemd-private.*|/etc/machine-id' | sort
	inside cut -d: -f1 /etc/passwd /etc/group
	inside cut -d' ' -f5 /proc/1/mountinfo | grep -v -e '^/run/credentials' -e '^/run/netns' | sort
	inside ls /run /sys/class/net | grep -vx netns # of ip netns
}

within() { inside ip netns exec "$@"; }
pings() { within web-1 ping -q -n -i 0.02 -c 3 -W 1 "$1" >/dev/null || fail "web-1 does not reach $1"; }
# lossless WHAT COMMAND...: not one packet is lost meanwhile.
lossless() {
	local what=$1 pinging
	shift
	rm -f "$tree/root/end"
	within web-1 bash -c 'ping -q -n -i 0.01 10.0.1.12 & while [ ! -e /root/end ]; do sleep 0.05; done; kill -INT $!; wait' \
		>"$work/ping.log" 2>&1 &
	pinging=$!
	"$@"
	pings 10.0.1.12
	pings fd00:10:1::12
	touch "$tree/root/end"
	wait $pinging
	grep -q ' 0% packet loss' "$work/ping.log" || { cat "$work/ping.log"; fail "$what: packets were lost"; }
	step "$what: no packet lost"
}

step "building packages, and a fresh Debian"
make_tree &
tree_pid=$!
"$top/package" --output "$work/packages" >"$work/package.log" 2>&1 || { tail -60 "$work/package.log"; fail "./package"; }
step "packages are built"
touch "$work/built"
wait $tree_pid || exit 1
tree_pid=''
step "it boots"
start_tree
inventory >"$work/before"

step "installing"
packages=$(cd "$work/packages" && echo *.deb)
apt install $(printf '/root/packages/%s ' $packages)
eventually active mizard mizar-controller
inside mizard --version && inside mizar-controller --version || fail "--version"
for unit in mizard.service mizar-controller.service run-mizar-bpf.mount; do
	said=$(inside systemd-analyze verify --man=no $unit 2>&1 | grep -F -e mizar -e mizard)
	[ -z "$said" ] || fail "systemd-analyze verify: $said"
done
inside systemd-analyze security --no-pager mizard.service mizar-controller.service | tail -3
inside bash -c 'PS1=x; . /usr/share/bash-completion/completions/mizar && complete -p mizar' >/dev/null || fail "completion"
[ "$(inside stat -c '%a %U' /etc/mizar/pki /var/lib/mizar /run/mizar-controller | paste -sd,)" = '700 root,700 mizar,700 mizar' ] ||
	fail "modes: $(inside stat -c '%n %a %U' /etc/mizar/pki /var/lib/mizar /run/mizar-controller)"

step "two endpoints"
cp "$top/examples/two-tenants.yaml" "$tree/root/"
inside cp /root/two-tenants.yaml /tmp # the tree of before has it where apt's packages are
droplet_is_there() { mizar get droplets -o name | grep -q droplet-1; }
eventually droplet_is_there
mizar apply -f /root/two-tenants.yaml >/dev/null || fail "apply"
for name in web-1 web-2; do inside ip netns add $name || fail "netns $name"; done
mizar -n acme attach web-1 --netns web-1 || fail "attach by name"
# By the process that is in it, of a user that is not root.
inside ip netns exec web-2 setpriv --reuid=nobody --clear-groups sleep 1000 &
disown # ends with the tree
holder() { inside pidof -s sleep; }
eventually holder
mizar -n acme attach web-2 --netns "/proc/$(holder)/ns/net" || fail "attach by process"
mizar -n acme wait endpoint web-1 web-2 >/dev/null || fail "wait"
pings 10.0.1.12

restart() { inside systemctl restart mizard mizar-controller; }
killed() { inside systemctl kill -s KILL mizard mizar-controller; eventually active mizard mizar-controller; }
upgrade() { apt install --reinstall $(printf '/root/packages/%s ' $packages); eventually active mizard mizar-controller; }
remove() { apt remove mizard; }
lossless "restart" restart
lossless "killed" killed
lossless "upgrade" upgrade
lossless "removal" remove

step "purging"
apt install $(printf '/root/packages/%s ' $packages)
eventually active mizard
apt purge mizard mizar mizar-controller
apt purge --autoremove
for name in web-1 web-2; do inside ip netns del $name; done
inside rm -f /tmp/two-tenants.yaml
inventory >"$work/after"
diff "$work/before" "$work/after" || fail "purging left something, or took something"
step "done"
