# SPDX-License-Identifier: GPL-2.0-only
# Memory runs out at each allocation of new files, in directories without an index:
# one that fits into its inode, one that no longer does, one with room in its blocks,
# one that needs another block.
. "$REPO/selftests/lib/inject.sh"
volume_make 64 --fs-features=noindexed-dirs
volume_mount 1 ocfs2
on 1 ': >/mnt/vol/probe'
prepare directories inline 40 0 1
prepare directories full_inline 40 14 255
prepare directories block 40 20 255
prepare directories full_block 50 30 255
remount 1
memory create inline 10
memory create full_inline 255
memory create block 10
memory create full_block 255
remount 1
same 15 "$(on 1 'ls /mnt/vol/full_inline/d001 | wc -l')" "names in a directory that was inline"
same 31 "$(on 1 'ls /mnt/vol/full_block/d001 | wc -l')" "names in one that grew"
same 12288 "$(on 1 'stat -c %s /mnt/vol/full_block/d001')" "its size"
inject_end
