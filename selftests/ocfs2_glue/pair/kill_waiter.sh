# SPDX-License-Identifier: GPL-2.0-only
# A task that waits for a lock which another node won't give dies of kill -9, at
# once. The other node won't because its machine is stopped: no timing is needed.
# (Of the in-tree driver's waits none ends early, unless it is mounted with intr.)
if [ "$FS" = ocfs2 ]; then
	volume_mount 1 ocfs2 intr
	volume_mount 2 ocfs2 intr
else
	pair_mount
fi
io 1 append kill_waiter A 10n
io 2 append kill_waiter B 10n
kill -STOP "$(cat "$VM_DIR/2/pid")"
trap 'kill -CONT "$(cat "$VM_DIR/2/pid")"' EXIT
for operation in 'check kill_waiter' 'append kill_waiter C 1n'; do
	vm_begin 1 "cd /mnt/vol; \$GLUE_IO $operation & echo \$! >/run/host/waiter; wait \$!"
	waiter=$JOB
	until_true 10 test -s "$VM_DIR/1/share/waiter"
	pid=$(cat "$VM_DIR/1/share/waiter")
	rm "$VM_DIR/1/share/waiter"
	# It waits when it sleeps below the cluster's lock functions.
	until_true 10 on 1 "grep -qE 'ocfs2|dlm' /proc/$pid/stack" 5
	on 1 "cat /proc/$pid/stack; kill -9 $pid"
	out=$(vm_wait 1 "$waiter" 5) && status=0 || status=$?
	same 137 "$status" "exit of the killed task ($operation); it sleeps in $(on 1 "cat /proc/$pid/stack" 5)"
done
kill -CONT "$(cat "$VM_DIR/2/pid")"
trap - EXIT
# The lock was not left half asked for.
matches 'A=10 B=10' "$(io 1 check kill_waiter)" "afterwards, node 1"
matches 'A=10 B=10' "$(io 2 check kill_waiter)" "afterwards, node 2"
io 1 append kill_waiter D 1n
