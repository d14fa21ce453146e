# SPDX-License-Identifier: GPL-2.0-only
# The kernel's own fault injection: as many retries as were asked for, of the
# operations that were meant, without the operation being called.
#
# Proves: mm/filemap: add fault injection for retries
. "$REPO/selftests/aop_retry/lib.sh"
aop_mount
step "three times" <<'END'
fresh file 20000 1
arm readahead short=0 always
inject 1 100 3
io read file 0 20000 1
-> read=20000 position=20000
took retry_read read_folio
-> retry_read=3 read_folio=5
busybox cat $injection/times
-> 0
END
step "of other operations" <<'END'
fresh file 20000 1
arm readahead short=0 always
inject 8 100 3
io read file 0 20000 1
-> read=20000 position=20000
took retry_read read_folio
-> retry_read=0 read_folio=5
END
# For ->write_begin and the read of iomap, see write_begin and iomap.
step "of write_end" <<'END'
fresh file 30000 3
inject 4 100 3
io write file 0 20000 4
-> wrote=20000 position=20000
took write_end
-> write_end=8
busybox cat $injection/times
-> 0
io uncache file
io read file 0 20000 4
-> read=20000 position=20000
END
step "half of the time" <<'END'
fresh file 819200 1
arm readahead short=0 always
inject 1 50 -1
io read file 0 819200 1
-> read=819200 position=819200
echo 0 >$injection/probability
retries=$(busybox grep -c ' mm_filemap_retry: .* op=read$' $tracing/trace)
[ "$retries" -gt 100 ] && [ "$retries" -lt 400 ] || echo "$retries retries of 200 folios"
END
