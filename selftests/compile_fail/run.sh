#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Programs that must not compile, against the module's own files and the
# kernel's own crates, with the flags that kbuild used for the module.
#
#   run.sh KERNEL_DIR MODULE_OBJ_DIR [WORD]
#
# KERNEL_DIR is the built kernel tree, MODULE_OBJ_DIR where ocfs2_glue.ko was
# built against it. With WORD only programs whose name has it in them. Prints
# TAP; the exit code is kselftest's.
#
# A file in programs/ is compiled as a module of the crate. One line of it is
# wrong, and says so at its end:
#
#   //~ CODE PHRASE
#
# CODE is the error's, or the lint's name, or - for an error that has neither;
# PHRASE is a part of what the compiler says. That line, and no other, must be
# in error, for that reason; and without the line (--cfg right) the program must
# compile. A program with no such line must compile as it is.
set -u

[ $# -ge 2 ] || { echo "usage: $0 KERNEL_DIR MODULE_OBJ_DIR [WORD]" >&2; exit 1; }
kernel=$1 objects=$2 word=${3:-}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repo=$(cd "$here/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tests=0 failed=0

# report ok|"not ok" NAME [WHY]
report() {
	tests=$((tests + 1))
	[ "$1" = ok ] || failed=$((failed + 1))
	echo "$1 $tests - $2"
	[ -z "${3:-}" ] || sed 's/^/# /' <<<"$3"
}

give_up() {
	echo "Bail out! $*"
	exit 1
}

# The command of kbuild, up to where it says what comes out of it.
command_of_kbuild() {
	local file=$objects/ocfs2_glue/.ocfs2_glue.o.cmd line tree
	line=$(sed -n 's/^savedcmd_[^ ]* := //p' "$file" 2>/dev/null)
	[ -n "$line" ] || give_up "no $file: build the module first"
	[[ $line == *" --out-dir "* ]] || give_up "$file: this is not how rustc was called before"
	line=${line%% --out-dir *}
	tree=${line#*@}
	tree=${tree%%/include/generated/rustc_cfg*}
	[ "$tree" -ef "$kernel" ] || give_up "$objects was built against $tree, not $kernel"
	printf '%s\n' "${line//\$\$/\$}"
}

# compile [--cfg=right] -- PROGRAM...: all in one crate. What rustc says goes to
# $work/said.
compile() {
	local flags=() name root=$work/crate/ocfs2_glue/ocfs2_glue.rs
	while [ "$1" != -- ]; do flags+=("$1"); shift; done
	shift
	cp "$repo/ocfs2_glue/ocfs2_glue.rs" "$root"
	for name; do
		printf '#[allow(dead_code)]\n#[path = "%s"]\nmod %s;\n' "$here/programs/$name.rs" "$name"
	done >>"$root"
	(
		cd "$work/crate" || exit 1
		# What the kernel's Makefile exports.
		export RUSTC_BOOTSTRAP=1
		eval "$KBUILD" '--check-cfg="cfg(right)" "${flags[@]+"${flags[@]}"}" -A warnings \
			--error-format=human --color=never --emit=metadata --out-dir "$work/out" \
			ocfs2_glue/ocfs2_glue.rs'
	) >"$work/said" 2>&1 </dev/null
}

# wrong_line NAME: its number, code and phrase; nothing if there is none.
wrong_line() { grep -n '//~ ' "$here/programs/$1.rs" | sed 's/^\([0-9]*\):.*\/\/~ /\1 /'; }

# errors_of NAME: each error of rustc's in that program, as one line "LINE TEXT".
errors_of() {
	awk -v name="/$1.rs:" '
		function flush() {
			if (where != "") print where, text
			text = where = ""
		}
		/^(error|warning)/ { flush(); on = /^error/; if (on) text = $0; next }
		!on { next }
		where == "" && /^ *--> / {
			if (i = index($0, name)) {
				where = substr($0, i + length(name))
				sub(/:.*/, "", where)
			} else on = 0
			next
		}
		# rustc quotes the line with its mark, which must not be what is found.
		{ sub(/\/\/~ .*/, ""); gsub(/[ \t]+/, " "); text = text " " $0 }
		END { flush() }' "$work/said"
}

# has_code CODE TEXT
has_code() {
	case $1 in
	-) [[ $2 == "error: "* ]] ;;
	E[0-9]*) [[ $2 == "error[$1]: "* ]] ;;
	# A lint is named by a note: `#[deny(its_name)]`.
	*) [[ $2 == "error: "* && $2 == *"($1)"* ]] ;;
	esac
}

# judge NAME: 0 if just what should be wrong is wrong; 1 if nothing is in error
# (rustc may not have come that far); 2 if something else is. Says what in WHY.
judge() {
	local want code phrase line text seen=
	read -r want code phrase < <(wrong_line "$1")
	WHY="compiles, but must not: $code $phrase"
	while read -r line text; do
		if [ "$line" != "$want" ]; then
			WHY="line $line, instead of $want: $text"
			return 2
		elif [[ $text == *"$phrase"* ]] && has_code "$code" "$text"; then
			seen=yes
		else
			WHY="wanted $code $phrase, got: $text"
			return 2
		fi
	# How much of a path rustc prints hangs on what else has that name.
	done < <(errors_of "$1" | sed -E 's,\bvfs::([a-z_0-9]+::)+,,g')
	[ -n "$seen" ]
}

KBUILD=$(command_of_kbuild) || { echo "$KBUILD"; exit 1; }
mkdir -p "$work/crate/ocfs2_glue" "$work/out"
ln -s "$repo/rust" "$work/crate/rust"
for file in "$repo"/ocfs2_glue/*; do
	[ "${file##*/}" = ocfs2_glue.rs ] || ln -s "$file" "$work/crate/ocfs2_glue/"
done

all=() wrong=()
for file in "$here"/programs/*.rs; do
	name=$(basename "$file" .rs)
	[[ $name == *"$word"* ]] || continue
	all+=("$name")
	case $(wrong_line "$name" | wc -l) in
	0) ;;
	1) wrong+=("$name") ;;
	*) give_up "$name: more than one line is marked as wrong" ;;
	esac
done
[ ${#all[@]} -gt 0 ] || give_up "no program"

echo "TAP version 13"
echo "1..$((${#all[@]} + ${#wrong[@]}))"

# Without their wrong lines, together; those that have errors all the same are
# left out, until the rest compiles.
right=("${all[@]}")
until compile --cfg=right -- ${right[@]+"${right[@]}"}; do
	rest=()
	for name in ${right[@]+"${right[@]}"}; do
		why=$(errors_of "$name")
		if [ -n "$why" ]; then report "not ok" "${name}_right" "$why"; else rest+=("$name"); fi
	done
	[ ${#rest[@]} -lt ${#right[@]} ] || give_up "the module itself does not compile: $(head -n 20 "$work/said")"
	right=(${rest[@]+"${rest[@]}"})
done
for name in ${right[@]+"${right[@]}"}; do report ok "${name}_right"; done

# With them, together too: rustc reports errors of one kind (names, types,
# borrows, lints) and goes on to the next when there is none left. Who isn't
# done when that ends is compiled alone, and that decides.
pending=(${wrong[@]+"${wrong[@]}"})
while [ ${#pending[@]} -gt 0 ]; do
	compile -- "${pending[@]}"
	later=()
	for name in "${pending[@]}"; do
		if judge "$name"; then report ok "$name"; else later+=("$name"); fi
	done
	[ ${#later[@]} -lt ${#pending[@]} ] || break
	pending=(${later[@]+"${later[@]}"})
done
for name in ${pending[@]+"${pending[@]}"}; do
	compile -- "$name"
	if judge "$name"; then report ok "$name"; else report "not ok" "$name" "$WHY"; fi
done
[ "$failed" -eq 0 ]
