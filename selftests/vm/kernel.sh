# SPDX-License-Identifier: GPL-2.0-only
# Stage: the guests' kernel, from source + patches/ + kernel.config. Sourced.
#
# A finished tree is $CACHE/kernel/KEY, where KEY is a hash of all that went in.
# It is made as KEY.part and renamed when it is complete, so a tree without
# .part can be trusted and one with it is carried on with, or started again. A
# new key starts from a copy of the newest finished tree of the same source:
# only what a changed patch or option touches is then compiled.

KERNELS=$CACHE/kernel
KERNEL_CONFIG=$REPO/selftests/vm/kernel.config

# For who builds others beside it: files of options that have the last word over
# KERNEL_CONFIG's, and a directory of patches, in the order of its file `series`
# or else of their names. It may have none in it.
KERNEL_FRAGMENTS=()
KERNEL_PATCHES=$REPO/patches
# Options for patch.
KERNEL_PATCHING=()

kernel_patches() {
	if [ -e "$KERNEL_PATCHES/series" ]; then
		sed "s|^|$KERNEL_PATCHES/|" "$KERNEL_PATCHES/series"
	else
		find "$KERNEL_PATCHES/" -name '0*.patch' | sort
	fi
}

kernel_toolchain() {
	clang-19 --version | head -n 1
	ld.lld-19 --version
	"$RUSTC" --version
	bindgen --version
}

# The user's own tree, by what git says of it or else by its files' times.
kernel_source_identity() {
	if [ -z "${KDIR:-}" ]; then
		basename "$(source_tarball)"
	elif git -C "$KDIR" rev-parse HEAD 2>/dev/null; then
		git -C "$KDIR" diff HEAD
	else
		find "$KDIR" -type f -printf '%P %s %T@\n' | sort
	fi
}

kernel_key() {
	{
		kernel_source_identity | short_hash
		# "# CONFIG_X is not set" is an option as well.
		grep -hE '^(# )?CONFIG_' "$KERNEL_CONFIG" "${KERNEL_FRAGMENTS[@]}"
		kernel_patches | while IFS= read -r patch; do
			printf '%s\n' "$(basename "$patch")"
			# Not the mail's header: a date is no other kernel.
			sed '1,/^---$/d' "$patch"
		done
		kernel_toolchain
	} | short_hash
}

# The built tree: KDIR as it is, where its owner has built it.
kernel_directory() {
	if [ -n "${KDIR:-}" ] && [ -e "$KDIR/vmlinux" ]; then
		(cd "$KDIR" && pwd)
	else
		printf '%s\n' "$KERNELS/$(kernel_key)"
	fi
}

kernel_unpack() {
	local tree=$1
	if [ -n "${KDIR:-}" ]; then
		note "copying $KDIR"
		rsync -a --exclude=/.git "$KDIR/" "$tree/"
	else
		note "unpacking $(basename "$(source_tarball)")"
		# Not needed here, and a tenth of the time to unpack.
		tar -xf "$(source_tarball)" -C "$tree" --strip-components=1 \
			--exclude='*/tools/testing/*' --exclude='*/Documentation/*/translations/*' \
			--exclude='*/drivers/gpu/drm/amd/include/*'
	fi
	kernel_source_identity | short_hash >"$tree/.ocfs2_glue.source"
}

# kernel_seed TREE: copy the newest finished tree of the same source.
kernel_seed() {
	local tree=$1 old identity
	identity=$(kernel_source_identity | short_hash)
	for old in $(ls -dt "$KERNELS"/*/ 2>/dev/null | grep -v '\.part/$'); do
		[ "$(cat "$old/.ocfs2_glue.source" 2>/dev/null)" = "$identity" ] || continue
		note "starting from the kernel built before"
		cp -a --reflink=auto "$old/." "$tree/"
		kernel_moved "$tree"
		return 0
	done
	return 1
}

# kernel_moved TREE: it was built elsewhere. objtool's and Rust's objects have the
# tree's full name in their commands; they would be built again for that, and
# with a new objtool everything else.
kernel_moved() {
	local tree=$1 was
	was=$(sed -n 's|^cmd_\(/.*\)/tools/objtool/weak\.o := .*|\1|p' "$tree/tools/objtool/.weak.o.cmd")
	[ -z "$was" ] || find "$tree/tools" "$tree/rust" -name '.*.cmd' -exec sed -i "s|$was|$tree|g" {} +
}

patched_files() {
	find "$@" -name '*.patch' -exec sed -n 's|^+++ b/||p; s|^--- a/||p' {} + | sort -u
}

# Replaces the patches that are in TREE by today's. A file that comes out the
# same keeps its time, or half the kernel would be compiled again.
kernel_patch() {
	local tree=$1 patch file count=0
	local applied=$tree/.ocfs2_glue.patches before=$tree/.ocfs2_glue.before
	rm -rf "$before"
	mkdir -p "$applied" "$before"
	note "applying patches/"
	for file in $(patched_files "$applied" "$KERNEL_PATCHES/"); do
		[ -f "$tree/$file" ] || continue
		mkdir -p "$before/$(dirname "$file")"
		cp -p "$tree/$file" "$before/$file"
	done
	for patch in $(find "$applied" -name '*.patch' | sort -r); do
		patch -d "$tree" -p1 -R -s --no-backup-if-mismatch <"$patch" || return 1
		rm "$patch"
	done
	for patch in $(kernel_patches); do
		printf '== %s\n' "$(basename "$patch")"
		patch -d "$tree" -p1 -s --no-backup-if-mismatch "${KERNEL_PATCHING[@]}" <"$patch" || return 1
		count=$((count + 1))
		cp "$patch" "$applied/$(printf '%03d' "$count")-$(basename "$patch")"
	done
	(cd "$before" && find . -type f) | while IFS= read -r file; do
		if cmp -s "$before/$file" "$tree/$file"; then
			touch -r "$before/$file" "$tree/$file"
		fi
	done
	rm -rf "$before"
}

# All that is asked for, each option once.
kernel_options() {
	awk 'match($0, /CONFIG_[A-Z0-9_]+/) && /^(# )?CONFIG_/ { last[substr($0, RSTART, RLENGTH)] = $0 }
		END { for (name in last) print last[name] }' "$KERNEL_CONFIG" "${KERNEL_FRAGMENTS[@]}" | sort
}

kernel_configure() {
	local tree=$1
	note "configuring"
	kernel_options >"$tree/kernel/configs/ocfs2_glue.config"
	"${MAKE_KERNEL[@]}" -C "$tree" rustavailable || return 1
	"${MAKE_KERNEL[@]}" -C "$tree" tinyconfig ocfs2_glue.config || return 1
	# An option that isn't there any more, or lacks what it needs, is lost in
	# silence otherwise.
	local wanted
	while IFS= read -r wanted; do
		grep -qxF "$wanted" "$tree/.config" || [ "${wanted%=n}" != "$wanted" ] ||
			die "kernel.config: $wanted did not come out of the configuration"
	done < <(kernel_options | grep '^CONFIG_')
}

# Shows the file that is being compiled, for the stage's line.
kernel_compile() {
	local tree=$1 count=0 word file
	note "compiling"
	"${MAKE_KERNEL[@]}" -C "$tree" -j "$JOBS" vmlinux modules 2>&1 |
		while IFS= read -r line; do
			printf '%s\n' "$line"
			read -r word file _ <<<"$line"
			case $word in
			CC | AR | LD | RUSTC | AS)
				count=$((count + 1))
				printf 'compiling, %d files, %s\n' "$count" "$file" >"$STAGE_NOTE"
				;;
			esac
		done
	return "${PIPESTATUS[0]}"
}

kernel_build() {
	local tree=$KERNELS/$1 part=$KERNELS/$1.part
	[ -e "$tree/vmlinux" ] && return 0
	if [ ! -e "$part/.ocfs2_glue.unpacked" ]; then
		rm -rf "$part"
		mkdir -p "$part"
		kernel_seed "$part" || kernel_unpack "$part" || return 1
		touch "$part/.ocfs2_glue.unpacked"
	fi
	if [ ! -e "$part/.ocfs2_glue.patched" ] || [ "$(cat "$part/.ocfs2_glue.patched")" != "$1" ]; then
		if ! kernel_patch "$part"; then
			# Half a series is in: nothing to carry on with.
			rm -rf "$part"
			die "patches/ do not apply to this source"
		fi
		kernel_configure "$part" || return 1
		printf '%s\n' "$1" >"$part/.ocfs2_glue.patched"
	fi
	kernel_compile "$part" || return 1
	mv "$part" "$tree"
	keep_newest 3 "$KERNELS"/*/
}

kernel_stage() {
	local tree
	tree=$(kernel_directory)
	if [ ! -e "$tree/vmlinux" ]; then
		mkdir -p "$KERNELS"
		with_lock "$(basename "$KERNELS")" kernel_build "$(basename "$tree")"
	fi
	case $tree in
	"$KERNELS"/*) touch "$tree" ;;
	esac
	note "Linux $(cat "$tree/include/config/kernel.release") in $tree"
}
