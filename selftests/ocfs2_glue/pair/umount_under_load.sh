# SPDX-License-Identifier: GPL-2.0-only
# A node leaves in the middle of contention: its writer is killed, it unmounts at
# once, the other goes on and is not held up.
pair_mount
tail_begin umount_under_load 60 90
until_true 30 grep -q '^at ' "$FOLLOW_OUT"
vm_begin 2 'exec $GLUE_IO append /mnt/vol/umount_other B 6'
other=$JOB
on 1 '! busybox umount /mnt/vol 2>/dev/null || exit 1
	io_end && vol_umount' 60
out=$(vm_wait 2 "$other" 60) || fail "the other node: $out"
[ "$(value gap_ms <<<"$out")" -lt 5000 ] || fail "held up: $out"
on 2 io_end
io 2 check umount_under_load
io 2 check umount_other
volume_mount 1
io 1 check umount_under_load
