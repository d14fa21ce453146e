# SPDX-License-Identifier: GPL-2.0-only
# Stage: the kernel's source. In this order: a tree of the user's own (KDIR=),
# a tarball in the cache, Debian's linux-source, kernel.org. Sourced.

KERNEL_SERIES=7.3
SOURCES=$CACHE/source
DEBIAN_SUITE=trixie-backports
DEBIAN_KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

# The newest tarball of the series in the cache; fails if there is none.
source_tarball() {
	local newest
	newest=$(find "$SOURCES" -maxdepth 1 -name "linux-$KERNEL_SERIES*.tar.*" ! -name '*.part' \
		2>/dev/null | sort -V | tail -n 1)
	[ -n "$newest" ] && printf '%s\n' "$newest"
}

# Where this machine gets Debian from; its own apt sources know.
debian_uri() {
	apt-get indextargets --format '$(ORIGIN) $(LABEL) $(REPO_URI)' 'Created-By: Packages' |
		awk '$1 == "Debian" && $2 == "Debian" { print $3; exit }'
}

# Debian's package, by an apt that has its own lists: the user's stay as they are.
source_from_debian() {
	local uri apt=$CACHE/apt deb version
	uri=$(debian_uri)
	if [ -z "$uri" ]; then
		as_root apt-get update
		uri=$(debian_uri)
	fi
	[ -n "$uri" ] || return 1
	mkdir -p "$apt/state/lists/partial" "$apt/cache/archives/partial" "$apt/download"
	cat >"$apt/series.sources" <<-END
		Types: deb
		URIs: $uri
		Suites: $DEBIAN_SUITE
		Components: main
		Signed-By: $DEBIAN_KEYRING
	END
	local options=(
		-o "Dir::State=$apt/state" -o Dir::State::status=/var/lib/dpkg/status
		-o "Dir::Cache=$apt/cache" -o "Dir::Etc::SourceList=$apt/series.sources"
		-o Dir::Etc::SourceParts=/dev/null -o APT::Sandbox::User=root
	)
	note "asking Debian's $DEBIAN_SUITE for linux-source-$KERNEL_SERIES"
	apt-get "${options[@]}" update || return 1
	note "downloading linux-source-$KERNEL_SERIES (about 170 MB)"
	rm -f "$apt"/download/*.deb
	(cd "$apt/download" && apt-get "${options[@]}" download "linux-source-$KERNEL_SERIES") || return 1
	deb=$(find "$apt/download" -name '*.deb')
	version=$(dpkg-deb -f "$deb" Version) || return 1
	note "taking the tarball out of the package"
	dpkg-deb --fsys-tarfile "$deb" |
		tar -xOf - "./usr/src/linux-source-$KERNEL_SERIES.tar.xz" >"$SOURCES/debian.part" || return 1
	mv "$SOURCES/debian.part" "$SOURCES/linux-$version.tar.xz"
	rm -f "$deb"
}

source_from_kernel_org() {
	local base=https://cdn.kernel.org/pub/linux/kernel/v7.x newest
	note "asking kernel.org for linux-$KERNEL_SERIES"
	newest=$(curl -fsSL --max-time 60 "$base/" | grep -o "linux-$KERNEL_SERIES\(\.[0-9]*\)\?\.tar\.xz" |
		sort -V | tail -n 1)
	[ -n "$newest" ] || return 1
	note "downloading $newest"
	curl -fSL --retry 3 -o "$SOURCES/kernel-org.part" "$base/$newest" || return 1
	mv "$SOURCES/kernel-org.part" "$SOURCES/$newest"
}

source_get() {
	source_tarball >/dev/null && return 0
	mkdir -p "$SOURCES"
	source_from_debian || source_from_kernel_org ||
		die "no source of Linux $KERNEL_SERIES: put a tarball into $SOURCES or say KDIR="
}

source_stage() {
	if [ -n "${KDIR:-}" ]; then
		[ -f "$KDIR/Makefile" ] || die "KDIR=$KDIR is no kernel tree"
		note "the tree at $KDIR"
		return 0
	fi
	with_lock source source_get
	note "$(basename "$(source_tarball)")"
}
