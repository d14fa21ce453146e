# SPDX-License-Identifier: GPL-2.0-only
# fs-verity on f2fs writes its hashes behind the file. If they weren't what they
# should be, the file could not be read.
#
# Proves: mm/filemap: let ->write_begin() and ->write_end() ask for a retry
. "$REPO/selftests/aop_retry/lib.sh"
fs_make f2fs -O verity
fs_mount f2fs
. "$REPO/selftests/aop_retry/verity.sh" f2fs_write_begin f2fs_write_end
fs_check f2fs
