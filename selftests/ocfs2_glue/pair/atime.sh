# SPDX-License-Identifier: GPL-2.0-only
# A time of access that one node has set is what the other sees, whichever driver
# it runs; a reader that follows a writer on the other node sets it once, not with
# each read.
volume_mount 1 ocfs2
volume_mount 2
for n in 1 2; do
	other=$((3 - n))
	on 1 "cd /mnt/vol; echo a >atime$n; touch -m -d @1000000000 atime$n; touch -a -d @900000000 atime$n"
	same 900000000 "$(on "$other" "stat -c %X /mnt/vol/atime$n")" "the time before the read, from node $other"
	on "$n" "cat /mnt/vol/atime$n"
	time=$(on "$n" "stat -c %X /mnt/vol/atime$n")
	[ "$time" -gt 1000000000 ] || fail "node $n has read the file: $time"
	same "$time" "$(on "$other" "stat -c %X /mnt/vol/atime$n")" "the time from node $other"
done
for i in 1 2 3; do
	on 1 'echo b >>/mnt/vol/atime2'
	on 2 'cat /mnt/vol/atime2' >/dev/null
done
same "$time" "$(on 2 'stat -c %X /mnt/vol/atime2')" "the time after more reads"
pair_umount
volume_mount 1
same "$time" "$(on 1 'stat -c %X /mnt/vol/atime2')" "the time on the disk"
