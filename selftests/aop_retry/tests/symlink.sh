# SPDX-License-Identifier: GPL-2.0-only
# page_symlink(): the target is written whole, or there is no link.
#
# Proves: mm/filemap: let ->write_begin() and ->write_end() ask for a retry
. "$REPO/selftests/aop_retry/lib.sh"
expect_warning 'WARNING: mm/filemap.c.*filemap_write_kernel'
aop_mount
step "retries" <<'END'
arm write_begin retry 3
arm write_begin drop 1
arm write_end retry 2
arm write_end drop 1
io try symlink link where/it/leads
-> 0
took retry_write_begin retry_write_end
-> retry_write_begin=4 retry_write_end=3
echo 1 >/proc/sys/vm/drop_caches
io readlink link
-> length=14 target=where/it/leads
END
step "a part is accepted" <<'END'
arm write_end short=3 2
io try symlink other where/it/leads
-> 0
took write_end.short
-> write_end.short=2
echo 1 >/proc/sys/vm/drop_caches
io readlink other
-> length=14 target=where/it/leads
END
step "errors" <<'END'
arm write_begin retry 1
arm write_begin error=28 1
io try symlink third where/it/leads
-> ENOSPC
arm write_end retry 1
arm write_end error=5 1
io try symlink third where/it/leads
-> EIO
arm write_end claim=524289 1
io try symlink third where/it/leads
-> EIO
io readlink third
-> length=ENOENT target=
END
said 1 "$warning"
