# SPDX-License-Identifier: GPL-2.0-only
# syncfs() has the device keep what was written over in place, also when the
# journal has nothing to commit any more.
flushes() { on 1 'set -- $(cat /sys/block/vdb/stat); echo ${16}'; }
transactions() { on 1 'sed -n "s/ transactions.*//p" /proc/fs/jbd2/vdb*/info'; }
committed() { [ "$(transactions)" -gt "$1" ]; }
same 'write back' "$(on 1 'cat /sys/block/vdb/queue/write_cache')" "the disk's cache"
volume_make 64
volume_mount 1
io 1 write-pattern file 1 0 8
on 1 'sync -f /mnt/vol'
before=$(transactions)
# Not synced, so its change of times is committed by the clock.
on 1 'dd if=/dev/zero of=/mnt/vol/file bs=4k count=8 conv=notrunc status=none'
until_true 30 committed "$before"
before=$(flushes)
on 1 'sync -f /mnt/vol'
[ "$(flushes)" -gt "$before" ] || fail "syncfs flushed nothing: $before, then $(flushes)"
same read=8 "$(io 1 read-pattern read file zero 0 8)" "afterwards"
