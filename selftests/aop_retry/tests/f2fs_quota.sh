# SPDX-License-Identifier: GPL-2.0-only
# f2fs writes its quota files by its own ->write_begin and ->write_end: a user and a
# group that had no files yet get their records.
#
# Proves: mm/filemap: let ->write_begin() and ->write_end() ask for a retry
. "$REPO/selftests/aop_retry/lib.sh"
# Whoever runs this: the root directory is root's, or its record is missing.
fs_make f2fs -R 0:0 -O extra_attr,quota
fs_mount f2fs
step "write_begin is retried" <<'END'
: >file
busybox sync
begin
probe f2fs_write_begin return=524289 3
busybox chown 11:12 file; echo "exit $?"
-> exit 0
took f2fs_write_begin retry_write_begin
-> f2fs_write_begin=3 retry_write_begin=3
END
step "write_end accepts nothing" <<'END'
: >other
busybox sync
begin
probe f2fs_write_end copied=0 3
busybox chown 13:14 other; echo "exit $?"
-> exit 0
took f2fs_write_end retry_write_end
-> f2fs_write_end=3 retry_write_end=3
END
# Its checker compares the quota files with who owns what.
fs_check f2fs
