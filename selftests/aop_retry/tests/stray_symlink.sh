# SPDX-License-Identifier: GPL-2.0-only
# page_symlink() on minix: a ->write_begin that returns a value that means nothing
# doesn't become the result of symlink(2).
#
# Proves: fs/namei: use filemap_write_kernel() in page_symlink()
. "$REPO/selftests/aop_retry/lib.sh"
expect_warning 'WARNING: mm/filemap.c.*filemap_write'
fs_make minix
fs_mount minix
step "write_begin" <<'END'
probe minix_write_begin return=5 1
io try symlink link where/it/leads
-> EIO
io try symlink link where/it/leads
-> 0
io readlink link
-> length=14 target=where/it/leads
END
said 1 "$warning"
fs_check minix
