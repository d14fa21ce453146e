# SPDX-License-Identifier: GPL-2.0-only
# Files small enough to live in their inode, up to the largest that does, and
# the first that doesn't.
volume_make 64
volume_mount 1 ocfs2
on 1 'cd /mnt/vol; : >empty; printf x >one
	for size in 100 3895 3896 3897 4096; do
		busybox dd if=/bin/busybox of=f$size bs=$size count=1 2>/dev/null
	done
	md5sum e* f* o* >/tmp/want'
# On the disk for sure, for whoever looks from outside.
volume_umount 1
matches 'InlineData' "$(debugfs.ocfs2 -R 'stat /f100' "$VOLUME_IMAGE")" "f100 is inline"
volume_mount 1
on 1 'cd /mnt/vol; md5sum -c --quiet /tmp/want && test ! -s empty'
