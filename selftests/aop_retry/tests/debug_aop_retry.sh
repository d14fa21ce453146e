# SPDX-License-Identifier: GPL-2.0-only
# An operation asks for a retry with the folio still locked: its caller waits for that
# lock from then on, and the kernel says why. One that has unlocked it isn't blamed.
#
# Proves: mm/filemap: warn if a retried ->read_folio() left the folio locked
. "$REPO/selftests/aop_retry/lib.sh"
warning='WARNING: mm/filemap.c.*call_read_folio'
expect_dmesg "$warning"
fs_make ext4
fs_mount ext4
step "unlocked" <<'END'
echo 1 >/sys/kernel/debug/clear_warn_once
fresh file 4096 1
probe ext4_readahead return=0 always
probe ext4_read_folio retry 3
io read file 0 4096 1
-> read=4096 position=4096
took ext4_read_folio
-> ext4_read_folio=3
END
if dmesg_since 1 "$(cat "$TEST_LOG.offset.1")" | grep -a "$warning"; then
	fail "blamed without a reason"
fi
step "still locked" <<'END'
fresh file 4096 1
probe ext4_readahead return=0 always
probe ext4_read_folio locked 1
io read file 0 4096 1 >/tmp/aop.out &
tries=0
until [ "$(took ext4_read_folio)" = ext4_read_folio=1 ] || [ $((tries += 1)) -gt 100 ]; do
	busybox sleep 0.05
done
probe off
wait
busybox cat /tmp/aop.out
-> read=4096 position=4096
END
said 1 "$warning"
fs_check ext4
