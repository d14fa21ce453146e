# SPDX-License-Identifier: GPL-2.0-only
# A page fault that waits for another node, which is stopped, doesn't stop the
# other threads of its process: one can fork.
needs_glue "the in-tree driver's faults wait with the memory map locked"
pair_mount
io 1 write-pattern file 1 0 1
share=$VM_DIR/1/share
rm -f "$share/mapped" "$share/go"
vm_begin 1 'exec $GLUE_IO fault-fork /mnt/vol/file /run/host/mapped /run/host/go'
fork=$JOB
until_true 10 test -e "$share/mapped"
io 2 write-pattern file 2 0 1
kill -STOP "$(cat "$VM_DIR/2/pid")"
trap 'kill -CONT "$(cat "$VM_DIR/2/pid")"' EXIT
touch "$share/go"
out=$(vm_wait 1 "$fork" 15) || fail "it could not fork in 15 s: '$out'"
matches 'forked_ms=' "$out" "the fork"
kill -CONT "$(cat "$VM_DIR/2/pid")"
trap - EXIT
same read=1 "$(io 1 read-pattern mmap file 2 0 1)" "what the other node wrote"
