# SPDX-License-Identifier: GPL-2.0-only
# generic_perform_write() and ->write_begin: the same range is tried again, each
# byte is written once, and what was written before an error counts.
#
# Proves: mm/filemap: let ->write_begin() and ->write_end() ask for a retry
. "$REPO/selftests/aop_retry/lib.sh"
aop_mount
step "retries" <<'END'
fresh file 8192 9
arm write_begin retry 3
arm write_begin drop 2 after=4
io write file 100 20000 1
-> wrote=20000 position=20100
took write_begin.retry write_begin.drop retry_write_begin
-> write_begin.retry=3 write_begin.drop=2 retry_write_begin=5
io uncache file
io read file 0 100 9
-> read=100 position=100
io read file 100 30000 1
-> read=20000 position=20100
END
step "from many buffers" <<'END'
fresh file 1 9
arm write_begin retry random 500 3
arm write_begin drop random 300 4
io write file 5000 100000 2 pieces
-> wrote=100000 position=105000
io uncache file
io read file 5000 200000 2
-> read=100000 position=105000
END
step "appending" <<'END'
arm write_begin retry 2
io write file 0 3000 2 append
-> wrote=3000 position=108000
stat -c %s file
-> 108000
END
step "an error after retries" <<'END'
fresh other 30000 3
arm write_begin retry 2
arm write_begin error=28 1
io write other 0 20000 4
-> wrote=ENOSPC position=0
took write_begin.retry write_begin.error retry_write_begin
-> write_begin.retry=2 write_begin.error=1 retry_write_begin=2
io read other 0 40000 3
-> read=30000 position=30000
END
step "an error in the middle" <<'END'
fresh other 30000 3
arm write_begin retry 1
arm write_begin error=28 1 after=2
io write other 0 20000 4
-> wrote=8192 position=8192
io uncache other
io read other 0 8192 4
-> read=8192 position=8192
io read other 8192 30000 3
-> read=21808 position=30000
END
step "who must not wait" <<'END'
fresh other 30000 3
arm write_begin retry 1
io write other 0 20000 4 nowait
-> wrote=EAGAIN position=0
arm write_begin retry 1 after=2
io write other 0 20000 4 nowait
-> wrote=8192 position=8192
took write_begin.retry retry_write_begin
-> write_begin.retry=2 retry_write_begin=2
END
step "injected" <<'END'
fresh other 30000 3
inject 2 100 3
io write other 0 20000 4
-> wrote=20000 position=20000
took write_begin retry_write_begin
-> write_begin=5 retry_write_begin=3
inject 2 100 1
io write other 0 20000 5 nowait
-> wrote=EAGAIN position=0
io read other 0 20000 4
-> read=20000 position=20000
END
# The buffer ends before the request does.
step "a buffer that can't be read to its end" <<'END'
fresh gap 1 3
arm write_begin retry 1 after=1
io write gap 0 10000 4 gap
-> wrote=10000 position=10000
io uncache gap
io read gap 0 20000 4
-> read=10000 position=10000
END
