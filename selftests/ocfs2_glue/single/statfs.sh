# SPDX-License-Identifier: GPL-2.0-only
# statfs says of a volume what the in-tree driver says of it.
volume_make 64
volume_mount 1 ocfs2
io 1 write-pattern file 1 0 100
volume_umount 1
volume_mount 1 ocfs2
want=$(io 1 statfs .)
volume_umount 1
volume_mount 1
same "$want" "$(io 1 statfs .)" "statfs"
