# SPDX-License-Identifier: GPL-2.0-only
# What was synced is there after a crash: the disk is copied while it is mounted,
# as a power cut would leave it, and the copy is mounted; its journal is replayed.
volume_make 64
volume_mount 1
# append ends with an fsync.
io 1 append log A 500n
# A new file that nothing was written to, and its name.
on 1 ': >/mnt/vol/new && sync /mnt/vol/new'
volume_crash 1
matches 'lines=500 rest=0' "$(io 1 check log)" "after the crash"
same 0 "$(io 1 try open-read new)" "the new file after the crash"
