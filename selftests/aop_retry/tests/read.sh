# SPDX-License-Identifier: GPL-2.0-only
# read(2): a retry reads the same folio again, however often; an error after it
# is an error; a folio that went meanwhile is looked up anew.
#
# Proves: nothing that the series changes
. "$REPO/selftests/aop_retry/lib.sh"
aop_mount
step "the folio is new" <<'END'
fresh file 20000 1
arm readahead short=0 always
arm read_folio retry 3
io read file 5000 9000 1
-> read=9000 position=14000
took read_folio.retry retry_read
-> read_folio.retry=3 retry_read=3
END
step "the folio is there, and not up to date" <<'END'
fresh file 20000 1
arm readahead short=0 always
arm read_folio error=5 1
io read file 0 4096 1
-> read=EIO position=0
arm read_folio retry 2
io read file 0 20000 1
-> read=20000 position=20000
took read_folio.retry retry_read
-> read_folio.retry=2 retry_read=2
END
step "the folio is dropped" <<'END'
fresh file 20000 1
arm readahead short=0 always
arm read_folio drop 3 after=2
io read file 0 20000 1
-> read=20000 position=20000
took read_folio.drop retry_read
-> read_folio.drop=3 retry_read=3
END
step "an error after retries" <<'END'
fresh file 20000 1
arm readahead short=0 always
arm read_folio retry 2
arm read_folio error=5 1
io read file 0 4096 1
-> read=EIO position=0
took read_folio.retry read_folio.error retry_read
-> read_folio.retry=2 read_folio.error=1 retry_read=2
END
step "an error in the middle" <<'END'
fresh file 20000 1
arm readahead short=0 always
arm read_folio retry 1 after=2
arm read_folio error=5 1 after=2
io read file 100 20000 1
-> read=8092 position=8192
took read_folio.retry read_folio.error retry_read
-> read_folio.retry=1 read_folio.error=1 retry_read=1
END
step "who must not wait never gets to a retry" <<'END'
fresh file 20000 1
arm readahead short=1 1
arm readahead error=5 always after=1
arm read_folio retry always
io read file 0 4096 1 nowait
-> read=4096 position=4096
io read file 8192 4096 1 nowait
-> read=EAGAIN position=8192
took read_folio retry_read
-> read_folio=0 retry_read=0
END
step "retries at random" <<'END'
fresh file 200000 1
arm readahead short=1 random 500 7
arm read_folio retry random 500 8
arm read_folio drop random 200 9
io read file 0 200000 1
-> read=200000 position=200000
END
