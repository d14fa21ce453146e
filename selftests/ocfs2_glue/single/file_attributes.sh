# SPDX-License-Identifier: GPL-2.0-only
# What chattr(1) sets is kept to, and isn't handed on to new files.
volume_make 64
volume_mount 1 ocfs2
on 1 'cd /mnt/vol; mkdir plain log
	echo old | tee immutable append synced free >/dev/null
	chattr +i immutable plain && chattr +a append log && chattr +S synced'
remount 1
same 0 "$(io 1 try open-write free)" "a file without flags"
same EPERM "$(io 1 try open-write immutable)" "an immutable file"
same EPERM "$(io 1 try chmod immutable)" "an immutable file's mode"
same EPERM "$(io 1 try create plain/new)" "a new name in an immutable directory"
same EPERM "$(io 1 try open-write append)" "a file for appending alone"
on 1 'echo more >>/mnt/vol/append'
same "old more" "$(on 1 'cd /mnt/vol; echo $(cat append)')" "what was appended"
same 0 "$(io 1 try create log/new)" "a new name in a directory for appending alone"
same 0 "$(io 1 try open-write log/new)" "the new file, which has no flags"
# What was written to a file that is always synced is there after a crash.
on 1 'echo more >>/mnt/vol/synced'
cp --sparse=always "$VOLUME_IMAGE" "$TEST_LOG.crash"
volume_umount 1
matches 'Attr: 0x0 ' "$(debugfs.ocfs2 -R 'stat /log/new' "$VOLUME_IMAGE")" "the new file on the disk"
matches 'Attr: 0x20 ' "$(debugfs.ocfs2 -R 'stat /append' "$VOLUME_IMAGE")" "the old one, which was written"
cp --sparse=always "$TEST_LOG.crash" "$VOLUME_IMAGE"
rm "$TEST_LOG.crash"
sync "$VOLUME_IMAGE"
volume_mount 1
same "old more" "$(on 1 'cd /mnt/vol; echo $(cat synced)')" "what was synced, after the crash"
