# SPDX-License-Identifier: GPL-2.0-only
# A task can be killed whose page fault keeps the mmap lock and asks for one retry
# after the other. A fault that must not wait doesn't try again at all.
#
# Proves: mm/filemap: make the retry of a page fault killable
. "$REPO/selftests/aop_retry/lib.sh"
aop_mount
# The number of times is what ends this one where it does go on.
step "who must not wait" 60 <<'END'
fresh file 8192 1
arm readahead short=0 always
arm read_folio retry 500
io nowait file 4096
-> nowait=EAGAIN
took read_folio.retry retry_fault
-> read_folio.retry=1 retry_fault=1
arm off
io nowait file 4096
-> nowait=0
END
# MAP_POPULATE drops the mmap lock for the first try, and keeps it from then on.
for how in procmem populate; do
	read_dies "$how" "map $how file 0 8192 1"
done
