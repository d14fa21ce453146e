# SPDX-License-Identifier: GPL-2.0-only
# A write behind the end of a file whose memory isn't there takes no cluster: none is
# left behind the end, which fsck.ocfs2 would object to, and the next write there
# reaches the disk. So do the zeroes, if the file grows past it.

# clusters FILE: how many it has, on the unmounted volume.
clusters() {
	debugfs.ocfs2 -R "stat $1" "$VOLUME_IMAGE" | sed -n 's/.*Clusters: \([0-9]*\).*/\1/p'
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
	same 1 "$(clusters /left)" "clusters after a write without memory, $block"
	volume_check
	volume_mount 1
	for file in again past; do
		same EFAULT "$(io 1 write-fault "$file" 4096 4096 0)" "no memory, $block"
	done
	same 100 "$(io 1 write-fault part 4096 4096 100)" "memory for 100 bytes, $block"
	same 4096 "$(on 1 'stat -c %s /mnt/vol/again')" "the size is what it was"
	on 1 'busybox sync'
	io 1 write-pattern again 7 1 1
	io 1 write-pattern past 7 2 1
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
