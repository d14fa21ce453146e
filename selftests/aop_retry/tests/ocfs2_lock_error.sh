# SPDX-License-Identifier: GPL-2.0-only
# The in-tree ocfs2 reads a folio: the cluster lock isn't there for the taking, and
# can't be had with waiting either. That error ends the read. (On a cluster it
# would be a signal's, or the DLM's; here the lock's function says so by itself.)
#
# Proves: ocfs2: return the error of the blocking inode lock
. "$REPO/selftests/aop_retry/lib.sh"
fs_make ocfs2
# Without a time stamp to write there is one lock for the read itself.
fs_mount ocfs2 noatime
# After the read's own lock: EAGAIN to readahead, EAGAIN to the read of the folio,
# EIO to its second try, with waiting.
step "an error after EAGAIN" <<'END'
fresh file 8192 1
echo ocfs2_inode_lock_full_nested return=-11,-11,-5 3 1 | io read file 0 8192 1 armed
-> read=EIO position=0
took ocfs2_inode_lock_full_nested
-> ocfs2_inode_lock_full_nested=3
io read file 0 8192 1
-> read=8192 position=8192
END
step "EAGAIN, then the lock" <<'END'
fresh file 8192 1
echo ocfs2_inode_lock_full_nested return=-11,-11 2 1 | io read file 0 8192 1 armed
-> read=8192 position=8192
took ocfs2_inode_lock_full_nested
-> ocfs2_inode_lock_full_nested=2
END
step "another error at once" <<'END'
fresh file 8192 1
echo ocfs2_inode_lock_full_nested return=-11,-5 2 1 | io read file 0 8192 1 armed
-> read=EIO position=0
io read file 0 8192 1
-> read=8192 position=8192
END
fs_check ocfs2
