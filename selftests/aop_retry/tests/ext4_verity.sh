# SPDX-License-Identifier: GPL-2.0-only
# fs-verity on ext4 writes its hashes behind the file. If they weren't what they
# should be, the file could not be read.
#
# Proves: mm/filemap: let ->write_begin() and ->write_end() ask for a retry
. "$REPO/selftests/aop_retry/lib.sh"
fs_make ext4 -b 4096 -O verity
fs_mount ext4
. "$REPO/selftests/aop_retry/verity.sh" ext4_da_write_begin ext4_da_write_end
fs_check ext4
