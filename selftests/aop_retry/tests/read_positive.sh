# SPDX-License-Identifier: GPL-2.0-only
# A ->read_folio that returns a positive number that means nothing: no success without
# data, but an error, and a warning.
#
# Proves: mm/filemap: fail a read if ->read_folio() returns a stray value
. "$REPO/selftests/aop_retry/lib.sh"
expect_dmesg 'WARNING: mm/filemap.c.*filemap_read_folio'
fs_make ext4
fs_mount ext4
step "read(2)" <<'END'
echo 1 >/sys/kernel/debug/clear_warn_once
fresh file 8192 1
probe ext4_readahead return=0 always
probe ext4_read_folio positive 1
io read file 0 4096 1
-> read=EIO position=0
took ext4_read_folio
-> ext4_read_folio=1
io read file 0 8192 1
-> read=8192 position=8192
END
said 1 'WARNING: mm/filemap.c.*filemap_read_folio'
fs_check ext4
