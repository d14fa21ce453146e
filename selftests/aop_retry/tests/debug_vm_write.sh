# SPDX-License-Identifier: GPL-2.0-only
# A ->write_begin that asks for a retry and has got a folio all the same: the kernel
# says so, and the write is good.
#
# Proves: mm/filemap: let buffered writes be retried
. "$REPO/selftests/aop_retry/lib.sh"
warning='WARNING: mm/filemap.c.*filemap_write_begin_again'
expect_dmesg "$warning"
fs_make ext4
fs_mount ext4
step "with a folio" <<'END'
echo 1 >/sys/kernel/debug/clear_warn_once
fresh file 4096 1
probe ext4_da_write_begin folio 2
io write file 100 100 2
-> wrote=100 position=200
took ext4_da_write_begin retry_write_begin
-> ext4_da_write_begin=2 retry_write_begin=2
io read file 100 100 2
-> read=100 position=200
END
said 1 "$warning"
fs_check ext4
