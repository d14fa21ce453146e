# SPDX-License-Identifier: GPL-2.0-only
# A node that can't write its journal any more keeps its locks: what it committed
# is in the log alone, so the other node must wait, and finds it after unmount.
# The disk fails for node 1 because the partition it mounts shrinks under it.
needs_glue "the in-tree driver panics"
expect_dmesg 'JBD2: '
sectors=$(on 1 'cat /sys/block/vda/size')
on 1 "addpart /dev/vda 1 0 $sectors"
VOLUME_DEVICE=/dev/vda1 volume_mount 1
volume_mount 2
io 1 append journal_error A 50n
on 1 'resizepart /dev/vda 1 2048'
io 1 append journal_error B 5n && fail "fsync on a disk that fails"
# The commit is due within five seconds.
aborted() { dmesg_since 1 "$(cat "$TEST_LOG.offset.1")" | grep -aq 'Aborting journal'; }
until_true 20 aborted
on 1 "resizepart /dev/vda 1 $sectors"
# An inode that leaves memory keeps its lock as well.
on 1 'echo 2 >/proc/sys/vm/drop_caches'
vm_begin 2 'exec $GLUE_IO check /mnt/vol/journal_error'
out=$(vm_wait 2 "$JOB" 4) && fail "node 2 has the lock: $out"
volume_umount 1
out=$(vm_wait 2 "$JOB" 30) || fail "node 2: $out"
matches 'A=50' "$out" "as node 2 sees it"
io 2 append journal_error C 5n
volume_umount 2
on 1 'delpart /dev/vda 1'
volume_mount 1
matches 'A=50 .*C=5' "$(io 1 check journal_error)" "as node 1 sees it"
