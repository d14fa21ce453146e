# SPDX-License-Identifier: GPL-2.0-only
# Recordings of lock state machines in guests, and their replay on the host. Sourced.

# recording_begin N: from now on guest N records every event of its machines. By a
# counter, so that the order is right whatever clocks and processors do.
recording_begin() {
	on "$1" '
	tracing=/sys/kernel/tracing
	grep -q " $tracing " /proc/mounts || busybox mount -t tracefs tracefs $tracing
	cd $tracing || exit 1
	echo 0 >tracing_on && echo counter >trace_clock && echo 0 >options/overwrite &&
		echo 65536 >buffer_size_kb && echo >trace &&
		echo 1 >events/ocfs2_glue/lock_event/enable && echo 1 >tracing_on'
}

# recording_end N FILE: stops it. Fails the test if an event was lost.
recording_end() {
	local lost
	lost=$(on "$1" '
	cd /sys/kernel/tracing || exit 1
	echo 0 >tracing_on && echo 0 >events/ocfs2_glue/lock_event/enable || exit 1
	grep -H -E "overrun|dropped" per_cpu/cpu*/stats
	cat trace >/run/host/lock_events
	echo >trace; echo 1024 >buffer_size_kb; echo local >trace_clock; echo 1 >options/overwrite
	echo 1 >tracing_on' 60)
	matches 'overrun: 0$' "$lost" "the counters of lost events"
	! grep -vE ': 0$' <<<"$lost" || fail "node $1: events were lost"
	mv "$VM_DIR/$1/share/lock_events" "$2"
	matches 'buffer/entries-written: ([0-9]+)/\1 ' "$(head -n 5 "$2")" "what ftrace says of node $1"
}

# recording_replay FILE...: prints what was replayed. Fails if a decision differs.
recording_replay() {
	local replayed
	replayed=$("$TARGET/cargo/debug/replay" "$@")
	printf '%s\n' "$replayed"
	same $# "$(grep -c ': the same decisions' <<<"$replayed")" "recordings replayed"
	same 0 "$(value skipped <<<"$replayed")" "events of locks that were there before"
}
