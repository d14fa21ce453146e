# SPDX-License-Identifier: GPL-2.0-only
# A write to a part of a block, by iomap, on exfat: the read before it may ask for a
# retry with the folio unlocked.
#
# Proves: iomap: let the read before a write ask for a retry
. "$REPO/selftests/aop_retry/lib.sh"
expect_warning 'WARNING: fs/iomap/buffered-io.c.*iomap_write_begin'
fs_make exfat
fs_mount exfat
step "retries" <<'END'
fresh file 20000 1
probe iomap_bio_read_folio_range_sync retry 3
io write file 100 5000 2
-> wrote=5000 position=5100
took iomap_bio_read_folio_range_sync retry_iomap
-> iomap_bio_read_folio_range_sync=3 retry_iomap=3
busybox sync
io uncache file
io read file 0 100 1
-> read=100 position=100
io read file 100 5000 2
-> read=5000 position=5100
io read file 5100 30000 1
-> read=14900 position=20000
END
step "killed" 60 <<'END'
fresh file 20000 1
probe iomap_bio_read_folio_range_sync retry always
dies iomap_bio_read_folio_range_sync write file 100 100 2
-> iomap_bio_read_folio_range_sync: exit 137
probe off
io read file 0 30000 1
-> read=20000 position=20000
END
step "a number that means nothing" <<'END'
fresh file 20000 1
probe iomap_bio_read_folio_range_sync return=5 1
io write file 100 100 2
-> wrote=EIO position=100
END
said 1 "$warning"
step "injected" <<'END'
fresh file 20000 1
inject 8 100 3
io write file 100 5000 2
-> wrote=5000 position=5100
took retry_iomap
-> retry_iomap=3
busybox cat $injection/times
-> 0
io read file 0 100 1
-> read=100 position=100
io read file 100 5000 2
-> read=5000 position=5100
io read file 5100 30000 1
-> read=14900 position=20000
END
fs_check exfat
