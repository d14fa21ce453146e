# SPDX-License-Identifier: GPL-2.0-only
# Memory runs out at each allocation where trees grow: of new files in directories
# with an index, and of writes to files whose extent list is full. Blocks of 512 bytes
# are full soon.
. "$REPO/selftests/lib/inject.sh"
# 32 MiB.
volume_make 256 -b 512
volume_mount 1 ocfs2
on 1 ': >/mnt/vol/probe; mkdir /mnt/vol/points'
prepare directories index_full 60 17 4
prepare directories block_full 60 24 4
# 19 records are all that a dinode has room for; 28 more fill the first leaf.
prepare files list_full 40 0:512:8192:19
prepare files leaf_full 40 0:512:8192:47
remount 1
inject /mnt/vol inject-points points 60 4
memory create index_full 4
memory create block_full 4
memory write list_full 2000000:512
last=$INJECT_LAST
memory write leaf_full 2000000:512
remount 1
inject /mnt/vol inject-check list_full "$last" 0:512:8192:19 2000000:512
inject /mnt/vol inject-check leaf_full "$INJECT_LAST" 0:512:8192:47 2000000:512
inject_end
