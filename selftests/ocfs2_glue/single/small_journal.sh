# SPDX-License-Identifier: GPL-2.0-only
# A journal of 4 MiB: credits go by what a transaction changes, not by how large a
# cluster is, and one write(2) over thousands of holes is as many transactions as it
# takes.
volume_make 100 -C 1M
volume_mount 1
# Each block is the first of a cluster of its own.
io 1 write-pattern spread 1 0 40 256
# Inline first, then longer than a cluster.
same wrote=100 "$(io 1 write grown 0 100 3 | cut -d ' ' -f 1)" "a small file"
same wrote=3000000 "$(io 1 write grown 100 3000000 3 | cut -d ' ' -f 1)" "the rest of it"
on 1 'cd /mnt/vol; i=0; while [ $i -lt 200 ]; do : >file-number-$i || exit 1; i=$((i + 1)); done'
remount 1
same read=40 "$(io 1 read-pattern read spread 1 0 40 256)" "blocks in clusters of 1 MiB"
same read=40 "$(io 1 read-pattern read spread zero 1 40 256)" "the rest of those clusters"
same read=3000100 "$(io 1 read grown 0 3000100 3 | cut -d ' ' -f 1)" "the file that grew"
volume_umount 1
volume_check

volume_make 100
volume_mount 1 ocfs2
io 1 write-pattern file 1 1 3000 2
remount 1
same wrote=24576000 "$(io 1 write file 0 24576000 5 | cut -d ' ' -f 1)" "one write over 3000 holes"
on 1 'sync /mnt/vol/file'
remount 1
same read=24576000 "$(io 1 read file 0 24576000 5 | cut -d ' ' -f 1)" "what it wrote"
