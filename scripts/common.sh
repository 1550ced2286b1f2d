# SPDX-License-Identifier: Apache-2.0
# What ./demo, ./check and the benchmarks share: messages, privilege, packages, the build.
# Sourced by bash, with $top set to the top of the source tree.

if [ -t 2 ]; then bold=$'\e[1m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m'; else bold='' red='' green='' plain=''; fi

say() { printf '%s==>%s %s\n' "$bold" "$plain" "$*" >&2; }
die() { printf '%serror:%s %s\n' "$red" "$plain" "$*" >&2; exit 1; }
misuse() { printf '%serror:%s %s; see --help\n' "$red" "$plain" "$*" >&2; exit 2; }

need_root() {
	[ "$(id -u)" = 0 ] || die "this needs root (namespaces, BPF): run it with sudo"
}

# install_packages [FILE]: what is missing of scripts/packages (or FILE), by the system's package manager.
install_packages() {
	local missing=() package list=$top/${1:-scripts/packages}
	while read -r _ package; do
		dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed$' ||
			missing+=("$package")
	done < <(grep -v '^#' "$list")
	[ ${#missing[@]} -gt 0 ] || return 0
	command -v apt-get >/dev/null || die "not a Debian system; install by hand: ${missing[*]}"
	say "installing ${#missing[@]} packages: ${missing[*]}"
	apt-get update -q >&2 || die "apt-get update failed: is the package registry reachable?"
	DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}" >&2 ||
		die "could not install: ${missing[*]}"
}

# build_tree DIR [meson setup option...]: configures once, then builds.
build_tree() {
	local dir=$1
	shift
	if [ ! -f "$dir/build.ninja" ]; then
		say "configuring $dir"
		meson setup "$dir" "$top" "$@" >"$dir.log" 2>&1 || { cat "$dir.log" >&2; die "meson setup failed"; }
		mv "$dir.log" "$dir/setup.log"
	fi
	say "building $dir"
	ninja -C "$dir" >"$dir/build.log" 2>&1 || { tail -50 "$dir/build.log" >&2; die "the build failed; all of it: $dir/build.log"; }
}
