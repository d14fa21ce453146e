# SPDX-License-Identifier: GPL-2.0-only
# generic_cont_expand_simple(), by which this file system makes files larger.
#
# Proves: mm/filemap: let ->write_begin() and ->write_end() ask for a retry
. "$REPO/selftests/aop_retry/lib.sh"
expect_warning 'WARNING: mm/filemap.c.*filemap_write_kernel'
aop_mount
step "retries" <<'END'
fresh file 10000 1
arm write_begin retry 3
arm write_begin drop 2
io try truncate file 50000
-> 0
took write_begin.retry write_begin.drop retry_write_begin
-> write_begin.retry=3 write_begin.drop=2 retry_write_begin=5
stat -c %s file
-> 50000
io read file 0 10000 1
-> read=10000 position=10000
io read file 10000 50000 zero
-> read=40000 position=50000
END
step "errors" <<'END'
fresh other 10000 1
arm write_begin retry 1
arm write_begin error=28 1
io try truncate other 50000
-> ENOSPC
arm write_end error=5 1
io try truncate other 50000
-> EIO
arm write_end claim=1 1
io try truncate other 50000
-> EIO
io read other 0 60000 1
-> read=10000 position=10000
END
said 1 "$warning"
