# SPDX-License-Identifier: GPL-2.0-only
# generic_perform_write() and ->write_end: 0 means once more, less means the rest
# once more, and a number larger than what there was is an error.
#
# Proves: mm/filemap: let ->write_begin() and ->write_end() ask for a retry
. "$REPO/selftests/aop_retry/lib.sh"
expect_warning 'WARNING: mm/filemap.c.*generic_perform_write'
aop_mount
step "nothing accepted" <<'END'
fresh file 8192 9
arm write_end retry 3
arm write_end drop 2 after=4
io write file 100 20000 1
-> wrote=20000 position=20100
took write_end.retry write_end.drop retry_write_end
-> write_end.retry=3 write_end.drop=2 retry_write_end=5
io uncache file
io read file 0 100 9
-> read=100 position=100
io read file 100 30000 1
-> read=20000 position=20100
END
step "less accepted" <<'END'
fresh less 1 9
arm write_end short=100 5
io write less 100 30000 1 pieces
-> wrote=30000 position=30100
took write_end.short retry_write_end
-> write_end.short=5 retry_write_end=0
arm write_end short=999 random 600 3
io write less 100 30000 1 pieces
-> wrote=30000 position=30100
io uncache less
io read less 100 40000 1
-> read=30000 position=30100
END
step "an error" <<'END'
fresh file 30000 3
arm write_end error=5 1 after=2
io write file 0 20000 4
-> wrote=8192 position=8192
arm write_end error=5 1
io write file 0 20000 4
-> wrote=EIO position=0
io uncache file
io read file 8192 30000 3
-> read=21808 position=30000
END
step "who must not wait" <<'END'
fresh file 30000 3
arm write_end retry 1
io write file 0 20000 4 nowait
-> wrote=EAGAIN position=0
arm write_end retry 1 after=2
io write file 0 20000 4 nowait
-> wrote=8192 position=8192
took write_end.retry retry_write_end
-> write_end.retry=2 retry_write_end=2
END
# The folio is in the page cache and uptodate, and so would be what was refused.
step "what was refused can't be read" <<'END'
fresh file 30000 3
io read file 0 30000 3
-> read=30000 position=30000
inject 4 100 1
io write file 0 20000 4 nowait
-> wrote=EAGAIN position=0
took write_end retry_write_end
-> write_end=1 retry_write_end=1
busybox cat $injection/times
-> 0
io read file 0 30000 3
-> read=30000 position=30000
arm write_end retry 1
io write file 0 20000 4 nowait
-> wrote=EAGAIN position=0
io read file 0 30000 3
-> read=30000 position=30000
echo 1 >/proc/sys/vm/drop_caches
io uncache file
io read file 0 30000 3
-> read=30000 position=30000
END
step "injected" <<'END'
fresh file 30000 3
inject 4 100 3
io write file 0 20000 4
-> wrote=20000 position=20000
took write_end retry_write_end
-> write_end=8 retry_write_end=3
io uncache file
io read file 0 20000 4
-> read=20000 position=20000
io read file 20000 30000 3
-> read=10000 position=30000
END
step "a buffer that can't be read to its end" <<'END'
fresh gap 1 3
arm write_end retry 1 after=2
io write gap 0 10000 4 gap
-> wrote=10000 position=10000
took write_end.retry retry_write_end
-> write_end.retry=1 retry_write_end=0
io uncache gap
io read gap 0 20000 4
-> read=10000 position=10000
END
# The first is the number that means a retry elsewhere.
step "more than there was" <<'END'
fresh file 30000 3
arm write_end claim=524289 1
io write file 0 20000 4
-> wrote=EIO position=0
arm write_end claim=4097 1 after=2
io write file 0 20000 4
-> wrote=8192 position=8192
took write_end.claim
-> write_end.claim=2
io uncache file
io read file 0 8192 4
-> read=8192 position=8192
io read file 8192 30000 3
-> read=21808 position=30000
END
said 1 "$warning"
