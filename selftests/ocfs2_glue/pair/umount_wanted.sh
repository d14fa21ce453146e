# SPDX-License-Identifier: GPL-2.0-only
# A node unmounts, again and again, while the other one wants the bitmap: what it
# changed is in place when the lock goes, and its journal ends clean.
needs_glue "about the order in which our own unmount takes things down"
pair_mount
rm -f "$VM_DIR/2/share/stop"
vm_begin 2 'n=0; cd /mnt/vol
	until [ -e /run/host/stop ]; do
		busybox stat -f . >/dev/null && echo more >"wanted.$((n += 1))" || exit 1
	done'
other=$JOB
for tag in A B C D E; do
	io 1 append umount_wanted $tag 40n
	volume_umount 1
	volume_mount 1
done
touch "$VM_DIR/2/share/stop"
vm_wait 2 "$other" 30
complaints=$(dmesg_since 1 "$(cat "$TEST_LOG.offset.1")" | grep -aE 'unmount failed|write back failed|stays dirty|replaying') || :
same '' "$complaints" "what the unmounts had to say"
matches 'lines=200 rest=0' "$(io 1 check umount_wanted)" "what was appended"
