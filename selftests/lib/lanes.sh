# SPDX-License-Identifier: GPL-2.0-only
# Tests side by side. A lane is a shell of its own, with guests of its own in
# $LOGS/vm/NAME: what runs in one knows nothing of the others. Sourced.

declare -A LANES=()

# lane NAME FUNCTION [ARG...]: begins it.
lane() {
	local name=$1
	shift
	LIVE=$LOGS/live.$name
	(
		VM_DIR=$LOGS/vm/$name
		trap lane_finish EXIT
		trap 'exit 130' TERM
		mkdir -p "$VM_DIR" || exit 1
		"$@"
		exit 0
	) </dev/null &
	LANES[$name]=$!
	LIVE=
}

# What a lane leaves: the logs.
lane_finish() {
	stage_stop
	test_stop
	vm_finish
	rm -f "$LIVE"
}

# lanes_wait: until all have ended; on a terminal, what they do. Each is waited for
# as soon as it ends: bash forgets the status of a job after a thousand others.
lanes_wait() {
	local name
	while [ ${#LANES[@]} -gt 0 ]; do
		live_line "$(cat "$LOGS"/live.* 2>/dev/null | sed 's/^ *//' | paste -sd '|')"
		sleep 0.5
		for name in "${!LANES[@]}"; do
			kill -0 "${LANES[$name]}" 2>/dev/null && continue
			wait "${LANES[$name]}" || report_result "not ok" "$name" - "ended too early"
			unset "LANES[$name]"
		done
	done
}

lanes_stop() {
	local pid
	for pid in "${LANES[@]}"; do kill -TERM "$pid" 2>/dev/null; done
	for pid in "${LANES[@]}"; do wait "$pid" 2>/dev/null; done
}
