# SPDX-License-Identifier: GPL-2.0-only
# A bitmap of inodes that calls blocks free which inodes have: a new file isn't
# made over one that is in use.
. "$REPO/selftests/lib/bad.sh"
bad "no inode has a block" set //inode_alloc:0000@group bg_bitmap 1
refused 'stat * >/dev/null && : >new && stat lost+found'
bad_end
