# SPDX-License-Identifier: GPL-2.0-only
# Two nodes with the in-tree driver have a file open; one unlinks it, the other goes on
# writing, the first reads that, and after the last close it is deleted. A part of
# the series in patches/ sees to it (a-fixes, "ocfs2: accept orphaned inodes without
# links"); without, nodes that run that driver are of no use beside ours.
pair_mount ocfs2 ocfs2
on 1 'echo first >/mnt/vol/unlinked_c; sync'
# Each holds it open, and does what it is told by a pipe.
for n in 1 2; do
	on "$n" 'rm -f /tmp/told /tmp/did; busybox mkfifo /tmp/told
		{ exec 5<>/mnt/vol/unlinked_c 6<>/tmp/told
		while read -r line <&6 && [ "$line" != end ]; do
			eval "$line" >/tmp/did.part 2>&1
			echo "exit $?" >>/tmp/did.part
			busybox mv /tmp/did.part /tmp/did
		done; } >/dev/null 2>&1 </dev/null &
		echo $! >/tmp/holder'
done
# tell N COMMAND: and what comes of it.
tell() {
	on "$1" "rm -f /tmp/did; echo '$2' >/tmp/told; tries=0
		until [ -e /tmp/did ] || [ \$((tries += 1)) -gt 300 ]; do busybox sleep 0.1; done; cat /tmp/did"
}
matches 'exit 0' "$(tell 2 'read -r a <&5; [ "$a" = first ]')" "node 2 reads"
on 1 'busybox rm /mnt/vol/unlinked_c'
same "exit 0" "$(tell 2 'echo second >&5')" "node 2 writes to what node 1 unlinked"
same "second
exit 0" "$(tell 1 'busybox cat <&5 | busybox tail -n 1')" "node 1 reads what node 2 wrote"
for n in 1 2; do
	on "$n" 'echo end >/tmp/told; while kill -0 "$(cat /tmp/holder)" 2>/dev/null; do busybox sleep 0.1; done'
done
pair_umount
same "" "$(for slot in 0000 0001; do debugfs.ocfs2 -R "ls //orphan_dir:$slot" "$VOLUME_IMAGE" |
	awk 'NF && $NF !~ /^\.\.?$/ { print $NF }'; done)" "orphans that nobody has open"
