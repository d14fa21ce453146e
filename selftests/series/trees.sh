# SPDX-License-Identifier: GPL-2.0-only
# The trees of `make series`: one source, with the first K patches in it, and
# what is built of it, each configuration in a directory of its own. Sourced.
#
#	source/          the kernel's source, at some K
#	bare/ owners/    built from allnoconfig, see the files *.config here
#	guest/           built with the guests' options, as far as they exist at K
#	kernels/KEY/     vmlinux of a K
#	modules/KEY/     the modules of the tests
#	results/HASH     what came out of a step, by all that went into it
#
# The series is in PATCHES, from 1 on; TOOLCHAIN is what kernel_toolchain says.

SERIES=$CACHE/series
SERIES_SOURCE=$SERIES/source
SERIES_PARTS=$REPO/selftests/series
PATCHES=()
TOOLCHAIN=

# series_make CONFIGURATION ARGUMENT...
series_make() {
	local configuration=$1
	shift
	"${MAKE_KERNEL[@]}" -C "$SERIES_SOURCE" O="$SERIES/$configuration" -j "$JOBS" "$@"
}

subject() { sed -n '/^Subject: /,/^$/{s/^Subject: \(\[[^]]*\] \)\?//;/^$/!p}' "$1" | tr -d '\n'; }

patch_body() { sed '1,/^---$/d' "$1"; }

# tree_key K: of all that is in tree K and in its kernel.
tree_key() {
	local k
	{
		kernel_source_identity | short_hash
		kernel_options
		for ((k = 1; k <= $1; k++)); do patch_body "$REPO/patches/${PATCHES[k]}"; done
		printf '%s\n' "$TOOLCHAIN"
	} | short_hash
}

source_prepare() {
	local identity
	identity=$(kernel_source_identity | short_hash)
	[ "$(cat "$SERIES_SOURCE/.complete" 2>/dev/null)" = "$identity" ] && return 0
	rm -rf "$SERIES_SOURCE"
	mkdir -p "$SERIES_SOURCE"
	kernel_unpack "$SERIES_SOURCE" || return 1
	# A tree of the user's own may have been built in.
	"${MAKE_KERNEL[@]}" -C "$SERIES_SOURCE" mrproper || return 1
	printf '%s\n' "$identity" >"$SERIES_SOURCE/.complete"
}

# source_set K: the first K patches, instead of what is in it.
source_set() {
	local k
	KERNEL_PATCHES=$SERIES/patches
	rm -rf "$KERNEL_PATCHES"
	mkdir -p "$KERNEL_PATCHES"
	for ((k = 1; k <= $1; k++)); do cp "$REPO/patches/${PATCHES[k]}" "$KERNEL_PATCHES/"; done
	if ! kernel_patch "$SERIES_SOURCE"; then
		rm "$SERIES_SOURCE/.complete"
		return 1
	fi
}

# source_apply K: the same; the last one must go in without fuzz.
source_apply() {
	source_prepare || return 1
	[ "$(cat "$SERIES_SOURCE/.at" 2>/dev/null)" != "$(tree_key "$1")" ] || return 0
	rm -f "$SERIES_SOURCE/.at"
	if [ "$1" -gt 0 ]; then
		source_set $(($1 - 1)) || return 1
		patch -d "$SERIES_SOURCE" -p1 --fuzz=0 --dry-run <"$REPO/patches/${PATCHES[$1]}" || return 1
	fi
	source_set "$1" && tree_key "$1" >"$SERIES_SOURCE/.at"
}

# configure CONFIGURATION BASE FILE: again where the options or Kconfig changed.
# What doesn't exist yet at this patch is not there.
configure() {
	local dir=$SERIES/$1 was
	was=$(cat "$dir/asked" 2>/dev/null)
	if [ ! -e "$dir/.config" ] || [ "$was" != "$(configure_key "$3")" ]; then
		mkdir -p "$dir"
		cp "$3" "$SERIES_SOURCE/kernel/configs/ocfs2_glue_series.config"
		series_make "$1" "$2" ocfs2_glue_series.config || return 1
		rm "$SERIES_SOURCE/kernel/configs/ocfs2_glue_series.config"
		configure_key "$3" >"$dir/asked"
	fi
}

configure_key() {
	cat "$1" <(cd "$SERIES_SOURCE" && cat lib/Kconfig.debug mm/Kconfig rust/Makefile) | short_hash
}

# patch_objects K: what it touches, as CONFIGURATION and object.
patch_objects() {
	local file
	for file in $(sed -n 's|^+++ b/||p' "$REPO/patches/${PATCHES[$1]}"); do
		case $file in
		# Undefined symbols are only found when all is linked.
		rust/helpers/*) echo "bare vmlinux" ;;
		rust/*) echo "bare prepare" ;;
		include/linux/iomap.h) echo "owners fs/iomap/buffered-io.o owners fs/exfat/iomap.o" ;;
		include/*) echo "bare mm/filemap.o bare mm/readahead.o owners mm/filemap.o owners fs/buffer.o" ;;
		mm/*.h) echo "bare mm/filemap.o bare mm/readahead.o owners mm/filemap.o owners mm/readahead.o" ;;
		mm/fail_aop_retry.c) echo "owners mm/fail_aop_retry.o" ;;
		mm/*.c | fs/namei.c) echo "bare ${file%c}o owners ${file%c}o" ;;
		*.c) echo "owners ${file%c}o" ;;
		esac
	done | xargs -n 2 | sort -u
}

# objects_build K: the same, built. Warnings are errors there.
objects_build() {
	local objects configuration list
	source_apply "$1" || return 1
	objects=$(patch_objects "$1")
	for configuration in bare owners; do
		list=$(sed -n "s/^$configuration //p" <<<"$objects")
		[ -n "$list" ] || continue
		configure "$configuration" allnoconfig "$SERIES_PARTS/$configuration.config" || return 1
		# shellcheck disable=SC2086
		series_make "$configuration" $list || return 1
	done
}

# parts_build K NAME: a module of selftests/series on tree K, which has to have
# what it names.
parts_build() {
	local out=$SERIES/parts
	source_apply "$1" || return 1
	configure bare allnoconfig "$SERIES_PARTS/bare.config" && series_make bare prepare || return 1
	rm -rf "$out"
	mkdir -p "$out"
	series_make bare M="$SERIES_PARTS" MO="$out" "$2.o"
}

kernel_of() { printf '%s\n' "$SERIES/kernels/$(tree_key "$1")"; }

# tree_compile K: guest/ is then what K is.
tree_compile() {
	source_apply "$1" || return 1
	kernel_options >"$SERIES/guest.config"
	configure guest tinyconfig "$SERIES/guest.config" || return 1
	series_make guest vmlinux modules || return 1
	tree_key "$1" >"$SERIES/guest/.at"
}

# tree_build K: its kernel, into kernels/.
tree_build() {
	local dir
	dir=$(kernel_of "$1")
	[ ! -e "$dir/vmlinux" ] || return 0
	tree_compile "$1" || return 1
	mkdir -p "$dir"
	cp "$SERIES/guest/vmlinux" "$dir/vmlinux.part"
	mv "$dir/vmlinux.part" "$dir/vmlinux"
}

modules_key() {
	{
		kernel_source_identity
		kernel_options
		find "$REPO/Kbuild" "$REPO/rust" "$REPO/selftests/aop_retry" -type f ! -name '*.sh' ! -name '*.py' \
			! -name guest_functions -exec cat {} +
	} | short_hash
}

modules_dir() { printf '%s\n' "$SERIES/modules/$(modules_key)"; }

# modules_build K: aop_retry.ko and aop_probe.ko, in the first tree that needs
# them. No patch after the Rust ones changes a type or a symbol that they use, so
# all trees load them.
modules_build() {
	local dir at part out=$SERIES/module
	dir=$(modules_dir)
	[ ! -e "$dir" ] || return 0
	at=$(cat "$SERIES/guest/.at" 2>/dev/null)
	[ -n "$at" ] && [ "$at" = "$(cat "$SERIES_SOURCE/.at" 2>/dev/null)" ] || tree_compile "$1" || return 1
	# Objects of another kernel are of no use, and the build can't tell.
	rm -rf "$out"
	for part in . selftests/aop_retry/probe; do
		mkdir -p "$out/$part"
		case $part in
		.) series_make guest M="$REPO" MO="$out" aop_retry.ko || return 1 ;;
		*) series_make guest M="$REPO/$part" MO="$out/$part" modules || return 1 ;;
		esac
	done
	mkdir -p "$dir.part"
	cp "$out/aop_retry.ko" "$out/selftests/aop_retry/probe/aop_probe.ko" "$dir.part/"
	mv "$dir.part" "$dir"
}
