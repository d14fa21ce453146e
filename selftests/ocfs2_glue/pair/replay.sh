# SPDX-License-Identifier: GPL-2.0-only
# Both nodes record every step of their lock state machines, from mount to unmount,
# while one appends and the other follows. Made again on the host, from the same
# events, each decision comes out the same. The recordings stay beside the test's
# log; no event may be missing from them.
needs_glue "the in-tree driver has no such machine"

# By a counter, so that the order is right whatever clocks and processors do.
record_begin='
	tracing=/sys/kernel/tracing
	grep -q " $tracing " /proc/mounts || busybox mount -t tracefs tracefs $tracing
	cd $tracing || exit 1
	echo 0 >tracing_on && echo counter >trace_clock && echo 0 >options/overwrite &&
		echo 65536 >buffer_size_kb && echo >trace &&
		echo 1 >events/ocfs2_glue/lock_event/enable && echo 1 >tracing_on'
record_end='
	cd /sys/kernel/tracing || exit 1
	echo 0 >tracing_on && echo 0 >events/ocfs2_glue/lock_event/enable || exit 1
	grep -H -E "overrun|dropped" per_cpu/cpu*/stats
	cat trace >/run/host/lock_events
	echo >trace; echo 1024 >buffer_size_kb; echo local >trace_clock; echo 1 >options/overwrite
	echo 1 >tracing_on'

for n in 1 2; do on "$n" "$record_begin"; done
# As it is, and without a slice: then the lock goes as soon as it is asked for, and
# retries get in on their tickets.
for options in '' slice_ms=0; do
	volume_mount 1 "$FS" $options &
	volume_mount 2 "$FS" $options && wait "$!"
	tail_begin "replay$options" 2 60
	tail_end 60 || fail "$(tail -n 2 "$APPEND_OUT" "$FOLLOW_OUT")"
	pair_umount
done
for n in 1 2; do
	recording=${TEST_LOG%.log}.$n.trace
	lost=$(on "$n" "$record_end" 60)
	matches 'overrun: 0$' "$lost" "the counters of lost events"
	! grep -vE ': 0$' <<<"$lost" || fail "node $n: events were lost"
	mv "$VM_DIR/$n/share/lock_events" "$recording"
	matches 'buffer/entries-written: ([0-9]+)/\1 ' "$(head -n 5 "$recording")" "what ftrace says of node $n"
done
replayed=$("$TARGET/cargo/debug/replay" "${TEST_LOG%.log}".[12].trace)
printf '%s\n' "$replayed"
# And there was something to decide.
same 2 "$(grep -c ': the same decisions' <<<"$replayed")" "recordings replayed"
same 0 "$(value skipped <<<"$replayed")" "events of locks that were there before"
for what in tries_refused waits flushes; do
	[ "$(value $what <<<"$replayed")" -gt 0 ] || fail "$what=0: nothing was contended"
done
