# SPDX-License-Identifier: GPL-2.0-only
# read_cache_folio() and friends: a symbolic link that is read through the page
# cache, and the instruction that a uprobe replaces.
#
# Proves: nothing that the series changes
. "$REPO/selftests/aop_retry/lib.sh"
aop_mount
step "readlink" <<'END'
ln -s where/it/leads link
echo 1 >/proc/sys/vm/drop_caches
arm read_folio retry 3
arm read_folio drop 2
io readlink link
-> length=14 target=where/it/leads
took read_folio.retry read_folio.drop retry_read_cache
-> read_folio.retry=3 read_folio.drop=2 retry_read_cache=5
END
step "an error after retries" <<'END'
ln -s where/it/leads other
echo 1 >/proc/sys/vm/drop_caches
arm read_folio retry 2
arm read_folio error=5 1
io readlink other
-> length=EIO target=
took read_folio.retry read_folio.error retry_read_cache
-> read_folio.retry=2 read_folio.error=1 retry_read_cache=2
END
step "through the link" <<'END'
fresh file 5000 1
ln -s file to_file
echo 1 >/proc/sys/vm/drop_caches
arm read_folio retry 3
io read to_file 0 5000 1
-> read=5000 position=5000
took retry_read_cache
-> retry_read_cache=3
END
# All of the file are one-byte instructions, of which the first gets a breakpoint.
step "uprobe" <<'END'
busybox head -c 8192 /dev/zero | busybox tr '\0' '\220' >code
io uncache code
echo 'p:aop/first /mnt/vol/code:0' >$tracing/uprobe_events
echo 1 >$tracing/events/aop/first/enable
begin
arm readahead short=0 always
arm read_folio retry 3
io map code code 0 4096 zero
-> first=cc
took read_folio.retry retry_read_cache
-> read_folio.retry=3 retry_read_cache=3
echo 0 >$tracing/events/aop/first/enable
echo >$tracing/uprobe_events
END
