# SPDX-License-Identifier: GPL-2.0-only
# A task can be killed in read_cache_folio(): in readlink(2) and in swapon(2), which
# reads the header of the file that way.
#
# Proves: mm/filemap: make the retry in read_cache_folio() killable
. "$REPO/selftests/aop_retry/lib.sh"
aop_mount
step "readlink" 60 <<'END'
ln -s where/it/leads link
echo 1 >/proc/sys/vm/drop_caches
arm read_folio retry always
dies read_folio.retry readlink link
-> read_folio.retry: exit 137
arm off
io readlink link
-> length=14 target=where/it/leads
END
step "swapon" 60 <<'END'
fresh file 65536 1
arm readahead short=0 always
arm read_folio retry always
dies read_folio.retry swapon file
-> read_folio.retry: exit 137
END
# Nothing in the file says that it is for swapping.
step "swapon, retried" <<'END'
fresh file 65536 1
arm readahead short=0 always
arm read_folio retry 3
io swapon file
-> swapon=EINVAL
took read_folio.retry retry_read_cache
-> read_folio.retry=3 retry_read_cache=3
END
