# SPDX-License-Identifier: GPL-2.0-only
# A file on vfat is made larger, by generic_cont_expand_simple() and by a write behind its
# end: operations that return what they may not stop neither the machine nor become
# the result of a system call.
#
# Proves: fs/buffer: use filemap_write_kernel() to extend files
. "$REPO/selftests/aop_retry/lib.sh"
expect_warning 'WARNING: mm/filemap.c.*filemap_write'
fs_make vfat
fs_mount vfat
step "truncate" <<'END'
fresh file 10000 1
probe fat_write_begin return=5 1
io try truncate file 50000
-> EIO
io read file 0 60000 1
-> read=10000 position=10000
END
said 1 "$warning"
step "a gap, of which a part is accepted" <<'END'
fresh part 100 1
probe fat_write_end copied=1000 5
io write part 30000 100 2
-> wrote=100 position=30100
probe off
busybox sync
io uncache part
io read part 0 100 1
-> read=100 position=100
io read part 100 29900 zero
-> read=29900 position=30000
END
fs_check vfat
