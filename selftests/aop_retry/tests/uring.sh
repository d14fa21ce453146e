# SPDX-License-Identifier: GPL-2.0-only
# io_uring: a request that may wait is finished by a thread that does, one that
# may not gets EAGAIN.
#
# Proves: mm/filemap: let ->write_begin() and ->write_end() ask for a retry
. "$REPO/selftests/aop_retry/lib.sh"
aop_mount
step "read" <<'END'
fresh file 20000 1
arm readahead short=0 always
arm read_folio retry 3
io uring read file 0 20000 1
-> completed=20000
took read_folio.retry retry_read
-> read_folio.retry=3 retry_read=3
END
step "read, not to wait" <<'END'
fresh file 20000 1
arm readahead short=0 always
arm read_folio retry always
io uring read file 0 20000 1 nowait
-> completed=EAGAIN
took read_folio
-> read_folio=0
END
step "write" <<'END'
fresh file 1 1
arm write_begin retry 3 after=1
arm write_end retry 3 after=1
io uring write file 0 20000 2
-> completed=20000
took write_begin.retry write_end.retry
-> write_begin.retry=3 write_end.retry=3
io uncache file
io read file 0 30000 2
-> read=20000 position=20000
END
step "write, not to wait" <<'END'
arm write_begin retry 1
io uring write file 0 20000 3 nowait
-> completed=EAGAIN
took write_begin.retry retry_write_begin
-> write_begin.retry=1 retry_write_begin=1
END
step "write, not to wait, at its end" <<'END'
arm write_end retry 1
io uring write file 0 20000 3 nowait
-> completed=EAGAIN
took write_end.retry retry_write_end
-> write_end.retry=1 retry_write_end=1
io uncache file
io read file 0 30000 2
-> read=20000 position=20000
END
