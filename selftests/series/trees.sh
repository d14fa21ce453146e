# SPDX-License-Identifier: GPL-2.0-only
# The trees of `make series`: the kernel's source with the first K patches in it,
# and what is built of it. Sourced. In the cache:
#
#	guest/           built in, with the guests' options as far as they exist at K;
#	                 starts as a copy of what `make test` has built
#	source/          for bare/ and owners/, which are built outside of it, each
#	                 from allnoconfig and the file here that is called like it
#	kernels/KEY/     vmlinux of a K
#	modules/KEY/     the modules of the tests
#	results/HASH     what came out of a step, by all that went into it
#
# The series is in PATCHES, from 1 on; TOOLCHAIN is what kernel_toolchain says.

SERIES=$CACHE/series
SERIES_PARTS=$REPO/selftests/series
PATCHES=()
TOOLCHAIN=

# series_make CONFIGURATION ARGUMENT...
series_make() {
	local where=(-C "$SERIES/source" O="$SERIES/$1")
	[ "$1" != guest ] || where=(-C "$SERIES/guest")
	shift
	"${MAKE_KERNEL[@]}" "${where[@]}" -j "$JOBS" "$@"
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

# tree_prepare TREE: guest or source, with patches in it or without.
tree_prepare() {
	local tree=$SERIES/$1 identity
	identity=$(kernel_source_identity | short_hash)
	[ "$(cat "$tree/.series.of" 2>/dev/null)" != "$identity" ] || return 0
	rm -rf "$tree"
	mkdir -p "$tree"
	[ "$1" = guest ] && kernel_seed "$tree" || kernel_unpack "$tree" || return 1
	if [ "$1" = source ]; then
		# A tree of the user's own may have been built in.
		"${MAKE_KERNEL[@]}" -C "$tree" mrproper || return 1
	fi
	printf '%s\n' "$identity" >"$tree/.series.of"
}

# tree_apply TREE K: the first K patches, none of them with fuzz, instead of
# what is in it.
tree_apply() {
	local tree=$SERIES/$1 k
	tree_prepare "$1" || return 1
	[ "$(cat "$tree/.series.at" 2>/dev/null)" != "$(tree_key "$2")" ] || return 0
	rm -f "$tree/.series.at"
	KERNEL_PATCHES=$SERIES/patches
	KERNEL_PATCHING=(--fuzz=0)
	rm -rf "$KERNEL_PATCHES"
	mkdir -p "$KERNEL_PATCHES"
	for ((k = 1; k <= $2; k++)); do
		cp "$REPO/patches/${PATCHES[k]}" "$KERNEL_PATCHES/$(printf '%04d' "$k")-$(basename "${PATCHES[k]}")"
	done
	if ! kernel_patch "$tree"; then
		# Half a series is in: nothing to carry on with.
		rm "$tree/.series.of"
		return 1
	fi
	tree_key "$2" >"$tree/.series.at"
}

# configure CONFIGURATION BASE FILE TREE: again where the options or Kconfig
# changed. What doesn't exist yet at this patch is not there.
configure() {
	local dir=$SERIES/$1 fragment=$SERIES/$4/kernel/configs/ocfs2_glue_series.config key
	key=$(cat "$3" "$SERIES/$4/lib/Kconfig.debug" | short_hash)
	[ ! -e "$dir/.config" ] || [ "$(cat "$dir/.series.configured" 2>/dev/null)" != "$key" ] || return 0
	mkdir -p "$dir"
	cp "$3" "$fragment"
	series_make "$1" "$2" ocfs2_glue_series.config || return 1
	rm "$fragment"
	printf '%s\n' "$key" >"$dir/.series.configured"
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
		mm/fail_aop_retry.c | mm/khugepaged.c) echo "owners ${file%c}o" ;;
		mm/*.c | fs/namei.c) echo "bare ${file%c}o owners ${file%c}o" ;;
		*.c) echo "owners ${file%c}o" ;;
		esac
	done | xargs -n 2 | sort -u
}

# objects_build K: the same, built. Warnings are errors there.
objects_build() {
	local objects configuration list
	tree_apply source "$1" || return 1
	objects=$(patch_objects "$1")
	for configuration in bare owners; do
		list=$(sed -n "s/^$configuration //p" <<<"$objects")
		[ -n "$list" ] || continue
		configure "$configuration" allnoconfig "$SERIES_PARTS/$configuration.config" source || return 1
		# shellcheck disable=SC2086
		series_make "$configuration" $list || return 1
	done
}

# parts_build K NAME: a module of selftests/series on tree K, which has to have
# what it names.
parts_build() {
	local out=$SERIES/parts
	tree_apply source "$1" || return 1
	configure bare allnoconfig "$SERIES_PARTS/bare.config" source && series_make bare prepare || return 1
	rm -rf "$out"
	mkdir -p "$out"
	series_make bare M="$SERIES_PARTS" MO="$out" "$2.o"
}

kernel_of() { printf '%s\n' "$SERIES/kernels/$(tree_key "$1")"; }

# tree_compile K: guest/ is then what K is.
tree_compile() {
	tree_apply guest "$1" || return 1
	kernel_options >"$SERIES/guest.config"
	configure guest tinyconfig "$SERIES/guest.config" guest || return 1
	series_make guest vmlinux modules || return 1
	tree_key "$1" >"$SERIES/guest/.series.built"
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

# modules_build K: aop_retry.ko and aop_probe.ko, in whatever tree there is, or
# else K. The Rust patches are in all trees, and no other changes a type or a symbol
# that the modules use, so all trees load them.
modules_build() {
	local dir built part out=$SERIES/module
	dir=$(modules_dir)
	[ ! -e "$dir" ] || return 0
	built=$(cat "$SERIES/guest/.series.built" 2>/dev/null)
	[ -n "$built" ] && [ "$built" = "$(cat "$SERIES/guest/.series.at" 2>/dev/null)" ] ||
		tree_compile "$1" || return 1
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
