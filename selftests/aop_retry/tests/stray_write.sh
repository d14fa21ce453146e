# SPDX-License-Identifier: GPL-2.0-only
# generic_perform_write(): an operation that returns what it may not, and the write
# that fails for it.
#
# Proves: mm/filemap: fail a write if an operation returns a stray value
. "$REPO/selftests/aop_retry/lib.sh"
expect_warning 'WARNING: mm/filemap.c'
fs_make ext4
fs_mount ext4
step "write_begin" <<'END'
fresh file 20000 1
probe ext4_da_write_begin return=5 1
io write file 0 20000 2
-> wrote=EIO position=0
END
said 1 "$warning"
volume_umount 1
aop_mount
step "write_end" <<'END'
fresh file 30000 3
arm write_end claim=524289 1
io write file 0 20000 4
-> wrote=EIO position=0
arm write_end claim=4097 1 after=2
io write file 0 20000 4
-> wrote=8192 position=8192
END
