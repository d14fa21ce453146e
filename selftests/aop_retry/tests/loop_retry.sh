# SPDX-License-Identifier: GPL-2.0-only
# A loop device on a file whose writes are retried.
#
# Proves: mm/filemap: let ->write_begin() and ->write_end() ask for a retry
. "$REPO/selftests/aop_retry/lib.sh"
aop_mount
on 1 '. '"$REPO"'/selftests/aop_retry/guest_functions
	io write file 0 262144 1 >/dev/null && busybox losetup /dev/loop0 file' || fail "no loop device"
step "retries" <<'END'
arm write_begin retry random 500 1
arm write_end retry random 500 2
io write /dev/loop0 0 65536 2 direct
-> wrote=65536 position=65536
io uncache file
io read file 0 65536 2
-> read=65536 position=65536
END
on 1 'busybox losetup -d /dev/loop0'
