# SPDX-License-Identifier: GPL-2.0-only
# What isn't there yet is refused with an error that user space knows, before
# anything is touched: the tree is the same afterwards.
needs_glue "the in-tree driver can do all this"
volume_make 64
volume_mount 1 ocfs2
on 1 'cd /mnt/vol; echo content >file; mkdir dir; ln -s file link'
io 1 write-pattern blocks 1 0 10
remount 1
before=$(on 1 'cd /mnt/vol; busybox find . | sort; cat file')
refused() { matches '^(EOPNOTSUPP|EPERM|ENOSYS|EROFS|ENODEV|EINVAL)$' "$(io 1 try "$@")" "$*"; }
refused rename file other
refused link file other
refused symlink other file
refused unlink file
refused mkdir other
refused rmdir dir
refused mknod other
refused truncate blocks 100
refused open-truncate blocks
refused setxattr file
refused mmap-shared-write blocks
refused fallocate blocks
refused punch-hole blocks
same "$before" "$(on 1 'cd /mnt/vol; busybox find . | sort; cat file')" "the tree"
same read=10 "$(io 1 read-pattern read blocks 1 0 10)" "the file"
