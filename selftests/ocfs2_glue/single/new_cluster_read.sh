# SPDX-License-Identifier: GPL-2.0-only
# Who reads a hole while another task writes into it sees zeros or what is written,
# and never what a deleted file left in the cluster that fills the hole.
volume_make 128 -C 1M -J size=16M
volume_mount 1 ocfs2
on 1 'tr "\0" P </dev/zero | head -c 48M >/mnt/vol/old; sync; rm /mnt/vol/old'
volume_umount 1
volume_mount 1
on 1 'truncate -s 40M /mnt/vol/file'
vm_begin 1 'while [ ! -e /run/host/enough ]; do
	cmp -n 40M /mnt/vol/file /dev/zero || exit 1
	echo 1 >/proc/sys/vm/drop_caches
done'
rm -f "$VM_DIR/1/share/enough"
on 1 'for i in $(seq 0 39); do
	dd if=/dev/zero of=/mnt/vol/file bs=4k count=1 seek=$((i * 256 + i)) conv=notrunc 2>/dev/null
done'
touch "$VM_DIR/1/share/enough"
out=$(vm_wait 1 "$JOB" 60) || fail "$out"
rm "$VM_DIR/1/share/enough"
on 1 'cmp -n 40M /mnt/vol/file /dev/zero'
