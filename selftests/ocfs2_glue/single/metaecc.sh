# SPDX-License-Identifier: GPL-2.0-only
# A volume with checksums in its metadata is written: fsck.ocfs2, which verifies
# them, finds nothing, and the in-tree driver reads what is there and goes on with it.
volume_make 64 --fs-features=metaecc
volume_mount 1
io 1 write-pattern tree 6 1 600 2
io 1 append log A 200n
on 1 'cd /mnt/vol && for i in $(seq 600); do : >file$i || exit 1; done'
volume_umount 1
volume_check
volume_mount 1 ocfs2
same read=600 "$(io 1 read-pattern read tree 6 1 600 2)" "by the in-tree driver"
same 602 "$(on 1 'ls /mnt/vol | grep -vc lost+found')" "names, by the in-tree driver"
io 1 append log B 50n
on 1 'mkdir /mnt/vol/dir && : >/mnt/vol/dir/other'
volume_umount 1
volume_mount 1
same 250 "$(on 1 'busybox wc -l </mnt/vol/log')" "lines of both drivers"
on 1 ': >/mnt/vol/dir/ours'
io 1 write-pattern tree 7 2 1
volume_umount 1
