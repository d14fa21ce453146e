# SPDX-License-Identifier: GPL-2.0-only
# Page faults: with the mmap lock dropped for the first try, and without after
# that, or where the caller doesn't allow it; MAP_POPULATE.
#
# Proves: nothing that the series changes
. "$REPO/selftests/aop_retry/lib.sh"
aop_mount
step "touched" <<'END'
fresh file 40960 1
arm readahead short=0 always
arm read_folio retry 3
io map touch file 4096 20000 1
-> mapped=20000
took read_folio.retry retry_fault
-> read_folio.retry=3 retry_fault=3
END
step "the folio is dropped" <<'END'
fresh file 40960 1
arm readahead short=0 always
arm read_folio drop 3 after=1
io map touch file 0 20000 1
-> mapped=20000
took read_folio.drop retry_fault
-> read_folio.drop=3 retry_fault=3
END
step "an error after retries" <<'END'
fresh file 40960 1
arm readahead short=0 always
arm read_folio retry 2
arm read_folio error=5 1
(io map touch file 0 4096 1) 2>/dev/null
echo exit $?
-> exit 135
took read_folio.retry read_folio.error retry_fault
-> read_folio.retry=2 read_folio.error=1 retry_fault=2
END
# access_remote_vm() never lets the fault drop the mmap lock.
step "by /proc/PID/mem" <<'END'
fresh file 40960 1
arm readahead short=0 always
arm read_folio retry 3
io map procmem file 4096 20000 1
-> mapped=20000
took read_folio.retry retry_fault
-> read_folio.retry=3 retry_fault=3
END
step "by MAP_POPULATE" <<'END'
fresh file 40960 1
arm readahead short=0 always
arm read_folio retry 5
io map populate file 0 20000 1
-> present=5 mapped=20000
took read_folio.retry retry_fault
-> read_folio.retry=5 retry_fault=5
END
step "retries at random" <<'END'
fresh file 200000 1
arm readahead short=1 random 500 7
arm read_folio retry random 500 8
arm read_folio drop random 200 9
io map touch file 0 200000 1
-> mapped=200000
END
