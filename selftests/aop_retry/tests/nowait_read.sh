# SPDX-License-Identifier: GPL-2.0-only
# A read that must not wait doesn't start readahead on a file system without
# ->readahead, for that would call ->read_folio.
#
# Proves: mm/filemap: don't call ->read_folio() for a read that must not wait
. "$REPO/selftests/aop_retry/lib.sh"
aop_mount noreadahead
step "who must not wait" <<'END'
fresh file 40960 1
arm read_folio retry always
io read file 0 4096 1 nowait
-> read=EAGAIN position=0
took read_folio retry_read
-> read_folio=0 retry_read=0
END
# Readahead has read four folios and marked the second, which starts the next.
step "who must not wait, at the mark" <<'END'
fresh file 40960 1
io read file 0 4096 1
-> read=4096 position=4096
took read_folio
-> read_folio=4
io read file 4096 4096 1 nowait
-> read=4096 position=8192
took read_folio
-> read_folio=4
io read file 4096 4096 1
-> read=4096 position=8192
took read_folio
-> read_folio=10
END
