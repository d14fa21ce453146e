# SPDX-License-Identifier: GPL-2.0-only
# Memory runs out at each allocation of what only looks: stat, readdir, read, statfs,
# of inodes and blocks that nobody has looked at before.
. "$REPO/selftests/lib/inject.sh"
volume_make 64
volume_mount 1 ocfs2
on 1 ': >/mnt/vol/probe'
prepare files looked 30 0:100
prepare files read 30 0:4096:8192:4
prepare directories listed 30 50 200
remount 1
memory stat looked
memory read read 0:4096:8192:4
memory readdir listed 50
memory statfs .
inject_end
