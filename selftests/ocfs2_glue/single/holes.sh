# SPDX-License-Identifier: GPL-2.0-only
# Holes before, between and after what was written read as zeroes, whichever way
# they are read.
volume_make 64
volume_mount 1 ocfs2
io 1 write-pattern file 3 10 20 7
on 1 'busybox truncate -s 800000 /mnt/vol/file'
remount 1
for way in read mmap sendfile; do
	same read=20 "$(io 1 read-pattern "$way" file 3 10 20 7)" "data by $way"
	same read=10 "$(io 1 read-pattern "$way" file zero 0 10)" "hole before, by $way"
	same read=19 "$(io 1 read-pattern "$way" file zero 12 19 7)" "holes between, by $way"
	same read=40 "$(io 1 read-pattern "$way" file zero 150 40)" "hole after, by $way"
done
