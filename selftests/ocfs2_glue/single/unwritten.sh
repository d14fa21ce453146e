# SPDX-License-Identifier: GPL-2.0-only
# Unwritten extents, as fallocate makes them, read as zeroes; the parts that were
# written since read as written.
volume_make 64
volume_mount 1 ocfs2
# What was on these clusters before must not be seen.
io 1 write-pattern trash 9 0 2000
on 1 'busybox rm /mnt/vol/trash; sync'
io 1 allocate file 0 500
io 1 write-pattern file 4 100 50
remount 1
same read=100 "$(io 1 read-pattern read file zero 0 100)" "before"
same read=50 "$(io 1 read-pattern mmap file 4 100 50)" "what was written"
same read=350 "$(io 1 read-pattern read file zero 150 350)" "after"
