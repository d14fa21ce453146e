# SPDX-License-Identifier: GPL-2.0-only
# A loop device on a file of the volume, with ext4 in it, gives the bytes back.
volume_make 100
volume_mount 1 ocfs2
mke2fs -q -F -t ext4 "$TEST_LOG.ext4" 24m 2>&1
on 1 "cp $TEST_LOG.ext4 /mnt/vol/image && mkdir -p /mnt/loop && busybox mount -t ext4 -o loop /mnt/vol/image /mnt/loop &&
	cd /mnt/loop && \$GLUE_IO write-pattern inside 2 0 500 && cd / && busybox umount /mnt/loop"
rm "$TEST_LOG.ext4"
remount 1
on 1 'busybox mount -t ext4 -o loop,ro /mnt/vol/image /mnt/loop && cd /mnt/loop && $GLUE_IO read-pattern read inside 2 0 500
	status=$?; cd /; busybox umount /mnt/loop; exit $status'
