# SPDX-License-Identifier: GPL-2.0-only
# splice(2) and sendfile(2) out of a file whose reads are retried.
#
# Proves: nothing that the series changes
. "$REPO/selftests/aop_retry/lib.sh"
aop_mount
step "splice" <<'END'
fresh file 50000 1
arm readahead short=0 always
arm read_folio retry 3
arm read_folio drop 2 after=4
io splice file 100 30000 1
-> spliced=30000 position=30100
took read_folio.retry read_folio.drop retry_read
-> read_folio.retry=3 read_folio.drop=2 retry_read=5
END
step "an error in the middle" <<'END'
fresh file 50000 1
arm readahead short=0 always
arm read_folio retry 1
arm read_folio error=5 1 after=2
io splice file 0 30000 1
-> spliced=8192 position=8192
took read_folio.retry read_folio.error
-> read_folio.retry=1 read_folio.error=1
END
step "sendfile" <<'END'
io write-pattern blocks 3 0 10 >/dev/null && io uncache blocks
begin
arm readahead short=0 always
arm read_folio retry 3
io read-pattern sendfile blocks 3 0 10
-> read=10
took read_folio.retry retry_read
-> read_folio.retry=3 retry_read=3
END
