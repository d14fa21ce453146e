# SPDX-License-Identifier: GPL-2.0-only
# read, mmap, splice and sendfile all see the bytes that the in-tree driver
# wrote, from a volume that was just mounted.
volume_make 64
volume_mount 1 ocfs2
io 1 write-pattern file 7 0 300
volume_umount 1
for way in read mmap splice sendfile; do
	volume_mount 1
	same "read=300" "$(io 1 read-pattern "$way" file 7 0 300)" "$way"
	volume_umount 1
done
