# SPDX-License-Identifier: GPL-2.0-only
# fs-verity on f2fs: a ->write_begin that returns a value that means nothing doesn't
# become the result of the ioctl.
#
# Proves: f2fs: use filemap_write_kernel() for verity metadata
. "$REPO/selftests/aop_retry/lib.sh"
expect_warning 'WARNING: mm/filemap.c.*filemap_write'
fs_make f2fs -O verity
fs_mount f2fs
step "write_begin" <<'END'
fresh file 20000 1
probe f2fs_write_begin return=5 1
io verity file
-> verity=EIO
io uncache file
io read file 0 30000 1
-> read=20000 position=20000
END
said 1 "$warning"
fs_check f2fs
