# SPDX-License-Identifier: GPL-2.0-only
# Readahead: what ->readahead hands back is read by who wants it; where there is
# none, ->read_folio is called with no other folio locked, and its retry ends
# the readahead.
#
# Proves: mm/readahead: call ->read_folio() with no other folio locked
. "$REPO/selftests/aop_retry/lib.sh"
aop_mount
step "handed back" <<'END'
fresh file 40960 1
arm readahead error=5 1
arm readahead short=3 always
io read file 0 40960 1
-> read=40960 position=40960
took readahead.error read_folio retry_readahead
-> readahead.error=1 read_folio=1 retry_readahead=0
END
volume_umount 1
aop_mount noreadahead
step "a retry ends it" <<'END'
fresh file 40960 1
arm read_folio retry 1 after=2
io read file 0 8192 1
-> read=8192 position=8192
took read_folio read_folio.retry retry_readahead retry_read
-> read_folio=3 read_folio.retry=1 retry_readahead=1 retry_read=0
io read file 0 40960 1
-> read=40960 position=40960
END
# Whoever takes the lock away has to lock every folio: were another one locked
# while ->read_folio waits, it would wait for ever. Here that one is ourselves.
step "no other folio is locked" <<'END'
fresh file 40960 1
arm read_folio drop 1 after=1
io read file 0 40960 1
-> read=40960 position=40960
took read_folio.drop retry_readahead
-> read_folio.drop=1 retry_readahead=1
END
step "the reader does the waiting" <<'END'
fresh file 40960 1
arm read_folio retry 3
io read file 0 40960 1
-> read=40960 position=40960
took read_folio.retry retry_readahead retry_read
-> read_folio.retry=3 retry_readahead=1 retry_read=2
END
