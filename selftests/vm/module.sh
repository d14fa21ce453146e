# SPDX-License-Identifier: GPL-2.0-only
# Stage: what is built of this checkout: ocfs2_glue.ko, its variant with the
# wrong lock order (for the control that must deadlock), glue-io. Sourced.

GLUE_KO=$TARGET/module/right/ocfs2_glue.ko
WRONG_KO=$TARGET/module/wrong/ocfs2_glue.ko

module_build() {
	local out=$TARGET/module/$1 tree
	shift
	tree=$(kernel_directory)
	mkdir -p "$out"
	# Objects of another kernel are of no use, and the build can't tell.
	if [ "$(cat "$out/kernel" 2>/dev/null)" != "$tree" ]; then
		rm -rf "$out"
		mkdir -p "$out"
		printf '%s\n' "$tree" >"$out/kernel"
	fi
	"${MAKE_KERNEL[@]}" -C "$tree" M="$REPO" MO="$out" -j "$JOBS" "$@" modules
}

# program_build NAME SOURCE...: a program for guests.
program_build() {
	local out=$TARGET/guest/$1
	shift
	mkdir -p "$TARGET/guest"
	gcc -static -O2 -Wall -Wextra -Werror -o "$out.part" "$@" && mv "$out.part" "$out"
}

helper_build() { program_build glue-io "$REPO"/selftests/guest/*.c; }

module_stage() {
	note "glue-io"
	helper_build
	if [ "$FS" != ocfs2_glue ]; then
		note "the in-tree driver is in the kernel"
		return 0
	fi
	[ -f "$REPO/Kbuild" ] || die "no Kbuild in this checkout: nothing to build (FS=ocfs2 works without)"
	note "ocfs2_glue.ko"
	module_build right || return 1
	[ -z "${TESTS:-}" ] || [[ control == *$TESTS* ]] || return 0
	note "ocfs2_glue.ko with the wrong order"
	module_build wrong GLUE_WRONG_ORDER=y
	note "ocfs2_glue.ko, and its wrong-order variant"
}
