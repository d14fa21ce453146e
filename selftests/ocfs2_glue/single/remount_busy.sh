# SPDX-License-Identifier: GPL-2.0-only
# A volume that is in use can't be unmounted, and is unharmed by the attempt;
# killed in the middle of its writes, the writer lets go of it.
volume_make 64
volume_mount 1
on 1 'cd /mnt/vol; $GLUE_IO append log A 60 >/tmp/out & pid=$!
	while ! test -s log; do busybox sleep 0.1; done
	cd /
	! busybox umount /mnt/vol 2>/dev/null || exit 1
	kill -9 $pid; wait $pid
	exit 0'
volume_umount 1
volume_mount 1
io 1 check log
