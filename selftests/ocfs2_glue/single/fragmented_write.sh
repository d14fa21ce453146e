# SPDX-License-Identifier: GPL-2.0-only
# A file written so that every block is an extent of its own: the extent list
# outgrows the inode, and every block is where it was put.
volume_make 64
volume_mount 1
io 1 write-pattern file 6 1 1000 2
remount 1
same read=1000 "$(io 1 read-pattern read file 6 1 1000 2)" "data"
same read=1000 "$(io 1 read-pattern read file zero 0 1000 2)" "holes"
volume_umount 1
depth=$(debugfs.ocfs2 -R 'stat /file' "$VOLUME_IMAGE" | sed -n '/Tree Depth/{s/.*Tree Depth: \([0-9]*\).*/\1/p;q}')
[ "$depth" -ge 1 ] || fail "the tree did not grow: depth $depth"
volume_mount 1 ocfs2
same read=1000 "$(io 1 read-pattern read file 6 1 1000 2)" "by the in-tree driver"
volume_umount 1

# Records that go to the front of a tree with many full leaves.
volume_make 96
volume_mount 1
io 1 write-pattern file 6 1 4000 2
for block in 2 4 6 100 3000; do
	io 1 write-pattern file 7 $block 1
done
remount 1
same read=4000 "$(io 1 read-pattern read file 6 1 4000 2)" "what was there"
for block in 2 4 6 100 3000; do
	same read=1 "$(io 1 read-pattern read file 7 $block 1)" "block $block"
done
