# SPDX-License-Identifier: GPL-2.0-only
# Overwriting, filling a hole, and writing far past the end: the bytes, the zeroes
# between, and the in-tree driver's opinion of them.
volume_make 64
volume_mount 1
io 1 write-pattern file 1 0 50
io 1 write-pattern file 2 10 10
io 1 write-pattern file 3 200 10
io 1 write-pattern file 4 100 5
check_bytes() {
	same read=10 "$(io 1 read-pattern read file 1 0 10)" "before, $1"
	same read=10 "$(io 1 read-pattern read file 2 10 10)" "overwritten, $1"
	same read=30 "$(io 1 read-pattern read file 1 20 30)" "after, $1"
	same read=50 "$(io 1 read-pattern read file zero 50 50)" "the hole, $1"
	same read=5 "$(io 1 read-pattern read file 4 100 5)" "in the hole, $1"
	same read=10 "$(io 1 read-pattern read file 3 200 10)" "past the end, $1"
}
check_bytes "from the cache"
remount 1
check_bytes "after a remount"
volume_umount 1
volume_mount 1 ocfs2
check_bytes "by the in-tree driver"
