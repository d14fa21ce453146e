# SPDX-License-Identifier: GPL-2.0-only
# Both ways at once, on two files: each node appends to one and follows the other.
pair_mount
tail_begin there 5 60
append=$APPEND_JOB follow=$FOLLOW_JOB appended=$APPEND_OUT followed=$FOLLOW_OUT
vm_begin 1 'exec $GLUE_IO follow /mnt/vol/back 60 /run/host/stop 500'
back_follow=$JOB
vm_begin 2 'exec $GLUE_IO append /mnt/vol/back B 5'
back_append=$JOB
vm_wait 2 "$back_append" 60 >"$TEST_LOG.back"
value lines <"$TEST_LOG.back" >"$VM_DIR/1/share/stop"
APPEND_JOB=$append FOLLOW_JOB=$follow APPEND_OUT=$appended FOLLOW_OUT=$followed
tail_end 60 || fail "$(tail -n 2 "$APPEND_OUT" "$FOLLOW_OUT")"
out=$(vm_wait 1 "$back_follow" 60) || fail "back: $out"
same "$(value lines <"$TEST_LOG.back")" "$(value lines <<<"$out")" "lines tailed back"
