# SPDX-License-Identifier: GPL-2.0-only
# A write whose memory isn't there has taken a cluster behind the end of the file.
# Once that was written back, the next write there must still reach the disk; so
# must the zeroes, if the file grows past it. What the disk had there is gone.

# left_over FILE BLOCK_SIZE: how many bytes of the second cluster aren't zero, on
# the unmounted volume. It may be an extent of its own or part of the first.
left_over() {
	local first per_cluster=$((4096 / $2))
	first=$(debugfs.ocfs2 -R "stat $1" "$VOLUME_IMAGE" | awk -v per_cluster=$per_cluster '
		/Block#/ { list = 1; next }
		list && $2 == 1 { print $4 }
		list && $2 == 0 && $3 > 1 { print $4 + per_cluster }')
	[ -n "$first" ] || fail "$1 has no second cluster"
	dd if="$VOLUME_IMAGE" bs="$2" skip="$first" count=$per_cluster status=none | tr -d '\0' | wc -c
}

for block in 4K 1K; do
	volume_soil 64
	volume_make 64 -b "$block"
	volume_mount 1
	for file in again past part left; do
		io 1 write-pattern "$file" 7 0 1
	done
	same EFAULT "$(io 1 write-fault left 4096 4096 0)" "no memory, $block"
	volume_umount 1
	same 0 "$(left_over /left $((${block%K} * 1024)))" "old bytes behind the end, $block"
	volume_mount 1
	for file in again past; do
		same EFAULT "$(io 1 write-fault "$file" 4096 4096 0)" "no memory, $block"
	done
	same 100 "$(io 1 write-fault part 4096 4096 100)" "memory for 100 bytes, $block"
	same 4096 "$(on 1 'stat -c %s /mnt/vol/again')" "the size is what it was"
	on 1 'busybox sync'
	io 1 write-pattern again 7 1 1
	io 1 write-pattern past 7 2 1
	# fsck.ocfs2 asks for a size that covers the cluster.
	io 1 write-pattern left 7 1 1
	on 1 'busybox truncate -s 8192 /mnt/vol/part'
	remount 1
	same read=2 "$(io 1 read-pattern read again 7 0 2)" "written again, $block"
	same read=1 "$(io 1 read-pattern read past zero 1 1)" "the gap, $block"
	same read=1 "$(io 1 read-pattern read past 7 2 1)" "behind the gap, $block"
	same 100 "$(on 1 'busybox tail -c +4097 /mnt/vol/part | busybox head -c 100 | busybox tr -dc x | busybox wc -c')" \
		"what was there of a short write, $block"
	same 0 "$(on 1 'busybox tail -c +4197 /mnt/vol/part | busybox tr -d "\0" | busybox wc -c')" \
		"behind a short write, $block"
	volume_umount 1
done
