# SPDX-License-Identifier: GPL-2.0-only
# iomap, on exfat: the read before a write returns a value that means nothing.
#
# Proves: iomap: fail a write if ->read_folio_range() returns a stray value
. "$REPO/selftests/aop_retry/lib.sh"
expect_warning 'WARNING: fs/iomap/buffered-io.c'
fs_make exfat
fs_mount exfat
step "a value that means nothing" <<'END'
fresh file 20000 1
probe iomap_bio_read_folio_range_sync return=5 1
io write file 100 100 2
-> wrote=EIO position=100
END
said 1 "$warning"
fs_check exfat
