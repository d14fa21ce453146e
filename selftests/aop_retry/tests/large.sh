# SPDX-License-Identifier: GPL-2.0-only
# Folios of 2 MiB, in which the number that means a retry elsewhere is a number
# of bytes that ->write_end may accept.
#
# Proves: mm/filemap: let ->write_begin() and ->write_end() ask for a retry
. "$REPO/selftests/aop_retry/lib.sh"
on 1 '[ -e /sys/kernel/mm/transparent_hugepage ]' || skip "this kernel has no large folios"
expect_warning 'WARNING: mm/filemap.c.*generic_perform_write'
aop_mount large
step "524289 bytes are accepted" 60 <<'END'
arm write_end short=524289 2
io write file 0 2097152 1
-> wrote=2097152 position=2097152
took write_end.short write_end
-> write_end.short=2 write_end=3
io uncache file
io read file 0 3000000 1
-> read=2097152 position=2097152
END
# Each time, it is offered half as much, so that a limit of its own is met.
step "nothing is accepted" 60 <<'END'
arm write_end retry 3
io write again 0 2097152 2
-> wrote=2097152 position=2097152
took write_end.retry write_end retry_write_end
-> write_end.retry=3 write_end=11 retry_write_end=3
io uncache again
io read again 0 3000000 2
-> read=2097152 position=2097152
END
step "524289 bytes are claimed, of fewer" 60 <<'END'
arm write_end claim=524289 1
io write fewer 0 524288 3
-> wrote=EIO position=0
END
said 1 "$warning"
