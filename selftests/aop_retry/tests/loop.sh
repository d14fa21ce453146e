# SPDX-License-Identifier: GPL-2.0-only
# A loop device on a file whose writes go short: it goes on with the rest, and
# reports nothing as written that wasn't.
#
# Proves: loop: continue or fail a short write
. "$REPO/selftests/aop_retry/lib.sh"
expect_dmesg 'I/O error, dev loop0'
aop_mount
on 1 '. '"$REPO"'/selftests/aop_retry/guest_functions
	io write file 0 262144 1 >/dev/null && busybox losetup /dev/loop0 file' || fail "no loop device"
step "short once, for an error that is gone by then" <<'END'
arm write_begin error=28 1 after=3
io write /dev/loop0 0 65536 3 direct
-> wrote=65536 position=65536
took write_begin.error write_iter
-> write_begin.error=1 write_iter=2
io uncache file
io read file 0 65536 3
-> read=65536 position=65536
END
step "short again and again" <<'END'
arm write_iter short=512 always
io write /dev/loop0 0 8192 4 direct
-> wrote=8192 position=8192
took write_iter.short
-> write_iter.short=16
io uncache file
io read file 0 8192 4
-> read=8192 position=8192
END
step "short for an error that stays" <<'END'
arm write_begin error=28 always after=3
io write /dev/loop0 0 65536 5 direct
-> wrote=ENOSPC position=0
io uncache file
io read file 0 12288 5
-> read=12288 position=12288
io read file 12288 53248 3
-> read=53248 position=65536
END
step "within a sector, not the first" <<'END'
arm write_iter short=700 2
io write /dev/loop0 0 8192 6 direct
-> wrote=8192 position=8192
took write_iter
-> write_iter=3
io uncache file
io read file 0 8192 6
-> read=8192 position=8192
END
step "within the first sector" <<'END'
arm write_iter short=500 1
io write /dev/loop0 0 8192 7 direct
-> wrote=EIO position=0
END
step "nothing at all" <<'END'
arm write_iter short=0 1
io write /dev/loop0 0 8192 7 direct
-> wrote=EIO position=0
END
step "read back through the device" <<'END'
io write file 0 262144 8 >/dev/null
io uncache file
arm readahead short=1 random 500 3
arm read_folio retry random 500 4
arm read_folio drop random 300 5
io uncache /dev/loop0
io read /dev/loop0 0 262144 8
-> read=262144 position=262144
END
on 1 'busybox losetup -d /dev/loop0'
