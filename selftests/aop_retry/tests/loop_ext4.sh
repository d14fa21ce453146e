# SPDX-License-Identifier: GPL-2.0-only
# ext4 on a loop device on the file system, made, filled, checked and read back
# while reads and writes of the file below are retried and go short at random.
#
# Proves: loop: continue or fail a short write
. "$REPO/selftests/aop_retry/lib.sh"
aop_mount
trouble='
arm readahead short=0 random 600 1
arm read_folio retry random 500 2
arm read_folio drop random 100 3
arm write_begin retry random 100 4
arm write_begin drop random 20 5
arm write_end retry random 100 6
arm write_end short=1536 random 100 7
arm write_iter short=4096 random 300 8'
on 1 'busybox mkdir -p /mnt/ext4; : >/mnt/vol/image && busybox truncate -s 33554432 /mnt/vol/image &&
	busybox losetup /dev/loop0 /mnt/vol/image' || fail "no loop device"
AT_END='echo off >/sys/kernel/debug/aop_retry/*/trigger; busybox umount /mnt/ext4; busybox losetup -d /dev/loop0'
step "made" 90 <<END
$trouble
mke2fs -q -F -t ext4 -E lazy_itable_init=0,lazy_journal_init=0 /dev/loop0 || echo \$?
END
step "filled" 120 <<END
$trouble
busybox mount -t ext4 /dev/loop0 /mnt/ext4 || echo \$?
io write-pattern /mnt/ext4/pattern 2 0 1000
-> written=1000
io exercise /mnt/ext4/exercised 3 100 | busybox cut -d ' ' -f 1
-> operations=100
busybox cp -r $REPO/rust $REPO/docs $REPO/patches /mnt/ext4/ || echo \$?
busybox umount /mnt/ext4 || echo \$?
END
step "checked" 90 <<END
$trouble
e2fsck -fn /dev/loop0 >/tmp/fsck 2>&1 || busybox cat /tmp/fsck
END
step "read back" 120 <<END
busybox losetup -d /dev/loop0
io uncache image
$trouble
busybox losetup /dev/loop0 image
busybox mount -t ext4 -o ro /dev/loop0 /mnt/ext4 || echo \$?
io read-pattern read /mnt/ext4/pattern 2 0 1000
-> read=1000
for dir in rust docs patches; do busybox diff -r $REPO/\$dir /mnt/ext4/\$dir; done
# Not once or twice: there must have been trouble of every kind all the time.
for kind in readahead.short read_folio.retry write_begin.retry write_end.retry write_end.short write_iter.short; do
	[ "\$(count \$kind "\$trigger")" -ge 20 ] || echo "hardly any \$kind"
done
END
