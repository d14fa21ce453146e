# SPDX-License-Identifier: GPL-2.0-only
# The tests that need no guest: cargo's. Sourced by test.sh.

# cargo_results NAME LOG: counts libtest's lines.
cargo_results() {
	local line name
	while IFS= read -r line; do
		name=$1/${line#test }
		name=${name%% ... *}
		case $line in
		*"... ok"*) report_result ok "$name" 0 ;;
		*"... ignored"*) report_result skip "$name" 0 "${line##*ignored}" ;;
		*) report_result "not ok" "$name" 0 "$2" ;;
		esac
	done < <(grep -aE '^test .* \.\.\. (ok|FAILED|ignored)' "$2")
}

host_tests() {
	wanted host || return 0
	local log=$LOGS/host.log start=$SECONDS status
	set -m
	(set +m; cd "$REPO" && CARGO_TARGET_DIR=$TARGET/cargo cargo test --locked --workspace --no-fail-fast) \
		>"$log" 2>&1 </dev/null &
	STAGE_PID=$!
	set +m
	while kill -0 "$STAGE_PID" 2>/dev/null; do
		live_line "        host: $(grep -aE '^( *(Compiling|Running)|test )' "$log" | tail -n 1)  $((SECONDS - start)) s"
		sleep 0.5
	done
	wait "$STAGE_PID"
	status=$?
	STAGE_PID=
	cargo_results host "$log"
	[ "$status" -eq 0 ] || report_result "not ok" host/cargo $((SECONDS - start)) "exit $status: $log"
}
