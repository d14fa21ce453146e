# SPDX-License-Identifier: GPL-2.0-only
# A new file that grows by appending, well past its first block: read back after
# a remount, by ourselves and by the in-tree driver.
volume_make 64
volume_mount 1
io 1 append log A 2000n
remount 1
matches 'lines=2000 rest=0' "$(io 1 check log)" "after a remount"
volume_umount 1
volume_mount 1 ocfs2
matches 'lines=2000 rest=0' "$(io 1 check log)" "by the in-tree driver"
