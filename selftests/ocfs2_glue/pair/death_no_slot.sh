# SPDX-License-Identifier: GPL-2.0-only
# A node dies that has the volume mounted read-only, and so has no slot: there is
# nothing to recover. A task of ours that waits for its lock gets it, and all goes
# on, as the recording of our node's lock state machines shows as well.
needs_glue "the in-tree driver takes a slot for a read-only mount"
guests_spent
recording_begin 1
volume_mount 1
io 1 append death_no_slot A 10n
volume_mount 2 "$FS" ro
matches 'A=10' "$(io 2 check death_no_slot)" "before the death, node 2"
# Stopped, it keeps its lock on the file.
kill -STOP "$(cat "$VM_DIR/2/pid")"
vm_begin 1 'cd /mnt/vol; $GLUE_IO append death_no_slot B 5n & echo $! >/run/host/waiter; wait $!'
writer=$JOB
until_true 10 test -s "$VM_DIR/1/share/waiter"
until_true 20 on 1 "grep -qs ocfs2_glue /proc/$(cat "$VM_DIR/1/share/waiter")/stack" 5
vm_kill 2
node_returns 2
out=$(vm_wait 1 "$writer" 100) || fail "the writer on node 1: $? $out"
said 1 'the node that went down had no slot'
io 1 synced death_no_slot.after S 2
matches 'A=10 B=5' "$(io 1 check death_no_slot)" "afterwards, node 1"
volume_mount 2
matches 'A=10 B=5' "$(io 2 check death_no_slot)" "afterwards, node 2"
io 2 append death_no_slot C 1n
pair_umount
recording_end 1 "${TEST_LOG%.log}.1.trace"
replayed=$(recording_replay "${TEST_LOG%.log}.1.trace")
printf '%s\n' "$replayed"
same 0 "$(value unrecovered <<<"$replayed")" "requests that failed because of the death"
volume_check
