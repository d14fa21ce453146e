# SPDX-License-Identifier: GPL-2.0-only
# What a mount makes of another slot whose journal is dirty: the slot of a dead
# node is taken and its journal replayed; with two of them, and for a read-only
# mount, the volume is refused. (death_of_other has a dead node of the in-tree
# driver.)
needs_glue "the in-tree driver recovers other slots"
guests_spent
corrupt() { /usr/bin/python3 "$REPO/selftests/lib/corrupt.py" "$VOLUME_IMAGE" "$@"; }

# refused_for SLOT [OPTIONS]
refused_for() {
	local out offset
	offset=$(dmesg_size 1)
	out=$(volume_mount 1 "$FS" "${2:-}" 2>&1) && fail "mounted, with the journal of slot $1 dirty"
	matches 'Read-only file system|write-protected' "$out" "mount"
	dmesg_since 1 "$offset" | grep -a "the journal of slot $1 is dirty" || fail "no word about slot $1"
}

# Node 2 dies in slot 1, in the middle of its writes, alone.
volume_mount 1
volume_mount 2
volume_umount 1
same 2 "$(corrupt slot 1)" "the node that has slot 1"
vm_begin 2 'exec $GLUE_IO synced /mnt/vol/death_slot D 120'
out=$VM_DIR/2/share/job/$JOB.out
until_true 60 grep -qs '^synced=20$' "$out"
vm_kill 2
rounds=$(value synced <"$out")
printf 'died after %s rounds\n' "$rounds"
node_returns 2

# A mount that may not write can't replay it.
refused_for 1 ro
same 2 "$(corrupt slot 1)" "slot 1, after a mount that was refused"
# Two of them, and only one can be ours.
generation=$(corrupt get //journal:0001 ij_recovery_generation)
corrupt set //journal:0002 ij_flags 1
sync "$VOLUME_IMAGE"
refused_for 2
same 2 "$(corrupt slot 1)" "slot 1, after a mount that was refused"
corrupt set //journal:0002 ij_flags 0
sync "$VOLUME_IMAGE"
volume_mount 1
said 1 'slot 1: replaying the journal'
same 1 "$(corrupt slot 1)" "the node that has slot 1 now"
matches "rounds=$rounds" "$(io 1 synced-check death_slot D "$rounds")" "what was synced"
volume_umount 1
# The other nodes tell by this that somebody has recovered the slot.
same $((generation + 1)) "$(corrupt get //journal:0001 ij_recovery_generation)" "recoveries of slot 1"
same 0 "$(corrupt get //journal:0001 ij_flags)" "marks of the journal"
