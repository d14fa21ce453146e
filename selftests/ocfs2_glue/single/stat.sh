# SPDX-License-Identifier: GPL-2.0-only
# stat says of every kind of file what the in-tree driver says: type, mode,
# owner, links, size, blocks, times, inode number.
volume_make 64
volume_mount 1 ocfs2
on 1 'cd /mnt/vol
	echo small >small; chmod 4751 small; chown 12:34 small
	busybox dd if=/dev/zero of=large bs=4k count=50 2>/dev/null
	busybox dd if=/dev/zero of=sparse bs=4k seek=1000 count=1 2>/dev/null
	mkdir dir dir/inner; ln small hard; ln -s small link; mkfifo fifo
	busybox mknod device c 1 3
	touch -d "2001-02-03 04:05:06.789" large dir'
list='cd /mnt/vol; for f in . small large sparse dir dir/inner hard link fifo device; do
	stat -c "%n %f %u:%g %h %s %b %Y %i %t:%T %y" $f; done'
volume_umount 1
volume_mount 1 ocfs2
want=$(on 1 "$list")
volume_umount 1
volume_mount 1
same "$want" "$(on 1 "$list")" "stat"
