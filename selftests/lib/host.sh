# SPDX-License-Identifier: GPL-2.0-only
# The tests that need no guest. Sourced by test.sh.

# in_background WHAT LOG COMMAND...: runs it with a live line, returns its status.
in_background() {
	local what=$1 log=$2 start=$SECONDS status
	shift 2
	set -m
	(set +m; trap - EXIT; "$@") >"$log" 2>&1 </dev/null &
	STAGE_PID=$!
	set +m
	while kill -0 "$STAGE_PID" 2>/dev/null; do
		live_line "        $what: $(tail -n 1 "$log" | cut -c 1-70)  $((SECONDS - start)) s"
		sleep 0.5
	done
	wait "$STAGE_PID"
	status=$?
	STAGE_PID=
	return "$status"
}

# cargo_results NAME LOG: counts libtest's lines.
cargo_results() {
	local line name
	while IFS= read -r line; do
		name=$1/${line#test }
		name=${name%% ... *}
		case $line in
		*"... ok"*) report_result ok "$name" - ;;
		*"... ignored"*) report_result skip "$name" - "${line##*ignored}" ;;
		*) report_result "not ok" "$name" - "$2" ;;
		esac
	done < <(grep -aE '^test .* \.\.\. (ok|FAILED|ignored)' "$2")
}

# tap_results NAME LOG: counts TAP's lines.
tap_results() {
	local line name
	while IFS= read -r line; do
		name=$1/${line#*ok * }
		name=${name#*/- }
		name=$1/${name#"$1/"}
		case $line in
		"not ok"*) report_result "not ok" "${name%% #*}" - "$2" ;;
		*"# SKIP"*) report_result skip "${name%% #*}" - "${line##*# SKIP}" ;;
		*) report_result ok "$name" - ;;
		esac
	done < <(grep -aE '^(not )?ok [0-9]+' "$2")
}

in_cargo() { cd "$REPO" && CARGO_TARGET_DIR=$TARGET/cargo cargo "$@" --locked; }

# Stage: compiled before there are guests, which a compiler would starve.
host_stage() {
	note "cargo test --no-run"
	! wanted host || in_cargo test --workspace --no-run || return 1
	! wanted pair/replay || in_cargo build -p ocfs2-lockres-host --bin replay || return 1
	note "host tests, replay"
}

# The host builds of ondisk/ and lockres/, and the model over them.
cargo_tests() {
	wanted host || return 0
	local log=$LOGS/host.log status
	in_background host "$log" in_cargo test --workspace --no-fail-fast
	status=$?
	cargo_results host "$log"
	# A crate that doesn't build has no test that could fail.
	[ "$status" -eq 0 ] || grep -aq '^test .* FAILED' "$log" || report_result "not ok" host/cargo - "exit $status: $log"
}

# tap_tests NAME COMMAND...: what COMMAND says in TAP. One that fails for another
# reason than a test is a failure of its own.
tap_tests() {
	local name=$1 log=$LOGS/$1.log status
	shift
	in_background "$name" "$log" "$@"
	status=$?
	tap_results "$name" "$log"
	[ "$status" -eq 0 ] || grep -aq '^not ok' "$log" || report_result "not ok" "$name/all" - "exit $status: $log"
}

# Programs that break the lock order must not compile.
compile_fail_tests() {
	wanted compile_fail && [ "$FS" = ocfs2_glue ] || return 0
	tap_tests compile_fail bash "$REPO/selftests/compile_fail/run.sh" \
		"$(kernel_directory)" "$TARGET/module/right"
}

# What the sources promise, as far as a look at the text can tell.
source_tests() {
	wanted check || return 0
	tap_tests check bash "$REPO/selftests/check/style.sh"
}

host_tests() {
	source_tests
	cargo_tests
	compile_fail_tests
}
