# SPDX-License-Identifier: GPL-2.0-only
# The guest of the in-tree driver dies with its allocation window open and with
# clusters in its truncate log. The next mount gives both back: fsck.ocfs2 finds
# nothing set aside and nothing lost, what was synced is there, and is still there
# after new files have filled the volume.
guests_spent
volume_make 56
volume_mount 1 ocfs2 localalloc=32
io 1 write-pattern kept 7 0 500
# In turn, so that what is removed is in many pieces.
on 1 'cd /mnt/vol; mkdir stay gone
	for i in $(busybox seq 50); do
		$GLUE_IO write-pattern stay/$i $i 0 4 && $GLUE_IO write-pattern gone/$i 1 0 4 || exit 1
	done
	sync' 170
# The in-tree driver empties the log two seconds after the last removal.
vm_begin 1 'cd /mnt/vol
	for i in $(busybox seq 50); do
		busybox rm gone/$i; busybox touch kept; sync kept || exit 1
		echo "gone=$i"; busybox sleep 0.3
	done'
out=$VM_DIR/1/share/job/$JOB.out
until_true 60 grep -qs '^gone=20$' "$out"
vm_kill 1
guest_returns 1
volume_mount 1
if [ "$FS" = ocfs2_glue ]; then
	said 1 'slot 0: [0-9]{4} clusters of its local allocation window are free again'
	said 1 'slot 0: [0-9]+ clusters of its truncate log are free again \([0-9]+ records\)'
fi
checked='cd /mnt/vol; $GLUE_IO read-pattern read kept 7 0 500
	for i in $(busybox seq 50); do $GLUE_IO read-pattern read stay/$i $i 0 4; done | sort | uniq -c'
intact() {
	local out
	out=$(on 1 "$checked" 120)
	same "read=500 50 read=4" "$(echo $out)" "$1"
}
intact "what was synced before the crash"
on 1 'i=0; while $GLUE_IO write-pattern /mnt/vol/full$i 9 0 2000; do i=$((i + 1)); done' 170
on 1 'busybox sync'
volume_umount 1
volume_mount 1
intact "the same, after new files have filled the volume"
volume_umount 1
