# SPDX-License-Identifier: GPL-2.0-only
# Stage: the tools. Debian packages that are missing, and bindgen where the
# system's is too old for the kernel. Sourced.

PACKAGES=(
	gcc libc6-dev make git patch python3 curl ca-certificates
	rustc-web rust-web-src clang-19 lld-19 llvm-19 libclang-19-dev
	flex bison libelf-dev libssl-dev bc kmod rsync xz-utils cpio
	busybox-static qemu-system-x86 ocfs2-tools e2fsprogs util-linux procps
	dosfstools exfatprogs f2fs-tools
)
BINDGEN_VERSION=0.72.1
BINDGEN_MINIMUM=0.71.1
BINDGEN_ROOT=$CACHE/tools/bindgen-$BINDGEN_VERSION

# The system's own rustc is the one that has the library's sources beside it.
RUSTC=${RUSTC:-/usr/bin/rustc}
MAKE_KERNEL=(make LLVM=-19 "RUSTC=$RUSTC" "KBUILD_BUILD_USER=selftests" "KBUILD_BUILD_HOST=ocfs2_glue")

as_root() {
	if [ "$(id -u)" -eq 0 ]; then
		"$@"
	else
		sudo -n "$@" || die "needs root (or sudo without a password) for: $*"
	fi
}

packages_missing() {
	local have
	have=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n' 2>/dev/null)
	local package
	for package in "$@"; do
		grep -qx "installed $package" <<<"$have" || printf '%s\n' "$package"
	done
}

packages_install() {
	local missing
	mapfile -t missing < <(packages_missing "$@")
	[ ${#missing[@]} -gt 0 ] || return 0
	note "installing ${missing[*]}"
	command -v apt-get >/dev/null || die "not a Debian system; please install: ${missing[*]}"
	as_root apt-get update
	as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
		"${missing[@]}"
}

version_at_least() {
	[ "$(printf '%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]
}

# Cargo for the host tests and for bindgen: rustup's where there is one.
cargo_find() {
	if [ -x "$HOME/.cargo/bin/cargo" ]; then
		PATH=$HOME/.cargo/bin:$PATH
	fi
	command -v cargo >/dev/null && cargo --version >/dev/null 2>&1
}

bindgen_install() {
	local have
	have=$(bindgen --version 2>/dev/null | awk '{print $2}')
	if [ -n "$have" ] && version_at_least "$BINDGEN_MINIMUM" "$have"; then
		return 0
	fi
	note "building bindgen $BINDGEN_VERSION"
	mkdir -p "$CACHE/tools"
	cargo install --locked --root "$BINDGEN_ROOT" bindgen-cli --version "$BINDGEN_VERSION"
}

# Puts what the stage made within reach; cheap, called by every entry point.
tools_use() {
	cargo_find || :
	PATH=$BINDGEN_ROOT/bin:$PATH:/usr/sbin:/sbin
	export PATH
}

packages_stage() {
	packages_install "${PACKAGES[@]}"
	cargo_find || packages_install cargo-web
	command -v rustfmt >/dev/null || packages_install rustfmt-web
	with_lock tools bindgen_install
	# A system made by debootstrap has none, and mkfs.ocfs2 looks there for what is mounted.
	[ -e /etc/mtab ] || as_root ln -s ../proc/self/mounts /etc/mtab
	note "tools: $("$RUSTC" --version | cut -d ' ' -f 1-2), clang $(clang-19 -dumpversion), bindgen $(bindgen --version | cut -d ' ' -f 2)"
}
