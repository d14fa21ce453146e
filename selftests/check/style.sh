#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# What the sources promise, as far as a look at the text can tell: a few seconds,
# nothing is built. Prints TAP, and for each breach a line "# FILE:LINE: what".
# The exit code is kselftest's.
#
#   style.sh [WORD]     only checks whose name has WORD in it
set -u

word=${1:-}
repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$repo" || exit 1
tests=0 failed=0

# Tracked and still there. Crash inputs, locks and patches have rules of their own.
# (Not as pathspecs that exclude: with some of them git lists nothing at all.)
files() {
	local file
	git ls-files -- "$@" | grep -vE '^selftests/fuzz/kept/|\.lock$|\.patch$|^patches/series$' |
		while IFS= read -r file; do [ ! -f "$file" ] || printf '%s\n' "$file"; done
}

mapfile -t all < <(files)
mapfile -t rust < <(files '*.rs')
mapfile -t module < <(files 'ocfs2_glue/*.rs' 'rust/*.rs')
mapfile -t glue < <(files 'ocfs2_glue/*.rs')
mapfile -t texts < <(files '*.rs' '*.sh' '*.py' '*.c' '*.h' '*.md' '*.toml' Makefile Kbuild .ci/run)
mapfile -t shells < <(grep -lE '^#!.*\bsh$|^#!.*\bbash$' "${all[@]}"; files '*.sh')
for list in all rust module glue texts shells; do
	declare -n files_of=$list
	[ ${#files_of[@]} -gt 0 ] || { echo "Bail out! $repo has no files of the kind: $list"; exit 1; }
done

# check NAME: breaches come on standard input, and there should be none. A line
# "SKIP why" says that nobody could look.
check() {
	local found
	found=$(cat)
	[[ $1 == *"$word"* ]] || return 0
	tests=$((tests + 1))
	if [ -z "$found" ]; then
		echo "ok $tests - $1"
	elif [[ $found == "SKIP "* ]]; then
		echo "ok $tests - $1 # $found"
	else
		failed=$((failed + 1))
		echo "not ok $tests - $1"
		sed 's/^/# /' <<<"$found"
	fi
}

# code FILE...: "FILE:LINE:text" without comments and without texts in quotes.
code() {
	awk 'FNR == 1 { inside = 0 }
	{
		line = $0
		if (inside) { if (line !~ /\*\//) next; sub(/.*\*\//, "", line); inside = 0 }
		gsub(/\\"/, "", line)
		gsub(/"[^"]*"/, "\"\"", line)
		sub(/\/\/.*/, "", line)
		gsub(/\/\*[^*]*\*\//, "", line)
		if (line ~ /\/\*/) { sub(/\/\*.*/, "", line); inside = 1 }
		print FILENAME ":" FNR ":" line
	}' "$@"
}

# All unsafe code and all bindings are in rust/. The lint is let off once, there.
no_unsafe() {
	code "${glue[@]}" | grep -E '\bunsafe\b|\bbindings\b'
	code "${glue[@]}" | grep -E 'allow\(.*\bunsafe_code\b' | grep -v '^ocfs2_glue/ocfs2_glue.rs:'
	[ "$(code ocfs2_glue/ocfs2_glue.rs | grep -cE '#!\[deny\(unsafe_code\)\]|#\[allow\(unsafe_code\)\]')" -eq 2 ] ||
		echo "ocfs2_glue/ocfs2_glue.rs: wants #![deny(unsafe_code)], and one #[allow(unsafe_code)], for vfs"
}

# The number of a retry is written in one place.
one_number() {
	local uses
	code "${glue[@]}" | grep -E 'AOP_TRUNCATED_PAGE|0x80001|524289'
	uses=$(code "${module[@]}" | grep -E 'positive_aop_returns_AOP_TRUNCATED_PAGE|0x80001')
	[ "$(grep -c . <<<"$uses")" -eq 1 ] || printf '%s\n' "$uses"
}

# Nothing that stops the kernel; what is checked when it is compiled is fine.
no_panic() {
	code $(printf '%s\n' "${module[@]}" | grep -v '/tests\.rs$') |
		grep -E '\.(unwrap|expect|unwrap_err|expect_err)\(|\b(panic|todo|unimplemented|unreachable|assert|assert_eq|assert_ne)!|\bunwrap_unchecked\b' |
		grep -vE '(:|: *|\{ *)const (_: \(\) = |\{ *)assert!|const_assert|static_assert|build_assert'
}

licence() {
	local file
	for file in "${all[@]}"; do
		head -n 3 "$file" | grep -q 'SPDX-License-Identifier: GPL-2.0' || echo "$file: no SPDX line"
	done
}

# The first thing that a Rust file says, after its licence, is what it is for.
first_words() {
	local file
	for file in "${rust[@]}"; do
		sed -n 2p "$file" | grep -q '^//! ' || echo "$file:2: no //! line"
	done
}

lengths() {
	wc -l "${texts[@]}" | awk '$2 != "total" && $1 > 600 { print $2 ": " $1 " lines, 600 at most" }'
	awk '
	FNR == 1 { open = "" }
	open == "" && /^ *((pub(\([a-z ]+\))?|const|unsafe|async|extern "C") +)*fn [a-z_]/ && !/[;}]$/ {
		match($0, /^ */)
		open = substr($0, 1, RLENGTH) "}"; from = FNR
		match($0, /fn [a-z_0-9]+/); name = substr($0, RSTART + 3, RLENGTH - 3)
		next
	}
	open != "" && index($0, open) == 1 && $0 ~ "^" open ";?$" {
		if (FNR - from + 1 > 80) print FILENAME ":" from ": " name "() has " FNR - from + 1 " lines, 80 at most"
		open = ""
	}' "${rust[@]}"
}

# Each file by itself: rustfmt would follow every mod to the next.
formatting() {
	local file rustfmt
	rustfmt=$(command -v rustfmt || ls "$HOME/.cargo/bin/rustfmt" 2>/dev/null)
	[ -n "$rustfmt" ] || { echo "SKIP rustfmt is not installed"; return; }
	for file in $(files '*.rs' | grep -v '^selftests/compile_fail/programs/'); do
		# Of standard input its exit code says nothing.
		[ -z "$("$rustfmt" --edition 2021 --check <"$file" 2>&1)" ] || echo "$file: rustfmt would change it"
	done
}

spaces() {
	grep -nE '[[:blank:]]+$' "${texts[@]}" | sed 's/:[^:]*$/: blanks at the end/'
	local file
	for file in "${texts[@]}"; do
		[ -z "$(tail -c 1 "$file")" ] || echo "$file: no newline at the end"
	done
}

# Nothing of the machine that it was written on, and no host but those that the
# project means to talk to or to point at.
places() {
	local hosts='github\.com|(cdn|docs|git|www|lore)\.kernel\.org|kernel\.org|rust-for-linux\.com'
	hosts+='|(www|doc|static)\.rust-lang\.org|sh\.rustup\.rs|crates\.io|docs\.rs|oss\.oracle\.com'
	grep -nIE '(^|[^A-Za-z0-9_$}.])/(root|home|work|Users)/[A-Za-z0-9]' "${all[@]}" | grep -v '^selftests/check/style.sh:'
	grep -noIE 'https?://[^/ "<>)`]+' "${all[@]}" | grep -vE "https?://($hosts)(:|$)" |
		grep -v '^selftests/check/style.sh:'
}

patches() {
	local file
	for file in patches/*/*.patch; do
		[ -f "$file" ] || continue
		grep -nHiE '^(Signed-off|Co-developed|Reviewed|Acked|Tested|Reported|Suggested)-by:' "$file"
		grep -nHE '/(root|home|work)/' "$file"
	done
}

shell() {
	local file
	for file in $(printf '%s\n' "${shells[@]}" | sort -u); do
		bash -n "$file" 2>&1
		[ ! -x "$file" ] || head -n 1 "$file" | grep -q '^#!' || echo "$file: executable, but no #! line"
	done
}

# What a document points at is there.
links() {
	local file target
	for file in $(files '*.md'); do
		grep -oE '\]\([^)#]+' "$file" | sed 's/^](//' | grep -v '://' | while IFS= read -r target; do
			[ -e "$(dirname "$file")/$target" ] || echo "$file: there is no $target"
		done
	done
	# As code speaks of them.
	grep -noE '\bdocs/[a-z-]+\.md' "${texts[@]}" | while IFS=: read -r file line target; do
		[ -e "$target" ] || echo "$file:$line: there is no $target"
	done
}

# No folder uses one that stands above it, so there are no circles.
layers() { python3 selftests/check/layers.py; }

echo "TAP version 13"
for name in no_unsafe one_number no_panic licence first_words lengths formatting spaces places patches shell links layers; do
	check "$name" < <("$name")
done
echo "1..$tests"
[ "$failed" -eq 0 ]
