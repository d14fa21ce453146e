# SPDX-License-Identifier: GPL-2.0-only
# Both nodes record every step of their lock state machines, from mount to unmount,
# while one appends and the other follows. Made again on the host, from the same
# events, each decision comes out the same. The recordings stay beside the test's
# log; no event may be missing from them.
needs_glue "the in-tree driver has no such machine"

for n in 1 2; do recording_begin "$n"; done
# As it is, and without a slice: then the lock goes as soon as it is asked for, and
# retries get in on their tickets.
for options in '' slice_ms=0; do
	volume_mount 1 "$FS" $options &
	volume_mount 2 "$FS" $options && wait "$!"
	tail_begin "replay$options" 2 60
	tail_end 60 || fail "$(tail -n 2 "$APPEND_OUT" "$FOLLOW_OUT")"
	pair_umount
done
for n in 1 2; do recording_end "$n" "${TEST_LOG%.log}.$n.trace"; done
replayed=$(recording_replay "${TEST_LOG%.log}".[12].trace)
printf '%s\n' "$replayed"
# And there was something to decide.
for what in tries_refused waits flushes; do
	[ "$(value $what <<<"$replayed")" -gt 0 ] || fail "$what=0: nothing was contended"
done
