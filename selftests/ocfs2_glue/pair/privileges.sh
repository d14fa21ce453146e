# SPDX-License-Identifier: GPL-2.0-only
# Whoever writes to a program without being root takes its privileges away, even
# if another node gave it those after the file was opened here: the mode that was
# known before is old, and so is the knowledge that there was nothing to take.
# (The writer makes no other call on the file: any would bring the mode up to date.)
user='setpriv --reuid=1000 --regid=1000 --clear-groups /bin/busybox cat'
volume_mount 1 ocfs2
volume_mount 2
on 1 'cd /mnt/vol; : >setid; chmod 666 setid'
for turn in 1 2; do
	rm -f "$VM_DIR/2/share/"{open,go}
	vm_begin 2 "exec 3>>/mnt/vol/setid; : >/run/host/open
		until [ -e /run/host/go ]; do busybox sleep 0.1; done
		echo x | $user >&3"
	until_true 20 [ -e "$VM_DIR/2/share/open" ]
	[ "$turn" -eq 1 ] || on 2 "echo x | $user >>/mnt/vol/setid"
	on 1 'chmod 4777 /mnt/vol/setid'
	: >"$VM_DIR/2/share/go"
	vm_wait 2 "$JOB" 20
	same 777 "$(on 1 'stat -c %a /mnt/vol/setid')" "the mode on node 1, turn $turn"
	same 777 "$(on 2 'stat -c %a /mnt/vol/setid')" "the mode on node 2, turn $turn"
done
