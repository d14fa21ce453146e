# SPDX-License-Identifier: GPL-2.0-only
# Two writers of one file on one node: the first waits for another node, which is
# stopped, and holds the inode's lock; the second waits for that. Both die of
# kill -9, the second one first.
needs_glue "the in-tree driver's writers wait for each other unkillably"
pair_mount
io 1 append kill_queue A 1n
share=$VM_DIR/1/share
rm -f "$share"/writer.[12] "$share"/go.[12]
# Opened before the lock is gone: open() asks for it as well.
for which in 1 2; do
	vm_begin 1 "exec bash -c 'exec 3>>/mnt/vol/kill_queue; echo \$\$ >/run/host/writer.$which
		until [ -e /run/host/go.$which ]; do sleep 0.1; done; echo x >&3'"
	jobs[which]=$JOB
done
for which in 1 2; do until_true 10 test -s "$share/writer.$which"; done
io 2 append kill_queue B 1n
kill -STOP "$(cat "$VM_DIR/2/pid")"
trap 'kill -CONT "$(cat "$VM_DIR/2/pid")"' EXIT
# One after the other, so the second finds the inode locked. It sleeps in a lock
# function, which a stack doesn't show, below ours, which it does.
for which in 1 2; do
	touch "$share/go.$which"
	until_true 10 on 1 "grep -q ocfs2 /proc/$(cat "$share/writer.$which")/stack" 5
done
for which in 2 1; do
	pid=$(cat "$share/writer.$which")
	on 1 "kill -9 $pid"
	vm_wait 1 "${jobs[which]}" 5 && status=0 || status=$?
	same 137 "$status" "exit of the killed writer; it sleeps in $(on 1 "cat /proc/$pid/stack" 5)"
done
kill -CONT "$(cat "$VM_DIR/2/pid")"
trap - EXIT
matches 'A=1 B=1' "$(io 1 check kill_queue)" "afterwards"
io 1 append kill_queue C 1n
