# SPDX-License-Identifier: GPL-2.0-only
# A write that was to fill a hole and fell short: what the disk had there isn't
# seen, not even after a crash.
volume_soil 64
volume_make 64
volume_mount 1
io 1 write-pattern file 7 0 1
on 1 'busybox truncate -s 65536 /mnt/vol/file; busybox sync'
same EFAULT "$(io 1 write-fault file 8192 4096 0)" "no memory"
same 100 "$(io 1 write-fault file 16384 4096 100)" "memory for 100 bytes"
# The fsync of another file commits the clusters.
io 1 write-pattern other 1 0 1
volume_crash 1
same 65536 "$(on 1 'stat -c %s /mnt/vol/file')" "the size"
same read=1 "$(io 1 read-pattern read file 7 0 1)" "what was there before"
same read=3 "$(io 1 read-pattern read file zero 1 3)" "with no memory"
same 0 "$(on 1 'busybox tail -c +4097 /mnt/vol/file | busybox tr -dc S | busybox wc -c')" "old content of the disk"
