# SPDX-License-Identifier: GPL-2.0-only
# Once the journal was aborted no fsync succeeds: what wasn't committed is lost,
# though jbd2 calls a transaction complete that an abort has thrown away. The disk
# fails because the partition that is mounted shrinks under it.
needs_glue "the in-tree driver panics"
expect_dmesg 'JBD2: '
volume_make 64
sectors=$(on 1 'cat /sys/block/vdb/size')
on 1 "addpart /dev/vdb 1 0 $sectors"
VOLUME_DEVICE=/dev/vdb1 volume_mount 1
on 1 'cd /mnt/vol; echo kept >kept; sync kept; cd ..; sync -f vol'
# Nothing but metadata, so no folio is left that couldn't be written.
on 1 ': >/mnt/vol/lost; resizepart /dev/vdb 1 2048'
# The commit is due within five seconds.
aborted() { dmesg_since 1 "$(cat "$TEST_LOG.offset.1")" | grep -aq 'Aborting journal'; }
until_true 20 aborted
on 1 "resizepart /dev/vdb 1 $sectors"
for file in lost . kept; do
	for how in '' -d; do
		out=$(on 1 "LC_ALL=C sync $how /mnt/vol/$file" 2>&1) && fail "sync $how $file succeeded"
		matches 'Input/output error' "$out" "sync $how $file"
	done
done
out=$(on 1 'LC_ALL=C sync -f /mnt/vol' 2>&1) && fail "syncfs succeeded"
matches 'Input/output error' "$out" "syncfs"
for flag in sync dsync; do
	on 1 "echo x | dd of=/mnt/vol/kept oflag=$flag conv=notrunc status=none" && fail "a write with O_${flag^^}"
done
volume_umount 1
on 1 'delpart /dev/vdb 1'
volume_mount 1
same kept "$(on 1 'cat /mnt/vol/kept')" "what was synced before"
