# SPDX-License-Identifier: GPL-2.0-only
# A file of thousands of extents: on blocks of 1 KiB its tree has two levels
# above the leaves' records, on 4 KiB one.
for block in 1K 4K; do
	volume_make 100 -b "$block"
	volume_mount 1 ocfs2
	io 1 write-pattern file 5 1 4000 2
	volume_umount 1
	depth=$(debugfs.ocfs2 -R 'stat /file' "$VOLUME_IMAGE" | sed -n '/Tree Depth/{s/.*Tree Depth: \([0-9]*\).*/\1/p;q}')
	[ "$depth" -ge "$([ "$block" = 1K ] && echo 2 || echo 1)" ] || fail "depth $depth on $block: no deep tree"
	volume_mount 1
	same read=4000 "$(io 1 read-pattern read file 5 1 4000 2)" "data, $block"
	same read=4000 "$(io 1 read-pattern read file zero 0 4000 2)" "holes, $block"
	volume_umount 1
done
