# SPDX-License-Identifier: GPL-2.0-only
# A task can be killed in generic_cont_expand_simple() and in cont_expand_zero().
#
# Proves: mm/filemap: let ->write_begin() and ->write_end() ask for a retry
. "$REPO/selftests/aop_retry/lib.sh"
aop_mount
step "truncate" 60 <<'END'
fresh file 8192 1
arm write_begin retry always
dies write_begin.retry try truncate file 50000
-> write_begin.retry: exit 137
arm off
stat -c %s file
-> 8192
END
volume_umount 1
fs_make vfat
fs_mount vfat
# The first call is the write's own, the next is the one for the gap before it.
step "a write behind the end, on vfat" 60 <<'END'
fresh file 100 1
probe fat_write_begin return=524289 always 1
dies fat_write_begin write file 30000 100 2
-> fat_write_begin: exit 137
probe off
io read file 0 100 1
-> read=100 position=100
END
fs_check vfat
