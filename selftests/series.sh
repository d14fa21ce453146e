#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# make series: the patches one by one. After each: does it build, and do its
# tests pass with it and fail without it? patches/tests has the list.
#
# A test that needs a kernel is run on tree K, which has the first K patches in
# it: those of patch K, and those of patch K + 1, which must fail. Whatever was
# seen before with the same sources isn't done again, so a run that was
# interrupted, or one after a small change, carries on.
#
# PATCH=b/0007 only that patch and what it needs.
set -u
. "$(dirname "$0")/lib/prepare.sh"
. "$REPO/selftests/lib/test.sh"
. "$REPO/selftests/lib/runner.sh"
. "$REPO/selftests/series/trees.sh"
. "$REPO/selftests/series/tests.sh"

LOGS=$(run_directory series)
# Not what another run in this checkout is just building.
TARGET=$SERIES/target
STAGE_COUNT=2
TABLE=$REPO/target/series.md
PATCH=${PATCH:-}
declare -a KEY=() KIND=() WORDS=() BUILT=()
declare -A WITH=() WITHOUT=() WHY=()

finish() {
	stage_stop
	vm_finish
}
trap finish EXIT
trap 'exit 130' INT TERM

# One line of progress. step PATCH WHAT
step_line() { printf '%s  %-44s %-8s %s\n' "$1" "$2" "$VERDICT" "${REASON:+$REASON  }"; }

# The list, and whether it and the tests agree about what is proved.
list_read() {
	local key number kind words patch test bad=0
	local -A number_of=()
	while IFS= read -r patch; do
		number=$((${#PATCHES[@]} + 1))
		PATCHES[number]=$patch
		# As patches/tests calls it: the part's letter, the number in the part.
		test=${patch#*/}
		KEY[number]=${patch:0:1}/${test:0:4}
		number_of[${KEY[number]}]=$number
	done <"$REPO/patches/series"
	while read -r key kind words; do
		case $key in [a-z]/0*) ;; *) continue ;; esac
		number=${number_of[$key]:-}
		[ -n "$number" ] || die "patches/tests has $key, patches/series hasn't"
		KIND[number]=$kind
		WORDS[number]=$words
	done <"$REPO/patches/tests"
	for number in "${!PATCHES[@]}"; do
		case ${KIND[$number]:-} in
		none) continue ;;
		guest) test=selftests/aop_retry/tests/%s.sh ;;
		build) test=selftests/series/%s.rs ;;
		*) die "patches/tests says nothing of ${PATCHES[number]}" ;;
		esac
		for words in ${WORDS[number]}; do
			# shellcheck disable=SC2059
			patch=$REPO/$(printf "$test" "$words")
			grep -qF "Proves: $(subject "$REPO/patches/${PATCHES[number]}")" "$patch" ||
				{ say "$patch doesn't say that it proves ${PATCHES[number]}"; bad=1; }
		done
	done
	[ "$bad" -eq 0 ] || die "patches/tests and the tests don't agree"
}

asked_for() { [ -z "$PATCH" ] || [ "$PATCH" = "${KEY[$1]}" ]; }

# A kernel for tree K, and its modules, in as long as it takes.
tree_ready() {
	local start=$SECONDS new=
	[ -e "$(kernel_of "$1")/vmlinux" ] && [ -e "$(modules_dir)" ] || new=yes
	in_log "tree-$1" tree_and_modules "$1"
	[ -z "$new" ] && [ "$VERDICT" = ok ] || step_line "$(printf 'tree %s' "$1")" "kernel and modules, $((SECONDS - start)) s"
	[ "$VERDICT" = ok ]
}

tree_and_modules() { tree_build "$1" && modules_build "$1"; }

# test_on K TEST: on the guest of tree K.
test_on() {
	if tree_ready "$1" && tree_up "$1"; then
		test_run "$2"
	else
		VERDICT=error REASON="no guest with this tree: $LOGS/tree-$1.log"
	fi
}

# tests_on K OF WHERE: the tests of patch OF on tree K; WHERE is with or without.
tests_on() {
	local k=$1 of=$2 where=$3 test number
	number=${KEY[of]}
	for test in ${WORDS[of]}; do
		case ${KIND[of]} in
		build) result_of "$(result_key part "$k" "$test")" in_log "$k-$test" parts_build "$k" "$test" ;;
		guest) result_of "$(result_key guest "$k" "$test")" test_on "$k" "$test" ;;
		esac
		if [ "$where" = with ]; then WITH[$of/$test]=$VERDICT; else WITHOUT[$of/$test]=$VERDICT; fi
		WHY[$of/$test/$where]=$REASON
		step_line "$number" "$test, $where"
	done
}

result_key() {
	{
		printf '%s\n' "$1" "$(tree_key "$2")" "$3"
		case $1 in
		guest) modules_key; test_key "$3" ;;
		part) cat "$SERIES_PARTS/$3.rs" "$SERIES_PARTS/bare.config" ;;
		objects) cat "$SERIES_PARTS"/*.config; patch_objects "$2" ;;
		esac
	} | short_hash
}

# Everything about tree K.
tree_steps() {
	local k=$1 next=$(($1 + 1))
	if [ "$k" -gt 0 ] && asked_for "$k"; then
		result_of "$(result_key objects "$k" "")" in_log "$k-objects" objects_build "$k"
		BUILT[$k]=$VERDICT
		step_line "${KEY[k]}" "builds by itself"
		[ "${KIND[$k]}" = none ] || tests_on "$k" "$k" with
	fi
	if [ "$next" -le "$COUNT" ] && [ "${KIND[$next]}" != none ] && asked_for "$next"; then
		tests_on "$k" "$next" without
	fi
	tree_down
}

# What it all comes to for patch K: proved, none or FAILED.
outcome() {
	local test
	[ "${BUILT[$1]:-}" = ok ] || { echo FAILED; return; }
	[ "${KIND[$1]}" != none ] || { echo none; return; }
	for test in ${WORDS[$1]}; do
		[ "${WITH[$1/$test]:-} ${WITHOUT[$1/$test]:-}" = "ok fail" ] || { echo FAILED; return; }
	done
	echo proved
}

# The table for docs/series.md.
table() {
	local k test outcome
	printf '%s, Linux %s, %s, %s.\n\n' "$(date +%F)" "$(cat "$SERIES/guest/include/config/kernel.release")" \
		"$(clang-19 --version | sed -n '1s/.*\(clang version [0-9.]*\).*/\1/p')" "${VM_ACCEL%% -cpu*}"
	printf '| Patch | Test | Without | With |\n| --- | --- | --- | --- |\n'
	for ((k = 1; k <= COUNT; k++)); do
		asked_for "$k" || continue
		local name
		name="${KEY[k]} $(subject "$REPO/patches/${PATCHES[k]}")"
		if [ "${KIND[$k]}" = none ]; then
			printf '| %s | none: %s | | builds: %s |\n' "$name" "${WORDS[$k]}" "${BUILT[$k]:-?}"
			continue
		fi
		for test in ${WORDS[$k]}; do
			printf '| %s | `%s` | %s | %s |\n' "$name" "$test" \
				"${WITHOUT[$k/$test]:-?}${WHY[$k/$test/without]:+: ${WHY[$k/$test/without]}}" \
				"${WITH[$k/$test]:-?}${WHY[$k/$test/with]:+: ${WHY[$k/$test/with]}}"
			name=
		done
	done
}

main() {
	local k proved=0 none=0 failed=0
	say "logs: $LOGS"
	list_read
	COUNT=${#PATCHES[@]}
	mkdir -p "$SERIES"/{results,kernels} "$REPO/target"
	prepare_source "$LOGS" || exit 1
	TOOLCHAIN=$(kernel_toolchain)
	helper_build || exit 1
	# Downwards, for the tree that is there already has all of them.
	for ((k = COUNT; k >= 0; k--)); do tree_steps "$k"; done
	VM_ACCEL=${VM_ACCEL:-$(cat "$CACHE"/accel-* 2>/dev/null)}
	table >"$TABLE"
	for ((k = 1; k <= COUNT; k++)); do
		asked_for "$k" || continue
		case $(outcome "$k") in
		proved) proved=$((proved + 1)) ;;
		none) none=$((none + 1)) ;;
		*)
			failed=$((failed + 1))
			say "failed: ${PATCHES[k]}"
			;;
		esac
	done
	say "logs in $LOGS, the table in $TABLE, $SECONDS s in all"
	say "series: $((proved + none + failed)) patches, $proved proved, $none without a test, $failed FAILED"
	[ "$failed" -eq 0 ]
}

# Sourced, it does nothing by itself.
[ "${BASH_SOURCE[0]}" != "$0" ] || with_lock series main
