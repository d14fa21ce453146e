# SPDX-License-Identifier: GPL-2.0-only
# The in-tree ocfs2: extended attributes, in the inode, in a block and in buckets, and
# ACLs that a directory hands on, beside writes. lockdep finds no circular order.
#
# Proves: ocfs2: take ip_alloc_sem before the transaction in setxattr
. "$REPO/selftests/aop_retry/lib.sh"
fs_make ocfs2
fs_mount ocfs2
step "beside writes" <<'END'
io write file 0 20000 1
-> wrote=20000 position=20000
io try setxattr file
-> 0
io write file 20000 20000 1 >/dev/null
/usr/bin/python3 -c '
import os
for i in range(200):
    os.setxattr("file", "user.name%d" % i, b"x" * (10 * i + 1))
print(len(os.listxattr("file")))
for i in range(0, 200, 2):
    os.removexattr("file", "user.name%d" % i)
print(len(os.listxattr("file")), len(os.getxattr("file", "user.name199")))'
-> 201
-> 101 1991
io try truncate file 100000
-> 0
END
step "default ACL" <<'END'
mkdir dir
/usr/bin/python3 -c '
import os, struct
entries = [(1, 7, -1), (2, 5, 11), (4, 5, -1), (16, 7, -1), (32, 0, -1)]
acl = struct.pack("<I", 2) + b"".join(struct.pack("<HHi", *e) for e in entries)
os.setxattr("dir", "system.posix_acl_default", acl)
os.mkdir("dir/dir")
open("dir/dir/file", "w").close()
print(len(os.getxattr("dir/dir", "system.posix_acl_default")),
      len(os.getxattr("dir/dir/file", "system.posix_acl_access")))'
-> 44 44
io write dir/dir/file 0 5000 1
-> wrote=5000 position=5000
END
fs_check ocfs2
